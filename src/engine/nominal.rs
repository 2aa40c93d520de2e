//! Cache and memory figures for backends that hold neither.
//!
//! They follow gpt-oss: sliding-window layers are rings, full-attention layers grow in steps, and a
//! token takes the same bytes in each layer.

use super::backend::Usage;
use super::protocol::{AttentionKind, CacheSnapshot, CacheUsage, MemorySnapshot, ModelSummary};

/// Keys and values of 8 heads with 64 numbers of 2 bytes each.
const BYTES_PER_TOKEN_AND_LAYER: u64 = 2 * 8 * 64 * 2;

/// The tokens by which the cache of a full-attention layer grows.
const GROWTH_TOKENS: usize = 256;

/// Alternating layers as in gpt-oss, the first one with a sliding window.
pub(super) fn alternating_layers(num_layers: usize) -> Vec<AttentionKind> {
    [AttentionKind::Sliding, AttentionKind::Full]
        .into_iter()
        .cycle()
        .take(num_layers)
        .collect()
}

/// What a real model of this form would hold after `tokens` tokens.
pub(super) fn usage(model: &ModelSummary, tokens: usize, reused_tokens: usize) -> Usage {
    let num_full = model
        .layers
        .iter()
        .filter(|kind| **kind == AttentionKind::Full)
        .count();
    let num_sliding = model.layers.len() - num_full;
    let window = model.sliding_window_tokens;
    let full = layers(num_full, tokens, tokens.next_multiple_of(GROWTH_TOKENS));
    let sliding = layers(num_sliding, tokens.min(window), window);
    let active_bytes = model.weights_bytes + full.capacity_bytes + sliding.capacity_bytes;
    Usage {
        cache: CacheSnapshot {
            full,
            sliding,
            reused_tokens,
        },
        memory: MemorySnapshot {
            active_bytes,
            cache_bytes: 0,
            peak_bytes: active_bytes,
            limit_bytes: 0,
            weights_bytes: model.weights_bytes,
        },
    }
}

fn layers(num_layers: usize, tokens: usize, capacity_tokens: usize) -> CacheUsage {
    let bytes = |tokens: usize| (num_layers * tokens) as u64 * BYTES_PER_TOKEN_AND_LAYER;
    CacheUsage {
        num_layers,
        tokens,
        capacity_tokens,
        bytes: bytes(tokens),
        capacity_bytes: bytes(capacity_tokens),
    }
}
