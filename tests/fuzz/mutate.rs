//! Changes inputs as a fuzzer does, from a seed.

/// What stands where numbers, lengths and text are told apart.
const WORDS: [&[u8]; 22] = [
    b"\0",
    b"\xff\xff\xff\xff",
    b"\xff\xff\xff\xff\xff\xff\xff\x7f",
    b"-1",
    b"0",
    b"1e999",
    b"18446744073709551615",
    b"null",
    b"{}",
    b"[]",
    b"\"\"",
    b"\n",
    b"```\n",
    b"| ",
    b"> ",
    b"<|end|>",
    b"\x1b]8;;x\x07",
    b"\xe2\x80\xae",
    b"\xf0\x9f\x91\xa9\xe2\x80\x8d",
    b"\xed\xa0\x80",
    b"]",
    b",",
];

/// The longest input that is made.
const MAX_BYTES: usize = 8 << 10;

/// An endless list of inputs.
pub(crate) struct Mutator<'a> {
    corpus: &'a [Vec<u8>],
    state: u64,
}

impl<'a> Mutator<'a> {
    /// Inputs that come from `corpus`, which is not empty; the same for the same seed.
    pub(crate) fn new(seed: u64, corpus: &'a [Vec<u8>]) -> Self {
        Self {
            corpus,
            state: seed,
        }
    }

    /// One of the corpus with one to eight changes.
    pub(crate) fn next_input(&mut self) -> Vec<u8> {
        let mut input = self.any_of_corpus().to_vec();
        for _ in 0..=self.below(8) {
            self.change(&mut input);
        }
        input.truncate(MAX_BYTES);
        input
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let at = self.below(input.len() + 1);
        let end = at + self.below((input.len() - at).min(64) + 1);
        match self.below(8) {
            0 if at < input.len() => input[at] ^= 1 << self.below(8),
            1 if at < input.len() => input[at] = self.below(256) as u8,
            2 => input.truncate(at),
            3 => drop(input.drain(at..end)),
            4 => {
                let part = input[at..end].to_vec();
                let to = self.below(input.len() + 1);
                input.splice(to..to, part);
            }
            5 => {
                let other = self.any_of_corpus();
                let start = self.below(other.len() + 1);
                let stop = start + self.below((other.len() - start).min(256) + 1);
                input.splice(at..at, other[start..stop].iter().copied());
            }
            _ => {
                let word = WORDS[self.below(WORDS.len())];
                let end = if self.below(2) == 0 {
                    at
                } else {
                    end.min(at + word.len())
                };
                input.splice(at..end, word.iter().copied());
            }
        }
    }

    fn any_of_corpus(&mut self) -> &'a [u8] {
        let corpus = self.corpus;
        &corpus[self.below(corpus.len())]
    }

    /// A number below `bound`. *Source:* Steele et al., "Fast splittable pseudorandom number generators".
    fn below(&mut self, bound: usize) -> usize {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound.max(1) as u64) as usize
    }
}
