//! What a request asks for, and what it gets back with each token.

use std::sync::Arc;

use super::params::SamplingParams;
use super::routing::TokenRouting;
use crate::intervention::{ForcedRouting, Interventions};
use crate::mlx::device::DeviceKind;
use crate::model::gpt_oss::KvPrecision;

/// Prompt tokens read between two looks at cancellation, where nobody names another number.
///
/// An NVIDIA GPU reads a third more a second in passes of 1024, for half a gigabyte with the 20b's
/// shape; passes of 2048 need two (docs/PERFORMANCE.md).
pub fn default_prefill_chunk_tokens() -> usize {
    match DeviceKind::current() {
        Ok(DeviceKind::Cuda) => 1024,
        Ok(DeviceKind::Cpu | DeviceKind::Metal) | Err(_) => 512,
    }
}

/// One request to [`super::TokenGenerator`].
#[derive(Debug, Clone)]
pub struct GenerateOptions {
    /// Tokens to generate at most; `None` is all that the context holds.
    pub max_tokens: Option<usize>,
    /// How tokens are drawn; can be changed between tokens.
    pub sampling: SamplingParams,
    /// How many of the prompt's last tokens are the answer's own, when an answer goes on: penalties
    /// for generated tokens count them.
    pub answered_tokens: usize,
    /// How the experts' choice is changed; can be changed between tokens.
    pub interventions: Interventions,
    /// A recorded run whose experts are chosen again.
    pub forced_routing: Option<Arc<ForcedRouting>>,
    /// Ids that end the answer; they are yielded as its last token.
    pub stop_tokens: Vec<u32>,
    /// What is kept of every position beside the token.
    pub record: RecordOptions,
    /// What recording positions does to those in the cache.
    pub cached_positions: CachedPositions,
    /// Prompt tokens a pass.
    pub prefill_chunk_tokens: usize,
    /// How a cache made for this request keeps full layers.
    pub kv_precision: KvPrecision,
    /// Refuse requests predicted to need more, in bytes.
    pub memory_limit_bytes: Option<u64>,
}

impl Default for GenerateOptions {
    fn default() -> Self {
        Self {
            max_tokens: None,
            sampling: SamplingParams::default(),
            answered_tokens: 0,
            interventions: Interventions::none(),
            forced_routing: None,
            stop_tokens: Vec::new(),
            record: RecordOptions::default(),
            cached_positions: CachedPositions::default(),
            prefill_chunk_tokens: default_prefill_chunk_tokens(),
            kv_precision: KvPrecision::default(),
            memory_limit_bytes: None,
        }
    }
}

/// What becomes of the prompt's positions in the cache when positions are recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CachedPositions {
    /// They are computed again, so that the record is complete.
    #[default]
    Recompute,
    /// They are taken over and have no record.
    Reuse,
}

/// What is kept of every position beside the token; nothing costs nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RecordOptions {
    /// The token's own probability and this many alternatives.
    pub top_logprobs: Option<usize>,
    /// The routers' choices.
    pub routing: bool,
    /// All router logits, too.
    pub router_logits: bool,
    /// All logits.
    pub logits: bool,
}

impl RecordOptions {
    /// Whether something is kept of every position, the prompt's included.
    pub fn wants_positions(&self) -> bool {
        self.routing || self.router_logits || self.logits
    }
}

/// What was computed at one position.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PositionRecord {
    /// The experts of every layer.
    pub routing: Option<TokenRouting>,
    /// `[layers, E]`, row by row.
    pub router_logits: Option<Vec<f32>>,
    /// `[V]`.
    pub logits: Option<Vec<f32>>,
}
