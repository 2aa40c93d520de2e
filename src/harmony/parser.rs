//! Token ids to messages, one id at a time, whatever the ids are.
//!
//! ```text
//!            <|start|>            <|message|>
//!  Outside ───────────▶ Header ───────────────▶ Body
//!     ▲                   │ malformed             │ <|end|> <|return|> <|call|>
//!     │    closing token  ▼                       │
//!     ├──────────────── Skipping                  │
//!     └───────────────────────────────────────────┘
//! ```
//!
//! `<|start|>` opens a header in every state. A malformed header and the body behind it are one
//! fault, up to the closing token or the next `<|start|>`. A control token that is stray in a
//! well-formed message's text is a fault of its own and the text goes on.

use std::ops::Range;

use super::event::{FaultKind, HarmonyEvent, MessageEnding};
use super::header::HeaderBuilder;
use super::message::{Header, Role};
use super::{HarmonyTokens, RenderError};
use crate::tokenizer::{SpecialToken, TextStream, Tokenizer};

/// Where in a message the stream begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParseStart {
    /// Between messages: `<|start|>` is expected.
    Outside,
    /// After `<|start|>{role}`, as what a model generates after a prompt for completion.
    AfterRole(Role),
    /// Inside the text of a message with this header, as after a prefill.
    InBody(Header),
}

/// What is open after the ids fed so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParsePlace {
    /// Nothing: `<|start|>` is expected.
    Outside,
    /// A header that holds no more than its role.
    AfterRole,
    /// A header with more in it.
    Header,
    /// A message's text.
    Body,
    /// Tokens that fit no message.
    Fault,
}

/// Parses a stream of ids into [`HarmonyEvent`]s.
///
/// ```
/// use gptoss::harmony::{HarmonyEvent, ParseStart, Role, StreamParser};
/// use gptoss::tokenizer::Tokenizer;
///
/// let tokenizer = Tokenizer::o200k_harmony()?;
/// let mut parser = StreamParser::new(&tokenizer, ParseStart::AfterRole(Role::Assistant))?;
/// let mut text = String::new();
/// for id in [200_005, 17_196, 200_008, 13_225, 200_002] {
///     for event in parser.push(id) {
///         if let HarmonyEvent::Text { delta, .. } = event {
///             text += &delta;
///         }
///     }
/// }
/// assert_eq!(text, "Hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct StreamParser {
    tokenizer: Tokenizer,
    tokens: HarmonyTokens,
    end_of_text: Option<u32>,
    state: State,
    /// Bytes of the open text or fault whose character is not complete.
    stream: TextStream,
    /// Where the tokens begin that no event has covered yet.
    reported: usize,
    /// How many tokens were fed.
    position: usize,
    /// Spelling of the open header, in case that it turns out a fault.
    header_text: Vec<u8>,
    events: Vec<HarmonyEvent>,
}

#[derive(Debug, Clone)]
enum State {
    Outside,
    Header(HeaderBuilder),
    Body,
    Skipping(FaultKind),
}

impl StreamParser {
    /// A parser for a stream that begins at the given place.
    ///
    /// *Errors:* [`RenderError::MissingSpecialToken`] if the vocabulary is not harmony's.
    pub fn new(tokenizer: &Tokenizer, start: ParseStart) -> Result<Self, RenderError> {
        let mut events = Vec::new();
        let state = match start {
            ParseStart::Outside => State::Outside,
            ParseStart::AfterRole(role) => State::Header(HeaderBuilder::with_role(role)),
            ParseStart::InBody(header) => {
                events.push(HarmonyEvent::MessageStarted {
                    header,
                    tokens: 0..0,
                });
                State::Body
            }
        };
        Ok(Self {
            tokenizer: tokenizer.clone(),
            tokens: HarmonyTokens::new(tokenizer)?,
            end_of_text: tokenizer.special(SpecialToken::EndOfText),
            state,
            stream: TextStream::new(),
            reported: 0,
            position: 0,
            header_text: Vec::new(),
            events,
        })
    }

    /// What is clear before the next id: the message that [`ParseStart::InBody`] opened. Without
    /// this call it comes with the first id.
    pub fn opened(&mut self) -> Vec<HarmonyEvent> {
        std::mem::take(&mut self.events)
    }

    /// What is open now.
    pub fn place(&self) -> ParsePlace {
        match self.state {
            State::Outside => ParsePlace::Outside,
            State::Header(_) if self.header_text.is_empty() => ParsePlace::AfterRole,
            State::Header(_) => ParsePlace::Header,
            State::Body => ParsePlace::Body,
            State::Skipping(_) => ParsePlace::Fault,
        }
    }

    /// Takes the next id and returns what became clear with it, often nothing or one event.
    pub fn push(&mut self, id: u32) -> Vec<HarmonyEvent> {
        self.position += 1;
        if id == self.tokens.start {
            self.interrupt();
            self.state = State::Header(HeaderBuilder::default());
            self.spell(id);
        } else {
            match std::mem::replace(&mut self.state, State::Outside) {
                State::Outside => self.push_outside(id, FaultKind::OutsideMessage),
                State::Header(header) => self.push_header(header, id),
                State::Body => self.push_body(id),
                State::Skipping(kind) => self.push_outside(id, kind),
            }
        }
        std::mem::take(&mut self.events)
    }

    /// Reports what is still open at the end of the stream, and makes ready for another one.
    pub fn finish(&mut self) -> Vec<HarmonyEvent> {
        // There is no further token that would belong to what follows the interruption.
        self.position += 1;
        match self.state {
            State::Header(_) if self.header_text.is_empty() => {}
            State::Header(_) => self.header_fault(FaultKind::TruncatedHeader, 1),
            _ => self.interrupt(),
        }
        self.state = State::Outside;
        self.position = 0;
        self.reported = 0;
        std::mem::take(&mut self.events)
    }

    /// A token where no message is open.
    fn push_outside(&mut self, id: u32, kind: FaultKind) {
        let is_closing = self.ending(id).is_some();
        let text = match self.tokenizer.token_bytes(id) {
            Some(bytes) => self.stream.push(bytes),
            None => self.stream.finish() + &unknown(id),
        };
        // While a character is incomplete its token's event waits for the rest.
        let waiting = usize::from(self.stream.is_pending());
        if waiting == 0 || !text.is_empty() {
            self.fault(kind, text, waiting);
        }
        self.state = if is_closing {
            State::Outside
        } else {
            State::Skipping(kind)
        };
    }

    fn push_header(&mut self, mut header: HeaderBuilder, id: u32) {
        self.spell(id);
        let step = if id == self.tokens.message {
            header.finish().map(Some)
        } else if self.ending(id).is_some() {
            self.header_fault(FaultKind::MissingMessage, 0);
            return;
        } else {
            self.extend_header(&mut header, id).map(|()| None)
        };
        self.state = match step {
            Ok(None) => State::Header(header),
            Ok(Some(header)) => {
                self.header_text.clear();
                let tokens = self.cover(0);
                self.events
                    .push(HarmonyEvent::MessageStarted { header, tokens });
                State::Body
            }
            Err(kind) => {
                self.header_fault(kind, 0);
                State::Skipping(kind)
            }
        };
    }

    fn extend_header(&self, header: &mut HeaderBuilder, id: u32) -> Result<(), FaultKind> {
        if id == self.tokens.channel {
            header.open_channel()
        } else if id == self.tokens.constrain {
            header.open_constraint()
        } else if self.tokenizer.is_special(id) {
            Err(FaultKind::ControlTokenInHeader)
        } else {
            let bytes = self.tokenizer.token_bytes(id);
            header.push_text(bytes.ok_or(FaultKind::UnreadableHeader)?)
        }
    }

    fn push_body(&mut self, id: u32) {
        if let Some(ending) = self.ending(id) {
            self.flush_text();
            let tokens = self.cover(0);
            self.events
                .push(HarmonyEvent::MessageEnded { ending, tokens });
            return;
        }
        self.state = State::Body;
        if Some(id) == self.end_of_text {
            self.interrupt();
            self.push_outside(id, FaultKind::OutsideMessage);
            return;
        }
        let kind = match self.tokenizer.token_bytes(id) {
            Some(_) if self.tokenizer.is_special(id) => FaultKind::StrayControlToken,
            Some(bytes) => {
                let delta = self.stream.push(bytes);
                if !delta.is_empty() {
                    let tokens = self.cover(usize::from(self.stream.is_pending()));
                    self.text(delta, tokens);
                }
                return;
            }
            None => FaultKind::UnknownToken,
        };
        self.flush_text();
        let text = self
            .tokenizer
            .special_name(id)
            .map_or_else(|| unknown(id), ToOwned::to_owned);
        self.fault(kind, text, 0);
    }

    /// Closes whatever is open before the current token.
    fn interrupt(&mut self) {
        match self.state {
            State::Outside => {}
            State::Body => {
                self.flush_text();
                let tokens = self.cover(1);
                let ending = MessageEnding::Truncated;
                self.events
                    .push(HarmonyEvent::MessageEnded { ending, tokens });
            }
            State::Skipping(kind) => {
                let rest = self.stream.finish();
                if self.reported + 1 < self.position {
                    self.fault(kind, rest, 1);
                }
            }
            State::Header(_) if self.header_text.is_empty() => {}
            State::Header(_) => self.header_fault(FaultKind::MissingMessage, 1),
        }
    }

    /// The open text's last, incomplete character, and every token before the current one.
    fn flush_text(&mut self) {
        let delta = self.stream.finish();
        if self.reported + 1 < self.position {
            let tokens = self.cover(1);
            self.text(delta, tokens);
        }
    }

    fn text(&mut self, delta: String, tokens: Range<usize>) {
        self.events.push(HarmonyEvent::Text { delta, tokens });
    }

    fn fault(&mut self, kind: FaultKind, text: String, keep: usize) {
        let tokens = self.cover(keep);
        self.events.push(HarmonyEvent::Fault { kind, text, tokens });
    }

    /// Reports the open header as a fault.
    fn header_fault(&mut self, kind: FaultKind, keep: usize) {
        let text = String::from_utf8_lossy(&std::mem::take(&mut self.header_text)).into_owned();
        self.fault(kind, text, keep);
    }

    /// Keeps a header token's spelling.
    fn spell(&mut self, id: u32) {
        match self.tokenizer.token_bytes(id) {
            Some(bytes) => self.header_text.extend_from_slice(bytes),
            None => self.header_text.extend_from_slice(unknown(id).as_bytes()),
        }
    }

    /// The tokens since the last event, without the latest `keep`.
    fn cover(&mut self, keep: usize) -> Range<usize> {
        let start = self.reported;
        self.reported = self.position - keep;
        start..self.reported
    }

    fn ending(&self, id: u32) -> Option<MessageEnding> {
        let tokens = &self.tokens;
        match id {
            _ if id == tokens.end => Some(MessageEnding::End),
            _ if id == tokens.return_ => Some(MessageEnding::Return),
            _ if id == tokens.call => Some(MessageEnding::Call),
            _ => None,
        }
    }
}

/// How an id that has no text is shown.
fn unknown(id: u32) -> String {
    format!("<|unknown_{id}|>")
}
