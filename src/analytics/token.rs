//! A token with its routing, and the span it belongs to.

use std::sync::Arc;

use crate::generate::TokenRouting;

/// The part of a sequence that a token belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Span {
    /// It was given to the model.
    Prompt,
    /// The model's reasoning.
    Analysis,
    /// Preambles and tool calls.
    Commentary,
    /// The answer proper.
    Final,
    /// Generated, but in no channel: headers and control tokens.
    Other,
}

impl Span {
    /// All spans, in the order of their declaration.
    pub const ALL: [Self; 5] = [
        Self::Prompt,
        Self::Analysis,
        Self::Commentary,
        Self::Final,
        Self::Other,
    ];
}

/// A set of spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct SpanSet(u8);

impl SpanSet {
    /// No span.
    pub const EMPTY: Self = Self(0);
    /// Every span.
    pub const ALL: Self = Self::of(&Span::ALL);
    /// What was given.
    pub const PROMPT: Self = Self::of(&[Span::Prompt]);
    /// Everything that was generated, whatever its channel.
    pub const ANSWER: Self =
        Self::of(&[Span::Analysis, Span::Commentary, Span::Final, Span::Other]);

    /// The set of these spans.
    pub const fn of(spans: &[Span]) -> Self {
        let mut bits = 0;
        let mut at = 0;
        while at < spans.len() {
            bits |= 1 << spans[at] as u8;
            at += 1;
        }
        Self(bits)
    }

    /// Whether `span` is in the set.
    pub const fn contains(self, span: Span) -> bool {
        self.0 & (1 << span as u8) != 0
    }

    /// The spans in the set.
    pub fn iter(self) -> impl Iterator<Item = Span> {
        Span::ALL
            .into_iter()
            .filter(move |span| self.contains(*span))
    }
}

impl From<Span> for SpanSet {
    fn from(span: Span) -> Self {
        Self::of(&[span])
    }
}

impl FromIterator<Span> for SpanSet {
    fn from_iter<I: IntoIterator<Item = Span>>(spans: I) -> Self {
        spans
            .into_iter()
            .fold(Self::EMPTY, |set, span| Self(set.0 | Self::from(span).0))
    }
}

/// The routing of the token at one position.
#[derive(Debug, Clone, PartialEq)]
pub struct RoutedToken {
    /// Its place in the sequence, the prompt included, from 0.
    pub position: usize,
    /// The part of the sequence it belongs to.
    pub span: Span,
    /// The router's choices when this token passed through the model.
    pub routing: Arc<TokenRouting>,
}

impl RoutedToken {
    /// The experts chosen in a layer and their weights, by descending weight; empty where there is
    /// no such layer.
    ///
    /// *Shapes:* both are `[num_experts_per_tok]`.
    pub fn choices(&self, layer: usize) -> (&[u16], &[f32]) {
        self.routing.layer(layer)
    }
}
