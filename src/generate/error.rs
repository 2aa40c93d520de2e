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
    /// The device had no memory left in the midst of the work, whatever was predicted.
    #[error(
        "the device has no memory left: {} in use, {} at the most so far; MLX says: {message}",
        gigabytes(*in_use_bytes),
        gigabytes(*peak_bytes)
    )]
    OutOfMemory {
        /// What the allocator says, with the size that it was asked for.
        message: String,
        /// Held when it failed.
        in_use_bytes: u64,
        /// Held at once at the most, since the model was loaded.
        peak_bytes: u64,
    },
    /// A value of the pass was too large for f16, and so nothing that came of it is a number.
    #[error("the model's values do not fit into f16, which ends at 65504; use bf16")]
    RangeLeft,
    /// MLX failed for another reason.
    #[error("MLX failed: {0}")]
    Mlx(String),
}

/// How MLX's allocators, and the drivers below them, say that there is no memory.
const NO_MEMORY: [&str; 4] = [
    "unable to allocate",
    "out of memory",
    "insufficient memory",
    "maximum allowed buffer size",
];

impl From<Exception> for GenerateError {
    fn from(exception: Exception) -> Self {
        let message = exception.what().to_owned();
        let lower = message.to_lowercase();
        if !NO_MEMORY.iter().any(|words| lower.contains(words)) {
            return Self::Mlx(message);
        }
        let bytes = |read: fn() -> Result<usize, Exception>| read().unwrap_or_default() as u64;
        Self::OutOfMemory {
            message,
            in_use_bytes: bytes(mlx_rs::memory::active_memory),
            peak_bytes: bytes(mlx_rs::memory::peak_memory),
        }
    }
}

fn gigabytes(bytes: u64) -> String {
    format!("{:.2} GB", bytes as f64 / 1e9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_without_memory_is_told_from_other_failures_and_with_numbers() {
        let messages = [
            "[malloc] Unable to allocate 17179869184 bytes.",
            "cudaMallocAsync(&data, size, stream) failed: out of memory",
            "[METAL] Command buffer execution failed: Insufficient Memory (00000008)",
            "[metal::malloc] Attempting to allocate 9 bytes which is greater than the maximum \
             allowed buffer size of 8 bytes.",
        ];
        for message in messages {
            let error = GenerateError::from(Exception::custom(message));
            let text = error.to_string();
            assert!(matches!(error, GenerateError::OutOfMemory { .. }), "{text}");
            assert!(
                text.contains(" GB in use") && text.ends_with(message),
                "{text}"
            );
        }
        let other = GenerateError::from(Exception::custom("[matmul] shapes do not match"));
        assert!(matches!(other, GenerateError::Mlx(_)), "{other}");
    }
}
