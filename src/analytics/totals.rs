//! Running sums over tokens, which grids and mean entropies are read from.

use super::entropy::chosen_entropy;
use super::grid::TotalsRef;
use crate::generate::TokenRouting;

/// The experts' use and the entropies, summed over some tokens.
///
/// *Shapes:* `counts` and `weight_sums` are `[num_layers, num_experts]`, row by row; the sums of
/// entropies are `[num_layers]`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Totals {
    num_layers: usize,
    num_experts: usize,
    pub(super) tokens: u64,
    counts: Vec<u32>,
    weight_sums: Vec<f64>,
    pub(super) chosen_entropy_sums: Vec<f64>,
    /// Tokens whose entropy over all experts was recorded.
    pub(super) router_tokens: u64,
    pub(super) router_entropy_sums: Vec<f64>,
}

impl Totals {
    /// Sums over no tokens.
    pub(super) fn new(num_layers: usize, num_experts: usize) -> Self {
        let cells = num_layers * num_experts;
        Self {
            num_layers,
            num_experts,
            tokens: 0,
            counts: vec![0; cells],
            weight_sums: vec![0.0; cells],
            chosen_entropy_sums: vec![0.0; num_layers],
            router_tokens: 0,
            router_entropy_sums: vec![0.0; num_layers],
        }
    }

    /// Counts a token, which must fit the dimensions.
    pub(super) fn add(&mut self, routing: &TokenRouting) {
        self.tokens += 1;
        for (layer, (experts, weights)) in routing.layers().enumerate() {
            self.chosen_entropy_sums[layer] += chosen_entropy(weights);
            for (&expert, &weight) in experts.iter().zip(weights) {
                let cell = layer * self.num_experts + usize::from(expert);
                self.counts[cell] += 1;
                self.weight_sums[cell] += f64::from(weight);
            }
        }
        if !routing.entropies().is_empty() {
            self.router_tokens += 1;
            for (sum, &entropy) in self.router_entropy_sums.iter_mut().zip(routing.entropies()) {
                *sum += f64::from(entropy);
            }
        }
    }

    /// Takes back a token that was added.
    pub(super) fn remove(&mut self, routing: &TokenRouting) {
        self.tokens -= 1;
        for (layer, (experts, weights)) in routing.layers().enumerate() {
            self.chosen_entropy_sums[layer] -= chosen_entropy(weights);
            for (&expert, &weight) in experts.iter().zip(weights) {
                let cell = layer * self.num_experts + usize::from(expert);
                self.counts[cell] -= 1;
                self.weight_sums[cell] -= f64::from(weight);
                // Rounding may leave a trace; an unused expert must show exactly zero.
                if self.counts[cell] == 0 {
                    self.weight_sums[cell] = 0.0;
                }
            }
        }
        if !routing.entropies().is_empty() {
            self.router_tokens -= 1;
            for (sum, &entropy) in self.router_entropy_sums.iter_mut().zip(routing.entropies()) {
                *sum -= f64::from(entropy);
            }
        }
        if self.tokens == 0 {
            *self = Self::new(self.num_layers, self.num_experts);
        }
    }

    /// Adds the sums over other tokens.
    pub(super) fn merge(&mut self, other: &Self) {
        self.tokens += other.tokens;
        self.router_tokens += other.router_tokens;
        for (sum, &more) in self.counts.iter_mut().zip(&other.counts) {
            *sum += more;
        }
        add_all(&mut self.weight_sums, &other.weight_sums);
        add_all(&mut self.chosen_entropy_sums, &other.chosen_entropy_sums);
        add_all(&mut self.router_entropy_sums, &other.router_entropy_sums);
    }

    /// The counts of one layer.
    pub(super) fn layer_counts(&self, layer: usize) -> &[u32] {
        &self.counts[layer * self.num_experts..][..self.num_experts]
    }

    /// What a grid is made from.
    pub(super) fn cells(&self) -> TotalsRef<'_> {
        TotalsRef {
            num_layers: self.num_layers,
            num_experts: self.num_experts,
            tokens: self.tokens,
            counts: &self.counts,
            weight_sums: &self.weight_sums,
        }
    }
}

fn add_all(sums: &mut [f64], more: &[f64]) {
    for (sum, &value) in sums.iter_mut().zip(more) {
        *sum += value;
    }
}
