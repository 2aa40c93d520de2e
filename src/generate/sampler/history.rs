//! The tokens so far, with the counts that penalties need.

use std::collections::BTreeMap;

/// Prompt and generated tokens in order, counted as they come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    tokens: Vec<u32>,
    prompt_tokens: usize,
    /// Sorted by id, so that what is built from it has one order.
    seen: BTreeMap<u32, u32>,
    generated: BTreeMap<u32, u32>,
}

impl History {
    /// A history that holds `prompt` and nothing generated yet.
    pub fn new(prompt: &[u32]) -> Self {
        let mut seen = BTreeMap::new();
        for &token in prompt {
            *seen.entry(token).or_insert(0) += 1;
        }
        Self {
            tokens: prompt.to_vec(),
            prompt_tokens: prompt.len(),
            seen,
            generated: BTreeMap::new(),
        }
    }

    /// Appends a generated token.
    pub fn push(&mut self, token: u32) {
        self.tokens.push(token);
        *self.seen.entry(token).or_insert(0) += 1;
        *self.generated.entry(token).or_insert(0) += 1;
    }

    /// All tokens in order.
    pub fn tokens(&self) -> &[u32] {
        &self.tokens
    }

    /// The generated tokens in order.
    pub fn generated(&self) -> &[u32] {
        &self.tokens[self.prompt_tokens..]
    }

    /// The latest `range_tokens` tokens; 0 means all.
    pub fn latest(&self, range_tokens: u32) -> &[u32] {
        let range = range_tokens as usize;
        if range == 0 || range >= self.tokens.len() {
            return &self.tokens;
        }
        &self.tokens[self.tokens.len() - range..]
    }

    /// Each distinct token among the latest `range_tokens` (0 means all), ascending.
    pub(super) fn distinct_latest(&self, range_tokens: u32) -> Vec<u32> {
        let latest = self.latest(range_tokens);
        if latest.len() == self.tokens.len() {
            return self.seen.keys().copied().collect();
        }
        let mut distinct = latest.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        distinct
    }

    /// How often each generated token was generated, ascending by id.
    pub(super) fn generated_counts(&self) -> impl Iterator<Item = (u32, u32)> {
        self.generated.iter().map(|(&token, &count)| (token, count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(prompt: &[u32], generated: &[u32]) -> History {
        let mut history = History::new(prompt);
        for &token in generated {
            history.push(token);
        }
        history
    }

    #[test]
    fn prompt_and_generated_tokens_are_kept_apart_in_the_counts() {
        let history = history(&[5, 5, 9], &[7, 5, 7]);
        assert_eq!(history.tokens(), [5, 5, 9, 7, 5, 7]);
        assert_eq!(history.generated(), [7, 5, 7]);
        let counts: Vec<_> = history.generated_counts().collect();
        assert_eq!(counts, [(5, 1), (7, 2)]);
    }

    #[test]
    fn a_range_counts_from_the_end_and_zero_means_all() {
        let history = history(&[5, 5, 9], &[7, 5, 7]);
        for (range, latest, distinct) in [
            (0, &[5, 5, 9, 7, 5, 7][..], &[5, 7, 9][..]),
            (1, &[7], &[7]),
            (3, &[7, 5, 7], &[5, 7]),
            (4, &[9, 7, 5, 7], &[5, 7, 9]),
            (6, &[5, 5, 9, 7, 5, 7], &[5, 7, 9]),
            (u32::MAX, &[5, 5, 9, 7, 5, 7], &[5, 7, 9]),
        ] {
            assert_eq!(history.latest(range), latest, "range {range}");
            assert_eq!(history.distinct_latest(range), distinct, "range {range}");
        }
    }
}
