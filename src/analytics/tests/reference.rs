//! Random logs, and the plainest way to compute what the module computes cleverly.

use std::sync::Arc;

use proptest::prelude::*;

use super::super::{RoutedToken, RoutingLog, Selection, Span, SpanSet, chosen_entropy};
use crate::generate::TokenRouting;

/// Dimensions small enough that experts collide and large enough that some stay unused.
pub(super) const NUM_LAYERS: usize = 3;
pub(super) const NUM_EXPERTS: usize = 7;
const NUM_EXPERTS_PER_TOK: usize = 3;

/// Sums in another order differ by rounding.
const ROUNDING: f64 = 1e-9;

pub(super) fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= ROUNDING * (1.0 + a.abs().max(b.abs()))
}

pub(super) fn all_near(left: &[f64], right: &[f64]) -> bool {
    left.len() == right.len() && left.iter().zip(right).all(|(a, b)| near(*a, *b))
}

/// Up to 40 tokens at ascending positions with gaps, in spans in any order.
pub(super) fn tokens() -> impl Strategy<Value = Vec<RoutedToken>> {
    let token = (
        1..4_usize,
        prop::sample::select(Span::ALL.to_vec()),
        routing(),
    );
    prop::collection::vec(token, 0..40).prop_map(|steps| {
        let mut position = 0;
        let placed = steps.into_iter().map(|(step, span, routing)| {
            position += step;
            RoutedToken {
                position,
                span,
                routing: Arc::new(routing),
            }
        });
        placed.collect()
    })
}

/// A float between two others; of a thousand steps, as proptest's own sampling of floats can fail an
/// assertion of its own.
pub(in crate::analytics) fn float(from: f32, to: f32) -> impl Strategy<Value = f32> + Clone {
    (0_u16..1000).prop_map(move |step| from + (to - from) * f32::from(step) / 1000.0)
}

fn routing() -> impl Strategy<Value = TokenRouting> {
    let all: Vec<u16> = (0..NUM_EXPERTS as u16).collect();
    let layer = (
        prop::sample::subsequence(all, NUM_EXPERTS_PER_TOK).prop_shuffle(),
        prop::array::uniform3(float(0.01, 1.0)),
    );
    let entropies = prop::option::of(prop::collection::vec(float(0.0, 1.9), NUM_LAYERS));
    (prop::collection::vec(layer, NUM_LAYERS), entropies).prop_map(|(layers, entropies)| {
        let (mut experts, mut weights) = (Vec::new(), Vec::new());
        for (ids, mut masses) in layers {
            masses.sort_by(|a, b| b.total_cmp(a));
            let sum: f32 = masses.iter().sum();
            experts.extend(ids);
            weights.extend(masses.map(|mass| mass / sum));
        }
        TokenRouting::new(NUM_LAYERS, NUM_EXPERTS_PER_TOK, experts, weights)
            .and_then(|routing| routing.with_entropies(entropies.unwrap_or_default()))
            .unwrap()
    })
}

pub(super) fn selections() -> impl Strategy<Value = Selection> {
    prop_oneof![
        Just(Selection::All),
        (0..100_usize).prop_map(Selection::Position),
        (0..120_usize, 0..50_usize).prop_map(|(end, tokens)| Selection::Window { end, tokens }),
        prop::collection::vec(prop::sample::select(Span::ALL.to_vec()), 0..4)
            .prop_map(|spans| Selection::Spans(SpanSet::of(&spans))),
    ]
}

pub(super) fn log_of(tokens: &[RoutedToken]) -> RoutingLog {
    let mut log = RoutingLog::new(NUM_LAYERS, NUM_EXPERTS);
    for token in tokens {
        log.push(token.clone()).unwrap();
    }
    log
}

/// The selected tokens, by looking at each.
pub(super) fn pick(tokens: &[RoutedToken], selection: Selection) -> Vec<&RoutedToken> {
    let up_to = |end| tokens.iter().filter(move |token| token.position <= end);
    match selection {
        Selection::All => tokens.iter().collect(),
        Selection::Position(position) => tokens
            .iter()
            .filter(|token| token.position == position)
            .collect(),
        Selection::Spans(spans) => tokens
            .iter()
            .filter(|token| spans.contains(token.span))
            .collect(),
        Selection::Window { end, tokens } => {
            let skipped = up_to(end).count().saturating_sub(tokens);
            up_to(end).skip(skipped).collect()
        }
    }
}

/// The weight with which a token chose an expert, and the place among its choices from 1.
pub(super) fn choice(token: &RoutedToken, layer: usize, expert: usize) -> Option<(usize, f32)> {
    let (experts, weights) = token.routing.layers().nth(layer)?;
    let index = experts.iter().position(|id| usize::from(*id) == expert)?;
    Some((index + 1, weights[index]))
}

/// The tokens that chose an expert.
pub(super) fn count(tokens: &[&RoutedToken], layer: usize, expert: usize) -> f64 {
    let chose = |token: &&&RoutedToken| choice(token, layer, expert).is_some();
    tokens.iter().filter(chose).count() as f64
}

/// The sum of their weights.
pub(super) fn weight_sum(tokens: &[&RoutedToken], layer: usize, expert: usize) -> f64 {
    let weights = tokens
        .iter()
        .filter_map(|token| choice(token, layer, expert));
    weights.map(|(_, weight)| f64::from(weight)).sum()
}

/// One value a cell, `[NUM_LAYERS, NUM_EXPERTS]`.
pub(super) fn table(cell: impl Fn(usize, usize) -> f64) -> Vec<f64> {
    (0..NUM_LAYERS * NUM_EXPERTS)
        .map(|index| cell(index / NUM_EXPERTS, index % NUM_EXPERTS))
        .collect()
}

/// The part of a layer's choices that an expert got.
pub(super) fn share(tokens: &[&RoutedToken], layer: usize, expert: usize) -> f64 {
    let choices = (tokens.len() * NUM_EXPERTS_PER_TOK).max(1);
    count(tokens, layer, expert) / choices as f64
}

/// The mean entropy of a layer's chosen weights; empty without tokens.
pub(super) fn chosen_entropies(tokens: &[&RoutedToken]) -> Vec<f64> {
    let of_layer = |layer| {
        let all = tokens
            .iter()
            .filter_map(|token| token.routing.layers().nth(layer));
        let sum: f64 = all.map(|(_, weights)| chosen_entropy(weights)).sum();
        sum / tokens.len() as f64
    };
    let num_layers = if tokens.is_empty() { 0 } else { NUM_LAYERS };
    (0..num_layers).map(of_layer).collect()
}
