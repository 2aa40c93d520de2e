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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hand_computed_entropies() {
        for (weights, expected) in [
            (&[0.25_f32; 4][..], 4.0_f64.ln()),
            (&[1.0, 0.0, 0.0, 0.0], 0.0),
            (&[0.5, 0.25, 0.25], 1.5 * 2.0_f64.ln()),
            // Not summing to 1: only their ratios count.
            (&[2.0, 2.0], 2.0_f64.ln()),
            (&[0.0, 0.0], 0.0),
            (&[], 0.0),
        ] {
            let found = chosen_entropy(weights);
            assert!((found - expected).abs() < 1e-12, "{weights:?}: {found}");
            assert!(found.is_sign_positive(), "{weights:?}");
        }
    }

    #[test]
    fn normalized_entropies_reach_from_0_to_1() {
        for (entropy, choices, expected) in [
            (4.0_f64.ln(), 4, 1.0),
            (2.0_f64.ln(), 4, 0.5),
            (0.0, 32, 0.0),
            (9.0, 4, 1.0),
            (0.0, 1, 0.0),
            (0.0, 0, 0.0),
        ] {
            assert!((normalized(entropy, choices) - expected).abs() < 1e-12);
        }
        assert!((max_entropy(4) - 1.386_294).abs() < 1e-6);
        assert!((max_entropy(128) - 4.852_030).abs() < 1e-6);
    }

    #[test]
    fn a_token_without_the_router_s_entropy_has_only_one() {
        let routing = TokenRouting::new(2, 2, vec![0, 1, 1, 0], vec![0.5, 0.5, 1.0, 0.0]).unwrap();
        let bare = LayerEntropies::of(&routing);
        assert_eq!((bare.router_tokens, bare.mean_router()), (0, None));
        assert!((bare.mean_chosen().unwrap() - 2.0_f64.ln() / 2.0).abs() < 1e-12);
        let full = LayerEntropies::of(&routing.with_entropies(vec![1.0, 2.0]).unwrap());
        assert_eq!((full.router_tokens, full.mean_router()), (1, Some(1.5)));
    }
}
