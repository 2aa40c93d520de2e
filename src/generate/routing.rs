//! The router's choices for one token, in all layers.

use serde::{Deserialize, Serialize};

use crate::intervention::NO_EXPERT;

/// The experts that one token went to, with their weights, in every layer.
///
/// *Shapes:* both arrays are `[num_layers, num_experts_per_tok]`, row by row; within a layer the
/// experts come by descending weight. The weights of a layer sum to 1, since gpt-oss applies the
/// softmax after the top-k selection. A layer that was made to choose fewer than the others is
/// filled up with [`NO_EXPERT`] and weight 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawRouting", into = "RawRouting")]
pub struct TokenRouting {
    num_layers: usize,
    num_experts_per_tok: usize,
    experts: Vec<u16>,
    weights: Vec<f32>,
    entropies: Vec<f32>,
}

impl TokenRouting {
    /// Joins the choices of all layers.
    ///
    /// *Errors:* [`RoutingShapeError`] where an array does not have
    /// `num_layers * num_experts_per_tok` entries, or that product is zero or overflows.
    pub fn new(
        num_layers: usize,
        num_experts_per_tok: usize,
        experts: Vec<u16>,
        weights: Vec<f32>,
    ) -> Result<Self, RoutingShapeError> {
        let expected = num_layers.checked_mul(num_experts_per_tok).unwrap_or(0);
        if expected == 0 || experts.len() != expected || weights.len() != expected {
            return Err(RoutingShapeError {
                num_layers,
                num_experts_per_tok,
                experts: experts.len(),
                weights: weights.len(),
                entropies: 0,
            });
        }
        Ok(Self {
            num_layers,
            num_experts_per_tok,
            experts,
            weights,
            entropies: Vec::new(),
        })
    }

    /// The same choices with the routers' entropies, one a layer or none.
    ///
    /// *Errors:* [`RoutingShapeError`] for another number of them.
    pub fn with_entropies(mut self, entropies: Vec<f32>) -> Result<Self, RoutingShapeError> {
        if !entropies.is_empty() && entropies.len() != self.num_layers {
            return Err(RoutingShapeError {
                num_layers: self.num_layers,
                num_experts_per_tok: self.num_experts_per_tok,
                experts: self.experts.len(),
                weights: self.weights.len(),
                entropies: entropies.len(),
            });
        }
        self.entropies = entropies;
        Ok(self)
    }

    /// The number of layers.
    pub fn num_layers(&self) -> usize {
        self.num_layers
    }

    /// The number of experts chosen in each layer.
    pub fn num_experts_per_tok(&self) -> usize {
        self.num_experts_per_tok
    }

    /// All chosen experts, `[num_layers, num_experts_per_tok]`, [`NO_EXPERT`] included.
    pub fn experts(&self) -> &[u16] {
        &self.experts
    }

    /// All weights, `[num_layers, num_experts_per_tok]`.
    pub fn weights(&self) -> &[f32] {
        &self.weights
    }

    /// The entropy of each layer's router, in nats: that of the softmax over all experts, before
    /// the choice. `[num_layers]`, or empty where it was not recorded.
    pub fn entropies(&self) -> &[f32] {
        &self.entropies
    }

    /// All experts chosen in any layer, without what fills up.
    pub fn chosen(&self) -> impl Iterator<Item = u16> + '_ {
        let chosen = |id: &u16| *id != NO_EXPERT;
        self.experts.iter().copied().filter(chosen)
    }

    /// Each layer's experts and weights, from the first layer on, without what fills up.
    pub fn layers(&self) -> impl Iterator<Item = (&[u16], &[f32])> {
        (0..self.num_layers).map(|layer| self.layer(layer))
    }

    /// One layer's experts and weights, without what fills up; empty where there is no such layer.
    pub fn layer(&self, layer: usize) -> (&[u16], &[f32]) {
        let k = self.num_experts_per_tok;
        let start = layer.saturating_mul(k);
        let row = start..start.saturating_add(k);
        let (Some(experts), Some(weights)) = (self.experts.get(row.clone()), self.weights.get(row))
        else {
            return (&[], &[]);
        };
        // Only the last ones can be missing, and mostly none is.
        let missing = experts.iter().rev().take_while(|id| **id == NO_EXPERT);
        let chosen = k - missing.count();
        (&experts[..chosen], &weights[..chosen])
    }
}

/// The arrays of a [`TokenRouting`] do not fit its dimensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "routing of {num_layers} layers with {num_experts_per_tok} experts a token needs as many \
     entries (and at least one), found {experts} experts and {weights} weights, and \
     {entropies} entropies (which may be one a layer or none)"
)]
#[non_exhaustive]
pub struct RoutingShapeError {
    /// The number of layers named.
    pub num_layers: usize,
    /// The number of experts a token named.
    pub num_experts_per_tok: usize,
    /// The entries found in the array of experts.
    pub experts: usize,
    /// The entries found in the array of weights.
    pub weights: usize,
    /// The entropies found.
    pub entropies: usize,
}

/// The form in files: the same fields, not yet checked.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRouting {
    num_layers: usize,
    num_experts_per_tok: usize,
    experts: Vec<u16>,
    weights: Vec<f32>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    entropies: Vec<f32>,
}

impl TryFrom<RawRouting> for TokenRouting {
    type Error = RoutingShapeError;

    fn try_from(raw: RawRouting) -> Result<Self, Self::Error> {
        Self::new(
            raw.num_layers,
            raw.num_experts_per_tok,
            raw.experts,
            raw.weights,
        )?
        .with_entropies(raw.entropies)
    }
}

impl From<TokenRouting> for RawRouting {
    fn from(routing: TokenRouting) -> Self {
        let TokenRouting {
            num_layers,
            num_experts_per_tok,
            experts,
            weights,
            entropies,
        } = routing;
        Self {
            num_layers,
            num_experts_per_tok,
            experts,
            weights,
            entropies,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_layers() {
        let routing =
            TokenRouting::new(2, 2, vec![3, 1, 0, 2], vec![0.75, 0.25, 0.5, 0.5]).unwrap();
        let rows: Vec<_> = routing.layers().collect();
        assert_eq!(rows[0], ([3, 1].as_slice(), [0.75, 0.25].as_slice()));
        assert_eq!(rows[1], ([0, 2].as_slice(), [0.5, 0.5].as_slice()));
    }

    #[test]
    fn arrays_that_do_not_fit_are_refused_with_the_numbers() {
        for (layers, k, experts, weights) in [
            (2, 2, 3, 4),
            (2, 2, 4, 3),
            (0, 2, 0, 0),
            (2, 0, 0, 0),
            (usize::MAX, 2, 0, 0),
        ] {
            let error = TokenRouting::new(layers, k, vec![0; experts], vec![0.0; weights])
                .expect_err("the shape is wrong");
            assert!(
                error
                    .to_string()
                    .contains(&format!("{experts} experts and {weights} weights"))
            );
        }
    }

    #[test]
    fn entropies_are_one_a_layer_or_none_and_old_files_have_none() {
        let routing = TokenRouting::new(2, 1, vec![3, 1], vec![1.0, 1.0]).unwrap();
        let old = serde_json::to_string(&routing).unwrap();
        assert!(!old.contains("entropies"));
        assert_eq!(serde_json::from_str::<TokenRouting>(&old).unwrap(), routing);
        assert!(routing.clone().with_entropies(vec![0.5]).is_err());
        let with = routing.with_entropies(vec![0.5, 1.5]).unwrap();
        let text = serde_json::to_string(&with).unwrap();
        let read: TokenRouting = serde_json::from_str(&text).unwrap();
        assert_eq!(read.entropies(), [0.5, 1.5]);
    }

    #[test]
    fn a_file_cannot_bring_in_a_wrong_shape() {
        let text = r#"{"num_layers":1,"num_experts_per_tok":2,"experts":[1],"weights":[1.0]}"#;
        assert!(serde_json::from_str::<TokenRouting>(text).is_err());
    }
}
