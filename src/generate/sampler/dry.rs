//! DRY: which tokens would prolong a repetition, and what that costs them.

use std::collections::{BTreeMap, HashSet};

use super::MAX_DRY_PENALTY;
use crate::generate::params::DryParams;

/// The penalty of each token that would prolong a repetition, ascending by id.
///
/// A token's repetition is the longest run of tokens at the end of `window` that also stands
/// somewhere before it, directly followed by that token; the two may overlap. From
/// `allowed_length` tokens on (and never for an empty run) the token loses
/// `multiplier * base^(length - allowed_length)`. Runs stop at sequence breakers, and breakers
/// themselves are never penalized.
///
/// Linear in the window: less than a millisecond for 100,000 tokens.
pub(super) fn penalties(dry: &DryParams, window: &[u32]) -> BTreeMap<u32, f32> {
    if dry.multiplier <= 0.0 {
        return BTreeMap::new();
    }
    let lengths = repetition_lengths(window, dry);
    lengths
        .into_iter()
        .map(|(token, length)| (token, penalty(dry, length)))
        .collect()
}

/// `multiplier * base^(length - allowed_length)`, at most [`MAX_DRY_PENALTY`].
fn penalty(dry: &DryParams, length: u32) -> f32 {
    let excess = f64::from(length) - f64::from(dry.allowed_length);
    let penalty = f64::from(dry.multiplier) * f64::from(dry.base).powf(excess);
    penalty.min(MAX_DRY_PENALTY) as f32
}

/// For each token, the longest repetition that it would prolong, where that is long enough.
fn repetition_lengths(window: &[u32], dry: &DryParams) -> BTreeMap<u32, u32> {
    let mut longest = BTreeMap::new();
    let breakers: HashSet<u32> = dry.sequence_breakers.iter().copied().collect();
    let tail = window.iter().rev();
    let limit = tail.take_while(|token| !breakers.contains(token)).count() as u32;
    let shortest = dry.allowed_length.max(1);
    if limit < shortest {
        return longest;
    }
    for (distance, common) in self_matches(window).into_iter().enumerate().skip(1) {
        let length = common.min(limit);
        let token = window[window.len() - distance];
        if length >= shortest && !breakers.contains(&token) {
            let entry = longest.entry(token).or_insert(length);
            *entry = length.max(*entry);
        }
    }
    longest
}

/// At index `d`: how many tokens at the window's end equal those that end `d` tokens earlier.
///
/// *Source:* the Z-function (Gusfield 1997, section 1.3), of the window read backwards. Comparing
/// at every distance anew would be quadratic in a window that repeats one token.
fn self_matches(window: &[u32]) -> Vec<u32> {
    let backwards = |index: usize| window[window.len() - 1 - index];
    let mut matches = vec![0u32; window.len()];
    // The known match that reaches furthest covers the indices from `start` up to `end`.
    let (mut start, mut end) = (0, 0);
    for distance in 1..window.len() {
        let mut length = 0;
        if distance < end {
            length = (matches[distance - start] as usize).min(end - distance);
        }
        while distance + length < window.len() && backwards(length) == backwards(distance + length)
        {
            length += 1;
        }
        if distance + length > end {
            (start, end) = (distance, distance + length);
        }
        matches[distance] = length as u32;
    }
    matches
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dry(allowed_length: u32, sequence_breakers: &[u32]) -> DryParams {
        DryParams {
            multiplier: 1.0,
            base: 2.0,
            allowed_length,
            sequence_breakers: sequence_breakers.to_vec(),
            range_tokens: 0,
        }
    }

    fn check(params: &DryParams, window: &[u32], expected: &[(u32, f32)]) {
        let found: Vec<_> = penalties(params, window).into_iter().collect();
        assert_eq!(found, expected, "{params:?} after {window:?}");
    }

    #[test]
    fn the_penalty_starts_at_the_allowed_length_and_doubles_with_each_token_more() {
        check(&dry(2, &[]), &[2, 3, 9, 8, 3], &[]);
        check(&dry(2, &[]), &[2, 3, 9, 8, 2, 3], &[(9, 1.0)]);
        check(&dry(2, &[]), &[1, 2, 3, 9, 8, 1, 2, 3], &[(9, 2.0)]);
        check(&dry(1, &[]), &[1, 2, 3, 9, 8, 1, 2, 3], &[(9, 4.0)]);
        check(&dry(4, &[]), &[1, 2, 3, 9, 8, 1, 2, 3], &[]);
    }

    #[test]
    fn the_longest_of_several_repetitions_counts() {
        check(&dry(1, &[]), &[3, 9, 2, 3, 9, 2, 3], &[(9, 8.0)]);
        check(&dry(1, &[]), &[3, 7, 2, 3, 9, 2, 3], &[(7, 1.0), (9, 2.0)]);
    }

    #[test]
    fn repetitions_may_overlap() {
        check(&dry(1, &[]), &[4, 4, 4, 4], &[(4, 4.0)]);
    }

    #[test]
    fn breakers_end_a_repetition_and_are_never_penalized() {
        check(&dry(1, &[3]), &[1, 2, 3, 9, 8, 1, 2, 3], &[]);
        check(&dry(1, &[2]), &[1, 2, 3, 9, 8, 1, 2, 3], &[(9, 1.0)]);
        check(&dry(1, &[9]), &[1, 2, 3, 9, 8, 1, 2, 3], &[]);
    }

    #[test]
    fn nothing_repeats_in_a_window_too_short() {
        check(&dry(0, &[]), &[], &[]);
        check(&dry(0, &[]), &[1], &[]);
        check(&dry(0, &[]), &[1, 1], &[(1, 2.0)]);
    }

    #[test]
    fn a_huge_repetition_keeps_a_finite_penalty() {
        let params = DryParams {
            base: 10.0,
            ..dry(2, &[])
        };
        check(&params, &[5; 4000], &[(5, MAX_DRY_PENALTY as f32)]);
    }
}
