//! Rewrites a checkpoint in mlx-lm's layout, packed as asked; `mlx_lm` itself can load the result.
//!
//! Tensors pass one at a time: read in canonical form, packed if asked, written. What is packed
//! already keeps its bytes. Start with [`convert`]; `parts.rs` names the modules, `config.rs` writes
//! the configuration. Nothing is left behind when it fails or is stopped.

mod config;
mod parts;

use std::path::{Path, PathBuf};

use crate::checkpoint::{Checkpoint, CheckpointError, SafetensorsShardWriter, WriteError};
use crate::model::params::QuantizeOptions;
use parts::modules;

/// Files that are copied as they are when the input has them.
const COMPANIONS: &[&str] = &[
    "tokenizer.json",
    "tokenizer_config.json",
    "generation_config.json",
    "special_tokens_map.json",
    "chat_template.jinja",
];

/// Why a conversion failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConvertError {
    /// The input is at fault.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The output could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The output folder holds something already.
    #[error("{} is not empty; name a folder that is new or empty", path.display())]
    OutputNotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// A file beside the weights could not be written.
    #[error("could not write {}: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's words.
        error: std::io::Error,
    },
    /// A width that the packing cannot cut into groups.
    #[error("{module} has rows of {width} values, which groups of {group_size} do not divide")]
    Indivisible {
        /// The module.
        module: String,
        /// Values a row.
        width: usize,
        /// Values a group.
        group_size: usize,
    },
    /// MLX failed.
    #[error("MLX failed while packing: {0}")]
    Mlx(String),
    /// The caller said stop.
    #[error("the conversion was cancelled")]
    Cancelled,
}

impl From<mlx_rs::error::Exception> for ConvertError {
    fn from(exception: mlx_rs::error::Exception) -> Self {
        Self::Mlx(exception.what().to_owned())
    }
}

/// Writes `checkpoint`, found in `input`, to the folder `output` in mlx-lm's layout.
///
/// `progress` is told modules done and in all; `false` stops.
///
/// # Errors
/// See [`ConvertError`]; in every case the output folder is as it was before.
pub fn convert(
    checkpoint: &Checkpoint,
    input: Option<&Path>,
    output: &Path,
    quantize: QuantizeOptions,
    progress: &mut dyn FnMut(u64, u64) -> bool,
) -> Result<(), ConvertError> {
    let occupied = std::fs::read_dir(output).is_ok_and(|mut entries| entries.next().is_some());
    if occupied {
        return Err(ConvertError::OutputNotEmpty {
            path: output.to_owned(),
        });
    }
    let modules = modules(checkpoint, quantize)?;
    let specs = modules.iter().flat_map(|module| module.specs.clone());
    let mut writer = SafetensorsShardWriter::create(output, specs.collect())?;
    for (done, module) in modules.iter().enumerate() {
        let tensors = module.tensors(checkpoint)?;
        for (spec, part) in module.specs.iter().zip(&tensors.parts) {
            writer.write(&spec.name, &part.bytes)?;
        }
        if !progress(done as u64 + 1, modules.len() as u64) {
            return Err(ConvertError::Cancelled);
        }
    }
    let text = config::mlx_config(checkpoint.config(), &modules);
    write(&output.join("config.json"), &text)
        .and_then(|()| copy_companions(input, output))
        .and_then(|()| Ok(writer.finish()?))
        .inspect_err(|_| remove_companions(output))
}

fn copy_companions(input: Option<&Path>, output: &Path) -> Result<(), ConvertError> {
    for name in COMPANIONS {
        let Some(from) = input
            .map(|dir| dir.join(name))
            .filter(|path| path.is_file())
        else {
            continue;
        };
        let path = output.join(name);
        std::fs::copy(&from, &path).map_err(|error| ConvertError::Io { path, error })?;
    }
    Ok(())
}

fn remove_companions(output: &Path) {
    for name in COMPANIONS.iter().chain(&["config.json"]) {
        let _ = std::fs::remove_file(output.join(name));
    }
}

fn write(path: &Path, text: &str) -> Result<(), ConvertError> {
    std::fs::write(path, text).map_err(|error| ConvertError::Io {
        path: path.to_owned(),
        error,
    })
}
