//! Snapshots of the engine's state: fresh, not complete.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::RequestId;
use crate::generate::TokenRouting;

/// The engine's state at one moment. Cloning is cheap: the large arrays are shared.
///
/// A newer snapshot replaces one that nobody read; the gap in `seq` tells how many were missed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Telemetry {
    /// Grows by one with each snapshot; 0 is the empty one before the first.
    pub seq: u64,
    /// The latest load or generation taken up.
    pub request: Option<RequestId>,
    /// The experts' use.
    pub routing: RoutingSnapshot,
    /// The caches.
    pub cache: CacheSnapshot,
    /// The device's memory.
    pub memory: MemorySnapshot,
    /// Rates and progress.
    pub speed: SpeedSnapshot,
}

/// The experts' use over several spans of tokens.
///
/// Only tokens whose routing was recorded are in it. What a span does not tell (one channel of the
/// answer, an arbitrary window) follows from the routing in the events, which is complete.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RoutingSnapshot {
    /// Since the model was loaded or reset.
    pub cumulative: Arc<RoutingTotals>,
    /// The prompt of the latest generation, without its reused part and its last token.
    pub prompt: Arc<RoutingTotals>,
    /// The passes that produced the latest generation's tokens; the first one is that of the
    /// prompt's last token.
    pub answer: Arc<RoutingTotals>,
    /// The latest [`crate::engine::ROUTING_WINDOW_TOKENS`] tokens.
    pub window: Arc<RoutingTotals>,
    /// The latest token.
    pub last: Option<Arc<TokenRouting>>,
}

/// How often each expert was chosen, and with what weight in sum.
///
/// *Shapes:* `counts` and `weight_sums` are `[num_layers, num_experts]`, row by row.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RoutingTotals {
    /// The number of layers.
    pub num_layers: usize,
    /// Experts in each layer.
    pub num_experts: usize,
    /// The number of tokens counted; a layer's counts sum to it times the experts a token.
    pub tokens: u64,
    /// How many tokens chose each expert.
    pub counts: Vec<u32>,
    /// The sum of the weights with which it was chosen.
    pub weight_sums: Vec<f64>,
}

impl RoutingTotals {
    /// Totals of no tokens.
    pub fn new(num_layers: usize, num_experts: usize) -> Self {
        let cells = num_layers * num_experts;
        Self {
            num_layers,
            num_experts,
            tokens: 0,
            counts: vec![0; cells],
            weight_sums: vec![0.0; cells],
        }
    }
}

/// The caches of keys and values, full-attention and sliding-window layers apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CacheSnapshot {
    /// The full-attention layers, whose caches grow.
    pub full: CacheUsage,
    /// The sliding-window layers, whose caches are rings.
    pub sliding: CacheUsage,
    /// Prompt tokens that the latest generation found in the cache.
    pub reused_tokens: usize,
}

/// The caches of one kind of layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CacheUsage {
    /// Layers of this kind.
    pub num_layers: usize,
    /// Tokens held in each of them: those whose keys and values were computed, so a token just
    /// generated counts once it was fed back.
    pub tokens: usize,
    /// Tokens that the allocated arrays have room for, in each layer.
    pub capacity_tokens: usize,
    /// Bytes of the held tokens' keys and values, over all layers of this kind.
    pub bytes: u64,
    /// Bytes allocated, over all layers of this kind.
    pub capacity_bytes: u64,
}

/// The device's memory as the backend counts it, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct MemorySnapshot {
    /// In use by arrays.
    pub active_bytes: u64,
    /// Freed, and kept by the allocator for reuse.
    pub cache_bytes: u64,
    /// The most that was in use at once since the load.
    pub peak_bytes: u64,
    /// The most that may be used; 0 where there is no limit.
    pub limit_bytes: u64,
    /// The model's weights.
    pub weights_bytes: u64,
}

/// Rates and progress of the latest generation.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct SpeedSnapshot {
    /// What the engine is doing.
    pub phase: EnginePhase,
    /// Prompt tokens in the cache, reused ones included.
    pub prefill_done_tokens: usize,
    /// Tokens in the prompt.
    pub prompt_tokens: usize,
    /// Computed prompt tokens a second, over the prefill so far.
    pub prefill_tps: Option<f64>,
    /// From taking up the request to its first token, in milliseconds.
    pub time_to_first_token_ms: Option<f64>,
    /// Tokens generated.
    pub generated_tokens: usize,
    /// Generated tokens a second, over the last second.
    pub decode_tps: Option<f64>,
    /// The share of the decoding time that went into recording routing and alternatives on the
    /// host, over the last second; none where nothing was measured.
    #[serde(default)]
    pub capture_share: Option<f64>,
}

/// What the engine is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnginePhase {
    /// It waits for a command.
    #[default]
    Idle,
    /// It loads a model.
    Loading,
    /// It computes a prompt.
    Prefill,
    /// It generates.
    Decode,
    /// It looks inside the model for one token.
    Inspecting,
}
