//! The small parts that the blocks are made of: linear maps, the embedding, RMS norm.

use std::sync::Arc;

use mlx_rs::error::Result;
use mlx_rs::ops::{addmm, concatenate, matmul};
use mlx_rs::{Array, Dtype, fast};

use super::cpu;
use crate::kernels::Pool;
use crate::mlx::ops::{self, QuantizedArray};

/// A matrix `[out, in]` (or a stack of them), plain or packed.
#[derive(Debug, Clone)]
pub enum Weight {
    /// In the activations' dtype, or bf16 beside f32 where the CPU's kernels read that.
    Dense(Array),
    /// Packed; unpacked inside the product.
    Quantized(QuantizedArray),
}

impl Weight {
    /// Bytes held.
    pub fn nbytes(&self) -> usize {
        match self {
            Self::Dense(weight) => weight.nbytes(),
            Self::Quantized(weight) => weight.nbytes(),
        }
    }

    /// Matrix `index` of a stack `[E, out, in]`, unpacked: `[out, in]`.
    pub fn matrix(&self, index: usize, dtype: Dtype) -> Result<Array> {
        let part = |array: &Array| ops::slice(array, 0, index, index + 1)?.squeeze_axes(&[0]);
        match self {
            Self::Dense(weight) => part(weight),
            Self::Quantized(weight) => {
                let part = QuantizedArray {
                    weight: part(&weight.weight)?,
                    scales: part(&weight.scales)?,
                    biases: weight.biases.as_ref().map(part).transpose()?,
                    quantization: weight.quantization,
                };
                ops::dequantize(&part, dtype)
            }
        }
    }

    /// Several weights of equal width below one another.
    ///
    /// Weights that are packed differently are unpacked for it.
    pub fn join_rows(parts: Vec<Self>) -> Result<Self> {
        let quantization = |part: &Self| match part {
            Self::Dense(_) => None,
            Self::Quantized(weight) => Some(weight.quantization),
        };
        let first = parts.first().and_then(quantization);
        let packed: Vec<&QuantizedArray> = parts
            .iter()
            .filter_map(|part| match part {
                Self::Quantized(weight) if Some(weight.quantization) == first => Some(weight),
                _ => None,
            })
            .collect();
        if let Some(quantization) = first
            && packed.len() == parts.len()
        {
            let join = |parts: Vec<&Array>| concatenate(&parts, 0);
            let biases: Vec<&Array> = packed.iter().filter_map(|w| w.biases.as_ref()).collect();
            return Ok(Self::Quantized(QuantizedArray {
                weight: join(packed.iter().map(|w| &w.weight).collect())?,
                scales: join(packed.iter().map(|w| &w.scales).collect())?,
                biases: (!biases.is_empty()).then(|| join(biases)).transpose()?,
                quantization,
            }));
        }
        let dense = parts
            .into_iter()
            .map(|part| match part {
                Self::Dense(weight) => Ok(weight),
                Self::Quantized(weight) => {
                    let dtype = weight.biases.as_ref().map_or(Dtype::Float32, Array::dtype);
                    ops::dequantize(&weight, dtype)
                }
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(Self::Dense(concatenate(&dense, 0)?))
    }

    /// The arrays held.
    pub fn arrays(&self) -> Vec<&Array> {
        match self {
            Self::Dense(weight) => vec![weight],
            Self::Quantized(weight) => weight.arrays().collect(),
        }
    }
}

/// `y = x · Wᵀ + b`.
#[derive(Debug)]
pub struct Linear {
    weight: Weight,
    /// The transposed view of a dense weight, made once.
    transposed: Option<Array>,
    bias: Option<Array>,
    /// Set where the CPU's kernels may take over.
    pool: Option<Arc<Pool>>,
}

impl Linear {
    /// Shapes: `weight: [out, in]`, `bias: [out]`. `pool` lets the CPU's kernels take over where they
    /// are better; they want f32.
    pub fn new(weight: Weight, bias: Option<Array>, pool: Option<Arc<Pool>>) -> Result<Self> {
        let transposed = match &weight {
            Weight::Dense(weight) => Some(weight.transpose_axes(&[1, 0])?),
            Weight::Quantized(_) => None,
        };
        if pool.is_some() {
            cpu::settle(&weight)?;
        }
        Ok(Self {
            weight,
            transposed,
            bias,
            pool,
        })
    }

    /// `x: [L, in]` → `[L, out]`.
    pub fn forward(&self, x: &Array) -> Result<Array> {
        if let Some(pool) = &self.pool
            && cpu::takes_linear(&self.weight, x.dim(0) as usize)
        {
            return cpu::linear(x, &self.weight, self.bias.as_ref(), pool);
        }
        match (&self.weight, &self.transposed, &self.bias) {
            (Weight::Dense(weight), _, bias) if weight.dtype() != x.dtype() => {
                let y = widened_matmul(x, weight)?;
                bias.as_ref().map_or(Ok(y.clone()), |bias| y.add(bias))
            }
            (_, Some(transposed), Some(bias)) => addmm(bias, x, transposed, None, None),
            (_, Some(transposed), None) => matmul(x, transposed),
            (Weight::Quantized(weight), _, bias) => {
                let y = ops::quantized_matmul(x, weight)?;
                bias.as_ref().map_or(Ok(y.clone()), |bias| y.add(bias))
            }
            (Weight::Dense(weight), None, _) => matmul(x, weight.transpose_axes(&[1, 0])?),
        }
    }

    /// Whether the CPU's kernels are there and cannot read the weight.
    pub(super) fn is_left_to_mlx(&self) -> bool {
        self.pool.is_some() && !cpu::is_supported(&self.weight)
    }

    /// The arrays held, for evaluation and accounting.
    pub fn arrays(&self) -> Vec<&Array> {
        let mut arrays = self.weight.arrays();
        arrays.extend(&self.bias);
        arrays
    }

    /// The weight as loaded.
    pub fn weight(&self) -> &Weight {
        &self.weight
    }

    /// The bias, `[out]`.
    pub(super) fn bias(&self) -> Option<&Array> {
        self.bias.as_ref()
    }

    /// Weight `[out, in]` and bias of a plain map that has both.
    pub(super) fn plain(&self) -> Option<(&Array, &Array)> {
        match (&self.weight, &self.bias) {
            (Weight::Dense(weight), Some(bias)) => Some((weight, bias)),
            _ => None,
        }
    }
}

/// As much of a matrix as is widened at a time.
const WIDENED_BYTES: usize = 64 << 20;

/// `x · Wᵀ` in the dtype of `x`, for many rows: the matrix is widened in parts that are let go.
fn widened_matmul(x: &Array, weight: &Array) -> Result<Array> {
    let (out, row_bytes) = (weight.dim(0) as usize, weight.dim(1) as usize * 4);
    let rows_at_a_time = (WIDENED_BYTES / row_bytes.max(1)).max(1);
    let mut parts = Vec::new();
    for start in (0..out).step_by(rows_at_a_time) {
        let rows = ops::slice(weight, 0, start, out.min(start + rows_at_a_time))?;
        let rows = rows.as_dtype(x.dtype())?;
        let part = matmul(x, rows.transpose_axes(&[1, 0])?)?;
        if out > rows_at_a_time {
            part.eval()?;
        }
        parts.push(part);
    }
    match &parts[..] {
        [whole] => Ok(whole.clone()),
        _ => concatenate(&parts, 1),
    }
}

/// Token ids to vectors.
#[derive(Debug)]
pub struct Embedding {
    weight: Weight,
    dtype: Dtype,
}

impl Embedding {
    /// Shapes: `weight: [V, D]`. Rows come out as `dtype`, whatever the table holds.
    pub fn new(weight: Weight, dtype: Dtype) -> Self {
        Self { weight, dtype }
    }

    /// `ids: [L]`, i32 or u32 → `[L, D]`.
    pub fn forward(&self, ids: &Array) -> Result<Array> {
        match &self.weight {
            Weight::Dense(weight) => weight.take_axis(ids, 0)?.as_dtype(self.dtype),
            Weight::Quantized(weight) => {
                let rows = QuantizedArray {
                    weight: weight.weight.take_axis(ids, 0)?,
                    scales: weight.scales.take_axis(ids, 0)?,
                    biases: match &weight.biases {
                        Some(biases) => Some(biases.take_axis(ids, 0)?),
                        None => None,
                    },
                    quantization: weight.quantization,
                };
                ops::dequantize(&rows, self.dtype)
            }
        }
    }

    /// The arrays held.
    pub fn arrays(&self) -> Vec<&Array> {
        self.weight.arrays()
    }
}

/// `x / rms(x) · w`, with the mean in f32.
#[derive(Debug)]
pub struct RmsNorm {
    weight: Array,
    eps: f32,
}

impl RmsNorm {
    /// Shapes: `weight: [D]`.
    pub fn new(weight: Array, eps: f32) -> Self {
        Self { weight, eps }
    }

    /// `x: [.., D]` → the same shape and dtype.
    pub fn forward(&self, x: &Array) -> Result<Array> {
        fast::rms_norm(x, Some(&self.weight), self.eps)
    }

    /// `w`, `[D]`.
    pub(super) fn weight(&self) -> &Array {
        &self.weight
    }

    /// What keeps the division defined.
    pub(super) fn eps(&self) -> f32 {
        self.eps
    }

    /// The arrays held.
    pub fn arrays(&self) -> Vec<&Array> {
        vec![&self.weight]
    }
}
