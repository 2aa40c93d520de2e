//! Sizes that follow from a configuration.
//!
//! Everything saturates: a configuration made by hand may hold any values.

use super::{LayerType, ModelConfig};
use crate::intervention::RouterShape;

impl ModelConfig {
    /// Width of all query heads together; not the hidden size in the released models.
    pub fn q_dim(&self) -> usize {
        self.num_attention_heads.saturating_mul(self.head_dim)
    }

    /// What changes of the experts' choice need to know.
    pub fn router_shape(&self) -> RouterShape {
        RouterShape {
            num_layers: self.num_hidden_layers,
            num_local_experts: self.num_local_experts,
            num_experts_per_tok: self.num_experts_per_tok,
        }
    }

    /// Width of all key heads together, and of all value heads.
    pub fn kv_dim(&self) -> usize {
        self.num_key_value_heads.saturating_mul(self.head_dim)
    }

    /// Bytes of keys and values for a context, sliding layers holding at most their window.
    pub fn kv_bytes(&self, context_tokens: usize, bytes_per_element: usize) -> u64 {
        let bytes_per_token = product(&[2, self.kv_dim(), bytes_per_element]);
        self.layer_types
            .iter()
            .map(|layer_type| match layer_type {
                LayerType::SlidingAttention => context_tokens.min(self.sliding_window),
                LayerType::FullAttention => context_tokens,
            })
            .fold(0u64, |total, tokens| {
                total.saturating_add(bytes_per_token.saturating_mul(tokens as u64))
            })
    }

    /// Trained parameters, whatever their format on disk.
    pub fn parameter_count(&self) -> u64 {
        let embedding = product(&[self.vocab_size, self.hidden_size]);
        let head = if self.tie_word_embeddings {
            0
        } else {
            embedding
        };
        sum(&[
            embedding,
            head,
            self.hidden_size as u64,
            self.layers_parameter_count(self.num_local_experts),
        ])
    }

    /// Parameters that one token meets: the chosen experts only, and the head but not the
    /// embedding table, of which a token reads one row.
    pub fn active_parameter_count(&self) -> u64 {
        sum(&[
            product(&[self.vocab_size, self.hidden_size]),
            self.hidden_size as u64,
            self.layers_parameter_count(self.num_experts_per_tok),
        ])
    }

    fn layers_parameter_count(&self, num_experts: usize) -> u64 {
        let (hidden, inner) = (self.hidden_size, self.intermediate_size);
        let experts = sum(&[
            product(&[2, inner, hidden]),
            product(&[2, inner]),
            product(&[hidden, inner]),
            hidden as u64,
        ])
        .saturating_mul(num_experts as u64);
        let attention = sum(&[
            linear(hidden, self.q_dim()),
            linear(hidden, self.kv_dim()).saturating_mul(2),
            linear(self.q_dim(), hidden),
            self.num_attention_heads as u64,
        ]);
        sum(&[
            experts,
            attention,
            linear(hidden, self.num_local_experts),
            product(&[2, hidden]),
        ])
        .saturating_mul(self.num_hidden_layers as u64)
    }
}

/// Weights and bias of a linear layer.
fn linear(inputs: usize, outputs: usize) -> u64 {
    product(&[inputs, outputs]).saturating_add(outputs as u64)
}

fn product(factors: &[usize]) -> u64 {
    factors
        .iter()
        .fold(1u64, |total, &factor| total.saturating_mul(factor as u64))
}

fn sum(terms: &[u64]) -> u64 {
    terms
        .iter()
        .fold(0u64, |total, &term| total.saturating_add(term))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameter_counts_are_those_of_the_model_card() {
        let billions = |count: u64| format!("{:.2}", count as f64 / 1e9);
        let (small, large) = (ModelConfig::gpt_oss_20b(), ModelConfig::gpt_oss_120b());
        assert_eq!(billions(small.parameter_count()), "20.91");
        assert_eq!(billions(large.parameter_count()), "116.83");
        assert_eq!(billions(small.active_parameter_count()), "3.61");
        assert_eq!(billions(large.active_parameter_count()), "5.13");
    }

    #[test]
    fn sliding_layers_hold_at_most_their_window() {
        let config = ModelConfig::gpt_oss_20b();
        let per_token_bytes = 2 * 8 * 64 * 2;
        assert_eq!(config.kv_bytes(100, 2), 24 * 100 * per_token_bytes);
        assert_eq!(
            config.kv_bytes(4096, 2),
            12 * (4096 + 128) * per_token_bytes
        );
    }

    #[test]
    fn absurd_values_saturate() {
        let mut config = ModelConfig::gpt_oss_20b();
        config.hidden_size = usize::MAX;
        config.head_dim = usize::MAX;
        assert_eq!(config.parameter_count(), u64::MAX);
        assert_eq!(config.kv_bytes(usize::MAX, usize::MAX), u64::MAX);
    }
}
