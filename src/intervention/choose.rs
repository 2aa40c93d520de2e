//! A layer's plan applied to one token, in plain Rust.

use super::NO_EXPERT;
use super::plan::LayerPlan;

/// What one token gets in one layer.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// The experts that are recorded, by falling logit; [`NO_EXPERT`] fills up.
    pub experts: Vec<u16>,
    /// Their weights; 0 fills up.
    pub weights: Vec<f32>,
    /// The weights with which they take part: 0 for a zeroed one.
    pub effective_weights: Vec<f32>,
}

/// The softmax of the chosen `experts`' logits, in their order.
pub(crate) fn softmax_over(
    logits: &[f32],
    experts: impl Iterator<Item = usize> + Clone,
) -> Vec<f32> {
    let chosen = experts.map(|expert| logits[expert]);
    let highest = chosen.clone().fold(f32::NEG_INFINITY, f32::max);
    let terms: Vec<f32> = chosen.map(|logit| (logit - highest).exp()).collect();
    let sum: f32 = terms.iter().sum();
    terms.iter().map(|term| term / sum).collect()
}

impl LayerPlan {
    /// The choice from `logits: [E]` for the token at `position`.
    pub fn choose(&self, logits: &[f32], position: usize) -> Choice {
        let logits: Vec<f32> = logits
            .iter()
            .enumerate()
            .map(|(expert, logit)| self.changed(*logit, position, expert))
            .collect();
        let k = self.num_experts_per_tok;
        let experts = match self.followed(position) {
            Some(recorded) => recorded.iter().map(|id| usize::from(*id)).collect(),
            None => self.best(&logits, k),
        };
        let mut choice = Choice {
            experts: experts.iter().map(|id| self.executed(*id)).collect(),
            weights: softmax_over(&logits, experts.iter().copied()),
            effective_weights: Vec::new(),
        };
        choice.effective_weights = choice.weights.clone();
        for (weight, expert) in choice.effective_weights.iter_mut().zip(&experts) {
            if self.zeroed.contains(expert) {
                *weight = 0.0;
            }
        }
        choice
            .experts
            .resize(self.recorded_experts_per_tok, NO_EXPERT);
        choice.weights.resize(self.recorded_experts_per_tok, 0.0);
        choice
    }

    /// A recorded run's choice for a position, where it has one and nothing else was asked for.
    pub(crate) fn followed(&self, position: usize) -> Option<&[u16]> {
        let k = self.num_experts_per_tok;
        self.recorded.as_ref()?.at(self.layer, position, k)
    }

    /// The logit after temperature, noise and bias.
    fn changed(&self, logit: f32, position: usize, expert: usize) -> f32 {
        let noise = self
            .noise
            .map(|noise| noise.at(self.layer, position, expert));
        let bias = self.bias.as_ref().map_or(0.0, |bias| bias[expert]);
        logit / self.temperature.unwrap_or(1.0) + noise.unwrap_or_default() + bias
    }

    /// The `k` experts with the highest logits, forced ones in any case, by falling logit.
    fn best(&self, logits: &[f32], k: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..logits.len()).collect();
        let by_logit = |a: &usize, b: &usize| logits[*b].total_cmp(&logits[*a]);
        order.sort_by(|a, b| {
            let forced = |expert| self.forced.contains(expert);
            forced(b).cmp(&forced(a)).then_with(|| by_logit(a, b))
        });
        order.truncate(k);
        order.sort_by(by_logit);
        order
    }

    /// The expert that computes where `expert` is chosen.
    fn executed(&self, expert: usize) -> u16 {
        let swapped = self.swapped.iter().find(|(from, _)| *from == expert);
        swapped.map_or(expert, |(_, to)| *to) as u16
    }
}
