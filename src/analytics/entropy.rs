//! The two entropies of routing.
//!
//! gpt-oss applies the softmax after the top-k selection, so there are two: over the chosen
//! experts' weights (at most `ln k`), which follows from every record, and over all experts before
//! the selection (at most `ln E`), which the engine has to record.

use super::totals::Totals;
use crate::generate::TokenRouting;

/// Both entropies of each layer, of one token or averaged over several.
///
/// *Units:* nats.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LayerEntropies {
    /// The tokens averaged.
    pub tokens: u64,
    /// Over the chosen experts' weights, `[num_layers]`; empty without tokens.
    pub chosen: Vec<f64>,
    /// Those of the tokens that have the entropy over all experts.
    pub router_tokens: u64,
    /// Over all experts before the selection, `[num_layers]`; empty where it was not recorded.
    pub router: Vec<f64>,
}

impl LayerEntropies {
    /// The entropies of one token.
    pub fn of(routing: &TokenRouting) -> Self {
        let router: Vec<f64> = routing.entropies().iter().copied().map(f64::from).collect();
        Self {
            tokens: 1,
            chosen: routing
                .layers()
                .map(|(_, weights)| chosen_entropy(weights))
                .collect(),
            router_tokens: u64::from(!router.is_empty()),
            router,
        }
    }

    /// The mean over all layers of the entropy over the chosen experts.
    pub fn mean_chosen(&self) -> Option<f64> {
        mean(&self.chosen)
    }

    /// The mean over all layers of the entropy over all experts.
    pub fn mean_router(&self) -> Option<f64> {
        mean(&self.router)
    }

    /// The averages over the tokens that were added up.
    pub(super) fn mean(totals: &Totals) -> Self {
        Self {
            tokens: totals.tokens,
            chosen: divided(&totals.chosen_entropy_sums, totals.tokens),
            router_tokens: totals.router_tokens,
            router: divided(&totals.router_entropy_sums, totals.router_tokens),
        }
    }
}

/// The entropy of the chosen experts' weights, at most `ln k`.
///
/// The weights are scaled to sum to 1 first; those that are not positive do not count.
/// *Units:* nats.
pub fn chosen_entropy(weights: &[f32]) -> f64 {
    entropy(weights.iter().copied().map(f64::from))
}

/// The largest entropy over `choices` possibilities, `ln choices`; 0 where there is no choice.
///
/// *Units:* nats.
pub fn max_entropy(choices: usize) -> f64 {
    (choices.max(1) as f64).ln()
}

/// An entropy as a part of the largest one over `choices` possibilities, in 0..=1; 0 where there is
/// no choice.
pub fn normalized(entropy: f64, choices: usize) -> f64 {
    let most = max_entropy(choices);
    if most > 0.0 {
        (entropy / most).clamp(0.0, 1.0)
    } else {
        0.0
    }
}

/// The entropy in nats of masses that need not sum to 1.
pub(super) fn entropy(masses: impl Iterator<Item = f64> + Clone) -> f64 {
    let masses = masses.filter(|mass| *mass > 0.0);
    let sum: f64 = masses.clone().sum();
    let terms = masses.map(|mass| {
        let part = mass / sum;
        -part * part.ln()
    });
    // A single mass gives -0.
    terms.sum::<f64>().max(0.0)
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// The sums by the number of tokens; nothing without tokens.
fn divided(sums: &[f64], tokens: u64) -> Vec<f64> {
    if tokens == 0 {
        return Vec::new();
    }
    sums.iter().map(|sum| sum / tokens as f64).collect()
}
