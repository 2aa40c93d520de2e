//! From an answer's tokens to its pieces of text.

use gptoss::harmony::{Channel, HarmonyEvent, ParseStart, Role, StreamParser};
use gptoss::tokenizer::{TextStream, Tokenizer};

use super::exit::CliError;

/// How tokens become text.
#[derive(Debug)]
pub(crate) enum Decoder {
    /// Not at all: there is no tokenizer.
    Ids,
    /// As they are, but for the tokens that end an answer.
    Raw {
        /// The vocabulary.
        tokenizer: Tokenizer,
        /// Characters whose bytes are not complete.
        stream: TextStream,
    },
    /// As the messages of a chat.
    Harmony {
        /// Reads the messages.
        parser: Box<StreamParser>,
        /// What the open message is.
        open: Part,
    },
}

/// What a piece of text belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    /// The answer.
    Answer,
    /// Another channel.
    Channel(Channel),
    /// Tokens that fit no message.
    Fault,
}

impl Part {
    /// A name for labels and JSON.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Answer => "final",
            Self::Channel(channel) => channel.as_str(),
            Self::Fault => "fault",
        }
    }
}

/// Text that a token completed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    /// What it belongs to.
    pub(crate) part: Part,
    /// The text.
    pub(crate) text: String,
}

impl Decoder {
    /// For plain continuations.
    pub(crate) fn raw(tokenizer: &Tokenizer) -> Self {
        Self::Raw {
            tokenizer: tokenizer.clone(),
            stream: TextStream::new(),
        }
    }

    /// For answers in a chat.
    pub(crate) fn harmony(tokenizer: &Tokenizer) -> Result<Self, CliError> {
        let start = ParseStart::AfterRole(Role::Assistant);
        Ok(Self::Harmony {
            parser: Box::new(StreamParser::new(tokenizer, start)?),
            open: Part::Answer,
        })
    }

    /// Whether tokens become text.
    pub(crate) fn has_text(&self) -> bool {
        !matches!(self, Self::Ids)
    }

    /// Whether the text has several channels.
    pub(crate) fn has_channels(&self) -> bool {
        matches!(self, Self::Harmony { .. })
    }

    /// Takes the next token.
    pub(crate) fn push(&mut self, id: u32) -> Vec<Piece> {
        match self {
            Self::Ids => Vec::new(),
            Self::Raw { tokenizer, stream } => {
                if tokenizer.end_of_answer_ids().any(|stop| stop == id) {
                    return Vec::new();
                }
                answer(stream.push(tokenizer.token_bytes(id).unwrap_or_default()))
            }
            Self::Harmony { parser, open } => pieces(parser.push(id), open),
        }
    }

    /// What was waiting for more.
    pub(crate) fn finish(&mut self) -> Vec<Piece> {
        match self {
            Self::Ids => Vec::new(),
            Self::Raw { stream, .. } => answer(stream.finish()),
            Self::Harmony { parser, open } => pieces(parser.finish(), open),
        }
    }
}

fn answer(text: String) -> Vec<Piece> {
    if text.is_empty() {
        return Vec::new();
    }
    let part = Part::Answer;
    vec![Piece { part, text }]
}

fn pieces(events: Vec<HarmonyEvent>, open: &mut Part) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for event in events {
        match event {
            HarmonyEvent::MessageStarted { header, .. } => {
                *open = match (header.channel, header.recipient) {
                    (None | Some(Channel::Final), None) => Part::Answer,
                    (channel, _) => Part::Channel(channel.unwrap_or(Channel::Commentary)),
                };
            }
            HarmonyEvent::Text { delta: text, .. } => pieces.push(Piece {
                part: open.clone(),
                text,
            }),
            HarmonyEvent::Fault { text, .. } => pieces.push(Piece {
                part: Part::Fault,
                text,
            }),
            HarmonyEvent::MessageEnded { .. } => {}
        }
    }
    pieces
}
