//! Scaled dot-product attention with sinks, and the masks of the two kinds of layer.
//!
//! A *sink* is one learned logit a query head that joins the softmax as a column of its own and is
//! then dropped: `out = Σ exp(sⱼ) vⱼ / (exp(sink) + Σ exp(sⱼ))`. It is not scaled.

use mlx_rs::Array;
use mlx_rs::error::Result;
use mlx_rs::fast::{ScaledDotProductAttentionMask, scaled_dot_product_attention};
use mlx_rs::ops::arange;

use super::cache::KeysValues;
use super::config::LayerType;

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

/// What all layers of a pass share.
#[derive(Debug)]
pub(super) struct Pass {
    full: AttentionMask,
    sliding: AttentionMask,
    /// The first new row's position, i32.
    pub(super) position: Array,
}

impl Pass {
    /// A pass of `rows` new positions after `len` earlier ones.
    pub(super) fn new(rows: usize, len: usize, window: usize) -> Result<Self> {
        Ok(Self {
            full: AttentionMask::full(rows),
            sliding: AttentionMask::sliding(rows, len, window)?,
            position: Array::from_int(len as i32),
        })
    }

    pub(super) fn mask(&self, layer_type: LayerType) -> &AttentionMask {
        match layer_type {
            LayerType::FullAttention => &self.full,
            LayerType::SlidingAttention => &self.sliding,
        }
    }
}

impl AttentionMask {
    /// The mask of full layers for `rows` new positions.
    pub fn full(rows: usize) -> Self {
        if rows == 1 { Self::None } else { Self::Causal }
    }

    /// The mask of sliding layers for `rows` new positions after `len` earlier ones.
    ///
    /// Query `i` sees keys `j` with `i - window < j <= i`: exactly `window`, itself included.
    pub fn sliding(rows: usize, len: usize, window: usize) -> Result<Self> {
        if rows == 1 {
            return Ok(Self::None);
        }
        if len + rows <= window {
            return Ok(Self::Causal);
        }
        let earlier = len.min(window - 1);
        let keys = earlier + rows;
        // Made on the device: for long chunks it is the largest array of a pass.
        let numbers = |from: usize, to: usize| arange::<_, i32>(from as i32, to as i32, None);
        let queries = numbers(earlier, keys)?.expand_dims(1)?;
        let keys = numbers(0, keys)?.expand_dims(0)?;
        let oldest = queries.subtract(Array::from_int(window as i32 - 1))?;
        let allowed = keys.le(&queries)?.logical_and(keys.ge(&oldest)?)?;
        Ok(Self::Windowed(allowed))
    }
}

/// Attention of `queries: [1, Hq, L, Dh]` over keys and values, `[1, Hkv, n, Dh]`.
///
/// Query head `h` reads key head `h / (Hq / Hkv)`. `sinks: [Hq]`. Returns `[1, Hq, L, Dh]`.
pub fn attend(
    queries: &Array,
    visible: &KeysValues,
    sinks: &Array,
    mask: &AttentionMask,
    scale: f32,
) -> Result<Array> {
    let mask = match mask {
        AttentionMask::None => None,
        AttentionMask::Causal => Some(ScaledDotProductAttentionMask::Causal),
        AttentionMask::Windowed(mask) => Some(ScaledDotProductAttentionMask::Array(mask)),
    };
    let KeysValues { keys, values } = visible;
    scaled_dot_product_attention(queries, keys, values, scale, mask, sinks)
}
