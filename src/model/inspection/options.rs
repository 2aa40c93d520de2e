//! What a look inside is asked for, and the check against a model's sizes.

use serde::{Deserialize, Serialize};

use crate::intervention::Interventions;
use crate::model::config::ModelConfig;

/// The most alternatives that a lens names for each layer.
pub const MAX_LENS_TOP: usize = 100;

/// What to look at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    /// How the experts' choice is changed, at every position of the sequence.
    pub interventions: Interventions,
}

impl Default for InspectOptions {
    fn default() -> Self {
        Self {
            layers: LensLayers::All,
            top: 5,
            target: None,
            head: None,
            interventions: Interventions::none(),
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
}
