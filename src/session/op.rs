//! The one vocabulary of changes.

use serde::{Deserialize, Serialize};

use super::node::{
    Framing, InterventionChange, Node, NodeId, NodeKind, SamplingChange, TurnOutcome, TurnSettings,
};
use crate::harmony::HarmonyEvent;

/// A change of a conversation; what a session's file is made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[expect(
    clippy::large_enum_variant,
    reason = "operations live for a moment, in short lists"
)]
pub enum TreeOp {
    /// A new message, which becomes the one shown.
    AddNode(Node),
    /// More of a running answer.
    AppendTokens {
        /// The answer.
        node: NodeId,
        /// The tokens.
        ids: Vec<u32>,
        /// Their texts.
        texts: Vec<String>,
        /// What the parser made of them.
        events: Vec<HarmonyEvent>,
        /// When, on the wall clock.
        at_ms: u64,
    },
    /// Tokens that the program put into an answer.
    Insert {
        /// The answer.
        node: NodeId,
        /// The tokens.
        ids: Vec<u32>,
        /// Their texts.
        texts: Vec<String>,
        /// What they mean.
        events: Vec<HarmonyEvent>,
        /// When, on the wall clock.
        at_ms: u64,
    },
    /// Other sampling from some token on.
    SamplingChanged {
        /// The answer.
        node: NodeId,
        /// From where, and to what.
        change: SamplingChange,
    },
    /// Other rules for the experts' choice from some token on.
    InterventionsChanged {
        /// The answer.
        node: NodeId,
        /// From where, and to what.
        change: InterventionChange,
    },
    /// The end of an answer, for now.
    Finish {
        /// The answer.
        node: NodeId,
        /// How it ended.
        outcome: TurnOutcome,
        /// What the parser said at the end.
        events: Vec<HarmonyEvent>,
        /// When, on the wall clock.
        at_ms: u64,
    },
    /// An answer is gone on with.
    Reopen {
        /// The answer.
        node: NodeId,
        /// With what.
        settings: TurnSettings,
        /// Tokens that stay; the one that closed the answer goes.
        keep_tokens: usize,
    },
    /// Shows the branch of a message.
    Select {
        /// The message.
        node: NodeId,
    },
    /// Gives the session a title.
    SetTitle {
        /// The title.
        title: String,
    },
    /// Sets the two messages before the conversation.
    SetFraming(Framing),
    /// Leaves what is before a message out of the prompts to come.
    SetHistoryStart {
        /// The first message sent; none sends all.
        node: Option<NodeId>,
        /// What is sent in place of the messages before it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        summary: Option<String>,
    },
    /// What is being written and not sent yet.
    SetDraft {
        /// The text.
        text: String,
    },
}

impl TreeOp {
    /// Joins another operation to this one where both append to the same answer at once.
    #[expect(
        clippy::result_large_err,
        reason = "the error is the operation handed back"
    )]
    pub(super) fn absorb(&mut self, other: Self) -> Result<(), Self> {
        match (self, other) {
            (
                Self::AppendTokens {
                    node,
                    ids,
                    texts,
                    events,
                    at_ms,
                },
                Self::AppendTokens {
                    node: other_node,
                    ids: other_ids,
                    texts: other_texts,
                    events: other_events,
                    at_ms: other_at_ms,
                },
                // A message's times come from its operation, so only plain text is joined.
            ) if *node == other_node && all_text(&other_events) && all_text(events) => {
                ids.extend(other_ids);
                texts.extend(other_texts);
                events.extend(other_events);
                *at_ms = other_at_ms;
                Ok(())
            }
            (Self::SetDraft { text }, Self::SetDraft { text: other }) => {
                *text = other;
                Ok(())
            }
            (_, other) => Err(other),
        }
    }

    /// The same change of a conversation whose messages' names are `offset` greater.
    #[must_use]
    pub fn renamed(mut self, offset: u64) -> Self {
        let rename = |id: &mut NodeId| id.0 = id.0.saturating_add(offset);
        match &mut self {
            Self::AddNode(node) => {
                rename(&mut node.id);
                node.parent.iter_mut().for_each(rename);
                if let NodeKind::Assistant(turn) = &mut node.kind {
                    turn.fork.iter_mut().for_each(|fork| rename(&mut fork.from));
                }
            }
            Self::AppendTokens { node, .. }
            | Self::Insert { node, .. }
            | Self::SamplingChanged { node, .. }
            | Self::InterventionsChanged { node, .. }
            | Self::Finish { node, .. }
            | Self::Reopen { node, .. }
            | Self::Select { node } => rename(node),
            Self::SetHistoryStart { node, .. } => node.iter_mut().for_each(rename),
            Self::SetTitle { .. } | Self::SetFraming(_) | Self::SetDraft { .. } => {}
        }
        self
    }

    /// Whether it should reach the disk at once.
    pub(super) fn is_urgent(&self) -> bool {
        !matches!(self, Self::AppendTokens { .. })
    }
}

fn all_text(events: &[HarmonyEvent]) -> bool {
    events
        .iter()
        .all(|event| matches!(event, HarmonyEvent::Text { .. }))
}
