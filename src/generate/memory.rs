//! Predicts what a request needs, so that it can be refused before anything breaks.
//!
//! On machines whose GPU shares the system's memory, running out takes more than this program down.

use crate::model::config::{LayerType, ModelConfig};
use crate::model::gpt_oss::{KvPrecision, Transformer};

/// Overheads that are not derived: allocator slack, sampler buffers, compiled kernels.
const RESERVE_BYTES: u64 = 64 << 20;

/// The sizes that decide what a request needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryDemand {
    /// Bytes of the weights.
    pub weights_bytes: u64,
    /// Bytes of keys and values at the request's full length.
    pub kv_bytes: u64,
    /// Bytes of the largest moment of a prefill chunk or a decoding step.
    pub workspace_bytes: u64,
}

impl MemoryDemand {
    /// All parts together.
    pub fn total_bytes(&self) -> u64 {
        self.weights_bytes
            .saturating_add(self.kv_bytes)
            .saturating_add(self.workspace_bytes)
    }
}

/// What a model needs for a context of some length.
#[derive(Debug, Clone)]
pub struct MemoryModel {
    config: ModelConfig,
    weights_bytes: u64,
    activation_bytes: u64,
    precision: KvPrecision,
    chunk_tokens: usize,
}

impl MemoryModel {
    /// The predictions for `model` with prefill in chunks of `chunk_tokens`.
    pub fn new(model: &Transformer, precision: KvPrecision, chunk_tokens: usize) -> Self {
        Self::from_config(
            model.config().clone(),
            model.weights_bytes(),
            bytes_of(model.dtype()),
            precision,
            chunk_tokens,
        )
    }

    /// The same before a model is loaded, for activations of `activation_bytes` each.
    pub fn from_config(
        config: ModelConfig,
        weights_bytes: u64,
        activation_bytes: u64,
        precision: KvPrecision,
        chunk_tokens: usize,
    ) -> Self {
        Self {
            config,
            weights_bytes,
            activation_bytes,
            precision,
            chunk_tokens,
        }
    }

    /// What a context of `tokens` needs, of which all but `cached_tokens` are prefilled.
    pub fn demand(&self, tokens: usize, cached_tokens: usize) -> MemoryDemand {
        let chunk = tokens
            .saturating_sub(cached_tokens)
            .clamp(1, self.chunk_tokens);
        MemoryDemand {
            weights_bytes: self.weights_bytes,
            kv_bytes: self.kv_bytes(tokens, chunk),
            workspace_bytes: self.workspace_bytes(tokens, chunk),
        }
    }

    /// The longest context within `limit_bytes`, 0 when not even one token fits.
    pub fn largest_context_tokens(&self, limit_bytes: u64) -> usize {
        self.largest(limit_bytes, |tokens| self.demand(tokens, 0))
    }

    /// What a look inside at the last of `tokens` tokens needs: the prefill, and beside it one
    /// layer's keys and the last row's scores in f32.
    pub fn inspect_demand(&self, tokens: usize) -> MemoryDemand {
        let config = &self.config;
        let keys = 2 * config.num_key_value_heads * config.head_dim;
        let scores = 3 * config.num_attention_heads;
        let mut demand = self.demand(tokens, 0);
        demand.workspace_bytes += tokens as u64 * (keys + scores) as u64 * 4;
        demand
    }

    /// The longest sequence within `limit_bytes` that can be looked into.
    pub fn largest_inspected_tokens(&self, limit_bytes: u64) -> usize {
        self.largest(limit_bytes, |tokens| self.inspect_demand(tokens))
    }

    fn largest(&self, limit_bytes: u64, demand: impl Fn(usize) -> MemoryDemand) -> usize {
        let fits = |tokens: usize| demand(tokens).total_bytes() <= limit_bytes;
        let (mut low, mut high) = (0, self.config.max_position_embeddings + 1);
        while low + 1 < high {
            let middle = low.midpoint(high);
            if fits(middle) {
                low = middle;
            } else {
                high = middle;
            }
        }
        low
    }

    /// Caches as allocated, plus what growing copies, or unpacking makes, of one layer.
    fn kv_bytes(&self, tokens: usize, chunk: usize) -> u64 {
        let config = &self.config;
        let heads = (2 * config.num_key_value_heads * config.head_dim) as u64;
        let grown = tokens.next_multiple_of(crate::model::cache::GROWTH_STEP_TOKENS) as u64;
        let full_row = match self.precision {
            KvPrecision::Activations => heads * self.activation_bytes,
            // 8 bits a value, and a scale and an offset a group.
            KvPrecision::EightBit => heads + heads / 32 * 2 * self.activation_bytes,
        };
        let sliding = (config.sliding_window + chunk) as u64 * heads * self.activation_bytes;
        let per_layer = config.layer_types.iter().map(|kind| match kind {
            LayerType::FullAttention => grown * full_row,
            LayerType::SlidingAttention => sliding,
        });
        per_layer.sum::<u64>() + 2 * grown * heads * self.activation_bytes
    }

    fn workspace_bytes(&self, tokens: usize, chunk: usize) -> u64 {
        let config = &self.config;
        let rows = chunk as u64;
        let pairs = rows * config.num_experts_per_tok as u64;
        let width = (3 * config.intermediate_size + 2 * config.hidden_size) as u64;
        let experts = pairs * width * self.activation_bytes * 2;
        let attention = rows
            * (4 * config.num_attention_heads * config.head_dim + 4 * config.hidden_size) as u64
            * self.activation_bytes;
        // f32 means the CPU backend, whose attention writes its scores to memory.
        let scores = if self.activation_bytes == 4 {
            3 * rows * (config.num_attention_heads * tokens) as u64 * 4
        } else {
            0
        };
        let logits = 6 * config.vocab_size as u64 * 4;
        experts + attention + scores + logits + RESERVE_BYTES
    }
}

fn bytes_of(dtype: mlx_rs::Dtype) -> u64 {
    if dtype == mlx_rs::Dtype::Float32 {
        4
    } else {
        2
    }
}
