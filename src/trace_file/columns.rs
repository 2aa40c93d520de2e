//! The arrays of a finished file: their names, their types, and a token's row of each.

use super::TraceFile;
use super::TraceShape;
use super::chunk;
use crate::checkpoint::{TensorDtype, TensorSpec};

/// In place of an alternative that is not there.
pub(super) const NO_TOKEN: u32 = u32::MAX;

/// An array, in the order of the file: the widest elements first, so that all are aligned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    Tokens,
    TextEnds,
    Entropies,
    Logprobs,
    TopIds,
    TopLogprobs,
    RouterLogits,
    Logits,
    ExpertWeights,
    Experts,
    Spans,
    Text,
}

/// What the arrays' shapes follow from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    pub(super) shape: TraceShape,
    pub(super) tokens: usize,
    pub(super) alternatives: usize,
    pub(super) text_bytes: usize,
}

impl Sizes {
    pub(super) fn of(trace: &TraceFile) -> Self {
        let tokens = trace.tokens();
        let alternatives = tokens.iter().map(|token| token.top_logprobs.len());
        Self {
            shape: trace.shape(),
            tokens: tokens.len(),
            alternatives: alternatives.max().unwrap_or(0),
            text_bytes: tokens.iter().map(|token| token.text.len()).sum(),
        }
    }
}

impl Column {
    /// All of them.
    pub(super) const ALL: [Self; 12] = [
        Self::Tokens,
        Self::TextEnds,
        Self::Entropies,
        Self::Logprobs,
        Self::TopIds,
        Self::TopLogprobs,
        Self::RouterLogits,
        Self::Logits,
        Self::ExpertWeights,
        Self::Experts,
        Self::Spans,
        Self::Text,
    ];

    /// Those that a trace fills.
    pub(super) fn of(trace: &TraceFile) -> Vec<Self> {
        let sizes = Sizes::of(trace);
        let has_entropies = trace.tokens().iter().any(|token| {
            let routing = token.routing.as_ref();
            routing.is_some_and(|routing| !routing.entropies().is_empty())
        });
        let is_filled = |column: &Self| match column {
            Self::Tokens | Self::Spans | Self::Experts | Self::ExpertWeights => true,
            Self::Text | Self::TextEnds => sizes.text_bytes > 0,
            Self::Entropies => has_entropies,
            Self::Logprobs => trace.tokens().iter().any(|token| token.logprob.is_some()),
            Self::TopIds | Self::TopLogprobs => sizes.alternatives > 0,
            Self::RouterLogits => trace.has_router_logits(),
            Self::Logits => trace.has_logits(),
        };
        Self::ALL.into_iter().filter(is_filled).collect()
    }

    /// Its name in the file.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Tokens => "tokens",
            Self::TextEnds => "text_ends",
            Self::ExpertWeights => "expert_weights",
            Self::Entropies => "entropies",
            Self::Logprobs => "logprobs",
            Self::TopIds => "top_ids",
            Self::TopLogprobs => "top_logprobs",
            Self::RouterLogits => "router_logits",
            Self::Logits => "logits",
            Self::Experts => "experts",
            Self::Spans => "spans",
            Self::Text => "text",
        }
    }

    /// The type of its elements.
    pub(super) fn dtype(self, shape: &TraceShape) -> TensorDtype {
        match self {
            Self::Tokens | Self::TextEnds | Self::TopIds => TensorDtype::U32,
            Self::Experts if shape.expert_bytes() == 1 => TensorDtype::U8,
            Self::Experts => TensorDtype::U16,
            Self::ExpertWeights => TensorDtype::F16,
            Self::Spans | Self::Text => TensorDtype::U8,
            Self::Entropies
            | Self::Logprobs
            | Self::TopLogprobs
            | Self::RouterLogits
            | Self::Logits => TensorDtype::F32,
        }
    }

    /// Its dimensions.
    pub(super) fn dims(self, sizes: &Sizes) -> Vec<usize> {
        let TraceShape {
            num_layers,
            num_local_experts,
            num_experts_per_tok,
            vocab_size,
        } = sizes.shape;
        let tokens = sizes.tokens;
        match self {
            Self::Tokens | Self::TextEnds | Self::Logprobs | Self::Spans => vec![tokens],
            Self::ExpertWeights | Self::Experts => vec![tokens, num_layers, num_experts_per_tok],
            Self::Entropies => vec![tokens, num_layers],
            Self::TopIds | Self::TopLogprobs => vec![tokens, sizes.alternatives],
            Self::RouterLogits => vec![tokens, num_layers, num_local_experts],
            Self::Logits => vec![tokens, vocab_size],
            Self::Text => vec![sizes.text_bytes],
        }
    }

    /// Name, type and dimensions.
    pub(super) fn spec(self, trace: &TraceFile) -> TensorSpec {
        TensorSpec {
            name: self.name().to_owned(),
            dtype: self.dtype(&trace.shape()),
            shape: self.dims(&Sizes::of(trace)),
        }
    }
}

/// Writes one column, token by token.
pub(super) struct Rows<'a> {
    trace: &'a TraceFile,
    column: Column,
    alternatives: usize,
    text_end: u32,
}

impl<'a> Rows<'a> {
    pub(super) fn new(trace: &'a TraceFile, column: Column) -> Self {
        Self {
            trace,
            column,
            alternatives: Sizes::of(trace).alternatives,
            text_end: 0,
        }
    }

    /// Appends the next token's part, which is the one at position `at`.
    pub(super) fn push(&mut self, at: usize, bytes: &mut Vec<u8>) {
        let shape = self.trace.shape();
        let token = &self.trace.tokens()[at];
        let routing = token.routing.as_ref();
        match self.column {
            Column::Tokens => bytes.extend(token.id.to_le_bytes()),
            Column::Spans => bytes.push(token.span as u8),
            Column::Text => bytes.extend(token.text.as_bytes()),
            Column::TextEnds => {
                self.text_end = self.text_end.saturating_add(token.text.len() as u32);
                bytes.extend(self.text_end.to_le_bytes());
            }
            Column::Experts => chunk::experts(&shape, routing.map(AsRef::as_ref), bytes),
            Column::ExpertWeights => chunk::weights(&shape, routing.map(AsRef::as_ref), bytes),
            Column::Entropies => {
                let entropies = routing.map(|routing| routing.entropies());
                let entropies = entropies.filter(|entropies| !entropies.is_empty());
                floats(entropies, shape.num_layers, bytes);
            }
            Column::Logprobs => floats(token.logprob.as_ref().map(std::slice::from_ref), 1, bytes),
            Column::TopIds => {
                let ids = token.top_logprobs.iter().map(|&(id, _)| id);
                let ids = ids
                    .chain(std::iter::repeat(NO_TOKEN))
                    .take(self.alternatives);
                bytes.extend(ids.flat_map(u32::to_le_bytes));
            }
            Column::TopLogprobs => {
                let values = token.top_logprobs.iter().map(|&(_, logprob)| logprob);
                let values = values
                    .chain(std::iter::repeat(f32::NAN))
                    .take(self.alternatives);
                bytes.extend(values.flat_map(f32::to_le_bytes));
            }
            Column::RouterLogits => {
                floats(
                    self.trace.router_logits(at).as_deref(),
                    shape.cells(),
                    bytes,
                );
            }
            Column::Logits => {
                floats(self.trace.logits(at).as_deref(), shape.vocab_size, bytes);
            }
        }
    }
}

/// The values, or as many NaN.
fn floats(values: Option<&[f32]>, count: usize, bytes: &mut Vec<u8>) {
    match values {
        Some(values) => bytes.extend(values.iter().flat_map(|value| value.to_le_bytes())),
        None => bytes.extend(std::iter::repeat_n(f32::NAN, count).flat_map(f32::to_le_bytes)),
    }
}
