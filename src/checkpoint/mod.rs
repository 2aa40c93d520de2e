//! Reads gpt-oss weights in every layout in which they are published, and writes mlx-lm's.
//!
//! A [`Checkpoint`] maps the files of a model folder, tells the layout by the tensors' names,
//! checks that exactly the tensors that the configuration implies are there, and hands them out in
//! one canonical form ([`LayerTensors`]). It does not know MLX, activations or devices.
//!
//! Start with [`Checkpoint::open`]; `layout.rs` holds the names, `schema.rs` the check,
//! `layer.rs` the canonical form, `header.rs` the file format.
//!
//! Invariants: after `open` every accessor succeeds, bytes are as long as shape and dtype say, and
//! values are never changed, only moved. Expert tensors are `[E, out, in]`, gate rows before up
//! rows.

mod digest;
mod encode;
mod error;
mod finite;
mod header;
mod layer;
mod layout;
mod mmap;
pub mod mxfp4;
mod part_file;
mod rearrange;
mod schema;
mod shard;
mod summary;
mod tensor;
mod writer;

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;

pub use encode::TensorSpec;
pub use error::CheckpointError;
pub use header::{Header, TensorEntry};
pub use layer::LayerTensors;
pub use layout::Layout;
pub use part_file::WriteError;
pub use summary::{TensorGroup, TensorInfo};
pub use tensor::{LinearTensors, TensorDtype, TensorView, WeightTensors};
pub use writer::{MAX_SHARD_BYTES, SafetensorsShardWriter};

pub(crate) use encode::encode_header;

use crate::model::config::ModelConfig;
pub(crate) use mmap::Mapping;
use schema::Location;
use shard::{INDEX_FILE, Shard};
use tensor::Origin;

const CONFIG_FILE: &str = "config.json";
const GENERATION_CONFIG_FILE: &str = "generation_config.json";

/// A model folder, opened and checked; no weights are in memory yet.
#[derive(Debug)]
pub struct Checkpoint {
    config: ModelConfig,
    layout: Layout,
    model_name: String,
    shards: Vec<Shard>,
    locations: HashMap<String, Location>,
}

impl Checkpoint {
    /// Opens a model folder: `config.json`, perhaps `generation_config.json`, and the weights.
    ///
    /// # Errors
    /// One that names file and tensor or field for whatever is missing, surplus, misshapen,
    /// truncated or absurd.
    pub fn open(dir: &Path) -> Result<Self, CheckpointError> {
        if !dir.exists() {
            return Err(CheckpointError::NoSuchDirectory { path: dir.into() });
        }
        if !dir.is_dir() {
            return Err(CheckpointError::NotADirectory { path: dir.into() });
        }
        let config = open_config(dir)?;
        let shards = shard::open_shards(dir)?;
        let source = match &shards[..] {
            [shard] => shard.file.clone(),
            _ => dir.join(INDEX_FILE).display().to_string(),
        };
        Self::check(config, shards, folder_name(dir), &source)
    }

    /// Opens a model that is built into the program.
    ///
    /// # Errors
    /// As [`Checkpoint::open`].
    pub fn from_static(
        config_json: &str,
        generation_config_json: Option<&str>,
        weights: &'static [u8],
    ) -> Result<Self, CheckpointError> {
        let mut config = ModelConfig::from_json(config_json, CONFIG_FILE)?;
        if let Some(json) = generation_config_json {
            config = config.with_generation_config(json, GENERATION_CONFIG_FILE)?;
        }
        let source = "built-in model.safetensors".to_owned();
        let shard = Shard::parse(source.clone(), Mapping::Static(weights))?;
        Self::check(config, vec![shard], "built-in".to_owned(), &source)
    }

    fn check(
        config: ModelConfig,
        shards: Vec<Shard>,
        model_name: String,
        source: &str,
    ) -> Result<Self, CheckpointError> {
        let names: Vec<&str> = shards
            .iter()
            .flat_map(|shard| shard.tensors.iter().map(|tensor| tensor.name.as_str()))
            .collect();
        let layout = Layout::detect(&names).ok_or_else(|| CheckpointError::UnknownLayout {
            file: source.to_owned(),
        })?;
        let locations = schema::check(&config, layout, &shards, source)?;
        Ok(Self {
            config,
            layout,
            model_name,
            shards,
            locations,
        })
    }

    /// The hyperparameters.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// Who wrote the files.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// The folder's name.
    pub fn model_name(&self) -> &str {
        &self.model_name
    }

    /// The token embeddings, `[vocab, hidden]`.
    pub fn embed_tokens(&self) -> WeightTensors<'_> {
        self.weight(self.layout.model_names().embed_tokens)
    }

    /// The norm after the last layer, `[hidden]`.
    pub fn norm(&self) -> TensorView<'_> {
        self.view(self.layout.model_names().norm)
    }

    /// The output head, `[vocab, hidden]`; the embeddings where they are tied and no head is
    /// stored.
    pub fn lm_head(&self) -> WeightTensors<'_> {
        let name = self.layout.model_names().lm_head;
        if self.contains(&format!("{name}.weight")) {
            self.weight(name)
        } else {
            self.embed_tokens()
        }
    }

    /// The tensors of one layer.
    ///
    /// # Panics
    /// The layer's accessors panic if `layer_idx` is not below `num_hidden_layers`.
    pub fn layer(&self, layer_idx: usize) -> LayerTensors<'_> {
        LayerTensors::new(self, layer_idx)
    }

    fn contains(&self, name: &str) -> bool {
        self.locations.contains_key(name)
    }

    /// A module's weight and bias as the file has them.
    fn linear(&self, module: &str) -> LinearTensors<'_> {
        LinearTensors {
            weight: self.weight(module),
            bias: Some(self.view(&format!("{module}.bias"))),
        }
    }

    fn weight(&self, module: &str) -> WeightTensors<'_> {
        self.weight_by_parts(module, |part| self.view(&format!("{module}.{part}")))
    }

    /// A weight whose form is that of `module` and whose tensors `part` makes by name.
    fn weight_by_parts<'a>(
        &'a self,
        module: &str,
        part: impl Fn(&str) -> TensorView<'a>,
    ) -> WeightTensors<'a> {
        match &self.config.quantization {
            Some(quantization) if self.contains(&format!("{module}.scales")) => {
                WeightTensors::Quantized {
                    weight: part("weight"),
                    scales: part("scales"),
                    biases: self
                        .contains(&format!("{module}.biases"))
                        .then(|| part("biases")),
                    quantization: quantization.of_module(module),
                }
            }
            _ => WeightTensors::Dense(part("weight")),
        }
    }

    /// A tensor as the file has it.
    fn view(&self, name: &str) -> TensorView<'_> {
        let location = self
            .locations
            .get(name)
            .expect("the schema's check found every tensor of the layout");
        let shard = &self.shards[location.shard];
        let entry = &shard.tensors[location.entry];
        TensorView {
            name: Cow::Borrowed(&entry.name),
            dtype: entry.dtype,
            shape: entry.shape.clone(),
            bytes: Cow::Borrowed(&shard.mapping.bytes()[entry.range.clone()]),
            origins: vec![Origin {
                shard,
                entry: location.entry,
                range: entry.range.clone(),
            }],
        }
    }
}

fn open_config(dir: &Path) -> Result<ModelConfig, CheckpointError> {
    let path = dir.join(CONFIG_FILE);
    if !path.exists() {
        return Err(CheckpointError::NotAModel {
            path: dir.into(),
            missing: CONFIG_FILE,
        });
    }
    let config = ModelConfig::from_json(&read_text(&path)?, &path.display().to_string())?;
    let path = dir.join(GENERATION_CONFIG_FILE);
    if !path.exists() {
        return Ok(config);
    }
    Ok(config.with_generation_config(&read_text(&path)?, &path.display().to_string())?)
}

fn read_text(path: &Path) -> Result<String, CheckpointError> {
    std::fs::read_to_string(path).map_err(|error| CheckpointError::Io {
        file: path.display().to_string(),
        error,
    })
}

/// The last component of the real path, so that `.` has a name too.
fn folder_name(dir: &Path) -> String {
    let real = dir.canonicalize().unwrap_or_else(|_| dir.to_owned());
    real.file_name()
        .map_or_else(|| "model".to_owned(), |name| name.to_string_lossy().into())
}
