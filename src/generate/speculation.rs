//! When and how far tokens are drafted, and whether it gains.
//!
//! A drafted token costs its share of a wider pass and saves a pass where it comes true. Both are
//! measured while tokens are generated: what drafts have saved against what they have cost decides how
//! much two places have to agree before the next draft is believed.
//!
//! Why, and where: docs/decisions/0017-drafts-from-the-text.md.

use std::time::Duration;

use mlx_rs::Array;
use mlx_rs::error::Result;

use super::lookup::Lookup;
use super::options::PositionRecord;
use crate::mlx::ops;

/// Tokens that two places have to share at first.
const MIN_MATCH: usize = 5;

/// From here on a match is as sure as it gets.
const MAX_MATCH: usize = 40;

/// Drafted tokens a pass: the kernels read a dense matrix once for so many rows and the newest token's.
const MAX_DRAFTED_TOKENS: usize = 7;

/// How much of a measured time an older one keeps of its weight.
const KEPT: f64 = 0.8;

/// Drafts for one answer.
#[derive(Debug)]
pub(super) struct Drafter {
    lookup: Lookup,
    min_match: usize,
    /// The time of a pass over one row.
    single: Option<f64>,
    drafted_tokens: usize,
    accepted_tokens: usize,
}

impl Drafter {
    pub(super) fn new() -> Self {
        Self {
            lookup: Lookup::default(),
            min_match: MIN_MATCH,
            single: None,
            drafted_tokens: 0,
            accepted_tokens: 0,
        }
    }

    /// Tokens drafted, and those of them that came true.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.drafted_tokens, self.accepted_tokens)
    }

    /// What may come after `tokens`, `most` tokens at the most; nothing where no draft is believed.
    pub(super) fn draft<'a>(&mut self, tokens: &'a [u32], most: usize) -> &'a [u32] {
        // Without a time to compare with there would be no telling whether it gains.
        if self.single.is_none() {
            return &[];
        }
        let most = most.min(MAX_DRAFTED_TOKENS);
        self.lookup.draft(tokens, self.min_match, most)
    }

    /// A pass over one row took so long.
    pub(super) fn took(&mut self, time: Duration) {
        let seconds = time.as_secs_f64();
        let single = self.single.get_or_insert(seconds);
        *single = KEPT * *single + (1.0 - KEPT) * seconds;
    }

    /// A pass with `drafted` more rows took `time`, and `accepted` of them came true.
    pub(super) fn verified(&mut self, drafted: usize, accepted: usize, time: Duration) {
        self.drafted_tokens += drafted;
        self.accepted_tokens += accepted;
        let alone = self.single.unwrap_or_default() * (accepted + 1) as f64;
        if alone >= time.as_secs_f64() {
            self.min_match = (self.min_match - 1).max(MIN_MATCH);
        } else {
            // One pass lost outweighs many a pass won: be sure of more before the next.
            self.min_match = (self.min_match * 2).min(MAX_MATCH);
        }
    }
}

/// The rows of one pass, each of which predicts a token: that of the newest token, then those of the
/// drafted ones, as far as these come true.
#[derive(Debug)]
pub(super) struct Block {
    drafted: Vec<u32>,
    /// `[rows, V]`.
    logits: Array,
    /// One a row; none where nothing is recorded.
    records: Vec<PositionRecord>,
    time: Duration,
    next: usize,
}

impl Block {
    pub(super) fn new(
        drafted: Vec<u32>,
        logits: Array,
        records: Vec<PositionRecord>,
        time: Duration,
    ) -> Self {
        Self {
            drafted,
            logits,
            records,
            time,
            next: 0,
        }
    }

    /// The logits that predict the next token, `[1, V]`, and what was recorded with them.
    pub(super) fn row(&self) -> Result<(Array, Option<PositionRecord>)> {
        let logits = ops::slice(&self.logits, 0, self.next, self.next + 1)?;
        Ok((logits, self.records.get(self.next).cloned()))
    }

    /// Goes on to the next row if `token` is what it was computed for.
    pub(super) fn advance(&mut self, token: u32) -> bool {
        let came_true = self.drafted.get(self.next) == Some(&token);
        self.next += usize::from(came_true);
        came_true
    }

    /// Drafted tokens that are in the cache and did not come true.
    pub(super) fn refuted(&self) -> usize {
        self.drafted.len() - self.next
    }

    /// Tells what the pass has given.
    pub(super) fn settle(&self, drafter: &mut Drafter) {
        drafter.verified(self.drafted.len(), self.next, self.time);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASS: Duration = Duration::from_millis(100);

    /// A sequence that repeats its first `len` tokens as far as `again`.
    fn repeated(len: u32, again: u32) -> Vec<u32> {
        (0..len).chain(0..again).collect()
    }

    #[test]
    fn nothing_is_drafted_before_a_pass_was_timed() {
        let mut drafter = Drafter::new();
        let tokens = repeated(50, 20);
        assert!(drafter.draft(&tokens, 9).is_empty());
        drafter.took(PASS);
        assert_eq!(drafter.draft(&tokens, 9), [20, 21, 22, 23, 24, 25, 26]);
        assert_eq!(drafter.draft(&tokens, 2), [20, 21]);
    }

    #[test]
    fn drafts_that_lose_time_need_longer_matches_and_those_that_gain_shorter_ones() {
        let mut drafter = Drafter::new();
        drafter.took(PASS);
        let tokens = repeated(50, 8);
        assert_eq!(drafter.draft(&tokens, 9).len(), 4);
        drafter.verified(4, 0, 2 * PASS);
        assert!(drafter.draft(&tokens, 9).is_empty());
        let longer = repeated(50, 12);
        drafter = Drafter {
            lookup: Lookup::default(),
            ..drafter
        };
        assert_eq!(drafter.draft(&longer, 9).len(), 3);
        drafter.verified(3, 3, 2 * PASS);
        assert_eq!(drafter.draft(&longer, 9).len(), 4);
        assert_eq!((drafter.drafted_tokens, drafter.accepted_tokens), (7, 3));
        // A pass so wide that even full acceptance loses is hardly tried again.
        for _ in 0..9 {
            drafter.verified(7, 7, 9 * PASS);
        }
        assert!(drafter.draft(&longer, 9).is_empty());
    }
}
