//! Everything that changes single logits, gathered into one sparse list on the host.

use super::dry;
use super::history::History;
use crate::generate::params::SamplingParams;

/// What happens to the logits of a few tokens, in parallel columns by ascending id.
///
/// A logit `x` becomes `scale(x + bias) - penalty`, where `scale` divides a positive value by
/// `divisor` and multiplies any other with it.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct LogitAdjustments {
    /// The tokens concerned, each once.
    pub(super) ids: Vec<u32>,
    /// Logit bias; 0 for none.
    pub(super) biases: Vec<f32>,
    /// Repetition penalty; 1 for none.
    pub(super) divisors: Vec<f32>,
    /// Presence, frequency and DRY penalties together; 0 for none.
    pub(super) penalties: Vec<f32>,
}

impl LogitAdjustments {
    /// What `params` ask for after `history`; ids outside of the vocabulary are left out.
    pub(super) fn new(params: &SamplingParams, history: &History, vocab_size: usize) -> Self {
        let mut changes = changes(params, history);
        changes.retain(|change| (change.id as usize) < vocab_size);
        // A few ascending runs: the stable sort merges them in linear time.
        changes.sort_by_key(|change| change.id);
        let mut adjustments = Self::default();
        for group in changes.chunk_by(|a, b| a.id == b.id) {
            adjustments.ids.push(group[0].id);
            let sum = |part: fn(&Change) -> f32| group.iter().map(part).sum();
            adjustments.biases.push(sum(|change| change.bias));
            adjustments.penalties.push(sum(|change| change.penalty));
            let divisor = group.iter().map(|change| change.divisor).product();
            adjustments.divisors.push(divisor);
        }
        adjustments
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }
}

/// One parameter's effect on one token.
#[derive(Clone, Copy)]
struct Change {
    id: u32,
    bias: f32,
    divisor: f32,
    penalty: f32,
}

impl Change {
    fn none(id: u32) -> Self {
        Self {
            id,
            bias: 0.0,
            divisor: 1.0,
            penalty: 0.0,
        }
    }
}

#[expect(
    clippy::float_cmp,
    reason = "exactly these values switch a penalty off"
)]
fn changes(params: &SamplingParams, history: &History) -> Vec<Change> {
    let mut changes = Vec::new();
    for (&id, &bias) in &params.logit_bias {
        changes.push(Change {
            bias,
            ..Change::none(id)
        });
    }
    if params.repetition_penalty != 1.0 {
        let divisor = params.repetition_penalty;
        let ids = history.distinct_latest(params.repetition_range_tokens);
        changes.extend(ids.into_iter().map(|id| Change {
            divisor,
            ..Change::none(id)
        }));
    }
    let (presence, frequency) = (params.presence_penalty, params.frequency_penalty);
    if presence != 0.0 || frequency != 0.0 {
        changes.extend(history.generated_counts().map(|(id, count)| Change {
            penalty: presence + frequency * count as f32,
            ..Change::none(id)
        }));
    }
    let window = history.latest(params.dry.range_tokens);
    let dry = dry::penalties(&params.dry, window).into_iter();
    changes.extend(dry.map(|(id, penalty)| Change {
        penalty,
        ..Change::none(id)
    }));
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history() -> History {
        let mut history = History::new(&[5, 6, 7]);
        for token in [7, 8, 8] {
            history.push(token);
        }
        history
    }

    fn check(change: impl FnOnce(&mut SamplingParams), expected: &[(u32, f32, f32, f32)]) {
        let mut params = SamplingParams::default();
        change(&mut params);
        let found = LogitAdjustments::new(&params, &history(), 10);
        let columns = found
            .biases
            .iter()
            .zip(&found.divisors)
            .zip(&found.penalties);
        let rows: Vec<_> = found
            .ids
            .iter()
            .zip(columns)
            .map(|(&id, ((&bias, &divisor), &penalty))| (id, bias, divisor, penalty))
            .collect();
        assert_eq!(rows, expected, "{params:?}");
    }

    #[test]
    fn nothing_changes_by_default() {
        check(|_| (), &[]);
    }

    #[test]
    fn repetition_looks_at_the_range_given() {
        let penalize = |range| {
            move |params: &mut SamplingParams| {
                params.repetition_penalty = 1.5;
                params.repetition_range_tokens = range;
            }
        };
        check(penalize(2), &[(8, 0.0, 1.5, 0.0)]);
        check(penalize(3), &[(7, 0.0, 1.5, 0.0), (8, 0.0, 1.5, 0.0)]);
        let all = [5, 6, 7, 8].map(|id| (id, 0.0, 1.5, 0.0));
        check(penalize(0), &all);
        check(penalize(64), &all);
    }

    #[test]
    fn presence_and_frequency_count_generated_tokens_only() {
        check(
            |p| p.presence_penalty = 0.5,
            &[(7, 0.0, 1.0, 0.5), (8, 0.0, 1.0, 0.5)],
        );
        check(
            |p| p.frequency_penalty = 0.5,
            &[(7, 0.0, 1.0, 0.5), (8, 0.0, 1.0, 1.0)],
        );
    }

    #[test]
    fn effects_on_one_token_are_joined_and_unknown_ids_left_out() {
        check(
            |params| {
                params.logit_bias = [(8, -3.0), (2, 4.0), (10, 1.0)].into();
                params.repetition_penalty = 2.0;
                params.repetition_range_tokens = 1;
                params.presence_penalty = 0.25;
                params.dry.multiplier = 1.0;
                params.dry.allowed_length = 1;
            },
            &[
                (2, 4.0, 1.0, 0.0),
                (7, 0.0, 1.0, 0.25),
                (8, -3.0, 2.0, 1.25),
            ],
        );
    }
}
