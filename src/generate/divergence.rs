//! What two runs side by side have shown.

use serde::{Deserialize, Serialize};

/// Two answers to one prompt with one seed, and how far the second model departs from the first.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Ablation {
    /// The answer of the model as it is.
    pub baseline: Vec<u32>,
    /// The answer with its experts changed.
    pub ablated: Vec<u32>,
    /// One entry a token of the baseline's answer, which both models read.
    pub positions: Vec<PositionDivergence>,
}

/// The two models' opinions about one token of the baseline's answer, after the same tokens before.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PositionDivergence {
    /// The Kullback-Leibler divergence of the ablated distribution from the baseline's, in nats.
    pub kl_nats: f32,
    /// The token's log-probability in the model as it is.
    pub logprob_before: f32,
    /// The token's log-probability with experts changed.
    pub logprob_after: f32,
    /// The most likely token of the model as it is.
    pub best_before: u32,
    /// The most likely token with experts changed.
    pub best_after: u32,
}

/// The parts of an ablation, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AblationStage {
    /// The model as it is answers.
    Baseline,
    /// The model with its experts changed answers.
    Ablated,
    /// Both read the first answer.
    Comparing,
}

impl Ablation {
    /// The first token in which the answers differ; nothing where they are the same. Where one is
    /// the other's beginning, this is where the shorter one ended.
    pub fn first_difference(&self) -> Option<usize> {
        let same = self.baseline.iter().zip(&self.ablated);
        let shared = same.take_while(|(a, b)| a == b).count();
        (shared < self.baseline.len().max(self.ablated.len())).then_some(shared)
    }

    /// The mean divergence over all positions, in nats; nothing for an empty answer.
    pub fn mean_kl_nats(&self) -> Option<f32> {
        let sum: f32 = self.positions.iter().map(|position| position.kl_nats).sum();
        (!self.positions.is_empty()).then(|| sum / self.positions.len() as f32)
    }

    /// In how many positions both find the same token most likely.
    pub fn agreeing_positions(&self) -> usize {
        let agrees = |position: &&PositionDivergence| position.best_before == position.best_after;
        self.positions.iter().filter(agrees).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_is_where_the_answers_part_or_the_shorter_one_ends() {
        for (baseline, ablated, expected) in [
            (vec![1, 2, 3], vec![1, 2, 3], None),
            (vec![1, 2, 3], vec![1, 5, 3], Some(1)),
            (vec![1, 2], vec![1, 2, 3], Some(2)),
            (vec![], vec![4], Some(0)),
            (vec![], vec![], None),
        ] {
            let ablation = Ablation {
                baseline,
                ablated,
                positions: Vec::new(),
            };
            assert_eq!(ablation.first_difference(), expected);
            assert_eq!(ablation.mean_kl_nats(), None);
        }
    }
}
