//! Tensors as the loader receives them.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use super::shard::Shard;
use crate::model::config::Quantization;

/// Element types of checkpoint and trace files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TensorDtype {
    /// Bytes: MXFP4 blocks and scales.
    U8,
    /// Ids of experts; in trace files only.
    U16,
    /// Packed quantized weights.
    U32,
    /// Signed integers; in trace files only.
    I32,
    /// IEEE half precision.
    F16,
    /// The upper half of an `f32`.
    BF16,
    /// IEEE single precision.
    F32,
}

impl TensorDtype {
    pub(crate) const ALL: [Self; 7] = [
        Self::U8,
        Self::U16,
        Self::U32,
        Self::I32,
        Self::F16,
        Self::BF16,
        Self::F32,
    ];

    /// Bytes of one element.
    pub fn bytes(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::U16 | Self::F16 | Self::BF16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
        }
    }

    /// The name in safetensors headers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::U8 => "U8",
            Self::U16 => "U16",
            Self::U32 => "U32",
            Self::I32 => "I32",
            Self::F16 => "F16",
            Self::BF16 => "BF16",
            Self::F32 => "F32",
        }
    }

    pub(crate) fn from_safetensors(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dtype| dtype.as_str() == name)
    }
}

impl fmt::Display for TensorDtype {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A tensor in canonical form: borrowed from the file where the layouts agree, else rearranged
/// into a buffer of its own.
///
/// Little-endian, row-major. Borrowed bytes need not be aligned to the element size.
#[derive(Debug, Clone)]
pub struct TensorView<'a> {
    /// The tensor's name; for a rearranged one, the canonical (Hugging Face) name.
    pub name: Cow<'a, str>,
    /// The element type.
    pub dtype: TensorDtype,
    /// The dimensions, outermost first.
    pub shape: Vec<usize>,
    /// `product(shape) * dtype.bytes()` bytes.
    pub bytes: Cow<'a, [u8]>,
    /// The parts of files that the bytes come from.
    pub(super) origins: Vec<Origin<'a>>,
}

/// A part of a file's tensor.
#[derive(Debug, Clone)]
pub(super) struct Origin<'a> {
    pub(super) shard: &'a Shard,
    /// The tensor's number within the shard.
    pub(super) entry: usize,
    /// Counted from the start of the file.
    pub(super) range: Range<usize>,
}

impl TensorView<'_> {
    /// Takes the file's pages out of memory, once the bytes are copied; reading them again is
    /// possible and costs the time.
    pub fn release(&self) {
        for origin in &self.origins {
            origin.shard.mapping.release(&origin.range);
        }
    }
}

/// A matrix, or one matrix per expert: plain or packed.
#[derive(Debug, Clone)]
#[expect(
    clippy::large_enum_variant,
    reason = "a handful exist at a time; boxes would only complicate matching"
)]
pub enum WeightTensors<'a> {
    /// Floats, `[.., out, in]`.
    Dense(TensorView<'a>),
    /// Packed by MLX's rules.
    Quantized {
        /// U32 `[.., out, in * bits / 32]`, lowest bits first.
        weight: TensorView<'a>,
        /// `[.., out, in / group_size]`: floats for affine, E8M0 bytes for MXFP4.
        scales: TensorView<'a>,
        /// Like the scales, for affine only.
        biases: Option<TensorView<'a>>,
        /// How the bits are to be read.
        quantization: Quantization,
    },
}

impl<'a> WeightTensors<'a> {
    /// The tensors that make up the weight.
    pub fn tensors(&self) -> impl Iterator<Item = &TensorView<'a>> {
        let (weight, scales, biases) = match self {
            Self::Dense(weight) => (weight, None, None),
            Self::Quantized {
                weight,
                scales,
                biases,
                ..
            } => (weight, Some(scales), biases.as_ref()),
        };
        std::iter::once(weight).chain(scales).chain(biases)
    }
}

/// A linear layer, or one per expert.
#[derive(Debug, Clone)]
pub struct LinearTensors<'a> {
    /// `[.., out, in]`.
    pub weight: WeightTensors<'a>,
    /// `[.., out]`.
    pub bias: Option<TensorView<'a>>,
}

impl<'a> LinearTensors<'a> {
    /// The tensors that make up the layer.
    pub fn tensors(&self) -> impl Iterator<Item = &TensorView<'a>> {
        self.weight.tensors().chain(&self.bias)
    }
}
