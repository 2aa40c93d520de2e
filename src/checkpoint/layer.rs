//! One layer's tensors in canonical form, whatever the layout.

use std::borrow::Cow;

use super::Checkpoint;
use super::layout::{ExpertNames, FusedNames, LayerNames, QkvNames};
use super::rearrange::{
    ColumnOrder, InputMajor, halves_from_interleaved, halves_from_split, transposed,
};
use super::tensor::{LinearTensors, TensorDtype, TensorView, WeightTensors};
use crate::model::config::Quantization;

/// Access to one layer.
///
/// Each method reads its own tensors, so that no more than one rearranged tensor need be in memory
/// at a time. Only the experts are ever rearranged.
#[derive(Debug)]
pub struct LayerTensors<'a> {
    checkpoint: &'a Checkpoint,
    names: LayerNames,
    layer_idx: usize,
}

impl<'a> LayerTensors<'a> {
    pub(super) fn new(checkpoint: &'a Checkpoint, layer_idx: usize) -> Self {
        Self {
            checkpoint,
            names: checkpoint.layout.layer_names(layer_idx),
            layer_idx,
        }
    }

    /// `[hidden]`.
    pub fn input_layernorm(&self) -> TensorView<'a> {
        self.checkpoint.view(&self.names.input_layernorm)
    }

    /// `[hidden]`.
    pub fn post_attention_layernorm(&self) -> TensorView<'a> {
        self.checkpoint.view(&self.names.post_attention_layernorm)
    }

    /// One logit per query head, `[heads]`.
    pub fn sinks(&self) -> TensorView<'a> {
        self.checkpoint.view(&self.names.sinks)
    }

    /// `[q_dim, hidden]`.
    pub fn q_proj(&self) -> LinearTensors<'a> {
        let rows = self.checkpoint.config.q_dim();
        match &self.names.qkv {
            QkvNames::Split { q, .. } => self.checkpoint.linear(q),
            QkvNames::Fused(qkv) => self.rows_of(qkv, "q_proj", 0, rows),
        }
    }

    /// `[kv_dim, hidden]`.
    pub fn k_proj(&self) -> LinearTensors<'a> {
        let config = &self.checkpoint.config;
        match &self.names.qkv {
            QkvNames::Split { k, .. } => self.checkpoint.linear(k),
            QkvNames::Fused(qkv) => self.rows_of(qkv, "k_proj", config.q_dim(), config.kv_dim()),
        }
    }

    /// `[kv_dim, hidden]`.
    pub fn v_proj(&self) -> LinearTensors<'a> {
        let config = &self.checkpoint.config;
        let first = config.q_dim() + config.kv_dim();
        match &self.names.qkv {
            QkvNames::Split { v, .. } => self.checkpoint.linear(v),
            QkvNames::Fused(qkv) => self.rows_of(qkv, "v_proj", first, config.kv_dim()),
        }
    }

    /// `[hidden, q_dim]`.
    pub fn o_proj(&self) -> LinearTensors<'a> {
        self.checkpoint.linear(&self.names.o_proj)
    }

    /// `[experts, hidden]`.
    pub fn router(&self) -> LinearTensors<'a> {
        self.checkpoint.linear(&self.names.router)
    }

    /// `[experts, 2 * intermediate, hidden]`: of each expert all gate rows, then all up rows; the
    /// bias likewise.
    pub fn gate_up(&self) -> LinearTensors<'a> {
        match &self.names.experts {
            ExpertNames::Fused {
                gate_up,
                input_major,
                ..
            } => LinearTensors {
                weight: self.gate_up_weight(gate_up, *input_major),
                bias: Some(self.deinterleaved(&gate_up.bias, "gate_up_proj.bias")),
            },
            ExpertNames::Split { gate, up, .. } => self.joined(gate, up),
        }
    }

    /// `[experts, hidden, intermediate]`.
    pub fn down(&self) -> LinearTensors<'a> {
        match &self.names.experts {
            ExpertNames::Fused {
                down, input_major, ..
            } => LinearTensors {
                weight: self.down_weight(down, *input_major),
                bias: Some(self.checkpoint.view(&down.bias)),
            },
            ExpertNames::Split { down, .. } => self.checkpoint.linear(down),
        }
    }

    fn gate_up_weight(&self, names: &FusedNames, input_major: bool) -> WeightTensors<'a> {
        if self.checkpoint.contains(&names.blocks) {
            let mut weight = self.deinterleaved(&names.blocks, "gate_up_proj.weight");
            blocks_as_words(&mut weight);
            return mxfp4(
                weight,
                self.deinterleaved(&names.scales, "gate_up_proj.scales"),
            );
        }
        let name = "gate_up_proj.weight";
        WeightTensors::Dense(if input_major {
            self.turned(&names.dense, name, ColumnOrder::Interleaved)
        } else {
            self.deinterleaved(&names.dense, name)
        })
    }

    fn down_weight(&self, names: &FusedNames, input_major: bool) -> WeightTensors<'a> {
        if self.checkpoint.contains(&names.blocks) {
            let mut weight = self.checkpoint.view(&names.blocks);
            blocks_as_words(&mut weight);
            return mxfp4(weight, self.checkpoint.view(&names.scales));
        }
        WeightTensors::Dense(if input_major {
            self.turned(&names.dense, "down_proj.weight", ColumnOrder::Same)
        } else {
            self.checkpoint.view(&names.dense)
        })
    }

    /// Interleaved rows as halves; the rows are the second dimension.
    fn deinterleaved(&self, file_name: &str, canonical: &str) -> TensorView<'a> {
        let view = self.checkpoint.view(file_name);
        let halves = halves_from_interleaved(&view.bytes, view.shape[0], view.shape[1]);
        self.rearranged(&[&view], canonical, view.shape.clone(), halves)
    }

    /// Input-major experts as output-major ones.
    fn turned(&self, file_name: &str, canonical: &str, order: ColumnOrder) -> TensorView<'a> {
        let view = self.checkpoint.view(file_name);
        let [num_experts, inputs, outputs] = [view.shape[0], view.shape[1], view.shape[2]];
        let dims = InputMajor {
            num_experts,
            inputs,
            outputs,
            element_bytes: view.dtype.bytes(),
        };
        let bytes = transposed(&view.bytes, dims, order);
        self.rearranged(
            &[&view],
            canonical,
            vec![num_experts, outputs, inputs],
            bytes,
        )
    }

    /// Gate and up modules as one.
    fn joined(&self, gate: &str, up: &str) -> LinearTensors<'a> {
        let join = |part: &str| {
            let gate = self.checkpoint.view(&format!("{gate}.{part}"));
            let up = self.checkpoint.view(&format!("{up}.{part}"));
            let halves = halves_from_split(&gate.bytes, &up.bytes, gate.shape[0]);
            let mut shape = gate.shape.clone();
            shape[1] *= 2;
            self.rearranged(
                &[&gate, &up],
                &format!("gate_up_proj.{part}"),
                shape,
                halves,
            )
        };
        LinearTensors {
            weight: self.checkpoint.weight_by_parts(gate, join),
            bias: Some(join("bias")),
        }
    }

    fn rearranged(
        &self,
        sources: &[&TensorView<'a>],
        canonical: &str,
        shape: Vec<usize>,
        bytes: Vec<u8>,
    ) -> TensorView<'a> {
        for source in sources {
            // Copied, so that source and copy need not be in memory together.
            source.release();
        }
        TensorView {
            name: self.canonical_name("mlp.experts", canonical),
            dtype: sources[0].dtype,
            shape,
            bytes: Cow::Owned(bytes),
            origins: sources
                .iter()
                .flat_map(|source| source.origins.iter().cloned())
                .collect(),
        }
    }

    /// Rows of a fused module, borrowed.
    fn rows_of(&self, module: &str, part: &str, first: usize, rows: usize) -> LinearTensors<'a> {
        let slice = |tensor: &str| {
            let mut view = self.checkpoint.view(&format!("{module}.{tensor}"));
            let row_bytes = view.bytes.len() / view.shape[0];
            let range = first * row_bytes..(first + rows) * row_bytes;
            for origin in &mut view.origins {
                let start = origin.range.start;
                origin.range = start + range.start..start + range.end;
            }
            if let Cow::Borrowed(bytes) = view.bytes {
                view.bytes = Cow::Borrowed(&bytes[range]);
            }
            view.shape[0] = rows;
            view.name = self.canonical_name("self_attn", &format!("{part}.{tensor}"));
            view
        };
        LinearTensors {
            weight: WeightTensors::Dense(slice("weight")),
            bias: Some(slice("bias")),
        }
    }

    fn canonical_name(&self, block: &str, part: &str) -> Cow<'a, str> {
        Cow::Owned(format!("model.layers.{}.{block}.{part}", self.layer_idx))
    }
}

/// U8 `[E, out, in / 32, 16]` is U32 `[E, out, in / 8]`, byte for byte.
fn blocks_as_words(view: &mut TensorView<'_>) {
    let words = view.shape[2] * view.shape[3] / TensorDtype::U32.bytes();
    view.shape.truncate(2);
    view.shape.push(words);
    view.dtype = TensorDtype::U32;
}

fn mxfp4<'a>(weight: TensorView<'a>, scales: TensorView<'a>) -> WeightTensors<'a> {
    WeightTensors::Quantized {
        weight,
        scales,
        biases: None,
        quantization: Quantization::MXFP4,
    }
}
