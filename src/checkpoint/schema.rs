//! Which tensors a configuration implies, and the check that a checkpoint holds exactly those.

use std::collections::HashMap;

use super::error::shape_text;
use super::layout::{ExpertNames, FusedNames, QkvNames};
use super::shard::Shard;
use super::{CheckpointError, Layout, TensorDtype, TensorGroup};
use crate::model::config::{ConfigError, ModelConfig, Quantization, QuantizationMode};

const FLOATS: &[TensorDtype] = &[TensorDtype::BF16, TensorDtype::F16, TensorDtype::F32];

/// Where a tensor is and what it belongs to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Location {
    pub(super) shard: usize,
    pub(super) entry: usize,
    pub(super) group: TensorGroup,
}

/// Finds every tensor by name; after this, the names of the layout can be looked up blindly.
pub(super) fn check(
    config: &ModelConfig,
    layout: Layout,
    shards: &[Shard],
    source: &str,
) -> Result<HashMap<String, Location>, CheckpointError> {
    let found = locate(shards)?;
    let mut planner = Planner {
        config,
        found: &found,
        shards,
        expected: Vec::new(),
    };
    planner.model(layout)?;
    let mut locations = HashMap::with_capacity(found.len());
    for expected in planner.expected {
        let (shard, entry) = *found
            .get(expected.name.as_str())
            .ok_or_else(|| expected.missing(source))?;
        expected.check(&shards[shard], entry)?;
        let group = expected.group;
        locations.insert(
            expected.name,
            Location {
                shard,
                entry,
                group,
            },
        );
    }
    refuse_surplus(shards, &locations)?;
    refuse_mixed_experts(config, layout, shards, &locations)?;
    Ok(locations)
}

fn locate(shards: &[Shard]) -> Result<HashMap<&str, (usize, usize)>, CheckpointError> {
    let mut found = HashMap::new();
    for (shard_idx, shard) in shards.iter().enumerate() {
        for (entry_idx, entry) in shard.tensors.iter().enumerate() {
            let earlier = found.insert(entry.name.as_str(), (shard_idx, entry_idx));
            if let Some((earlier, _)) = earlier {
                return Err(CheckpointError::Tensor {
                    file: shard.file.clone(),
                    tensor: entry.name.clone(),
                    reason: format!("a tensor of this name is in {} too", shards[earlier].file),
                });
            }
        }
    }
    Ok(found)
}

fn refuse_surplus(
    shards: &[Shard],
    locations: &HashMap<String, Location>,
) -> Result<(), CheckpointError> {
    for shard in shards {
        for entry in &shard.tensors {
            if !locations.contains_key(&entry.name) {
                return Err(CheckpointError::SurplusTensor {
                    file: shard.file.clone(),
                    tensor: entry.name.clone(),
                    found: shape_text(entry.dtype, &entry.shape),
                });
            }
        }
    }
    Ok(())
}

/// Gate and up are fused when read, so that they must be of one form.
fn refuse_mixed_experts(
    config: &ModelConfig,
    layout: Layout,
    shards: &[Shard],
    locations: &HashMap<String, Location>,
) -> Result<(), CheckpointError> {
    for layer_idx in 0..config.num_hidden_layers {
        let ExpertNames::Split {
            experts, gate, up, ..
        } = layout.layer_names(layer_idx).experts
        else {
            return Ok(());
        };
        let dtype = |module: &str, part: &str| {
            locations
                .get(&format!("{module}.{part}"))
                .map(|at| shards[at.shard].tensors[at.entry].dtype)
        };
        let quantization = |module: &str| {
            dtype(module, "scales")
                .and(config.quantization.as_ref())
                .map(|quantization| quantization.of_module(module))
        };
        let same = ["weight", "scales", "biases", "bias"]
            .iter()
            .all(|part| dtype(&gate, part) == dtype(&up, part));
        if !same || quantization(&gate) != quantization(&up) {
            return Err(CheckpointError::MixedExperts { module: experts });
        }
    }
    Ok(())
}

struct Expected {
    name: String,
    dtypes: &'static [TensorDtype],
    shape: Vec<usize>,
    group: TensorGroup,
}

impl Expected {
    fn text(&self) -> String {
        let dtypes: Vec<_> = self.dtypes.iter().map(|dtype| dtype.as_str()).collect();
        format!("{} {:?}", dtypes.join(" or "), self.shape)
    }

    fn missing(&self, source: &str) -> CheckpointError {
        CheckpointError::MissingTensor {
            file: source.to_owned(),
            tensor: self.name.clone(),
            expected: self.text(),
        }
    }

    fn check(&self, shard: &Shard, entry: usize) -> Result<(), CheckpointError> {
        let found = &shard.tensors[entry];
        if self.dtypes.contains(&found.dtype) && self.shape == found.shape {
            return Ok(());
        }
        Err(CheckpointError::MisshapenTensor {
            file: shard.file.clone(),
            tensor: self.name.clone(),
            expected: self.text(),
            found: shape_text(found.dtype, &found.shape),
        })
    }
}

/// Collects what a configuration implies; alternatives are chosen by what is there.
struct Planner<'a> {
    config: &'a ModelConfig,
    found: &'a HashMap<&'a str, (usize, usize)>,
    shards: &'a [Shard],
    expected: Vec<Expected>,
}

impl Planner<'_> {
    fn model(&mut self, layout: Layout) -> Result<(), CheckpointError> {
        let names = layout.model_names();
        let (vocab, hidden) = (self.config.vocab_size, self.config.hidden_size);
        self.weight(names.embed_tokens, &[vocab], hidden, TensorGroup::Embedding)?;
        for layer_idx in 0..self.config.num_hidden_layers {
            self.layer(layout, layer_idx)?;
        }
        self.floats(names.norm.to_owned(), &[hidden], TensorGroup::Norms);
        let head_is_there = self.has_part(names.lm_head, "weight");
        if head_is_there || !self.config.tie_word_embeddings {
            self.weight(names.lm_head, &[vocab], hidden, TensorGroup::Head)?;
        }
        Ok(())
    }

    fn layer(&mut self, layout: Layout, layer_idx: usize) -> Result<(), CheckpointError> {
        let names = layout.layer_names(layer_idx);
        let (config, attention) = (self.config, TensorGroup::Attention);
        let (hidden, q_dim, kv_dim) = (config.hidden_size, config.q_dim(), config.kv_dim());
        self.floats(names.input_layernorm, &[hidden], TensorGroup::Norms);
        match &names.qkv {
            QkvNames::Split { q, k, v } => {
                self.linear(q, &[q_dim], hidden, attention)?;
                self.linear(k, &[kv_dim], hidden, attention)?;
                self.linear(v, &[kv_dim], hidden, attention)?;
            }
            QkvNames::Fused(qkv) => {
                self.linear(qkv, &[q_dim + 2 * kv_dim], hidden, attention)?;
            }
        }
        self.linear(&names.o_proj, &[hidden], q_dim, attention)?;
        self.floats(names.sinks, &[config.num_attention_heads], attention);
        self.floats(
            names.post_attention_layernorm,
            &[hidden],
            TensorGroup::Norms,
        );
        let num_experts = config.num_local_experts;
        self.linear(&names.router, &[num_experts], hidden, TensorGroup::Router)?;
        self.experts(names.experts)
    }

    fn experts(&mut self, names: ExpertNames) -> Result<(), CheckpointError> {
        let (hidden, inner) = (self.config.hidden_size, self.config.intermediate_size);
        let num_experts = self.config.num_local_experts;
        match names {
            ExpertNames::Fused {
                gate_up,
                down,
                input_major,
            } => {
                self.fused(gate_up, 2 * inner, hidden, input_major);
                self.fused(down, hidden, inner, input_major);
            }
            ExpertNames::Split { gate, up, down, .. } => {
                let group = TensorGroup::Experts;
                self.linear(&gate, &[num_experts, inner], hidden, group)?;
                self.linear(&up, &[num_experts, inner], hidden, group)?;
                self.linear(&down, &[num_experts, hidden], inner, group)?;
            }
        }
        Ok(())
    }

    fn fused(&mut self, names: FusedNames, outputs: usize, inputs: usize, input_major: bool) {
        let (experts, group) = (self.config.num_local_experts, TensorGroup::Experts);
        let is_packed = self.found.contains_key(names.blocks.as_str())
            || self.found.contains_key(names.scales.as_str());
        if is_packed {
            let blocks = inputs / 32;
            let bytes: &[TensorDtype] = &[TensorDtype::U8];
            self.push(names.blocks, bytes, &[experts, outputs, blocks, 16], group);
            self.push(names.scales, bytes, &[experts, outputs, blocks], group);
        } else if input_major {
            self.floats(names.dense, &[experts, inputs, outputs], group);
        } else {
            self.floats(names.dense, &[experts, outputs, inputs], group);
        }
        self.floats(names.bias, &[experts, outputs], group);
    }

    /// A module's weight and bias.
    fn linear(
        &mut self,
        module: &str,
        outputs: &[usize],
        inputs: usize,
        group: TensorGroup,
    ) -> Result<(), CheckpointError> {
        self.weight(module, outputs, inputs, group)?;
        self.floats(format!("{module}.bias"), outputs, group);
        Ok(())
    }

    /// A module's weight, quantized if its scales are there.
    fn weight(
        &mut self,
        module: &str,
        outputs: &[usize],
        inputs: usize,
        group: TensorGroup,
    ) -> Result<(), CheckpointError> {
        let shape = |inner: usize| [outputs, &[inner]].concat();
        let weight = format!("{module}.weight");
        if !self.has_part(module, "scales") {
            self.floats(weight, &shape(inputs), group);
            return Ok(());
        }
        let quantization = self.quantization(module, inputs)?;
        let packed = shape(inputs * quantization.bits as usize / 32);
        let groups = shape(inputs / quantization.group_size as usize);
        self.push(weight, &[TensorDtype::U32], &packed, group);
        let scales = format!("{module}.scales");
        match quantization.mode {
            QuantizationMode::Mxfp4 => self.push(scales, &[TensorDtype::U8], &groups, group),
            QuantizationMode::Affine => {
                self.floats(scales, &groups, group);
                self.floats(format!("{module}.biases"), &groups, group);
            }
        }
        Ok(())
    }

    fn quantization(&self, module: &str, inputs: usize) -> Result<Quantization, CheckpointError> {
        let scales = format!("{module}.scales");
        let Some(all) = &self.config.quantization else {
            let at = self.found.get(scales.as_str());
            return Err(CheckpointError::NoQuantization {
                file: at.map_or_else(String::new, |&(shard, _)| self.shards[shard].file.clone()),
                tensor: scales,
            });
        };
        let quantization = all.of_module(module);
        if inputs.is_multiple_of(quantization.group_size as usize) {
            return Ok(quantization);
        }
        Err(ConfigError::OutOfRange {
            field: format!("quantization of {module}: group_size"),
            value: quantization.group_size.to_string(),
            permitted: format!("a divisor of the module's input width {inputs}"),
        }
        .into())
    }

    fn has_part(&self, module: &str, part: &str) -> bool {
        self.found.contains_key(format!("{module}.{part}").as_str())
    }

    fn floats(&mut self, name: String, shape: &[usize], group: TensorGroup) {
        self.push(name, FLOATS, shape, group);
    }

    fn push(
        &mut self,
        name: String,
        dtypes: &'static [TensorDtype],
        shape: &[usize],
        group: TensorGroup,
    ) {
        self.expected.push(Expected {
            name,
            dtypes,
            shape: shape.to_vec(),
            group,
        });
    }
}
