//! How a generation ended, and its counters.

use serde::{Deserialize, Serialize};

/// Why a generation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// The model wrote a stop token, or the text reached a stop string.
    Stop,
    /// The permitted number of tokens, or the end of the context, was reached.
    Length,
    /// The user stopped it; what was generated so far is kept.
    Cancelled,
}

/// The counters of one generation.
///
/// A rate is `None` where nothing was measured: no prompt token computed, or fewer than two tokens
/// generated. Times run from the moment the request was taken up, not from when it was queued.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct GenerationStats {
    /// Tokens in the prompt, reused ones included.
    pub prompt_tokens: usize,
    /// Prompt tokens whose keys and values were still in the cache.
    pub reused_tokens: usize,
    /// Computed prompt tokens a second.
    pub prefill_tps: Option<f64>,
    /// From taking up the request to its first token, in milliseconds.
    pub time_to_first_token_ms: Option<f64>,
    /// Tokens generated, the stop token included.
    pub generated_tokens: usize,
    /// Tokens a second after the first one.
    pub decode_tps: Option<f64>,
    /// From taking up the request to its end, in milliseconds.
    pub total_ms: f64,
    /// The largest number of bytes the device held at once since the model was loaded.
    pub peak_memory_bytes: u64,
}
