//! Scaled dot-product attention with sinks, and the masks of the two kinds of layer.
//!
//! A *sink* is one learned logit a query head that joins the softmax as a column of its own and is
//! then dropped: `out = Σ exp(sⱼ) vⱼ / (exp(sink) + Σ exp(sⱼ))`. It is not scaled.

use mlx_rs::Array;
use mlx_rs::error::Result;
use mlx_rs::fast::{ScaledDotProductAttentionMask, scaled_dot_product_attention};

use super::cache::KeysValues;

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
