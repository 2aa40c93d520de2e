//! A whole stream of ids to messages at once.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::RenderError;
use super::event::{FaultKind, HarmonyEvent, MessageEnding};
use super::message::Message;
use super::parser::{ParseStart, StreamParser};
use crate::tokenizer::Tokenizer;

/// What a stream of ids holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parsed {
    /// The well-formed messages in order.
    pub messages: Vec<ParsedMessage>,
    /// What fits no message; adjacent faults of one kind are one span.
    pub faults: Vec<FaultSpan>,
}

impl Parsed {
    /// The messages alone.
    pub fn into_messages(self) -> Vec<Message> {
        self.messages
            .into_iter()
            .map(|parsed| parsed.message)
            .collect()
    }
}

/// A message and where it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParsedMessage {
    /// The message.
    pub message: Message,
    /// How it ended.
    pub ending: MessageEnding,
    /// Its tokens from the header to the closing token.
    pub tokens: Range<usize>,
}

/// Tokens that fit no message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultSpan {
    /// What is wrong.
    pub kind: FaultKind,
    /// The tokens' text, control tokens spelled out.
    pub text: String,
    /// The tokens.
    pub tokens: Range<usize>,
}

/// Parses a complete stream of ids.
///
/// *Errors:* [`RenderError::MissingSpecialToken`] if the vocabulary is not harmony's.
pub fn parse(tokenizer: &Tokenizer, start: ParseStart, ids: &[u32]) -> Result<Parsed, RenderError> {
    let mut parser = StreamParser::new(tokenizer, start)?;
    let mut parsed = Parsed::default();
    for &id in ids {
        parser
            .push(id)
            .into_iter()
            .for_each(|event| parsed.add(event));
    }
    parser
        .finish()
        .into_iter()
        .for_each(|event| parsed.add(event));
    Ok(parsed)
}

impl Parsed {
    /// Adds the next event of one stream.
    pub fn add(&mut self, event: HarmonyEvent) {
        match event {
            HarmonyEvent::MessageStarted { header, tokens } => self.messages.push(ParsedMessage {
                message: Message::new(header, String::new()),
                ending: MessageEnding::Truncated,
                tokens,
            }),
            HarmonyEvent::Text { delta, tokens } => {
                if let Some(open) = self.messages.last_mut() {
                    open.message.text += &delta;
                    open.tokens.end = tokens.end;
                }
            }
            HarmonyEvent::MessageEnded { ending, tokens } => {
                if let Some(open) = self.messages.last_mut() {
                    open.ending = ending;
                    open.tokens.end = tokens.end;
                }
            }
            HarmonyEvent::Fault { kind, text, tokens } => self.add_fault(kind, &text, tokens),
        }
    }

    fn add_fault(&mut self, kind: FaultKind, text: &str, tokens: Range<usize>) {
        match self.faults.last_mut() {
            Some(last) if last.kind == kind && last.tokens.end == tokens.start => {
                last.text += text;
                last.tokens.end = tokens.end;
            }
            _ => self.faults.push(FaultSpan {
                kind,
                text: text.to_owned(),
                tokens,
            }),
        }
    }
}
