//! Scaled dot-product attention with sinks, and the masks of the two kinds of layer.
//!
//! A *sink* is one learned logit a query head that joins the softmax as a column of its own and is
//! then dropped: `out = Σ exp(sⱼ) vⱼ / (exp(sink) + Σ exp(sⱼ))`. It is not scaled.

use mlx_rs::Array;
use mlx_rs::error::Result;
use mlx_rs::fast::{ScaledDotProductAttentionMask, scaled_dot_product_attention};
use mlx_rs::ops::{broadcast_to, concatenate, select, softmax_axis};

use super::cache::KeysValues;
use crate::mlx::ops;

/// Which keys each new row may see.
#[derive(Debug)]
pub enum AttentionMask {
    /// All that the cache returned: one row is decoded.
    None,
    /// Row `i` sees everything up to itself.
    Causal,
    /// `[L, n]` bool: causal, and nothing older than the window.
    Windowed(Array),
}

impl AttentionMask {
    /// The mask of full layers for `rows` new positions.
    pub fn full(rows: usize) -> Self {
        if rows == 1 { Self::None } else { Self::Causal }
    }

    /// The mask of sliding layers for `rows` new positions after `len` earlier ones.
    ///
    /// Query `i` sees keys `j` with `i - window < j <= i`: exactly `window`, itself included.
    pub fn sliding(rows: usize, len: usize, window: usize) -> Self {
        if rows == 1 {
            return Self::None;
        }
        if len + rows <= window {
            return Self::Causal;
        }
        let earlier = len.min(window - 1);
        let keys = earlier + rows;
        let mut allowed = Vec::with_capacity(rows * keys);
        for row in 0..rows {
            let query = earlier + row;
            allowed.extend((0..keys).map(|key| key <= query && key + window > query));
        }
        Self::Windowed(Array::from_slice(&allowed, &[rows as i32, keys as i32]))
    }
}

/// Attention of `queries: [1, Hq, L, Dh]` over `keys` and `values`, `[1, Hkv, n, Dh]`.
///
/// Query head `h` reads key head `h / (Hq / Hkv)`. `sinks: [Hq]`. Returns `[1, Hq, L, Dh]`.
pub fn attend(
    queries: &Array,
    visible: &KeysValues,
    sinks: &Array,
    mask: &AttentionMask,
    scale: f32,
) -> Result<Array> {
    match visible {
        KeysValues::Plain { keys, values } => {
            let mask = match mask {
                AttentionMask::None => None,
                AttentionMask::Causal => Some(ScaledDotProductAttentionMask::Causal),
                AttentionMask::Windowed(mask) => Some(ScaledDotProductAttentionMask::Array(mask)),
            };
            scaled_dot_product_attention(queries, keys, values, scale, mask, sinks)
        }
        KeysValues::Quantized { keys, values } => {
            attend_quantized(queries, keys, values, sinks, mask, scale)
        }
    }
}

/// The same over packed keys and values; MLX's own quantised attention knows no sinks.
fn attend_quantized(
    queries: &Array,
    keys: &ops::QuantizedArray,
    values: &ops::QuantizedArray,
    sinks: &Array,
    mask: &AttentionMask,
    scale: f32,
) -> Result<Array> {
    let [_, num_heads, rows, head_dim] = dims4(queries);
    let [_, num_kv_heads, positions, _] = dims4(&keys.weight);
    let group = num_heads / num_kv_heads;
    let queries = queries
        .multiply(Array::from_f32(scale).as_dtype(queries.dtype())?)?
        .reshape(&[1, num_kv_heads, group, rows, head_dim])?;
    let mut scores = ops::quantized_matmul(&queries, &with_group_axis(keys)?, true)?;
    if let Some(allowed) = allowed_keys(mask, rows, positions)? {
        let never = Array::from_f32(f32::NEG_INFINITY).as_dtype(scores.dtype())?;
        scores = select(&allowed, &scores, &never)?;
    }
    let sinks = sinks
        .as_dtype(scores.dtype())?
        .reshape(&[1, num_kv_heads, group, 1, 1])?;
    let sinks = broadcast_to(&sinks, &[1, num_kv_heads, group, rows, 1])?;
    let probabilities = softmax_axis(concatenate(&[&scores, &sinks], -1)?, -1, true)?;
    let probabilities = ops::slice(&probabilities, 4, 0, positions as usize)?;
    ops::quantized_matmul(&probabilities, &with_group_axis(values)?, false)?
        .reshape(&[1, num_heads, rows, head_dim])
}

fn allowed_keys(mask: &AttentionMask, rows: i32, positions: i32) -> Result<Option<Array>> {
    match mask {
        AttentionMask::None => Ok(None),
        AttentionMask::Windowed(mask) => Ok(Some(mask.clone())),
        AttentionMask::Causal => {
            let query = Array::arange::<i32, i32>(positions - rows, positions, None)?
                .reshape(&[rows, 1])?;
            let key = Array::arange::<i32, i32>(0, positions, None)?;
            Ok(Some(key.le(&query)?))
        }
    }
}

/// `[1, Hkv, n, ..]` → `[1, Hkv, 1, n, ..]`, so that a group of query heads shares its keys.
fn with_group_axis(array: &ops::QuantizedArray) -> Result<ops::QuantizedArray> {
    Ok(ops::QuantizedArray {
        weight: array.weight.expand_dims(2)?,
        scales: array.scales.expand_dims(2)?,
        biases: array
            .biases
            .as_ref()
            .map(|biases| biases.expand_dims(2))
            .transpose()?,
        quantization: array.quantization,
    })
}

fn dims4(array: &Array) -> [i32; 4] {
    [array.dim(0), array.dim(1), array.dim(2), array.dim(3)]
}
