//! Trace files: what a model chose for every token, for tools, for replay and for comparing.
//!
//! There are two kinds of file with the same content, and [`TraceFile::open`] opens both. While a
//! model runs, [`TraceRecorder`] appends chunks of tokens to a *journal* (`NAME.part`), each with its
//! length and a checksum, so that a program that is killed leaves all chunks but the last. At the end
//! the journal becomes the *finished* file `NAME`, which is a safetensors file for other programs;
//! [`recover`] does the same to a journal that was left behind.
//!
//! Arrays of the finished file, for `T` tokens in order (the prompt's first), `L` layers, `E` experts
//! in each and `K` chosen ones: `tokens` u32 `[T]`, `spans` u8 `[T]` (a [`Span`]'s place in
//! [`Span::ALL`]), `experts` u8 `[T, L, K]` by descending weight (u16 above 255 experts),
//! `expert_weights` f16 `[T, L, K]`: for gpt-oss-20b 288 bytes a token, for gpt-oss-120b 432.
//! Where recorded: `text` u8 (all tokens' UTF-8) with `text_ends` u32 `[T]`, `entropies` f32 `[T, L]`,
//! `logprobs` f32 `[T]`, `top_ids` u32 and `top_logprobs` f32 `[T, N]`, `router_logits` f32
//! `[T, L, E]` and `logits` f32 `[T, V]`. A number that was not recorded for a token is NaN, an
//! expert or alternative that is not there has the highest id. The metadata has `format`,
//! `format_version`, `ended` and `header`, a [`TraceHeader`] as JSON.
//!
//! Knows neither models nor tokenizers, nor who records. Start with [`TraceRecorder`] and
//! [`TraceFile::open`].
//!
//! Invariants: what `open` returns is within its ranges, and `append` refuses what `open` would;
//! opening takes memory in proportion to the file, whatever the file claims.

mod check;
mod chunk;
mod columns;
mod compare;
mod container;
mod error;
mod finish;
mod follow;
mod journal;
mod read;
mod recorder;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::analytics::Span;
use crate::generate::TokenRouting;

pub use compare::Comparison;
pub use error::TraceError;
pub use finish::{Recovery, recover};
pub use follow::FollowError;
pub use read::{Completeness, TraceFile};
pub use recorder::{TraceRecorder, journal_path};

/// The version of both kinds of file.
const FORMAT_VERSION: u32 = 2;
/// What `format` says in a finished file's metadata.
const FORMAT: &str = "gptoss-trace";

/// Where a trace comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TraceHeader {
    /// The program's version.
    pub program_version: String,
    /// When the recording began, in RFC 3339.
    pub recorded_at: String,
    /// The model's name.
    pub model_name: String,
    /// [`crate::checkpoint::Checkpoint::weights_digest`].
    pub weights_digest: String,
    /// [`crate::tokenizer::Tokenizer::digest`]; empty where there was none.
    #[serde(default)]
    pub tokenizer_digest: String,
    /// The settings of the run, samplers included.
    pub settings: Value,
    /// What changed the experts' choice, in whatever form; null or an empty list where nothing did.
    pub interventions: Value,
    /// The model's dimensions.
    pub shape: TraceShape,
}

impl TraceHeader {
    /// Whether the model ran as it is.
    pub fn is_untouched(&self) -> bool {
        match &self.interventions {
            Value::Null => true,
            Value::Array(rules) => rules.is_empty(),
            _ => false,
        }
    }
}

/// The dimensions of a model as far as its trace goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceShape {
    /// `L`.
    pub num_layers: usize,
    /// `E`.
    pub num_local_experts: usize,
    /// `K`: the room for experts in each layer, the same in all.
    pub num_experts_per_tok: usize,
    /// `V`.
    pub vocab_size: usize,
}

impl TraceShape {
    /// Experts recorded for each token, `L * K`.
    fn choices(&self) -> usize {
        self.num_layers * self.num_experts_per_tok
    }

    /// The size of an expert's id: one byte while the highest is free for [`crate::intervention::NO_EXPERT`].
    fn expert_bytes(&self) -> usize {
        if u8::try_from(self.num_local_experts).is_ok() {
            1
        } else {
            2
        }
    }

    /// Router logits of each token, `L * E`.
    fn cells(&self) -> usize {
        self.num_layers * self.num_local_experts
    }
}

/// A token of a trace.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceToken {
    /// Its id.
    pub id: u32,
    /// Its own text for display; empty where there was no tokenizer.
    pub text: String,
    /// The part of the sequence it belongs to.
    pub span: Span,
    /// The routers' choices when it passed through the model; none where they were not recorded,
    /// such as for a token that came from a cache.
    pub routing: Option<Arc<TokenRouting>>,
    /// Its natural logarithmic probability, if recorded.
    pub logprob: Option<f32>,
    /// The most probable tokens in its place with their logarithmic probabilities.
    pub top_logprobs: Vec<(u32, f32)>,
}

/// A token to be recorded, with the large rows that stay in the file.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceRow {
    /// The token.
    pub token: TraceToken,
    /// `[L, E]`, row by row.
    pub router_logits: Option<Vec<f32>>,
    /// `[V]`.
    pub logits: Option<Vec<f32>>,
}
