//! Log-probabilities of logits that the host holds: the token's own, the most likely ones, entropy.
//!
//! For models that the CPU's kernels evaluate on the way, where a chain of MLX operations costs more
//! than these loops; [`super::sampler`] builds the same on a device. Knows numbers only.
//!
//! Invariant: values are f32 as on the device, equal within its rounding; among equal logits the
//! lowest id comes first.

/// The logarithm of the sum of the exponentials.
fn logsumexp(logits: &[f32]) -> f32 {
    let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    if highest == f32::NEG_INFINITY {
        return highest;
    }
    highest + sum(logits, |x| (x - highest).exp()).ln()
}

/// The sum of `term` by partial sums, so that 200,000 terms lose no more digits than on a device.
fn sum(logits: &[f32], term: impl Fn(f32) -> f32) -> f32 {
    let block = |block: &[f32]| block.iter().map(|&x| term(x)).sum::<f32>();
    logits.chunks(256).map(block).sum()
}

/// The entropy of the softmax of `logits`, in nats.
pub(super) fn entropy(logits: &[f32]) -> f32 {
    let normalizer = logsumexp(logits);
    -sum(logits, |x| {
        let logprob = x - normalizer;
        logprob.exp() * logprob
    })
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

/// The log-probability of `token`, the `n` most likely ones with theirs, and the entropy, in one
/// pass over the exponentials.
pub(super) fn of_token(logits: &[f32], token: u32, n: usize) -> TokenLogprobs {
    let highest_logit = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let (mut total, mut moment) = (0.0f32, 0.0f32);
    for block in logits.chunks(256) {
        let (mut of_block, mut moment_of_block) = (0.0, 0.0);
        for logit in block.iter().map(|logit| logit - highest_logit) {
            let term = logit.exp();
            of_block += term;
            // A logit of -∞ adds nothing, and its product would be no number.
            moment_of_block += if term > 0.0 { term * logit } else { 0.0 };
        }
        total += of_block;
        moment += moment_of_block;
    }
    let normalizer = highest_logit + total.ln();
    let own = logits.get(token as usize).map(|logit| logit - normalizer);
    let mut top = highest(logits, n);
    for (_, value) in &mut top {
        *value -= normalizer;
    }
    TokenLogprobs {
        own,
        top,
        entropy: Some((total.ln() - moment / total).max(0.0)),
    }
}

/// The `n` highest logits with their ids, descending.
fn highest(logits: &[f32], n: usize) -> Vec<(u32, f32)> {
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
        let ids = |n| -> Vec<u32> { highest(&logits, n).into_iter().map(|(id, _)| id).collect() };
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
