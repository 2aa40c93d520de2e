//! Two runs compared: their tokens aligned, and what their routers did differently.
//!
//! Start with [`RunDiff::of`]. A run compared with itself gives 0 everywhere, exactly, and agreements
//! of 1.

mod align;
#[cfg(test)]
mod tests;

use serde::Serialize;

use super::compare::{agreement, jensen_shannon};
use super::grid::{GridError, Measure};
use super::log::RoutingLog;
use super::selection::Selection;
use crate::generate::TokenRouting;

pub use align::{Alignment, AlignmentMethod};

/// One of the runs.
#[derive(Debug, Clone, Copy)]
pub struct DiffSide<'a> {
    /// Its tokens; a token's place is its position.
    pub ids: &'a [u32],
    /// Their routing, as far as it was recorded.
    pub log: &'a RoutingLog,
}

/// Two runs cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DiffError {
    /// They are of models of different shapes.
    #[error(
        "a run of {} layers with {} experts cannot be compared with one of {} layers with {} \
         experts: they are of different models", left.0, left.1, right.0, right.1
    )]
    Shapes {
        /// Layers, and experts in each, of the first run.
        left: (usize, usize),
        /// Those of the second.
        right: (usize, usize),
    },
    /// Their ids stand for different texts.
    #[error(
        "a run with a vocabulary of {left} tokens cannot be compared with one of {right}: they are \
         of different models"
    )]
    Vocabularies {
        /// The first run's.
        left: usize,
        /// The second's.
        right: usize,
    },
    /// Their counts cannot be compared.
    #[error(transparent)]
    Grid(#[from] GridError),
}

/// What two runs, A and B, do differently.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunDiff {
    /// Which tokens belong together.
    pub alignment: Alignment,
    /// Each layer.
    pub layers: Vec<LayerDiff>,
    /// All cells whose shares of all tokens differ, the largest change first.
    pub cells_all: Vec<CellChange>,
    /// The same over the aligned pairs alone: what the routers do differently with tokens that
    /// belong together.
    pub cells_aligned: Vec<CellChange>,
    /// Each aligned pair of tokens of which both have routing.
    pub tokens: Vec<TokenAgreement>,
}

/// What a layer does differently.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct LayerDiff {
    /// The [`jensen_shannon`] distance of the experts' counts over all tokens of each run, in 0..=1;
    /// none where a run has no routing.
    pub js_distance_all: Option<f64>,
    /// The same over the aligned pairs alone, of which both tokens have routing; none without pairs.
    pub js_distance_aligned: Option<f64>,
    /// The mean share of equal experts over the aligned pairs; none without pairs.
    pub agreement: Option<f64>,
    /// The mean [`weighted_agreement`] over them.
    pub weighted_agreement: Option<f64>,
    /// Mean entropy over the chosen experts' weights in B less that in A, in nats, over all tokens.
    pub chosen_entropy_change: Option<f64>,
    /// The same over all experts, where both runs have it.
    pub router_entropy_change: Option<f64>,
}

/// An expert that gets another part of its layer's choices.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct CellChange {
    /// The layer.
    pub layer: usize,
    /// The expert.
    pub expert: usize,
    /// Its part of the layer's choices in A, in 0..=1.
    pub share_a: f64,
    /// In B.
    pub share_b: f64,
}

impl CellChange {
    /// The share in B less that in A.
    pub fn change(&self) -> f64 {
        self.share_b - self.share_a
    }
}

/// How far the routers agree about a pair of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct TokenAgreement {
    /// Its position in A.
    pub position_a: usize,
    /// Its position in B.
    pub position_b: usize,
    /// Experts in common, summed over the layers.
    pub equal_experts: usize,
    /// Of so many.
    pub experts: usize,
    /// The mean [`weighted_agreement`] of the layers, in 0..=1.
    pub weighted: f64,
}

impl TokenAgreement {
    /// The part of the experts that is equal, in 0..=1.
    pub fn share(&self) -> f64 {
        self.equal_experts as f64 / self.experts.max(1) as f64
    }
}

impl RunDiff {
    /// Compares run `a` with run `b`.
    ///
    /// *Errors:* [`DiffError::Shapes`] where they are of models of different shapes.
    pub fn of(a: &DiffSide<'_>, b: &DiffSide<'_>) -> Result<Self, DiffError> {
        let shape = |side: &DiffSide<'_>| (side.log.num_layers(), side.log.num_experts());
        let (left, right) = (shape(a), shape(b));
        if left != right {
            return Err(DiffError::Shapes { left, right });
        }
        let alignment = Alignment::of(a.ids, b.ids);
        let mut sums = LayerSums::new(a.log.num_layers());
        let tokens: Vec<_> = alignment
            .pairs()
            .filter_map(|(left, right)| sums.pair(a.log, b.log, left, right))
            .collect();
        let pairs = [
            aligned(a.log, tokens.iter().map(|token| token.position_a)),
            aligned(b.log, tokens.iter().map(|token| token.position_b)),
        ];
        Ok(Self {
            layers: layers([a.log, b.log], [&pairs[0], &pairs[1]], &sums, tokens.len())?,
            cells_all: cells(a.log, b.log),
            cells_aligned: cells(&pairs[0], &pairs[1]),
            alignment,
            tokens,
        })
    }

    /// Whether nothing at all differs: the same tokens, the same experts, the same weights.
    pub fn is_zero(&self) -> bool {
        let is_none_of = |change: Option<f64>| change.is_none_or(|change| change == 0.0);
        self.alignment.first_difference.is_none()
            && self.cells_all.is_empty()
            && self.cells_aligned.is_empty()
            && self
                .tokens
                .iter()
                .all(|token| token.share() >= 1.0 && token.weighted >= 1.0)
            && self.layers.iter().all(|layer| {
                is_none_of(layer.js_distance_all)
                    && is_none_of(layer.js_distance_aligned)
                    && is_none_of(layer.chosen_entropy_change)
                    && is_none_of(layer.router_entropy_change)
            })
    }

    /// The mean share of equal experts over all pairs and layers; none without pairs.
    pub fn agreement(&self) -> Option<f64> {
        mean(self.tokens.iter().map(TokenAgreement::share))
    }

    /// The pairs of tokens behind the first different one. What comes before it is the same text, about
    /// which the same model under the same rules agrees with itself.
    pub fn pairs_behind_difference(&self) -> &[TokenAgreement] {
        let Some(at) = self.alignment.first_difference else {
            return &[];
        };
        let first = self.tokens.partition_point(|token| token.position_a < at);
        &self.tokens[first..]
    }

    /// [`Self::agreement`] over [`Self::pairs_behind_difference`]; none without any.
    pub fn agreement_behind_difference(&self) -> Option<f64> {
        let pairs = self.pairs_behind_difference();
        mean(pairs.iter().map(TokenAgreement::share))
    }

    /// The mean of the weighted agreements; none without pairs.
    pub fn weighted_agreement(&self) -> Option<f64> {
        mean(self.tokens.iter().map(|token| token.weighted))
    }
}

/// The overlap of two tokens' mixtures in each layer: the sum over experts of the smaller weight, as
/// a part of the larger sum of weights.
///
/// In 0..=1, `[num_layers]`; none where the numbers of layers differ.
pub fn weighted_agreement(left: &TokenRouting, right: &TokenRouting) -> Option<Vec<f64>> {
    if left.num_layers() != right.num_layers() {
        return None;
    }
    let layers = left.layers().zip(right.layers());
    Some(layers.map(|(left, right)| overlap(left, right)).collect())
}

type Mixture<'a> = (&'a [u16], &'a [f32]);

fn overlap(left: Mixture<'_>, right: Mixture<'_>) -> f64 {
    let sum = |mixture: Mixture<'_>| mixture.1.iter().copied().map(f64::from).sum::<f64>();
    let weight_in = |mixture: Mixture<'_>, expert: u16| {
        let chosen = mixture.0.iter().zip(mixture.1);
        let same = chosen.filter(|(id, _)| **id == expert);
        same.map(|(_, weight)| f64::from(*weight)).sum::<f64>()
    };
    if left == right {
        // Exactly, whatever order the sums below run in.
        return 1.0;
    }
    let whole = sum(left).max(sum(right));
    if whole <= 0.0 {
        // Nothing against nothing.
        return 1.0;
    }
    let common = left.0.iter().enumerate().map(|(rank, &expert)| {
        // An expert that was chosen twice counts once.
        if left.0[..rank].contains(&expert) {
            return 0.0;
        }
        weight_in(left, expert).min(weight_in(right, expert))
    });
    (common.sum::<f64>() / whole).clamp(0.0, 1.0)
}

/// Sums over pairs of tokens, `[num_layers]` each.
struct LayerSums {
    agreement: Vec<f64>,
    weighted: Vec<f64>,
}

impl LayerSums {
    fn new(num_layers: usize) -> Self {
        Self {
            agreement: vec![0.0; num_layers],
            weighted: vec![0.0; num_layers],
        }
    }

    /// Compares a pair, if both have routing, and adds it.
    fn pair(
        &mut self,
        a: &RoutingLog,
        b: &RoutingLog,
        position_a: usize,
        position_b: usize,
    ) -> Option<TokenAgreement> {
        let (left, right) = (&a.get(position_a)?.routing, &b.get(position_b)?.routing);
        let weighted = weighted_agreement(left, right)?;
        for (sum, share) in self.agreement.iter_mut().zip(agreement(left, right)?) {
            *sum += share;
        }
        for (sum, share) in self.weighted.iter_mut().zip(&weighted) {
            *sum += share;
        }
        let mut token = TokenAgreement {
            position_a,
            position_b,
            equal_experts: 0,
            experts: 0,
            weighted: mean(weighted.into_iter())?,
        };
        for ((left, _), (right, _)) in left.layers().zip(right.layers()) {
            token.equal_experts += left.iter().filter(|id| right.contains(id)).count();
            token.experts += left.len().max(right.len());
        }
        Some(token)
    }
}

/// The tokens at these positions alone.
fn aligned(log: &RoutingLog, positions: impl Iterator<Item = usize>) -> RoutingLog {
    let mut chosen = RoutingLog::new(log.num_layers(), log.num_experts());
    for token in positions.filter_map(|position| log.get(position)) {
        // Positions ascend in both runs, and the tokens fitted a log of this shape before.
        let _ = chosen.push(token.clone());
    }
    chosen
}

fn layers(
    [a, b]: [&RoutingLog; 2],
    [pairs_a, pairs_b]: [&RoutingLog; 2],
    sums: &LayerSums,
    pairs: usize,
) -> Result<Vec<LayerDiff>, DiffError> {
    let grid = |log: &RoutingLog| log.grid(Selection::All, Measure::Count);
    let all = jensen_shannon(&grid(a), &grid(b))?;
    let of_aligned = jensen_shannon(&grid(pairs_a), &grid(pairs_b))?;
    let (from, to) = (a.entropies(Selection::All), b.entropies(Selection::All));
    let of_pairs = |sums: &[f64], layer: usize| (pairs > 0).then(|| sums[layer] / pairs as f64);
    let change = |from: &[f64], to: &[f64], layer: usize| Some(to.get(layer)? - from.get(layer)?);
    let layers = all.into_iter().zip(of_aligned).enumerate();
    Ok(layers
        .map(
            |(layer, (js_distance_all, js_distance_aligned))| LayerDiff {
                js_distance_all,
                js_distance_aligned,
                agreement: of_pairs(&sums.agreement, layer),
                weighted_agreement: of_pairs(&sums.weighted, layer),
                chosen_entropy_change: change(&from.chosen, &to.chosen, layer),
                router_entropy_change: change(&from.router, &to.router, layer),
            },
        )
        .collect())
}

fn cells(a: &RoutingLog, b: &RoutingLog) -> Vec<CellChange> {
    let shares = |log: &RoutingLog| log.grid(Selection::All, Measure::Count).normalized();
    let (left, right) = (shares(a), shares(b));
    let pairs = left.values().iter().zip(right.values()).enumerate();
    let mut cells: Vec<_> = pairs
        .filter(|(_, (left, right))| left.total_cmp(right).is_ne())
        .map(|(cell, (&share_a, &share_b))| CellChange {
            layer: cell / a.num_experts(),
            expert: cell % a.num_experts(),
            share_a,
            share_b,
        })
        .collect();
    // Stable: equal changes stay in the order of layers and experts.
    cells.sort_by(|one, other| other.change().abs().total_cmp(&one.change().abs()));
    cells
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (count, sum) = values.fold((0_u64, 0.0), |(count, sum), value| (count + 1, sum + value));
    (count > 0).then(|| sum / count as f64)
}
