//! What a look inside the model asks for and finds, as plain data.
//!
//! Always for one token of a sequence, the last one given. Knows neither MLX nor text: tokens are
//! ids, and [`LensRow::of_logits`] works on numbers that lie on the host. Start at
//! [`InspectOptions`] and [`Inspection`].
//!
//! Invariants: layers and heads count from 0; a head's sink share and its weights sum to 1.

mod options;

use serde::{Deserialize, Serialize};

use crate::intervention::Interventions;

pub use options::{
    HeadIndex, InspectOptions, InspectOptionsError, InspectSizes, LensLayers, MAX_LENS_TOP,
};

/// What a look inside will take, before it is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct InspectCost {
    /// Tokens to compute: all of the sequence, since nothing is taken from a conversation's cache.
    pub tokens: usize,
    /// Unembeddings of one row, one for each layer of the lens.
    pub unembeddings: usize,
    /// The most memory held at once, weights and the conversation's cache included.
    pub peak_bytes: u64,
    /// The most that may be used; 0 where there is no limit.
    pub limit_bytes: u64,
}

/// What was found for the last token of a sequence.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Inspection {
    /// The token's position, from 0.
    pub position: usize,
    /// The token.
    pub token: u32,
    /// What the model would say after each layer asked for, rising.
    pub lens: Vec<LensRow>,
    /// How long the residual stream is.
    pub norms: ResidualNorms,
    /// What every head gives to its sink, layer by layer.
    pub sinks: Vec<LayerSinks>,
    /// Where the head asked for looks.
    pub head: Option<HeadWeights>,
    /// The rules that changed the experts' choice throughout; to be shown with the numbers.
    #[serde(default)]
    pub interventions: Interventions,
}

/// The next token's distribution if the model ended after a layer: final norm and unembedding of
/// its residual stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LensRow {
    /// The layer.
    pub layer: usize,
    /// The most probable tokens, by falling probability.
    pub top: Vec<LensToken>,
    /// The target, if one was asked for.
    pub target: Option<LensTarget>,
    /// The distribution's entropy, in nats.
    pub entropy: f32,
}

/// A token that could come next.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LensToken {
    /// Its id.
    pub id: u32,
    /// Its probability.
    pub probability: f32,
}

/// Where the target stands in a layer's distribution.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LensTarget {
    /// Its id.
    pub id: u32,
    /// Its probability.
    pub probability: f32,
    /// How many tokens come before it, plus one; of equals the lower id comes first.
    pub rank: usize,
}

/// Lengths (L2) of the token's residual stream.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ResidualNorms {
    /// The embedding's.
    pub embedding: f32,
    /// After each layer's attention.
    pub after_attention: Vec<f32>,
    /// After each layer's experts.
    pub after_experts: Vec<f32>,
}

/// The shares of attention that a layer's heads give to their learned sinks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LayerSinks {
    /// Whether the layer sees a window only.
    pub is_windowed: bool,
    /// The earliest position that the token sees here.
    pub first_position: usize,
    /// One share a query head, `exp(sink) / (exp(sink) + Σ exp(score))`.
    pub shares: Vec<f32>,
}

/// The attention weights of one head.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HeadWeights {
    /// The head.
    pub index: HeadIndex,
    /// The position of the first weight; the last one is the token's own.
    pub first_position: usize,
    /// The visible tokens.
    pub tokens: Vec<u32>,
    /// The weight of each.
    pub weights: Vec<f32>,
    /// The sink's share, what the weights lack of 1.
    pub sink: f32,
}

impl LensRow {
    /// The row of one layer's logits, one a token of the vocabulary.
    ///
    /// Adds up in f64, so that it agrees with any other softmax to that one's own error.
    pub fn of_logits(layer: usize, logits: &[f32], top: usize, target: Option<u32>) -> Self {
        let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let shifted = |logit: f32| f64::from(logit) - f64::from(largest);
        let sum: f64 = logits.iter().map(|&logit| shifted(logit).exp()).sum();
        let weighted: f64 = logits
            .iter()
            .map(|&logit| shifted(logit).exp() * shifted(logit))
            .sum();
        let probability = |logit: f32| (shifted(logit).exp() / sum) as f32;
        let target = target.and_then(|id| {
            let logit = *logits.get(id as usize)?;
            Some(LensTarget {
                id,
                probability: probability(logit),
                rank: rank(logits, id, logit),
            })
        });
        let top = most_probable(logits, top)
            .into_iter()
            .map(|id| LensToken {
                id,
                probability: probability(logits[id as usize]),
            })
            .collect();
        Self {
            layer,
            top,
            target,
            entropy: (sum.ln() - weighted / sum) as f32,
        }
    }
}

fn rank(logits: &[f32], id: u32, logit: f32) -> usize {
    let before = (0..).zip(logits).filter(|(other, value)| {
        let order = value.total_cmp(&logit);
        order.is_gt() || (order.is_eq() && *other < id)
    });
    1 + before.count()
}

/// The ids of the `count` largest logits; of equals the lower id comes first.
fn most_probable(logits: &[f32], count: usize) -> Vec<u32> {
    let order = |a: &u32, b: &u32| {
        let by_logit = logits[*b as usize].total_cmp(&logits[*a as usize]);
        by_logit.then(a.cmp(b))
    };
    let mut ids: Vec<u32> = (0..logits.len() as u32).collect();
    if count < ids.len() {
        ids.select_nth_unstable_by(count, order);
        ids.truncate(count);
    }
    ids.sort_unstable_by(order);
    ids
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_logits_gives_probabilities_rank_and_entropy() {
        // ln 4, ln 2, ln 1, ln 1: probabilities 1/2, 1/4, 1/8, 1/8, moved by a constant.
        let logits = [0.0, 4.0, 2.0, 1.0].map(|p: f32| if p > 0.0 { p.ln() + 70.0 } else { 70.0 });
        let row = LensRow::of_logits(5, &logits, 3, Some(3));
        let ids: Vec<u32> = row.top.iter().map(|token| token.id).collect();
        assert_eq!((row.layer, ids), (5, vec![1, 2, 0]));
        for (token, expected) in row.top.iter().zip([0.5, 0.25, 0.125]) {
            assert!((token.probability - expected).abs() < 1e-6, "{token:?}");
        }
        let target = row.target.unwrap();
        assert_eq!(target.rank, 4, "of equals the lower id comes first");
        assert!((target.probability - 0.125).abs() < 1e-6);
        assert!((f64::from(row.entropy) - 1.75 * 2f64.ln()).abs() < 1e-6);
    }

    #[test]
    fn more_alternatives_than_tokens_are_all_tokens() {
        let row = LensRow::of_logits(0, &[1.0, 3.0], 9, None);
        let ids: Vec<u32> = row.top.iter().map(|token| token.id).collect();
        assert_eq!((ids, row.target), (vec![1, 0], None));
    }
}
