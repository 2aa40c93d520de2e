//! What a look inside the model asks for and finds, as plain data.
//!
//! Always for one token of a sequence, the last one given. Knows neither MLX nor text: tokens are
//! ids, and [`LensRow::of_logits`] works on numbers that lie on the host. Start at
//! [`InspectOptions`] and [`Inspection`].
//!
//! Invariants: layers and heads count from 0; a head's sink share and its weights sum to 1.

use serde::{Deserialize, Serialize};

use super::config::ModelConfig;

/// The most alternatives that a lens names for each layer.
pub const MAX_LENS_TOP: usize = 100;

/// What to look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InspectOptions {
    /// After which layers the residual stream is unembedded.
    pub layers: LensLayers,
    /// How many of the most probable tokens each of them names, at most [`MAX_LENS_TOP`].
    pub top: usize,
    /// A token whose probability and rank are told too.
    pub target: Option<u32>,
    /// A head whose attention weights are told.
    pub head: Option<HeadIndex>,
}

impl Default for InspectOptions {
    fn default() -> Self {
        Self {
            layers: LensLayers::All,
            top: 5,
            target: None,
            head: None,
        }
    }
}

/// The layers of a lens.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LensLayers {
    /// Every layer.
    #[default]
    All,
    /// These, in any order; none leaves the unembeddings out.
    Only(Vec<usize>),
}

/// One query head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HeadIndex {
    /// Its layer.
    pub layer: usize,
    /// Its number in the layer.
    pub head: usize,
}

/// The sizes of a model that options are checked against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InspectSizes {
    /// The number of layers.
    pub num_layers: usize,
    /// Query heads in each layer.
    pub num_heads: usize,
    /// Rows of the unembedding.
    pub vocab_size: usize,
}

impl InspectSizes {
    /// Those of a model.
    pub fn of(config: &ModelConfig) -> Self {
        Self {
            num_layers: config.num_hidden_layers,
            num_heads: config.num_attention_heads,
            vocab_size: config.vocab_size,
        }
    }
}

/// What is wrong with [`InspectOptions`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InspectOptionsError {
    /// The model has fewer layers.
    #[error("there is no layer {layer}: the model has layers 0 to {}", num_layers.saturating_sub(1))]
    NoSuchLayer {
        /// The layer asked for.
        layer: usize,
        /// How many there are.
        num_layers: usize,
    },
    /// The layers have fewer heads.
    #[error("there is no head {head}: a layer has heads 0 to {}", num_heads.saturating_sub(1))]
    NoSuchHead {
        /// The head asked for.
        head: usize,
        /// How many there are.
        num_heads: usize,
    },
    /// More alternatives than a lens names.
    #[error("{top} alternatives are too many, the most is {MAX_LENS_TOP}")]
    TooManyAlternatives {
        /// The number asked for.
        top: usize,
    },
    /// The target is no token of the model.
    #[error("the target, token id {id}, is out of range: the vocabulary has {vocab_size}")]
    TargetOutOfRange {
        /// The id asked for.
        id: u32,
        /// The ids that exist are below this.
        vocab_size: usize,
    },
}

impl InspectOptions {
    /// Checks the options against a model's sizes.
    ///
    /// # Errors
    /// The first layer, head, number or id that is out of range.
    pub fn check(&self, sizes: InspectSizes) -> Result<(), InspectOptionsError> {
        let InspectSizes {
            num_layers,
            num_heads,
            vocab_size,
        } = sizes;
        let lens = match &self.layers {
            LensLayers::All => &[][..],
            LensLayers::Only(layers) => layers,
        };
        let head_layer = self.head.iter().map(|head| head.layer);
        let mut asked = lens.iter().copied().chain(head_layer);
        if let Some(layer) = asked.find(|&layer| layer >= num_layers) {
            return Err(InspectOptionsError::NoSuchLayer { layer, num_layers });
        }
        if let Some(HeadIndex { head, .. }) = self.head.filter(|index| index.head >= num_heads) {
            return Err(InspectOptionsError::NoSuchHead { head, num_heads });
        }
        if self.top > MAX_LENS_TOP {
            return Err(InspectOptionsError::TooManyAlternatives { top: self.top });
        }
        match self.target.filter(|&id| id as usize >= vocab_size) {
            Some(id) => Err(InspectOptionsError::TargetOutOfRange { id, vocab_size }),
            None => Ok(()),
        }
    }

    /// The lens' layers, rising and each once.
    pub fn lens_layers(&self, num_layers: usize) -> Vec<usize> {
        match &self.layers {
            LensLayers::All => (0..num_layers).collect(),
            LensLayers::Only(layers) => {
                let mut layers = layers.clone();
                layers.sort_unstable();
                layers.dedup();
                layers
            }
        }
    }
}

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

    const SIZES: InspectSizes = InspectSizes {
        num_layers: 3,
        num_heads: 8,
        vocab_size: 320,
    };

    #[track_caller]
    fn check_refused(change: impl FnOnce(&mut InspectOptions), message: &str) {
        let mut options = InspectOptions::default();
        change(&mut options);
        let error = options.check(SIZES).unwrap_err();
        assert_eq!(error.to_string(), message);
    }

    #[test]
    fn what_the_model_lacks_is_refused() {
        let head = |layer, head| Some(HeadIndex { layer, head });
        assert_eq!(InspectOptions::default().check(SIZES), Ok(()));
        check_refused(
            |options| options.layers = LensLayers::Only(vec![0, 3]),
            "there is no layer 3: the model has layers 0 to 2",
        );
        check_refused(
            |options| options.head = head(3, 0),
            "there is no layer 3: the model has layers 0 to 2",
        );
        check_refused(
            |options| options.head = head(2, 8),
            "there is no head 8: a layer has heads 0 to 7",
        );
        check_refused(
            |options| options.top = 101,
            "101 alternatives are too many, the most is 100",
        );
        check_refused(
            |options| options.target = Some(320),
            "the target, token id 320, is out of range: the vocabulary has 320",
        );
    }

    #[test]
    fn lens_layers_rise_and_come_once() {
        let only = |layers: &[usize]| InspectOptions {
            layers: LensLayers::Only(layers.to_vec()),
            ..InspectOptions::default()
        };
        assert_eq!(InspectOptions::default().lens_layers(3), [0, 1, 2]);
        assert_eq!(only(&[2, 0, 2]).lens_layers(3), [0, 2]);
        assert_eq!(only(&[]).lens_layers(3), [0usize; 0]);
    }

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
