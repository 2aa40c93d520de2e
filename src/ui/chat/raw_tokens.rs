//! Where the raw view's tokens come from: the record of the run, or the message spelled again.

use super::raw::RawToken;
use crate::app::run::Run;
use crate::harmony::{MessageEnding, Role};
use crate::session::{Part, Turn};

/// A message's tokens in order.
pub(super) struct RawTokens<'a>(Source<'a>);

enum Source<'a> {
    Run(&'a Run),
    Spelled(Vec<RawToken<'a>>),
}

/// The tokens of a message that the model did not write.
pub(super) fn of_message<'a>(author: &'a str, text: &'a str) -> RawTokens<'a> {
    let pieces = ["<|start|>", author, "<|message|>", text, "<|end|>"];
    RawTokens(Source::Spelled(
        pieces.into_iter().map(RawToken::new).collect(),
    ))
}

/// The tokens of an answer; where no record is left, its parts spelled again.
pub(super) fn of_turn<'a>(turn: &'a Turn, run: Option<&'a Run>) -> RawTokens<'a> {
    match run {
        Some(run) => RawTokens(Source::Run(run)),
        None => RawTokens(Source::Spelled(
            turn.parts.iter().flat_map(of_part).collect(),
        )),
    }
}

fn of_part(part: &Part) -> Vec<RawToken<'_>> {
    let mut tokens = vec![
        RawToken::new("<|start|>"),
        RawToken::new(Role::Assistant.as_str()),
    ];
    if let Some(recipient) = &part.header.recipient {
        tokens.push(RawToken::new(format!(" to={recipient}")));
    }
    if let Some(channel) = &part.header.channel {
        tokens.extend([
            RawToken::new("<|channel|>"),
            RawToken::new(channel.as_str()),
        ]);
    }
    if let Some(content_type) = &part.header.content_type {
        tokens.push(RawToken::new(format!(" {content_type}")));
    }
    tokens.extend([
        RawToken::new("<|message|>"),
        RawToken::new(part.text.as_str()),
    ]);
    let ending = match part.ending {
        Some(MessageEnding::End) => "<|end|>",
        Some(MessageEnding::Return) => "<|return|>",
        Some(MessageEnding::Call) => "<|call|>",
        Some(MessageEnding::Truncated) | None => return tokens,
    };
    tokens.push(RawToken::new(ending));
    tokens
}

impl<'a> RawTokens<'a> {
    /// The tokens, of a length known beforehand.
    pub(super) fn into_iter(self) -> impl ExactSizeIterator<Item = RawToken<'a>> {
        let (run, mut spelled) = match self.0 {
            Source::Run(run) => (Some(run), Vec::new()),
            Source::Spelled(tokens) => (None, tokens),
        };
        let count = run.map_or(spelled.len(), |run| run.tokens.len());
        (0..count).map(move |index| match run {
            Some(run) => RawToken::new(&*run.tokens[index].text),
            None => std::mem::replace(&mut spelled[index], RawToken::new("")),
        })
    }
}
