//! The recorded routing of a sequence, by position.

use std::borrow::Cow;
use std::slice;

use super::entropy::LayerEntropies;
use super::grid::{Grid, Measure};
use super::selection::Selection;
use super::token::{RoutedToken, Span, SpanSet};
use super::totals::Totals;

/// The routing of a sequence's tokens, and running totals of each span.
///
/// Positions ascend and may have gaps: a prompt's reused tokens have no recorded routing. A push
/// costs one pass over the token's choices; grids of everything or of spans need no scan, those of
/// a window one over its tokens.
#[derive(Debug, Clone, PartialEq)]
pub struct RoutingLog {
    num_layers: usize,
    num_experts: usize,
    tokens: Vec<RoutedToken>,
    /// One entry a span, in the order of [`Span::ALL`].
    totals: Vec<Totals>,
}

/// A token does not fit the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// Positions have to ascend.
    #[error(
        "routing of position {position} came after that of position {last}; truncate the log first"
    )]
    Order {
        /// The position to add.
        position: usize,
        /// The log's last position.
        last: usize,
    },
    /// The number of layers differs.
    #[error("routing of position {position} has {found} layers, the log {expected}")]
    Layers {
        /// The position to add.
        position: usize,
        /// The log's layers.
        expected: usize,
        /// The routing's layers.
        found: usize,
    },
    /// An expert does not exist.
    #[error(
        "routing of position {position} names expert {found}, the log has {num_experts} in each \
         layer"
    )]
    Expert {
        /// The position to add.
        position: usize,
        /// The log's experts in each layer.
        num_experts: usize,
        /// The expert named.
        found: u16,
    },
}

impl RoutingLog {
    /// A log without tokens, for a model with `num_experts` in each layer.
    pub fn new(num_layers: usize, num_experts: usize) -> Self {
        Self {
            num_layers,
            num_experts,
            tokens: Vec::new(),
            totals: vec![Totals::new(num_layers, num_experts); Span::ALL.len()],
        }
    }

    /// Adds the next token.
    ///
    /// *Errors:* [`LogError`] where the position does not come after the last one or the routing
    /// does not fit the model; the log is unchanged then.
    pub fn push(&mut self, token: RoutedToken) -> Result<(), LogError> {
        self.check(&token)?;
        self.totals[token.span as usize].add(&token.routing);
        self.tokens.push(token);
        Ok(())
    }

    /// Forgets the tokens from `position` on.
    pub fn truncate(&mut self, position: usize) {
        let kept = self.tokens_before(position);
        for token in self.tokens.drain(kept..) {
            self.totals[token.span as usize].remove(&token.routing);
        }
    }

    /// The token at `position`, if its routing was recorded.
    pub fn get(&self, position: usize) -> Option<&RoutedToken> {
        self.tokens
            .get(self.tokens_before(position))
            .filter(|token| token.position == position)
    }

    /// The number of recorded tokens.
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Whether nothing was recorded.
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// The model's layers.
    pub fn num_layers(&self) -> usize {
        self.num_layers
    }

    /// The experts in each layer.
    pub fn num_experts(&self) -> usize {
        self.num_experts
    }

    /// The latest token.
    pub fn last(&self) -> Option<&RoutedToken> {
        self.tokens.last()
    }

    /// All tokens, by ascending position.
    pub fn tokens(&self) -> &[RoutedToken] {
        &self.tokens
    }

    /// The selected tokens, by ascending position.
    pub fn selected(&self, selection: Selection) -> impl Iterator<Item = &RoutedToken> {
        let (tokens, spans) = self.candidates(selection);
        tokens
            .iter()
            .filter(move |token| spans.contains(token.span))
    }

    /// How often, or with what weight, the selected tokens chose each expert.
    pub fn grid(&self, selection: Selection, measure: Measure) -> Grid {
        Grid::measure(&self.totals(selection).cells(), measure)
    }

    /// Both entropies of each layer, averaged over the selected tokens.
    pub fn entropies(&self, selection: Selection) -> LayerEntropies {
        LayerEntropies::mean(&self.totals(selection))
    }

    /// The sums over the selected tokens; of spans and of everything without a scan.
    pub(super) fn totals(&self, selection: Selection) -> Cow<'_, Totals> {
        let spans = match selection {
            Selection::All => SpanSet::ALL,
            Selection::Spans(spans) => spans,
            Selection::Position(_) | Selection::Window { .. } => {
                return Cow::Owned(self.scan(selection));
            }
        };
        let mut wanted = spans.iter();
        if let (Some(only), None) = (wanted.next(), wanted.next()) {
            return Cow::Borrowed(&self.totals[only as usize]);
        }
        let mut merged = Totals::new(self.num_layers, self.num_experts);
        for span in spans.iter() {
            merged.merge(&self.totals[span as usize]);
        }
        Cow::Owned(merged)
    }

    fn scan(&self, selection: Selection) -> Totals {
        let mut totals = Totals::new(self.num_layers, self.num_experts);
        for token in self.selected(selection) {
            totals.add(&token.routing);
        }
        totals
    }

    /// The tokens among which the selected ones are, and the spans that tell them.
    fn candidates(&self, selection: Selection) -> (&[RoutedToken], SpanSet) {
        match selection {
            Selection::All => (&self.tokens, SpanSet::ALL),
            Selection::Spans(spans) => (&self.tokens, spans),
            Selection::Position(position) => {
                let found = self.get(position).map_or(&[][..], slice::from_ref);
                (found, SpanSet::ALL)
            }
            Selection::Window { end, tokens } => {
                let stop = self.tokens_before(end.saturating_add(1));
                let start = stop.saturating_sub(tokens);
                (&self.tokens[start..stop], SpanSet::ALL)
            }
        }
    }

    /// How many tokens come before `position`.
    fn tokens_before(&self, position: usize) -> usize {
        self.tokens
            .partition_point(|token| token.position < position)
    }

    fn check(&self, token: &RoutedToken) -> Result<(), LogError> {
        let position = token.position;
        if let Some(last) = self.tokens.last()
            && position <= last.position
        {
            let last = last.position;
            return Err(LogError::Order { position, last });
        }
        let found = token.routing.num_layers();
        if found != self.num_layers {
            return Err(LogError::Layers {
                position,
                expected: self.num_layers,
                found,
            });
        }
        let num_experts = self.num_experts;
        match token
            .routing
            .chosen()
            .find(|expert| usize::from(*expert) >= num_experts)
        {
            Some(found) => Err(LogError::Expert {
                position,
                num_experts,
                found,
            }),
            None => Ok(()),
        }
    }
}
