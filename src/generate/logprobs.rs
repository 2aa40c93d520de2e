//! Log-probabilities of logits that the host holds: the token's own, the most likely ones, entropy.
//!
//! On a device, finding the few highest takes a sort of the whole vocabulary and stands between two
//! tokens; here it is two passes over numbers, while the device computes the next. Knows numbers only.
//!
//! Invariant: among equal logits the lowest id comes first.

use super::exponentials::{exp, sums};

/// Compared side by side, which any CPU's vectors take.
const LANES: usize = 8;

/// A softmax in the two figures that everything else follows from.
#[derive(Debug, Clone, Copy)]
struct Softmax {
    /// The logarithm of the sum of all exponentials.
    normalizer: f32,
    /// In nats.
    entropy: f32,
}

impl Softmax {
    /// Both in one pass over the exponentials.
    fn of(logits: &[f32]) -> Self {
        let highest = highest(logits);
        let [total, moment] = sums(logits, |logit| {
            let (term, distance) = exp(logit - highest);
            [term, term * distance]
        });
        let log_total = total.ln();
        Self {
            normalizer: highest + log_total as f32,
            entropy: (log_total - moment / total).max(0.0) as f32,
        }
    }
}

/// The entropy of the softmax of `logits`, in nats.
pub(super) fn entropy(logits: &[f32]) -> f32 {
    Softmax::of(logits).entropy
}

/// The highest of `values`, -∞ of none.
fn highest(values: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; LANES];
    for values in values.chunks(LANES) {
        for (lane, value) in lanes.iter_mut().zip(values) {
            *lane = if *value > *lane { *value } else { *lane };
        }
    }
    lanes.into_iter().fold(f32::NEG_INFINITY, f32::max)
}

/// What is told of a token's distribution.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct TokenLogprobs {
    /// The token's own log-probability; none for one that is not in the vocabulary.
    pub(super) own: Option<f32>,
    /// The most likely tokens with theirs, descending.
    pub(super) top: Vec<(u32, f32)>,
    /// The distribution's entropy in nats.
    pub(super) entropy: Option<f32>,
}

/// The log-probability of `token`, the `n` most likely ones with theirs, and the entropy.
pub(super) fn of_token(logits: &[f32], token: u32, n: usize) -> TokenLogprobs {
    let Softmax {
        normalizer,
        entropy,
    } = Softmax::of(logits);
    let own = logits.get(token as usize).map(|logit| logit - normalizer);
    let mut top = most_likely(logits, n);
    for (_, value) in &mut top {
        *value -= normalizer;
    }
    TokenLogprobs {
        own,
        top,
        entropy: Some(entropy),
    }
}

/// The `n` highest logits with their ids, descending.
fn most_likely(logits: &[f32], n: usize) -> Vec<(u32, f32)> {
    let n = n.min(logits.len());
    if n == 0 {
        return Vec::new();
    }
    let mut top: Vec<(u32, f32)> = Vec::with_capacity(n + 1);
    for (id, &logit) in logits.iter().enumerate() {
        // Nearly every token fails here: the rest may take its time.
        if top.len() == n && logit <= top[n - 1].1 {
            continue;
        }
        let place = top.partition_point(|&(_, higher)| higher >= logit);
        top.insert(place, (id as u32, logit));
        top.truncate(n);
    }
    top
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same in f64, by the definition.
    fn exact(logits: &[f32]) -> Vec<f64> {
        let highest = logits.iter().copied().fold(f32::MIN, f32::max);
        let exp = |x: &f32| (f64::from(*x) - f64::from(highest)).exp();
        let sum: f64 = logits.iter().map(exp).sum();
        let logprob = |x: &f32| f64::from(*x) - f64::from(highest) - sum.ln();
        logits.iter().map(logprob).collect()
    }

    fn wave(len: usize) -> Vec<f32> {
        (0..len).map(|i| (i as f32 * 0.7).sin() * 9.0).collect()
    }

    #[test]
    fn agrees_with_the_definition() {
        for len in [1, 2, 8, 300, 200_000] {
            let logits = wave(len);
            let expected = exact(&logits);
            let TokenLogprobs {
                own,
                top,
                entropy: beside,
            } = of_token(&logits, len as u32 - 1, 10);
            let own = f64::from(own.unwrap());
            assert!((own - expected[len - 1]).abs() < 1e-4, "{len}: {own}");
            assert_eq!(top.len(), len.min(10));
            for (id, logprob) in top {
                let difference = f64::from(logprob) - expected[id as usize];
                assert!(difference.abs() < 1e-4, "{len}: {id} {logprob}");
            }
            let expected: f64 = -expected.iter().map(|p| p.exp() * p).sum::<f64>();
            let found = f64::from(entropy(&logits));
            assert!((found - expected).abs() < 1e-3, "{len}: {found} {expected}");
            let found = f64::from(beside.unwrap());
            assert!((found - expected).abs() < 1e-3, "{len}: {found} {expected}");
        }
    }

    #[test]
    fn the_most_likely_come_in_order_the_lowest_id_first_among_equals() {
        let logits = [1.0, 3.0, f32::NEG_INFINITY, 3.0, 2.0, 3.0];
        let ids = |n| -> Vec<u32> {
            most_likely(&logits, n)
                .into_iter()
                .map(|(id, _)| id)
                .collect()
        };
        assert_eq!(ids(0), Vec::<u32>::new());
        assert_eq!(ids(2), [1, 3]);
        assert_eq!(ids(9), [1, 3, 5, 4, 0, 2]);
    }

    #[test]
    fn a_token_outside_has_none() {
        let found = of_token(&[0.0, 0.0], 2, 0);
        assert_eq!((found.own, found.top), (None, Vec::new()));
    }
}
