//! Figures of caches and memory, present and predicted.

use super::Loaded;
use crate::engine::backend::{PromptPrediction, Usage};
use crate::engine::protocol::{CacheUsage, MemorySnapshot};
use crate::generate::{KindUsage, MemoryModel, default_prefill_chunk_tokens};
use crate::gptoss::device_memory_limit_bytes;

pub(super) fn cache_usage(usage: KindUsage) -> CacheUsage {
    CacheUsage {
        num_layers: usage.num_layers,
        tokens: usage.tokens,
        capacity_tokens: usage.capacity_tokens,
        bytes: usage.used_bytes,
        capacity_bytes: usage.bytes,
    }
}

pub(super) fn memory_snapshot(loaded: &Loaded) -> MemorySnapshot {
    let bytes = |read: fn() -> mlx_rs::error::Result<usize>| read().unwrap_or_default() as u64;
    MemorySnapshot {
        active_bytes: bytes(mlx_rs::memory::active_memory),
        cache_bytes: bytes(mlx_rs::memory::cache_memory),
        peak_bytes: bytes(mlx_rs::memory::peak_memory),
        limit_bytes: limit_bytes(loaded).unwrap_or_default(),
        weights_bytes: loaded.model.loaded().weights_bytes,
    }
}

/// What is known of the device before anything is loaded.
pub(super) fn without_model() -> Usage {
    Usage {
        memory: MemorySnapshot {
            limit_bytes: device_memory_limit_bytes().unwrap_or_default(),
            ..MemorySnapshot::default()
        },
        ..Usage::default()
    }
}

/// What the guard before each generation would find for the prompt alone.
pub(super) fn predict(loaded: &Loaded, ids: &[u32]) -> PromptPrediction {
    let transformer = loaded.model.model();
    let memory = MemoryModel::new(
        transformer,
        loaded.kv_precision,
        default_prefill_chunk_tokens(),
    );
    let limit_bytes = limit_bytes(loaded);
    let context_tokens = loaded.model.config().max_position_embeddings;
    PromptPrediction {
        prompt_tokens: ids.len(),
        reused_tokens: loaded.cache.reusable_prefix_of(ids),
        peak_bytes: memory.demand(ids.len(), 0).total_bytes(),
        limit_bytes: limit_bytes.unwrap_or_default(),
        largest_prompt_tokens: limit_bytes.map_or(context_tokens, |limit_bytes| {
            memory.largest_context_tokens(limit_bytes)
        }),
    }
}

pub(super) fn limit_bytes(loaded: &Loaded) -> Option<u64> {
    let default = loaded.model.default_memory_limit_bytes();
    loaded.memory_limit_bytes.or(default)
}
