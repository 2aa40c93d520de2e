//! A recorded run's choices, for another run to follow.

use serde::{Deserialize, Serialize};

use super::NO_EXPERT;
use super::plan::RouterShape;

/// The experts of each position of a recorded run, to be chosen again whatever the router says.
///
/// Only the choice is taken over; the weights follow from the present router's logits. Positions
/// that were not recorded, and those after the end, are routed as ever.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ForcedRouting {
    /// By position: the experts `[layers, K]` row by row, or nothing where none were recorded.
    positions: Vec<Option<Vec<u16>>>,
}

/// A recorded position does not fit the model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the recorded routing of position {position} has {found} entries or an expert beyond the model's; \
     this model has {num_layers} layers of {num_local_experts} experts, \
     {num_experts_per_tok} for each token: is it a trace of another model?"
)]
#[non_exhaustive]
pub struct ForcedRoutingError {
    /// Where.
    pub position: usize,
    /// The entries found.
    pub found: usize,
    /// The model's layers.
    pub num_layers: usize,
    /// The model's experts.
    pub num_local_experts: usize,
    /// The model's experts a token.
    pub num_experts_per_tok: usize,
}

impl ForcedRouting {
    /// Nothing recorded yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes over `experts: [layers, K]` of a position.
    pub fn set(&mut self, position: usize, experts: Vec<u16>) {
        if self.positions.len() <= position {
            self.positions.resize(position + 1, None);
        }
        self.positions[position] = Some(experts);
    }

    /// How many positions it goes up to.
    pub fn len(&self) -> usize {
        self.positions.len()
    }

    /// Whether no position is recorded.
    pub fn is_empty(&self) -> bool {
        self.positions.iter().all(Option::is_none)
    }

    /// The experts recorded for one position and layer, each `K` of them.
    pub(crate) fn at(&self, layer: usize, position: usize, k: usize) -> Option<&[u16]> {
        let experts = self.positions.get(position)?.as_ref()?;
        experts.get(layer * k..(layer + 1) * k)
    }

    /// Whether every recorded position fits.
    pub(super) fn check(&self, shape: &RouterShape) -> Result<(), ForcedRoutingError> {
        let expected = shape.num_layers * shape.num_experts_per_tok;
        let is_wrong = |experts: &Vec<u16>| {
            let beyond = |&expert: &u16| usize::from(expert) >= shape.num_local_experts;
            // A record with fewer experts than usual cannot be followed by a model that wants all.
            experts.len() != expected || experts.iter().any(|id| *id == NO_EXPERT || beyond(id))
        };
        let recorded = self.positions.iter().enumerate();
        let mut recorded = recorded.filter_map(|(at, experts)| Some((at, experts.as_ref()?)));
        match recorded.find(|(_, experts)| is_wrong(experts)) {
            None => Ok(()),
            Some((position, experts)) => Err(ForcedRoutingError {
                position,
                found: experts.len(),
                num_layers: shape.num_layers,
                num_local_experts: shape.num_local_experts,
                num_experts_per_tok: shape.num_experts_per_tok,
            }),
        }
    }
}
