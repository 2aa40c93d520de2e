//! Which tokens of two sequences belong together.

use std::ops::Range;

use serde::Serialize;

/// The most cells of the table behind a longest common subsequence; 16 MiB of it.
const MAX_CELLS: usize = 1 << 22;

/// Which tokens of two sequences, A and B, belong together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Alignment {
    /// How the tokens after the equal beginning were aligned.
    pub method: AlignmentMethod,
    /// The length of the equal beginning.
    pub prefix_tokens: usize,
    /// The first position at which the sequences differ, or at which only one goes on; none where
    /// they are the same.
    pub first_difference: Option<usize>,
    /// Runs of pairs, ascending in both.
    blocks: Vec<Block>,
}

/// How tokens were aligned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AlignmentMethod {
    /// One sequence is the beginning of the other, or they are the same.
    Prefix,
    /// Equal tokens in equal order, as many as possible: a longest common subsequence.
    CommonSubsequence,
    /// Tokens at equal positions, equal or not, because the sequences are too long for anything
    /// better.
    Position,
}

impl AlignmentMethod {
    /// A few words for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Prefix => "equal beginning",
            Self::CommonSubsequence => "equal beginning, then longest common subsequence",
            Self::Position => "equal beginning, then by position",
        }
    }
}

/// Pairs `(a + i, b + i)` for `i` below `tokens`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Block {
    a: usize,
    b: usize,
    tokens: usize,
}

impl Alignment {
    /// Aligns two sequences.
    pub fn of(a: &[u32], b: &[u32]) -> Self {
        let equal = |(left, right): &(&u32, &u32)| left == right;
        let prefix_tokens = a.iter().zip(b).take_while(equal).count();
        let (rest_a, rest_b) = (&a[prefix_tokens..], &b[prefix_tokens..]);
        let backwards = rest_a.iter().rev().zip(rest_b.iter().rev());
        let suffix = backwards.take_while(equal).count();
        let middle_a = prefix_tokens..a.len() - suffix;
        let middle_b = prefix_tokens..b.len() - suffix;
        let mut alignment = Self {
            method: AlignmentMethod::Prefix,
            prefix_tokens,
            first_difference: (a.len() != b.len() || prefix_tokens < a.len())
                .then_some(prefix_tokens),
            blocks: Vec::new(),
        };
        alignment.push(0, 0, prefix_tokens);
        if rest_a.is_empty() || rest_b.is_empty() {
            return alignment;
        }
        let cells = (middle_a.len() + 1).saturating_mul(middle_b.len() + 1);
        if cells > MAX_CELLS {
            alignment.method = AlignmentMethod::Position;
            alignment.push(prefix_tokens, prefix_tokens, rest_a.len().min(rest_b.len()));
            return alignment;
        }
        alignment.method = AlignmentMethod::CommonSubsequence;
        alignment.common(a, b, &middle_a, &middle_b);
        alignment.push(middle_a.end, middle_b.end, suffix);
        alignment
    }

    /// All pairs of positions, ascending in both.
    pub fn pairs(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        let blocks = self.blocks.iter();
        blocks.flat_map(|block| (0..block.tokens).map(|at| (block.a + at, block.b + at)))
    }

    /// The number of pairs.
    pub fn len(&self) -> usize {
        self.blocks.iter().map(|block| block.tokens).sum()
    }

    /// Whether nothing belongs together.
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// Adds a longest common subsequence of two ranges.
    fn common(&mut self, a: &[u32], b: &[u32], in_a: &Range<usize>, in_b: &Range<usize>) {
        let (left, right) = (&a[in_a.clone()], &b[in_b.clone()]);
        let width = right.len() + 1;
        // Entry (i, j) is the length of the one of left[i..] and right[j..].
        let mut lengths = vec![0_u32; (left.len() + 1) * width];
        for i in (0..left.len()).rev() {
            for j in (0..right.len()).rev() {
                lengths[i * width + j] = if left[i] == right[j] {
                    lengths[(i + 1) * width + j + 1] + 1
                } else {
                    lengths[(i + 1) * width + j].max(lengths[i * width + j + 1])
                };
            }
        }
        let (mut i, mut j) = (0, 0);
        while i < left.len() && j < right.len() {
            if left[i] == right[j] {
                self.push(in_a.start + i, in_b.start + j, 1);
                (i, j) = (i + 1, j + 1);
            } else if lengths[(i + 1) * width + j] >= lengths[i * width + j + 1] {
                i += 1;
            } else {
                j += 1;
            }
        }
    }

    fn push(&mut self, a: usize, b: usize, tokens: usize) {
        if tokens == 0 {
            return;
        }
        if let Some(last) = self.blocks.last_mut()
            && (last.a + last.tokens, last.b + last.tokens) == (a, b)
        {
            last.tokens += tokens;
            return;
        }
        self.blocks.push(Block { a, b, tokens });
    }
}
