//! What the parser reports.

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::message::Header;

/// A step in the parsing of a token stream.
///
/// `tokens` are positions in the stream, from 0. The ranges of successive events follow one
/// another without gap or overlap, so together they cover every token that was fed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HarmonyEvent {
    /// A header is complete and well formed; `<|message|>` is its last token.
    MessageStarted {
        /// What the header says.
        header: Header,
        /// The header's tokens; empty for a header that was prefilled.
        tokens: Range<usize>,
    },
    /// More of the open message's text: whole characters only.
    Text {
        /// The text.
        delta: String,
        /// The tokens whose characters are complete with this event.
        tokens: Range<usize>,
    },
    /// The open message is over.
    MessageEnded {
        /// How it ended.
        ending: MessageEnding,
        /// The closing token, or none if it was cut off.
        tokens: Range<usize>,
    },
    /// Tokens that fit no message.
    Fault {
        /// What is wrong.
        kind: FaultKind,
        /// The tokens' text, control tokens spelled out.
        text: String,
        /// The tokens.
        tokens: Range<usize>,
    },
}

impl HarmonyEvent {
    /// The positions of the tokens that the event is about.
    pub const fn tokens(&self) -> &Range<usize> {
        match self {
            Self::MessageStarted { tokens, .. }
            | Self::Text { tokens, .. }
            | Self::MessageEnded { tokens, .. }
            | Self::Fault { tokens, .. } => tokens,
        }
    }
}

/// How a message ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageEnding {
    /// `<|end|>`: another message may follow.
    End,
    /// `<|return|>`: the turn is over.
    Return,
    /// `<|call|>`: a tool is to answer.
    Call,
    /// No closing token: the stream ended, or another message or document began.
    Truncated,
}

/// What is wrong with a span of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FaultKind {
    /// Tokens between messages, where `<|start|>` was expected.
    OutsideMessage,
    /// A control token inside a text; the text goes on after it.
    StrayControlToken,
    /// An id that the vocabulary does not have, inside a text.
    UnknownToken,
    /// The header says no role.
    MissingRole,
    /// The header's role is neither known nor a tool's name.
    UnknownRole,
    /// `role:` without a name.
    MissingName,
    /// `to=` without a recipient.
    MissingRecipient,
    /// More than one recipient.
    DoubledRecipient,
    /// `<|channel|>` without a channel.
    MissingChannel,
    /// More than one `<|channel|>`.
    DoubledChannel,
    /// Words in the header that have no meaning there.
    FreeTextInHeader,
    /// A control token that has no place in the header, or at that place.
    ControlTokenInHeader,
    /// The header's bytes are not UTF-8, or it holds an id outside the vocabulary.
    UnreadableHeader,
    /// More tokens than any header has.
    HeaderTooLong,
    /// The message ends without a text: no `<|message|>`.
    MissingMessage,
    /// The stream ends inside the header.
    TruncatedHeader,
}

impl FaultKind {
    /// A short description for people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OutsideMessage => "text outside a message",
            Self::StrayControlToken => "control token inside a text",
            Self::UnknownToken => "id outside the vocabulary",
            Self::MissingRole => "header without a role",
            Self::UnknownRole => "unknown role",
            Self::MissingName => "author without a name",
            Self::MissingRecipient => "recipient without a name",
            Self::DoubledRecipient => "more than one recipient",
            Self::MissingChannel => "channel without a name",
            Self::DoubledChannel => "more than one channel",
            Self::FreeTextInHeader => "free text in the header",
            Self::ControlTokenInHeader => "misplaced control token in the header",
            Self::UnreadableHeader => "unreadable header",
            Self::HeaderTooLong => "header too long",
            Self::MissingMessage => "message without a text",
            Self::TruncatedHeader => "header cut off",
        }
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
