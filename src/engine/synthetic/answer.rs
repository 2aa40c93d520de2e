//! A synthetic answer in harmony: what it will say, what it has said.
//!
//! The whole answer is planned from a seed when it begins. Where it goes on follows from the tokens
//! that are there already, so that a stopped answer continues as if it had not been.

use std::ops::Range;

use super::random::hash;
use super::vocabulary::{
    ANALYSIS, ASSISTANT, CHANNEL, END, FINAL, MARK_ID, MESSAGE, NUM_BLOCKS, NUM_WORDS, RETURN,
    START, block, text_of,
};
use crate::harmony::{Channel, FaultKind, HarmonyEvent, Header, MessageEnding, Role};

/// Tokens of an answer whose length is not given.
const LENGTHS: Range<u64> = 40..360;

const ANALYSIS_HEADER: [u32; 3] = [CHANNEL, ANALYSIS, MESSAGE];
const TO_FINAL: [u32; 6] = [END, START, ASSISTANT, CHANNEL, FINAL, MESSAGE];

/// An answer in the making.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    plan: Vec<u32>,
    /// The planned token that comes next.
    cursor: usize,
    /// Tokens so far.
    len: usize,
    place: Place,
}

/// What is open.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Outside,
    Header {
        begin: usize,
        channel: Option<Channel>,
        /// As it was spelled, in case that it turns out a fault.
        text: String,
    },
    Body {
        channel: Option<Channel>,
    },
}

impl Answer {
    /// An answer with nothing said. `num_tokens` is its length, if that is to be exact.
    pub(super) fn new(seed: u64, num_tokens: Option<usize>) -> Self {
        Self {
            plan: plan(seed, num_tokens),
            cursor: 0,
            len: 0,
            place: Place::Header {
                begin: 0,
                channel: None,
                text: String::new(),
            },
        }
    }

    /// An answer within a message that has begun, and that message's event.
    pub(super) fn within(
        header: Header,
        seed: u64,
        num_tokens: Option<usize>,
    ) -> (Self, HarmonyEvent) {
        let mut answer = Self::new(seed, num_tokens);
        answer.open_body(header.channel.clone());
        (
            answer,
            HarmonyEvent::MessageStarted {
                header,
                tokens: 0..0,
            },
        )
    }

    /// The token that comes next.
    pub(super) fn next(&self) -> u32 {
        self.plan.get(self.cursor).copied().unwrap_or(RETURN)
    }

    /// The tokens that lead to the final message's text.
    pub(super) fn ids_to_final(&self) -> Vec<u32> {
        match &self.place {
            Place::Body {
                channel: Some(Channel::Final),
            } => Vec::new(),
            Place::Body { .. } => TO_FINAL.to_vec(),
            Place::Outside => TO_FINAL[1..].to_vec(),
            Place::Header { begin, .. } if *begin == self.len => TO_FINAL[3..].to_vec(),
            Place::Header { .. } => [&[MESSAGE], TO_FINAL.as_slice()].concat(),
        }
    }

    /// Takes the next token and tells what it means.
    pub(super) fn push(&mut self, id: u32) -> Vec<HarmonyEvent> {
        let at = self.len;
        self.len += 1;
        self.cursor += 1;
        let tokens = at..self.len;
        match (&mut self.place, id) {
            (_, START) => {
                let events = self.close(at);
                self.place = Place::Header {
                    begin: at,
                    channel: None,
                    text: text_of(id),
                };
                events
            }
            (Place::Header { begin, channel, .. }, MESSAGE) => {
                let tokens = *begin..self.len;
                let header = Header {
                    channel: channel.clone(),
                    ..Header::new(Role::Assistant)
                };
                self.open_body(header.channel.clone());
                vec![HarmonyEvent::MessageStarted { header, tokens }]
            }
            (Place::Header { channel, text, .. }, _) => {
                text.push_str(&text_of(id));
                match id {
                    ANALYSIS => *channel = Some(Channel::Analysis),
                    FINAL => *channel = Some(Channel::Final),
                    _ => {}
                }
                Vec::new()
            }
            (Place::Body { .. }, END | RETURN) => {
                self.place = Place::Outside;
                let ending = if id == END {
                    MessageEnding::End
                } else {
                    MessageEnding::Return
                };
                vec![HarmonyEvent::MessageEnded { ending, tokens }]
            }
            (Place::Body { .. }, _) => {
                let delta = text_of(id);
                vec![HarmonyEvent::Text { delta, tokens }]
            }
            (Place::Outside, _) => vec![HarmonyEvent::Fault {
                kind: FaultKind::OutsideMessage,
                text: text_of(id),
                tokens,
            }],
        }
    }

    /// What is still open at the end.
    pub(super) fn finish(&mut self) -> Vec<HarmonyEvent> {
        let events = self.close(self.len);
        self.place = Place::Outside;
        events
    }

    /// Ends what is open before the token at `at`.
    fn close(&self, at: usize) -> Vec<HarmonyEvent> {
        match &self.place {
            Place::Outside => Vec::new(),
            Place::Header { begin, .. } if *begin == at => Vec::new(),
            Place::Header { begin, text, .. } => vec![HarmonyEvent::Fault {
                kind: FaultKind::TruncatedHeader,
                text: text.clone(),
                tokens: *begin..at,
            }],
            Place::Body { .. } => vec![HarmonyEvent::MessageEnded {
                ending: MessageEnding::Truncated,
                tokens: at..at,
            }],
        }
    }

    /// A message's text begins: the plan goes on where that message's text is.
    fn open_body(&mut self, channel: Option<Channel>) {
        let headers = self.plan.iter().enumerate();
        let mut texts = headers
            .filter(|(_, id)| **id == MESSAGE)
            .map(|(at, _)| at + 1);
        let text = if channel == Some(Channel::Final) {
            texts.next_back()
        } else {
            texts.next()
        };
        self.cursor = text.unwrap_or(self.plan.len());
        self.place = Place::Body { channel };
    }
}

/// All tokens of an answer: an analysis, then a final message of Markdown blocks.
fn plan(seed: u64, num_tokens: Option<usize>) -> Vec<u32> {
    let mut draws = 0;
    let mut draw = |bound: u64| {
        draws += 1;
        hash(&[seed, draws]) % bound
    };
    let drawn = LENGTHS.start + draw(LENGTHS.end - LENGTHS.start);
    let wanted = num_tokens.unwrap_or(drawn as usize);
    let mut plan = ANALYSIS_HEADER.to_vec();
    plan.push(MARK_ID);
    plan.extend((0..8 + draw(wanted as u64 / 4 + 1)).map(|_| draw(NUM_WORDS.into()) as u32));
    plan.extend(TO_FINAL);
    plan.push(MARK_ID);
    while plan.len() + 1 < wanted {
        let index = draw(NUM_BLOCKS as u64) as usize;
        plan.extend(block(index, || draw(NUM_WORDS.into()) as u32));
    }
    if num_tokens.is_some() {
        plan.truncate(wanted.saturating_sub(1));
    }
    plan.push(RETURN);
    plan
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_have_the_length_asked_for_or_one_of_their_own() {
        for seed in 0..200 {
            let own = plan(seed, None).len();
            assert!((40..=400).contains(&own), "seed {seed}: {own}");
            let exact = plan(seed, Some(1000));
            assert_eq!((exact.len(), exact.last()), (1000, Some(&RETURN)));
        }
    }

    #[test]
    fn a_final_message_has_markdown_of_every_kind_sooner_or_later() {
        let text: String = plan(1, Some(2000)).into_iter().map(text_of).collect();
        for piece in ["- ", "```rust\n", "|---|---|\n", "你好", "🙂", "## ", "1. "] {
            assert!(text.contains(piece), "{piece}");
        }
        let (analysis, answer) = text.split_once("<|channel|>final<|message|>").unwrap();
        assert!(analysis.starts_with("<|channel|>analysis<|message|>[synthetic] "));
        assert!(answer.starts_with("[synthetic]"));
    }
}
