//! Which tokens of a log are meant.

use super::token::{Span, SpanSet};

/// Some tokens of a [`RoutingLog`](super::RoutingLog).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Selection {
    /// Every token.
    #[default]
    All,
    /// The token at this position; none where its routing was not recorded.
    Position(usize),
    /// The latest `tokens` recorded tokens at or before the position `end`.
    Window {
        /// The last position that may be in the window.
        end: usize,
        /// How many tokens the window holds.
        tokens: usize,
    },
    /// The tokens of some spans.
    Spans(SpanSet),
}

impl From<Span> for Selection {
    fn from(span: Span) -> Self {
        Self::Spans(span.into())
    }
}

impl From<SpanSet> for Selection {
    fn from(spans: SpanSet) -> Self {
        Self::Spans(spans)
    }
}
