//! The modules of a converted checkpoint: their names there, and how their tensors come about.

use std::borrow::Cow;

use mlx_rs::Array;

use super::ConvertError;
use crate::checkpoint::{
    Checkpoint, LinearTensors, TensorDtype, TensorSpec, TensorView, WeightTensors,
};
use crate::mlx::ops::{self, QuantizedArray};
use crate::model::config::Quantization;
use crate::model::params::{QuantizeOptions, mlx_dtype};

/// One tensor of a module, complete.
#[derive(Debug)]
pub(super) struct Part<'a> {
    /// What follows the module's path in the tensor's name.
    suffix: &'static str,
    dtype: TensorDtype,
    shape: Vec<usize>,
    pub(super) bytes: Cow<'a, [u8]>,
}

/// The tensors of a module and how its weight is packed.
#[derive(Debug)]
pub(super) struct ModuleTensors<'a> {
    pub(super) parts: Vec<Part<'a>>,
    quantization: Option<Quantization>,
}

/// One module of the output.
#[derive(Debug)]
pub(super) struct Module {
    path: String,
    kind: Kind,
    /// Applied to a dense weight.
    packing: Option<Quantization>,
    pub(super) quantization: Option<Quantization>,
    pub(super) specs: Vec<TensorSpec>,
}

/// Where a module's tensors are in the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    EmbedTokens,
    LmHead,
    Norm,
    Layer(usize, LayerPart),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LayerPart {
    InputLayernorm,
    PostAttentionLayernorm,
    Sinks,
    Q,
    K,
    V,
    O,
    Router,
    Gate,
    Up,
    Down,
}

impl LayerPart {
    const ALL: [(Self, &'static str); 11] = [
        (Self::InputLayernorm, "input_layernorm"),
        (Self::Q, "self_attn.q_proj"),
        (Self::K, "self_attn.k_proj"),
        (Self::V, "self_attn.v_proj"),
        (Self::O, "self_attn.o_proj"),
        (Self::Sinks, "self_attn.sinks"),
        (Self::PostAttentionLayernorm, "post_attention_layernorm"),
        (Self::Router, "mlp.router"),
        (Self::Gate, "mlp.experts.gate_proj"),
        (Self::Up, "mlp.experts.up_proj"),
        (Self::Down, "mlp.experts.down_proj"),
    ];
}

/// Plans the output.
///
/// Shapes are taken from the first layer: later ones are equal, or the writer refuses them.
pub(super) fn modules(
    checkpoint: &Checkpoint,
    quantize: QuantizeOptions,
) -> Result<Vec<Module>, ConvertError> {
    let mut modules = vec![planned(
        checkpoint,
        "model.embed_tokens",
        Kind::EmbedTokens,
        quantize,
    )?];
    let layers = 0..checkpoint.config().num_hidden_layers;
    for (part, name) in LayerPart::ALL {
        let first = planned(
            checkpoint,
            &layer_path(0, name),
            Kind::Layer(0, part),
            quantize,
        )?;
        modules.extend(
            layers
                .clone()
                .map(|index| first.in_layer(index, part, name)),
        );
    }
    modules.push(planned(checkpoint, "model.norm", Kind::Norm, quantize)?);
    if !checkpoint.config().tie_word_embeddings {
        modules.push(planned(checkpoint, "lm_head", Kind::LmHead, quantize)?);
    }
    Ok(modules)
}

fn layer_path(index: usize, name: &str) -> String {
    format!("model.layers.{index}.{name}")
}

fn planned(
    checkpoint: &Checkpoint,
    path: &str,
    kind: Kind,
    quantize: QuantizeOptions,
) -> Result<Module, ConvertError> {
    use LayerPart::{Down, Gate, Up};
    let packing = match kind {
        Kind::Layer(_, Gate | Up | Down) => quantize.experts,
        _ => quantize.rest,
    };
    let mut module = Module {
        path: path.to_owned(),
        kind,
        packing,
        quantization: None,
        specs: Vec::new(),
    };
    let tensors = module.tensors(checkpoint)?;
    module.quantization = tensors.quantization;
    module.specs = tensors.parts.iter().map(|part| part.spec(path)).collect();
    Ok(module)
}

impl Module {
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    fn in_layer(&self, index: usize, part: LayerPart, name: &str) -> Self {
        let path = layer_path(index, name);
        let rename = |spec: &TensorSpec| TensorSpec {
            name: spec.name.replacen(&self.path, &path, 1),
            ..spec.clone()
        };
        Self {
            kind: Kind::Layer(index, part),
            packing: self.packing,
            quantization: self.quantization,
            specs: self.specs.iter().map(rename).collect(),
            path,
        }
    }

    /// Reads and packs the module, in the order of [`Self::specs`].
    pub(super) fn tensors<'a>(
        &self,
        checkpoint: &'a Checkpoint,
    ) -> Result<ModuleTensors<'a>, ConvertError> {
        let linear = match self.kind {
            Kind::EmbedTokens => bare(checkpoint.embed_tokens()),
            Kind::LmHead => bare(checkpoint.lm_head()),
            Kind::Norm => return vector(checkpoint.norm(), ".weight"),
            Kind::Layer(index, part) => {
                let layer = checkpoint.layer(index);
                match part {
                    LayerPart::InputLayernorm => return vector(layer.input_layernorm(), ".weight"),
                    LayerPart::PostAttentionLayernorm => {
                        return vector(layer.post_attention_layernorm(), ".weight");
                    }
                    LayerPart::Sinks => return vector(layer.sinks(), ""),
                    LayerPart::Q => layer.q_proj(),
                    LayerPart::K => layer.k_proj(),
                    LayerPart::V => layer.v_proj(),
                    LayerPart::O => layer.o_proj(),
                    LayerPart::Router => layer.router(),
                    LayerPart::Gate => half(layer.gate_up(), Half::Gate),
                    LayerPart::Up => half(layer.gate_up(), Half::Up),
                    LayerPart::Down => layer.down(),
                }
            }
        };
        self.linear(linear)
    }

    fn linear<'a>(&self, linear: LinearTensors<'a>) -> Result<ModuleTensors<'a>, ConvertError> {
        let (mut parts, quantization) = match (linear.weight, self.packing) {
            (WeightTensors::Dense(view), None) => (vec![part(view, ".weight")?], None),
            (WeightTensors::Dense(view), Some(packing)) => {
                (self.packed(&view, packing)?, Some(packing))
            }
            (
                WeightTensors::Quantized {
                    weight,
                    scales,
                    biases,
                    quantization,
                },
                _,
            ) => {
                let mut parts = vec![part(weight, ".weight")?, part(scales, ".scales")?];
                if let Some(biases) = biases {
                    parts.push(part(biases, ".biases")?);
                }
                (parts, Some(quantization))
            }
        };
        if let Some(bias) = linear.bias {
            parts.push(part(bias, ".bias")?);
        }
        Ok(ModuleTensors {
            parts,
            quantization,
        })
    }

    fn packed(
        &self,
        view: &TensorView<'_>,
        packing: Quantization,
    ) -> Result<Vec<Part<'static>>, ConvertError> {
        view.check_finite()?;
        let width = view.shape.last().copied().unwrap_or_default();
        if !width.is_multiple_of(packing.group_size as usize) {
            return Err(ConvertError::Indivisible {
                module: self.path.clone(),
                width,
                group_size: packing.group_size as usize,
            });
        }
        let dense = ops::array_from_bytes(&view.bytes, &view.shape, mlx_dtype(view.dtype))?;
        view.release();
        let QuantizedArray {
            weight,
            scales,
            biases,
            ..
        } = ops::quantize(&dense, packing)?;
        let parts = [
            (".weight", Some(weight)),
            (".scales", Some(scales)),
            (".biases", biases),
        ];
        parts
            .into_iter()
            .filter_map(|(suffix, array)| Some((suffix, array?)))
            .map(|(suffix, array)| from_array(suffix, &array))
            .collect()
    }
}

impl Part<'_> {
    fn spec(&self, path: &str) -> TensorSpec {
        TensorSpec {
            name: format!("{path}{}", self.suffix),
            dtype: self.dtype,
            shape: self.shape.clone(),
        }
    }
}

fn bare(weight: WeightTensors<'_>) -> LinearTensors<'_> {
    LinearTensors { weight, bias: None }
}

fn vector<'a>(
    view: TensorView<'a>,
    suffix: &'static str,
) -> Result<ModuleTensors<'a>, ConvertError> {
    Ok(ModuleTensors {
        parts: vec![part(view, suffix)?],
        quantization: None,
    })
}

fn part<'a>(view: TensorView<'a>, suffix: &'static str) -> Result<Part<'a>, ConvertError> {
    view.check_finite()?;
    Ok(Part {
        suffix,
        dtype: view.dtype,
        shape: view.shape,
        bytes: view.bytes,
    })
}

fn from_array(suffix: &'static str, array: &Array) -> Result<Part<'static>, ConvertError> {
    let (dtype, bytes) = ops::array_to_bytes(array)?;
    Ok(Part {
        suffix,
        dtype: match dtype {
            mlx_rs::Dtype::Uint8 => TensorDtype::U8,
            mlx_rs::Dtype::Uint32 => TensorDtype::U32,
            mlx_rs::Dtype::Float16 => TensorDtype::F16,
            mlx_rs::Dtype::Bfloat16 => TensorDtype::BF16,
            _ => TensorDtype::F32,
        },
        shape: array.shape().iter().map(|&n| n as usize).collect(),
        bytes: Cow::Owned(bytes),
    })
}

/// Which rows of a joined gate-and-up tensor.
#[derive(Debug, Clone, Copy)]
enum Half {
    Gate,
    Up,
}

fn half(linear: LinearTensors<'_>, half: Half) -> LinearTensors<'_> {
    let cut = |view| half_of(view, half);
    LinearTensors {
        weight: match linear.weight {
            WeightTensors::Dense(view) => WeightTensors::Dense(cut(view)),
            WeightTensors::Quantized {
                weight,
                scales,
                biases,
                quantization,
            } => WeightTensors::Quantized {
                weight: cut(weight),
                scales: cut(scales),
                biases: biases.map(cut),
                quantization,
            },
        },
        bias: linear.bias.map(cut),
    }
}

/// The first or second half of the rows of every expert.
fn half_of(mut view: TensorView<'_>, half: Half) -> TensorView<'_> {
    let half_bytes = view.bytes.len() / view.shape[0] / 2;
    let skipped = match half {
        Half::Gate => 0,
        Half::Up => 1,
    };
    let rows = view.bytes.chunks_exact(half_bytes).skip(skipped).step_by(2);
    view.bytes = Cow::Owned(rows.flatten().copied().collect());
    view.shape[1] /= 2;
    view
}
