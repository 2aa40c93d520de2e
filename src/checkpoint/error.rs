//! What can be wrong with a checkpoint.

use std::path::PathBuf;

use super::TensorDtype;
use crate::model::config::ConfigError;

/// Why a checkpoint was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// There is no such directory.
    #[error("no such directory: {}", path.display())]
    NoSuchDirectory {
        /// The path as given.
        path: PathBuf,
    },
    /// The path is a file.
    #[error("{} is not a directory; give the folder that holds config.json", path.display())]
    NotADirectory {
        /// The path as given.
        path: PathBuf,
    },
    /// The directory holds no model.
    #[error("{} is not a model folder: it holds no {missing}", path.display())]
    NotAModel {
        /// The directory.
        path: PathBuf,
        /// The file that every model has.
        missing: &'static str,
    },
    /// The configuration was refused.
    #[error("{error}")]
    Config {
        /// The reason, which names the file and the field.
        error: ConfigError,
    },
    /// A file could not be read.
    #[error("cannot read {file}: {error}")]
    Io {
        /// The file.
        file: String,
        /// The system's reason.
        error: std::io::Error,
    },
    /// A file ends before what its header promises.
    #[error("{file}: truncated: expected at least {expected_bytes} bytes, found {found_bytes}")]
    Truncated {
        /// The file.
        file: String,
        /// The size that the header implies so far.
        expected_bytes: u64,
        /// The size on disk.
        found_bytes: u64,
    },
    /// The header is no safetensors header.
    #[error("{file}: bad safetensors header: {reason}")]
    Header {
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A tensor's entry in the header contradicts itself, its neighbors or the file.
    #[error("{file}: tensor {tensor:?}: {reason}")]
    Tensor {
        /// The file.
        file: String,
        /// The tensor.
        tensor: String,
        /// What is wrong with it.
        reason: String,
    },
    /// `model.safetensors.index.json` is broken or contradicts the files.
    #[error("{file}: {reason}")]
    Index {
        /// The index file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The tensors' names are those of no known layout.
    #[error(
        "{file}: no gpt-oss weights: the tensor names fit none of the layouts of Hugging Face, \
         OpenAI or mlx-lm"
    )]
    UnknownLayout {
        /// The weights.
        file: String,
    },
    /// A tensor that the configuration asks for is absent.
    #[error("{file}: tensor {tensor:?} is missing: expected {expected}, found none")]
    MissingTensor {
        /// Where it was looked for.
        file: String,
        /// The tensor.
        tensor: String,
        /// Its dtype and shape.
        expected: String,
    },
    /// A tensor that the configuration does not account for.
    #[error("{file}: tensor {tensor:?} is surplus: expected no such tensor, found {found}")]
    SurplusTensor {
        /// The file.
        file: String,
        /// The tensor.
        tensor: String,
        /// Its dtype and shape.
        found: String,
    },
    /// A tensor of another dtype or shape than the configuration implies.
    #[error("{file}: tensor {tensor:?}: expected {expected}, found {found}")]
    MisshapenTensor {
        /// The file.
        file: String,
        /// The tensor.
        tensor: String,
        /// The permitted dtypes and the shape.
        expected: String,
        /// Its dtype and shape.
        found: String,
    },
    /// The file holds quantized tensors and the configuration does not say how they are packed.
    #[error(
        "{file}: tensor {tensor:?} belongs to a quantized module, but config.json has no \
         `quantization`"
    )]
    NoQuantization {
        /// The file.
        file: String,
        /// The module's scales.
        tensor: String,
    },
    /// Gate and up projections that cannot be fused.
    #[error("{module}: gate_proj and up_proj are quantized differently, which is not supported")]
    MixedExperts {
        /// The experts' module path.
        module: String,
    },
    /// A weight is NaN or infinite.
    #[error("{file}: tensor {tensor:?}: weight {index:?} is {value}")]
    NotFinite {
        /// The file.
        file: String,
        /// The tensor.
        tensor: String,
        /// The coordinates of the first such weight.
        index: Vec<usize>,
        /// `NaN`, `inf` or `-inf`.
        value: &'static str,
    },
}

impl From<ConfigError> for CheckpointError {
    fn from(error: ConfigError) -> Self {
        Self::Config { error }
    }
}

/// A dtype and a shape as messages show them.
pub(super) fn shape_text(dtype: TensorDtype, shape: &[usize]) -> String {
    format!("{dtype} {shape:?}")
}
