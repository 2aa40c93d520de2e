//! Harmony, the message format that gpt-oss models were trained on.
//!
//! A message is `<|start|>{header}<|message|>{text}<|end|>`; the header holds the role, perhaps
//! an author's name, a recipient, a channel and the text's data type:
//!
//! ```text
//! <|start|>user<|message|>What is 2 + 2?<|end|>
//! <|start|>assistant<|channel|>analysis<|message|>A simple sum.<|end|>
//! <|start|>assistant<|channel|>final<|message|>4<|return|>
//! ```
//!
//! (The line breaks are not part of it.) Control tokens are ids, never text.
//!
//! - [`Conversation`] and its parts are plain data; [`Conversation::from_json`] reads a file of
//!   messages.
//! - [`Renderer`] turns a conversation into the ids of a prompt.
//! - [`StreamParser`] turns ids, one at a time, into [`HarmonyEvent`]s; [`parse`] does so at once.
//!
//! This module knows nothing of models, sampling and screens. Start reading at `message.rs`.
//!
//! Invariants:
//! - no text in a conversation can become a control token;
//! - the parser accepts every sequence of ids, loses none of them, and never panics: the token
//!   ranges of its events follow one another without gaps;
//! - both are linear in the number of tokens.

mod collect;
mod content;
mod error;
mod event;
mod framing_json;
mod header;
mod json_fields;
mod message;
mod messages_json;
mod parser;
mod render;
mod schema;
mod tokens;

pub use collect::{FaultSpan, Parsed, ParsedMessage, parse};
pub use error::{MessagesError, RenderError};
pub use event::{FaultKind, HarmonyEvent, MessageEnding};
pub use message::{
    Channel, Conversation, DeveloperContent, Header, Message, ReasoningEffort, Role, SystemContent,
    ToolDescription,
};
pub use parser::{ParsePlace, ParseStart, StreamParser};
pub use render::{AnalysisHistory, Prefill, RenderEnding, RenderOptions, Renderer};
pub use tokens::HarmonyTokens;
