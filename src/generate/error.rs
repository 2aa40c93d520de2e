//! Why a generation could not go on.

use super::params::SamplingError;
use crate::intervention::InterventionError;
use crate::mlx::Exception;

/// Errors of [`super::Generation`] and [`super::TokenGenerator`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GenerateError {
    /// There is nothing to continue.
    #[error("the prompt is empty")]
    EmptyPrompt,
    /// A token id that the model has no embedding for.
    #[error(
        "token id {id} at position {position} is out of range: the vocabulary has {vocab_size}"
    )]
    TokenOutOfRange {
        /// The id.
        id: u32,
        /// Where it stands in the prompt.
        position: usize,
        /// The ids that exist are below this.
        vocab_size: usize,
    },
    /// The prompt does not fit the context.
    #[error(
        "the prompt has {prompt_tokens} tokens, and the context holds {limit_tokens}; shorten it"
    )]
    PromptTooLong {
        /// Tokens of the prompt.
        prompt_tokens: usize,
        /// The longest prompt that leaves room for one more token.
        limit_tokens: usize,
    },
    /// The prediction is above the limit; nothing was computed.
    #[error(
        "{context_tokens} tokens would need {} and the limit is {}; the largest context that fits \
         is {largest_context_tokens} tokens",
        gigabytes(*predicted_bytes),
        gigabytes(*limit_bytes)
    )]
    Memory {
        /// Prompt and answer together.
        context_tokens: usize,
        /// Predicted peak.
        predicted_bytes: u64,
        /// What the device or the user allows.
        limit_bytes: u64,
        /// The longest context whose prediction is within the limit.
        largest_context_tokens: usize,
    },
    /// A sampling parameter is out of range.
    #[error(transparent)]
    Sampling(#[from] SamplingError),
    /// The experts' choice cannot be changed in that way.
    #[error(transparent)]
    Intervention(#[from] InterventionError),
    /// MLX failed, most likely for want of memory.
    #[error("MLX failed: {0}")]
    Mlx(String),
}

impl From<Exception> for GenerateError {
    fn from(exception: Exception) -> Self {
        Self::Mlx(exception.what().to_owned())
    }
}

fn gigabytes(bytes: u64) -> String {
    format!("{:.2} GB", bytes as f64 / 1e9)
}
