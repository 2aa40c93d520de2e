//! Weights where they lie: borrowed slices and the shapes that they claim.

use half::bf16;

use super::KernelError;
use super::pack::Layout;

/// Rows of weights along the input dimension, one after the other, in one of the stored forms.
///
/// `rows` below counts all rows of the tensor: for experts `[E, rows, in]` it is their product.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum QuantizedRows<'a> {
    /// Four-bit floats with a power of two for each 32; value = `fp4 * 2^(scale - 127)`.
    Mxfp4 {
        /// `[rows, in / 8]`; word `w` holds weight `8 w + k` in bits `4 k .. 4 k + 3`.
        packed: &'a [u32],
        /// `[rows, in / 32]`; 0 is 2^-127, 255 makes its weights NaN.
        scales: &'a [u8],
    },
    /// Unsigned integers with a scale and a bias for each group; value = `scale * integer + bias`.
    Affine {
        /// `[rows, in / 8]` for four bits, `[rows, in / 4]` for eight; lowest bits first.
        packed: &'a [u32],
        /// `[rows, in / group_size]`.
        scales: &'a [f32],
        /// `[rows, in / group_size]`.
        biases: &'a [f32],
        /// Width of an integer.
        bits: AffineBits,
        /// Weights that share a scale: a power of two from 32 up.
        group_size: usize,
    },
    /// Plain floats, `[rows, in]`.
    Dense(&'a [f32]),
    /// The same in half the bytes: the upper halves of f32, `[rows, in]`.
    Bf16(&'a [bf16]),
}

/// Width of an affine integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AffineBits {
    /// Eight integers a word.
    Four,
    /// Four integers a word.
    Eight,
}

/// One weight matrix `[out_features, in_features]`.
#[derive(Debug, Clone, Copy)]
pub struct QuantizedMatrix<'a> {
    /// The weights.
    pub rows: QuantizedRows<'a>,
    /// Rows of the matrix.
    pub out_features: usize,
    /// Weights in a row.
    pub in_features: usize,
}

/// The experts of one mixture-of-experts block.
///
/// Shapes: E = `num_local_experts`, H = `hidden_size`, I = `intermediate_size`.
#[derive(Debug, Clone, Copy)]
pub struct ExpertsView<'a> {
    /// E.
    pub num_local_experts: usize,
    /// H.
    pub hidden_size: usize,
    /// I.
    pub intermediate_size: usize,
    /// `[E, 2 I, H]` in halves: for each expert I gate rows, then I up rows.
    pub gate_up: QuantizedRows<'a>,
    /// `[E, 2 I]`, in the order of the rows.
    pub gate_up_bias: &'a [f32],
    /// `[E, H, I]`.
    pub down: QuantizedRows<'a>,
    /// `[E, H]`.
    pub down_bias: &'a [f32],
    /// Where `SwiGLU` clamps its inputs.
    pub swiglu_limit: f32,
}

impl ExpertsView<'_> {
    pub(super) fn check(&self) -> Result<(), KernelError> {
        let (hidden, intermediate) = (self.hidden_size, self.intermediate_size);
        let gate_up_rows = product("gate_up", &[self.num_local_experts, 2, intermediate])?;
        let down_rows = product("down", &[self.num_local_experts, hidden])?;
        self.gate_up.check(&GATE_UP, gate_up_rows, hidden)?;
        self.down.check(&DOWN, down_rows, intermediate)?;
        check_len("gate_up_bias", self.gate_up_bias.len(), gate_up_rows)?;
        check_len("down_bias", self.down_bias.len(), down_rows)
    }
}

impl QuantizedMatrix<'_> {
    pub(super) fn check(&self) -> Result<(), KernelError> {
        self.rows.check(&ROWS, self.out_features, self.in_features)
    }
}

/// What error messages call a tensor's parts.
struct Names {
    weights: &'static str,
    scales: &'static str,
    biases: &'static str,
}

const GATE_UP: Names = Names {
    weights: "gate_up",
    scales: "gate_up scales",
    biases: "gate_up quantization biases",
};
const DOWN: Names = Names {
    weights: "down",
    scales: "down scales",
    biases: "down quantization biases",
};
const ROWS: Names = Names {
    weights: "rows",
    scales: "rows scales",
    biases: "rows quantization biases",
};

impl QuantizedRows<'_> {
    pub(super) fn layout(&self) -> Layout {
        match self {
            Self::Mxfp4 { .. }
            | Self::Affine {
                bits: AffineBits::Four,
                ..
            } => Layout::Nibbles,
            Self::Affine {
                bits: AffineBits::Eight,
                ..
            } => Layout::Bytes,
            Self::Bf16(_) => Layout::Pairs,
            Self::Dense(_) => Layout::Floats,
        }
    }

    fn check(&self, names: &Names, rows: usize, in_features: usize) -> Result<(), KernelError> {
        if in_features == 0 {
            return Err(KernelError::EmptyRows {
                name: names.weights,
            });
        }
        let weights = product(names.weights, &[rows, in_features])?;
        match *self {
            Self::Mxfp4 { packed, scales } => {
                check_groups(in_features, 32)?;
                check_len(names.weights, packed.len(), weights / 8)?;
                check_len(names.scales, scales.len(), weights / 32)
            }
            Self::Affine {
                packed,
                scales,
                biases,
                bits,
                group_size,
            } => {
                check_groups(in_features, group_size)?;
                let per_word = match bits {
                    AffineBits::Four => 8,
                    AffineBits::Eight => 4,
                };
                check_len(names.weights, packed.len(), weights / per_word)?;
                check_len(names.scales, scales.len(), weights / group_size)?;
                check_len(names.biases, biases.len(), weights / group_size)
            }
            Self::Dense(values) => check_len(names.weights, values.len(), weights),
            Self::Bf16(values) => check_len(names.weights, values.len(), weights),
        }
    }
}

fn check_groups(in_features: usize, group_size: usize) -> Result<(), KernelError> {
    if group_size < 32 || !group_size.is_power_of_two() {
        return Err(KernelError::GroupSize { group_size });
    }
    if !in_features.is_multiple_of(group_size) {
        return Err(KernelError::RaggedGroups {
            in_features,
            group_size,
        });
    }
    Ok(())
}

pub(super) fn check_len(
    name: &'static str,
    found: usize,
    expected: usize,
) -> Result<(), KernelError> {
    if found == expected {
        Ok(())
    } else {
        Err(KernelError::Length {
            name,
            expected,
            found,
        })
    }
}

/// The product of a shape, refused where it overflows.
pub(super) fn product(name: &'static str, factors: &[usize]) -> Result<usize, KernelError> {
    factors
        .iter()
        .try_fold(1_usize, |product, &factor| product.checked_mul(factor))
        .ok_or(KernelError::Overflow { name })
}
