//! Drafts of the next tokens from the sequence itself: where its end has stood before, what came next
//! may come again.
//!
//! Knows token ids only.

use std::collections::HashMap;

/// The tokens by which an earlier place is found.
const NGRAM: usize = 4;

/// How far back two places are compared; longer matches promise no more.
const MAX_MATCH: usize = 64;

/// The latest place of every few tokens in a sequence that grows.
#[derive(Debug, Default)]
pub(super) struct Lookup {
    /// Where what followed them begins.
    followers: HashMap<[u32; NGRAM], usize>,
    /// Places that are in the table.
    num_read: usize,
}

impl Lookup {
    /// What followed the latest place that ends as `tokens` does, `most` tokens at the most: one, and one
    /// more for each token by which the places agree beyond `min_match`.
    ///
    /// `tokens` has to begin with those of the call before.
    pub(super) fn draft<'a>(
        &mut self,
        tokens: &'a [u32],
        min_match: usize,
        most: usize,
    ) -> &'a [u32] {
        self.read(tokens);
        let Some(&follower) = last_ngram(tokens).and_then(|ngram| self.followers.get(&ngram))
        else {
            return &[];
        };
        let earlier = tokens[..follower].iter().rev();
        let matching = earlier
            .zip(tokens.iter().rev())
            .take(MAX_MATCH)
            .take_while(|(a, b)| a == b)
            .count();
        let Some(beyond) = matching.checked_sub(min_match) else {
            return &[];
        };
        let end = (follower + most.min(beyond + 1)).min(tokens.len());
        &tokens[follower..end]
    }

    /// Notes every place but the last one, which nothing follows yet.
    fn read(&mut self, tokens: &[u32]) {
        for end in self.num_read.max(NGRAM)..tokens.len() {
            if let Some(ngram) = last_ngram(&tokens[..end]) {
                self.followers.insert(ngram, end);
            }
        }
        self.num_read = tokens.len();
    }
}

fn last_ngram(tokens: &[u32]) -> Option<[u32; NGRAM]> {
    tokens.last_chunk().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_followed_the_same_tokens_is_drafted() {
        let mut lookup = Lookup::default();
        let first = [1, 2, 3, 4, 5, 6, 7, 8, 9];
        assert!(lookup.draft(&first, 4, 7).is_empty(), "nothing repeats");
        let mut tokens = [&first[..], &[2, 3, 4, 5]].concat();
        assert_eq!(lookup.draft(&tokens, 4, 7), [6]);
        assert!(lookup.draft(&tokens, 5, 7).is_empty());
        tokens.push(6);
        assert_eq!(lookup.draft(&tokens, 4, 7), [7, 8]);
        assert_eq!(lookup.draft(&tokens, 4, 1), [7]);
        tokens.extend([7, 8, 9]);
        // The match goes on at the end of the first place, and so into the second.
        assert_eq!(lookup.draft(&tokens, 4, 3), [2, 3, 4]);
    }

    #[test]
    fn the_latest_place_counts_and_a_draft_ends_with_the_sequence() {
        let mut lookup = Lookup::default();
        let tokens = [1, 1, 1, 1, 2, 1, 1, 1, 1, 3, 1, 1, 1, 1];
        assert_eq!(lookup.draft(&tokens, 4, 1), [3]);
        let repeated = [7; 9];
        assert_eq!(Lookup::default().draft(&repeated, 4, 5), [7]);
        for short in [&[][..], &[1], &[1, 1, 1, 1]] {
            assert!(Lookup::default().draft(short, 1, 5).is_empty());
        }
    }
}
