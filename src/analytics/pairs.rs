//! Experts of a layer that are chosen together.

use std::cmp::Reverse;

use super::log::RoutingLog;
use super::selection::Selection;

/// How much more often two experts of a layer are chosen by the same token than if they were chosen
/// independently.
///
/// A token chooses distinct experts, so without any preference lifts are a little below 1: with 4 of
/// 32 experts 0.77.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairLift {
    /// One expert; in a card the card's own, in a list of all pairs the one with the smaller id.
    pub expert: usize,
    /// The other one.
    pub partner: usize,
    /// The tokens that chose both.
    pub observed: u64,
    /// The tokens that would choose both under independence: the product of the two experts' counts
    /// by the number of tokens.
    pub expected: f64,
    /// `observed / expected`.
    pub lift: f64,
}

/// The pairs of a layer's experts with the highest lift, at most `top` of them.
///
/// Pairs that fewer than `min_tokens` tokens chose are left out: among rarely used experts a single
/// coincidence has an enormous lift. Equal lifts come by descending count, then by id.
pub fn pair_lifts(
    log: &RoutingLog,
    layer: usize,
    selection: Selection,
    min_tokens: u64,
    top: usize,
) -> Vec<PairLift> {
    if layer >= log.num_layers() {
        return Vec::new();
    }
    let num_experts = log.num_experts();
    let mut observed = vec![0_u64; num_experts * num_experts];
    for token in log.selected(selection) {
        let (experts, _) = token.choices(layer);
        for (index, &one) in experts.iter().enumerate() {
            for &other in &experts[index + 1..] {
                let (low, high) = (one.min(other), one.max(other));
                observed[usize::from(low) * num_experts + usize::from(high)] += 1;
            }
        }
    }
    let totals = log.totals(selection);
    let counts = totals.layer_counts(layer);
    let pairs = observed.iter().enumerate().filter_map(|(cell, &observed)| {
        let (expert, partner) = (cell / num_experts, cell % num_experts);
        pair((expert, partner), observed, counts, totals.tokens)
    });
    highest(pairs, min_tokens, top)
}

/// The lift of a pair, given its layer's counts; none where nobody chose it or it is no pair.
pub(super) fn pair(
    (expert, partner): (usize, usize),
    observed: u64,
    counts: &[u32],
    tokens: u64,
) -> Option<PairLift> {
    if observed == 0 || expert == partner {
        return None;
    }
    let expected = f64::from(counts[expert]) * f64::from(counts[partner]) / tokens as f64;
    Some(PairLift {
        expert,
        partner,
        observed,
        expected,
        lift: observed as f64 / expected,
    })
}

/// The first `top` of the pairs that enough tokens chose, by descending lift.
pub(super) fn highest(
    pairs: impl Iterator<Item = PairLift>,
    min_tokens: u64,
    top: usize,
) -> Vec<PairLift> {
    let mut pairs: Vec<_> = pairs.filter(|pair| pair.observed >= min_tokens).collect();
    pairs.sort_by(|a, b| {
        let by_lift = b.lift.total_cmp(&a.lift);
        by_lift.then_with(|| {
            let key = |pair: &PairLift| (Reverse(pair.observed), pair.expert, pair.partner);
            key(a).cmp(&key(b))
        })
    });
    pairs.truncate(top);
    pairs
}
