//! Adds up the experts' use over spans of tokens.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::engine::protocol::{RoutingSnapshot, RoutingTotals};
use crate::generate::TokenRouting;

/// Totals of routing over several spans, shared with snapshots without copying.
///
/// A snapshot takes references; the first token after it copies what a snapshot still holds. So the
/// copies are bounded by the snapshots' rate, not by the tokens'.
#[derive(Debug, Clone, Default)]
pub struct RoutingAggregator {
    num_layers: usize,
    num_experts: usize,
    window_tokens: usize,
    totals: RoutingSnapshot,
    recent: VecDeque<Arc<TokenRouting>>,
}

/// The part of a sequence that a token belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoutingSpan {
    /// It was given.
    Prompt,
    /// It was generated.
    Answer,
}

/// A token's routing does not fit the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RoutingMismatch {
    /// The number of layers differs.
    #[error("routing has {found} layers, the model {expected}")]
    Layers {
        /// The model's layers.
        expected: usize,
        /// The routing's layers.
        found: usize,
    },
    /// An expert does not exist.
    #[error("routing names expert {found}, the model has {num_experts} in each layer")]
    Expert {
        /// The model's experts in each layer.
        num_experts: usize,
        /// The expert named.
        found: u16,
    },
}

impl RoutingAggregator {
    /// Empty totals for a model, with a sliding window of `window_tokens`.
    pub fn new(num_layers: usize, num_experts: usize, window_tokens: usize) -> Self {
        let mut aggregator = Self {
            num_layers,
            num_experts,
            window_tokens,
            ..Self::default()
        };
        aggregator.clear();
        aggregator
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        let empty = self.empty_totals();
        self.totals = RoutingSnapshot {
            cumulative: Arc::clone(&empty),
            prompt: Arc::clone(&empty),
            answer: Arc::clone(&empty),
            window: empty,
            last: None,
        };
        self.recent.clear();
    }

    /// Begins the prompt and answer of a new generation; the other spans go on.
    pub fn begin_generation(&mut self) {
        let empty = self.empty_totals();
        self.totals.prompt = Arc::clone(&empty);
        self.totals.answer = empty;
    }

    /// Counts one token.
    ///
    /// *Errors:* [`RoutingMismatch`] where the routing does not fit the model; nothing is counted
    /// then.
    pub fn add(
        &mut self,
        span: RoutingSpan,
        routing: &TokenRouting,
    ) -> Result<(), RoutingMismatch> {
        self.check(routing)?;
        let span_totals = match span {
            RoutingSpan::Prompt => &mut self.totals.prompt,
            RoutingSpan::Answer => &mut self.totals.answer,
        };
        add_token(Arc::make_mut(span_totals), routing);
        add_token(Arc::make_mut(&mut self.totals.cumulative), routing);

        let routing = Arc::new(routing.clone());
        let window = Arc::make_mut(&mut self.totals.window);
        add_token(window, &routing);
        self.recent.push_back(Arc::clone(&routing));
        if self.recent.len() > self.window_tokens
            && let Some(oldest) = self.recent.pop_front()
        {
            remove_token(window, &oldest);
        }
        self.totals.last = Some(routing);
        Ok(())
    }

    /// The totals so far.
    pub fn snapshot(&self) -> RoutingSnapshot {
        self.totals.clone()
    }

    fn empty_totals(&self) -> Arc<RoutingTotals> {
        Arc::new(RoutingTotals::new(self.num_layers, self.num_experts))
    }

    fn check(&self, routing: &TokenRouting) -> Result<(), RoutingMismatch> {
        if routing.num_layers() != self.num_layers {
            return Err(RoutingMismatch::Layers {
                expected: self.num_layers,
                found: routing.num_layers(),
            });
        }
        let num_experts = self.num_experts;
        match routing
            .chosen()
            .find(|expert| usize::from(*expert) >= num_experts)
        {
            Some(found) => Err(RoutingMismatch::Expert { num_experts, found }),
            None => Ok(()),
        }
    }
}

fn add_token(totals: &mut RoutingTotals, routing: &TokenRouting) {
    totals.tokens += 1;
    for (cell, weight) in cells(totals.num_experts, routing) {
        totals.counts[cell] += 1;
        totals.weight_sums[cell] += f64::from(weight);
    }
}

fn remove_token(totals: &mut RoutingTotals, routing: &TokenRouting) {
    totals.tokens -= 1;
    for (cell, weight) in cells(totals.num_experts, routing) {
        totals.counts[cell] -= 1;
        totals.weight_sums[cell] -= f64::from(weight);
        // Sums of f32 weights in f64 are nearly exact; an unused expert must show exactly zero.
        if totals.counts[cell] == 0 {
            totals.weight_sums[cell] = 0.0;
        }
    }
}

/// The index into the totals and the weight of each choice.
fn cells(num_experts: usize, routing: &TokenRouting) -> impl Iterator<Item = (usize, f32)> {
    routing
        .layers()
        .enumerate()
        .flat_map(move |(layer_idx, (experts, weights))| {
            let row = layer_idx * num_experts;
            experts
                .iter()
                .zip(weights)
                .map(move |(expert, weight)| (row + usize::from(*expert), *weight))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routing(experts: [u16; 4]) -> TokenRouting {
        TokenRouting::new(2, 2, experts.to_vec(), vec![0.75, 0.25, 0.5, 0.5]).unwrap()
    }

    #[test]
    fn spans_add_up_to_hand_made_tables() {
        let mut aggregator = RoutingAggregator::new(2, 3, 2);
        aggregator
            .add(RoutingSpan::Prompt, &routing([0, 1, 2, 1]))
            .unwrap();
        aggregator
            .add(RoutingSpan::Prompt, &routing([0, 2, 2, 0]))
            .unwrap();
        aggregator
            .add(RoutingSpan::Answer, &routing([1, 0, 1, 0]))
            .unwrap();
        let snapshot = aggregator.snapshot();

        assert_eq!(snapshot.cumulative.tokens, 3);
        assert_eq!(snapshot.cumulative.counts, [3, 2, 1, 2, 2, 2]);
        assert_eq!(
            snapshot.cumulative.weight_sums,
            [1.75, 1.0, 0.25, 1.0, 1.0, 1.0]
        );
        assert_eq!(snapshot.prompt.counts, [2, 1, 1, 1, 1, 2]);
        assert_eq!(snapshot.answer.counts, [1, 1, 0, 1, 1, 0]);
        assert_eq!(snapshot.window.tokens, 2);
        assert_eq!(snapshot.window.counts, [2, 1, 1, 2, 1, 1]);
        assert_eq!(
            snapshot.window.weight_sums,
            [1.0, 0.75, 0.25, 1.0, 0.5, 0.5]
        );
        assert_eq!(snapshot.last.as_deref(), Some(&routing([1, 0, 1, 0])));
    }

    #[test]
    fn an_expert_that_left_the_window_weighs_exactly_nothing() {
        let weights = vec![0.1, 0.9, 0.3, 0.7];
        let odd = TokenRouting::new(2, 2, vec![2, 0, 2, 0], weights).unwrap();
        let mut aggregator = RoutingAggregator::new(2, 3, 1);
        aggregator.add(RoutingSpan::Answer, &odd).unwrap();
        aggregator
            .add(RoutingSpan::Answer, &routing([0, 1, 0, 1]))
            .unwrap();
        assert_eq!(aggregator.snapshot().window.weight_sums[2].to_bits(), 0);
    }

    #[test]
    fn a_new_generation_keeps_the_cumulative_totals() {
        let mut aggregator = RoutingAggregator::new(2, 3, 8);
        aggregator
            .add(RoutingSpan::Answer, &routing([0, 1, 2, 1]))
            .unwrap();
        aggregator.begin_generation();
        assert_eq!(aggregator.snapshot().answer.tokens, 0);
        assert_eq!(aggregator.snapshot().cumulative.tokens, 1);
        aggregator.clear();
        assert_eq!(aggregator.snapshot().cumulative.tokens, 0);
    }

    #[test]
    fn a_snapshot_does_not_change_afterwards() {
        let mut aggregator = RoutingAggregator::new(2, 3, 8);
        let before = aggregator.snapshot();
        aggregator
            .add(RoutingSpan::Answer, &routing([0, 1, 2, 1]))
            .unwrap();
        assert_eq!(before.cumulative.counts, [0; 6]);
    }

    #[test]
    fn routing_of_another_model_is_refused_and_not_counted() {
        let mut aggregator = RoutingAggregator::new(3, 3, 8);
        let error = aggregator
            .add(RoutingSpan::Answer, &routing([0, 1, 2, 1]))
            .unwrap_err();
        assert_eq!(error.to_string(), "routing has 2 layers, the model 3");
        let mut aggregator = RoutingAggregator::new(2, 2, 8);
        let error = aggregator
            .add(RoutingSpan::Answer, &routing([0, 1, 2, 1]))
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "routing names expert 2, the model has 2 in each layer"
        );
        assert_eq!(aggregator.snapshot().cumulative.tokens, 0);
    }
}
