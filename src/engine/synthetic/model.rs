//! The form of a synthetic model: how many layers, experts, tokens.

use std::time::Duration;

use super::vocabulary::VOCAB_SIZE;
use crate::engine::nominal;
use crate::engine::protocol::{ErrorKind, ErrorReport, ModelOrigin, ModelSummary};

/// The form of a synthetic model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SyntheticModel {
    /// Layers, alternately with a sliding window and with full attention.
    pub num_hidden_layers: usize,
    /// Experts in each layer.
    pub num_local_experts: usize,
    /// Experts that each token goes to.
    pub num_experts_per_tok: usize,
    /// The longest sequence, in tokens.
    pub max_context_tokens: usize,
    /// Determines everything that the sampling seed does not.
    pub seed: u64,
    /// The time that each generated token takes.
    pub time_per_token: Duration,
    /// The time that each chunk of a prompt takes.
    pub time_per_prefill_chunk: Duration,
    /// The length of each answer to a conversation, in tokens; none lets the seeds choose.
    pub answer_tokens: Option<usize>,
}

impl SyntheticModel {
    /// The form of gpt-oss-20b: 24 layers of 32 experts. Takes no time.
    pub fn gpt_oss_20b() -> Self {
        Self {
            num_hidden_layers: 24,
            num_local_experts: 32,
            num_experts_per_tok: 4,
            max_context_tokens: 131_072,
            seed: 0,
            time_per_token: Duration::ZERO,
            time_per_prefill_chunk: Duration::ZERO,
            answer_tokens: None,
        }
    }

    /// The form of gpt-oss-120b: 36 layers of 128 experts. Takes no time.
    pub fn gpt_oss_120b() -> Self {
        Self {
            num_hidden_layers: 36,
            num_local_experts: 128,
            ..Self::gpt_oss_20b()
        }
    }

    /// Refuses forms that nothing could be made up for.
    pub(super) fn validate(&self) -> Result<(), ErrorReport> {
        let Self {
            num_hidden_layers,
            num_local_experts,
            num_experts_per_tok,
            ..
        } = *self;
        let fits = (1..=1024).contains(&num_hidden_layers)
            && (1..=4096).contains(&num_local_experts)
            && (1..=num_local_experts).contains(&num_experts_per_tok)
            && self.max_context_tokens > 0;
        if fits {
            return Ok(());
        }
        let message = format!(
            "no synthetic model of {num_hidden_layers} layers with {num_experts_per_tok} of \
             {num_local_experts} experts and a context of {} tokens",
            self.max_context_tokens
        );
        Err(ErrorReport::new(ErrorKind::Load, message)
            .with_hint("use 1 to 1024 layers and 1 to 4096 experts"))
    }

    /// What is shown of the model; it says that it is synthetic.
    pub(super) fn summary(&self) -> ModelSummary {
        let (layers, experts) = (self.num_hidden_layers, self.num_local_experts);
        ModelSummary {
            name: format!("synthetic {layers}×{experts}"),
            origin: ModelOrigin::Synthetic,
            layers: nominal::alternating_layers(layers),
            num_local_experts: experts,
            num_experts_per_tok: self.num_experts_per_tok,
            vocab_size: VOCAB_SIZE as usize,
            max_context_tokens: self.max_context_tokens,
            sliding_window_tokens: 128,
            weights_bytes: 0,
            dtype: "none".to_owned(),
            device: "synthetic".to_owned(),
            load_ms: 0.0,
        }
    }
}
