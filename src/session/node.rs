//! What a conversation consists of.

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::engine::protocol::{ErrorReport, ModelOrigin};
use crate::generate::{FinishReason, GenerationStats, SamplingParams};
use crate::harmony::{
    DeveloperContent, FaultSpan, Header, MessageEnding, ReasoningEffort, SystemContent,
};
use crate::intervention::Interventions;

/// The name of a message within its tree; 0 is never used.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct NodeId(pub u64);

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "message {}", self.0)
    }
}

/// A message, or a whole answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// Its name.
    pub id: NodeId,
    /// What it answers; none for the first message.
    pub parent: Option<NodeId>,
    /// When it was made, on the wall clock; nothing depends on its order.
    pub created_ms: u64,
    /// Who wrote what.
    pub kind: NodeKind,
    /// Whether a person wrote it in the model's place.
    #[serde(default)]
    pub edited: bool,
}

/// Who wrote what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(
    clippy::large_enum_variant,
    reason = "most messages of a conversation are answers"
)]
pub enum NodeKind {
    /// The person.
    User {
        /// The text.
        text: String,
    },
    /// A tool's result, as a person gave it.
    Tool {
        /// The tool's full name.
        name: String,
        /// The result.
        text: String,
    },
    /// The model.
    Assistant(Turn),
}

/// An answer: everything that one request for an answer, and those that went on with it, produced.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Turn {
    /// The messages: analysis, calls, the final one.
    pub parts: Vec<Part>,
    /// The tokens, those inserted included; empty for a text that a person wrote.
    pub ids: Vec<u32>,
    /// The tokens' own texts in one, control tokens spelled.
    pub raw_text: String,
    /// Where each token's text ends in `raw_text`, in bytes.
    pub token_ends: Vec<usize>,
    /// Tokens that the program put in, not the model.
    pub inserted: Vec<Range<usize>>,
    /// Tokens that fit no message.
    pub faults: Vec<FaultSpan>,
    /// What it was asked for with.
    pub settings: TurnSettings,
    /// Changes of the sampling while it was generated.
    pub sampling_changes: Vec<SamplingChange>,
    /// Changes of the experts' choice while it was generated.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub intervention_changes: Vec<InterventionChange>,
    /// The answer that it begins like, and where it parts from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fork: Option<Fork>,
    /// How it ended; none while it is being generated.
    pub outcome: Option<TurnOutcome>,
    /// What the end added, so that going on can take it back.
    #[serde(default)]
    pub(super) before_end: Option<BeforeEnd>,
}

/// One message of an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// To whom and what for.
    pub header: Header,
    /// The text.
    pub text: String,
    /// How it ended; none while it is open.
    pub ending: Option<MessageEnding>,
    /// Its tokens in the answer, header and closing token included.
    pub tokens: Range<usize>,
    /// When its header was complete, on the wall clock.
    pub started_ms: u64,
    /// When it ended.
    pub ended_ms: Option<u64>,
}

/// What an answer was asked for with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TurnSettings {
    /// The model's name.
    pub model: String,
    /// Whether it is a model at all.
    pub origin: ModelOrigin,
    /// How long it was to reason.
    pub effort: ReasoningEffort,
    /// How its first token was drawn.
    pub sampling: SamplingParams,
    /// How its experts' choice was changed at first.
    #[serde(default, skip_serializing_if = "Interventions::is_empty")]
    pub interventions: Interventions,
    /// Whose choice of experts it followed instead of its own routers'.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub followed: Option<FollowedRouting>,
    /// The most tokens; none is as many as fit.
    pub max_tokens: Option<usize>,
}

/// Another run's recorded routing that an answer followed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowedRouting {
    /// The trace's name.
    pub trace: String,
    /// The first token of the answer that was computed with the model's own choice again; none
    /// where it followed to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_token: Option<usize>,
}

impl FollowedRouting {
    /// A whole answer's.
    pub fn of(trace: String) -> Self {
        Self {
            trace,
            until_token: None,
        }
    }

    /// Ends at the token at `index`, unless it ended before.
    pub(super) fn end_at(&mut self, index: usize) {
        self.until_token = Some(self.until_token.map_or(index, |until| until.min(index)));
    }
}

/// Other sampling parameters from some token on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SamplingChange {
    /// The first token of the answer drawn with them.
    pub token_index: usize,
    /// All parameters, changed or not.
    pub sampling: SamplingParams,
}

/// Other rules for the experts' choice from some token on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InterventionChange {
    /// The first token of the answer computed with them.
    pub token_index: usize,
    /// All rules, changed or not.
    pub interventions: Interventions,
}

/// Where an answer parts from another one because a person chose another token there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fork {
    /// The other answer; it need not be in the same file any more.
    pub from: NodeId,
    /// The chosen token's place in both answers; the tokens before it are the same.
    pub token_index: usize,
    /// The token that the other answer has there.
    pub instead_of: u32,
    /// That token's text.
    pub instead_of_text: String,
}

/// How an answer ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TurnOutcome {
    /// By itself, by a limit or by the person.
    Finished {
        /// Which of them.
        finish_reason: FinishReason,
        /// The last request's counters.
        stats: GenerationStats,
    },
    /// The request failed.
    Failed(ErrorReport),
    /// The engine crashed.
    Crashed(ErrorReport),
    /// The program ended while it was generated.
    Interrupted,
    /// A person wrote it.
    Written,
}

/// The state of an answer before its end was taken in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct BeforeEnd {
    pub(super) parts: usize,
    pub(super) faults: usize,
    /// Of the last part: the text's bytes, the tokens' end, the ending.
    pub(super) last: Option<(usize, usize, Option<MessageEnding>)>,
}

/// The two messages before the conversation.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Framing {
    /// Who the model is.
    pub system: SystemContent,
    /// Instructions and tools.
    pub developer: DeveloperContent,
}
