//! Tokens as the bytes of a chunk, and back.
//!
//! A chunk is a u32 count and that many tokens. Each: id u32, span u8, what follows u8 (see
//! [`flags`]), alternatives u8, text bytes u32; then the text, `L * K` experts u8 or u16, as many
//! weights f16, `L` entropies f32, the log-probability f32, the alternatives (u32, f32), `L * E` router logits
//! f32, `V` logits f32, as far as they are there. Everything is little-endian.

use std::ops::Range;
use std::sync::Arc;

use half::f16;

use super::{TraceRow, TraceShape, TraceToken};
use crate::analytics::Span;
use crate::generate::TokenRouting;
use crate::intervention::NO_EXPERT;

/// Bits of what a token has.
mod flags {
    pub(super) const ROUTING: u8 = 1;
    pub(super) const ENTROPIES: u8 = 2;
    pub(super) const LOGPROB: u8 = 4;
    pub(super) const ROUTER_LOGITS: u8 = 8;
    pub(super) const LOGITS: u8 = 16;
    pub(super) const ALL: u8 = 31;
}

/// A token as read, and where its large rows lie, counted from the start of the chunk.
#[derive(Debug)]
pub(super) struct ReadRow {
    pub(super) token: TraceToken,
    pub(super) router_logits: Option<usize>,
    pub(super) logits: Option<usize>,
}

/// Appends a token's bytes.
pub(super) fn encode(shape: &TraceShape, row: &TraceRow, bytes: &mut Vec<u8>) {
    let token = &row.token;
    bytes.extend(token.id.to_le_bytes());
    bytes.push(token.span as u8);
    bytes.push(flags_of(row));
    bytes.push(token.top_logprobs.len() as u8);
    bytes.extend((token.text.len() as u32).to_le_bytes());
    bytes.extend(token.text.as_bytes());
    if let Some(routing) = &token.routing {
        experts(shape, Some(routing), bytes);
        weights(shape, Some(routing), bytes);
        floats(routing.entropies(), bytes);
    }
    floats(token.logprob.as_slice(), bytes);
    for &(id, logprob) in &token.top_logprobs {
        bytes.extend(id.to_le_bytes());
        bytes.extend(logprob.to_le_bytes());
    }
    for values in [&row.router_logits, &row.logits].into_iter().flatten() {
        floats(values, bytes);
    }
}

/// Appends `L * K` experts.
///
/// Where rules chose fewer experts than the model's, the room is filled up.
pub(super) fn experts(shape: &TraceShape, routing: Option<&TokenRouting>, bytes: &mut Vec<u8>) {
    for at in 0..shape.choices() {
        let id = place(shape, routing, at).map_or(NO_EXPERT, |(id, _)| id);
        // The highest id of either size is no expert.
        bytes.extend(&id.to_le_bytes()[..shape.expert_bytes()]);
    }
}

/// Appends as many weights: 0 for no expert, NaN without routing.
pub(super) fn weights(shape: &TraceShape, routing: Option<&TokenRouting>, bytes: &mut Vec<u8>) {
    let absent = if routing.is_some() { 0.0 } else { f32::NAN };
    for at in 0..shape.choices() {
        let weight = place(shape, routing, at).map_or(absent, |(_, weight)| weight);
        bytes.extend(f16::from_f32(weight).to_le_bytes());
    }
}

/// What a token has at a place of `[L, K]`.
fn place(shape: &TraceShape, routing: Option<&TokenRouting>, at: usize) -> Option<(u16, f32)> {
    let routing = routing?;
    let rank = at % shape.num_experts_per_tok;
    if rank >= routing.num_experts_per_tok() {
        return None;
    }
    let at = at / shape.num_experts_per_tok * routing.num_experts_per_tok() + rank;
    Some((*routing.experts().get(at)?, *routing.weights().get(at)?))
}

/// A token's choices from its bytes of both arrays.
pub(super) fn routing(
    shape: &TraceShape,
    experts: &[u8],
    weights: &[u8],
    entropies: Vec<f32>,
) -> Result<TokenRouting, String> {
    let experts = if shape.expert_bytes() == 1 {
        experts.iter().copied().map(widen).collect()
    } else {
        let (pairs, _) = experts.as_chunks::<2>();
        pairs.iter().map(|&pair| u16::from_le_bytes(pair)).collect()
    };
    let (pairs, _) = weights.as_chunks::<2>();
    let weights = pairs.iter().map(|&pair| f16::from_le_bytes(pair).to_f32());
    TokenRouting::new(
        shape.num_layers,
        shape.num_experts_per_tok,
        experts,
        weights.collect(),
    )
    .and_then(|routing| routing.with_entropies(entropies))
    .map_err(|error| error.to_string())
}

fn widen(id: u8) -> u16 {
    if id == u8::MAX { NO_EXPERT } else { id.into() }
}

fn flags_of(row: &TraceRow) -> u8 {
    let routing = row.token.routing.as_ref();
    let has_entropies = routing.is_some_and(|routing| !routing.entropies().is_empty());
    [
        (routing.is_some(), flags::ROUTING),
        (has_entropies, flags::ENTROPIES),
        (row.token.logprob.is_some(), flags::LOGPROB),
        (row.router_logits.is_some(), flags::ROUTER_LOGITS),
        (row.logits.is_some(), flags::LOGITS),
    ]
    .into_iter()
    .fold(0, |all, (is_set, bit)| if is_set { all | bit } else { all })
}

fn floats(values: &[f32], bytes: &mut Vec<u8>) {
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
}

/// Reads a whole chunk.
pub(super) fn decode(shape: &TraceShape, bytes: &[u8]) -> Result<Vec<ReadRow>, String> {
    let mut cursor = Cursor { bytes, at: 0 };
    let count = cursor.u32()?;
    // Grows with what is really there, whatever the count claims.
    let mut rows = Vec::new();
    for _ in 0..count {
        rows.push(cursor.row(shape)?);
    }
    match bytes.len() - cursor.at {
        0 => Ok(rows),
        left => Err(format!("{left} bytes follow its {count} tokens")),
    }
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn row(&mut self, shape: &TraceShape) -> Result<ReadRow, String> {
        let id = self.u32()?;
        let [span, flags, alternatives] = self.array()?;
        let span = *Span::ALL
            .get(usize::from(span))
            .ok_or_else(|| format!("span {span} is unknown"))?;
        if flags & !flags::ALL != 0 {
            return Err(format!("flags {flags:#x} are unknown"));
        }
        let text_bytes = self.u32()? as usize;
        let text = std::str::from_utf8(self.take(text_bytes)?)
            .map_err(|error| format!("a text is not UTF-8: {error}"))?
            .to_owned();
        let has = |bit| flags & bit != 0;
        let routing = has(flags::ROUTING)
            .then(|| self.routing(shape, has(flags::ENTROPIES)))
            .transpose()?;
        let logprob = has(flags::LOGPROB).then(|| self.f32()).transpose()?;
        let mut top_logprobs = Vec::with_capacity(alternatives.into());
        for _ in 0..alternatives {
            top_logprobs.push((self.u32()?, self.f32()?));
        }
        let router_logits = has(flags::ROUTER_LOGITS).then_some(shape.cells());
        let router_logits = router_logits.map(|count| self.skip(count)).transpose()?;
        let logits = has(flags::LOGITS).then_some(shape.vocab_size);
        let logits = logits.map(|count| self.skip(count)).transpose()?;
        Ok(ReadRow {
            token: TraceToken {
                id,
                text,
                span,
                routing: routing.map(Arc::new),
                logprob,
                top_logprobs,
            },
            router_logits,
            logits,
        })
    }

    fn routing(&mut self, shape: &TraceShape, entropies: bool) -> Result<TokenRouting, String> {
        let experts = self.take(shape.choices() * shape.expert_bytes())?;
        let weights = self.take(shape.choices() * 2)?;
        let count = if entropies { shape.num_layers } else { 0 };
        routing(shape, experts, weights, self.floats(count)?)
    }

    /// Passes over `count` floats and returns where they begin.
    fn skip(&mut self, count: usize) -> Result<usize, String> {
        let start = self.at;
        self.take(count.saturating_mul(4))?;
        Ok(start)
    }

    fn floats(&mut self, count: usize) -> Result<Vec<f32>, String> {
        let (words, _) = self.take(count * 4)?.as_chunks::<4>();
        Ok(words.iter().map(|&word| f32::from_le_bytes(word)).collect())
    }

    fn u32(&mut self) -> Result<u32, String> {
        self.array().map(u32::from_le_bytes)
    }

    fn f32(&mut self) -> Result<f32, String> {
        self.array().map(f32::from_le_bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], String> {
        let range: Range<usize> = self.at..self.at.saturating_add(count);
        let taken = self.bytes.get(range).ok_or_else(|| {
            let left = self.bytes.len() - self.at;
            format!("expected {count} bytes at {}, found {left}", self.at)
        })?;
        self.at += count;
        Ok(taken)
    }
}
