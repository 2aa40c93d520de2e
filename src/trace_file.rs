//! Trace files: what a model chose for every token, for tools and for replay.
//!
//! A trace is a safetensors file. Arrays, for `T` tokens (prompt and generated, in order), `L`
//! layers and `K` chosen experts: `tokens` i32 `[T]`, `experts` i32 `[T, L, K]` by descending
//! weight (-1 where rules made a layer choose fewer), `expert_weights` f32 `[T, L, K]`, and when recorded `logits` f32 `[T, V]` and
//! `router_logits` f32 `[T, L, E]`. Strings of the metadata: see [`TraceMetadata`].
//!
//! Knows neither models nor tokenizers. Start with [`TraceData::write`] and [`TraceFile::open`].
//!
//! Invariant: what `open` returns is complete and within its ranges, and `write` refuses what
//! `open` would.

mod check;
mod error;
mod read;
mod write;

use serde_json::Value;

pub use error::TraceError;
pub use read::TraceFile;

/// The version of the file's format, under `format_version`.
const FORMAT_VERSION: &str = "1";
/// What `format` says in the metadata.
const FORMAT: &str = "gptoss-trace";

/// Where a trace comes from.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceMetadata {
    /// The program's version; `program_version` in the file.
    pub program_version: String,
    /// The model's name; `model` in the file.
    pub model_name: String,
    /// [`crate::checkpoint::Checkpoint::weights_digest`]; `weights_digest` in the file.
    pub weights_digest: String,
    /// The settings of the run; `settings` in the file, as JSON.
    pub settings: Value,
    /// How many of the tokens are the prompt's; `prompt_tokens` in the file, in decimal.
    pub prompt_tokens: usize,
}

impl TraceMetadata {
    /// Whether the settings name rules that changed the experts' choice.
    pub fn has_rules(&self) -> bool {
        let rules = self.settings["interventions"].as_array();
        rules.is_some_and(|rules| !rules.is_empty())
    }
}

/// The dimensions of a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceShape {
    /// `T`.
    pub num_tokens: usize,
    /// `L`.
    pub num_layers: usize,
    /// `K`.
    pub num_experts_per_tok: usize,
}

/// A trace to be written; all arrays are row-major.
#[derive(Debug, Clone, Copy)]
pub struct TraceData<'a> {
    /// Number of layers, and of experts that a token visits.
    pub shape: TraceShape,
    /// `[T]`.
    pub tokens: &'a [i32],
    /// `[T, L, K]`, by descending weight.
    pub experts: &'a [i32],
    /// `[T, L, K]`.
    pub expert_weights: &'a [f32],
    /// `[T, V]`.
    pub logits: Option<&'a [f32]>,
    /// `[T, L, E]`.
    pub router_logits: Option<&'a [f32]>,
}
