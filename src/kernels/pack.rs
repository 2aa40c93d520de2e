//! Puts activations into the order in which packed weights leave their words.
//!
//! Loading `LANES` words at once leaves weight `8 j + k` in lane `j` after a shift by `k` nibbles. Rather
//! than bringing weights back into order for every row, each activation vector is put into that order
//! once, and padded with zeros to whole chunks.

use super::digits::{self, DigitChunk, DigitRow, PackDigits};
use super::rows::MAX_DIRECT_TOKENS;
use super::simd::{CHUNK_VECTORS, Chunk, Kernel, Simd};
use std::ops::Range;

/// How many weights share a 32-bit word, which decides the order inside a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// Eight nibbles.
    Nibbles,
    /// Four bytes.
    Bytes,
    /// Two halves of floats.
    Pairs,
    /// One float.
    Floats,
}

impl Layout {
    fn weights_per_word(self) -> usize {
        match self {
            Self::Nibbles => 8,
            Self::Bytes => 4,
            Self::Pairs => 2,
            Self::Floats => 1,
        }
    }
}

/// Chunks that a row of `in_features` takes, the last one padded.
fn num_chunks<I: Simd>(in_features: usize) -> usize {
    in_features.div_ceil(CHUNK_VECTORS * I::LANES)
}

/// Rows of activations as a kernel reads them.
pub(super) enum Packed<I: Simd> {
    Floats {
        layout: Layout,
        chunks: Vec<Chunk<I>>,
        row_len: usize,
    },
    Digits {
        layout: Layout,
        chunks: Vec<DigitChunk>,
        row_len: usize,
        scales: Vec<f32>,
    },
}

impl<I: Simd> Packed<I> {
    /// Room for `num_rows` of `in_features`, to be multiplied with weights of `layout`.
    ///
    /// `max_tokens`: the most rows that any weight meets.
    pub(super) fn new(
        isa: I,
        layout: Layout,
        max_tokens: usize,
        (num_rows, in_features): (usize, usize),
    ) -> Self {
        let is_integer = matches!(layout, Layout::Nibbles | Layout::Bytes);
        if is_integer && max_tokens <= MAX_DIRECT_TOKENS && isa.dots().is_some() {
            let row_len = digits::num_chunks(in_features);
            let chunks = vec![DigitChunk::ZERO; num_rows * row_len];
            Self::Digits {
                layout,
                chunks,
                row_len,
                scales: vec![0.0; num_rows],
            }
        } else {
            let row_len = num_chunks::<I>(in_features);
            let chunks = vec![[isa.splat(0.0); CHUNK_VECTORS]; num_rows * row_len];
            Self::Floats {
                layout,
                chunks,
                row_len,
            }
        }
    }

    /// The rows, each to be filled by [`PackedRow::fill`].
    pub(super) fn rows_mut(&mut self) -> Vec<PackedRow<'_, I>> {
        match self {
            Self::Floats {
                layout,
                chunks,
                row_len,
            } => chunks
                .chunks_mut(*row_len)
                .map(|out| PackedRow::Floats(*layout, out))
                .collect(),
            Self::Digits {
                layout,
                chunks,
                row_len,
                scales,
            } => chunks
                .chunks_mut(*row_len)
                .zip(scales)
                .map(|(out, scale)| PackedRow::Digits(*layout, out, scale))
                .collect(),
        }
    }

    /// Rows in the order in which kernels are to take them.
    pub(super) fn select(&self, rows: impl Iterator<Item = usize>) -> Selected<'_, I> {
        match self {
            Self::Floats {
                chunks, row_len, ..
            } => Selected::Floats(
                rows.map(|row| &chunks[row * row_len..][..*row_len])
                    .collect(),
            ),
            Self::Digits {
                chunks,
                row_len,
                scales,
                ..
            } => {
                let row = |row: usize| DigitRow {
                    chunks: &chunks[row * row_len..][..*row_len],
                    scale: scales[row],
                };
                Selected::Digits(rows.map(row).collect())
            }
        }
    }
}

/// One row of [`Packed`].
pub(super) enum PackedRow<'a, I: Simd> {
    Floats(Layout, &'a mut [Chunk<I>]),
    Digits(Layout, &'a mut [DigitChunk], &'a mut f32),
}

impl<I: Simd> PackedRow<'_, I> {
    /// Packs `row`.
    pub(super) fn fill(self, isa: I, row: &[f32]) {
        match self {
            Self::Floats(layout, out) => isa.vectorize(Pack { layout, row, out }),
            Self::Digits(layout, out, scale) => isa.vectorize(PackDigits {
                layout,
                row,
                out,
                scale,
            }),
        }
    }
}

/// References to rows of [`Packed`].
pub(super) enum Selected<'a, I: Simd> {
    Floats(Vec<&'a [Chunk<I>]>),
    Digits(Vec<DigitRow<'a>>),
}

impl<I: Simd> Selected<'_, I> {
    /// Some of them.
    pub(super) fn tokens(&self, range: Range<usize>) -> Tokens<'_, I> {
        match self {
            Self::Floats(rows) => Tokens::Floats(&rows[range]),
            Self::Digits(rows) => Tokens::Digits(&rows[range]),
        }
    }
}

/// The activations that some rows of weights meet.
#[derive(Clone, Copy)]
pub(super) enum Tokens<'a, I: Simd> {
    Floats(&'a [&'a [Chunk<I>]]),
    /// At most [`MAX_DIRECT_TOKENS`].
    Digits(&'a [DigitRow<'a>]),
}

/// Packs one row; `out` must hold [`num_chunks`] of it.
struct Pack<'a, I: Simd> {
    layout: Layout,
    row: &'a [f32],
    out: &'a mut [Chunk<I>],
}

impl<I: Simd> Kernel<I> for Pack<'_, I> {
    #[inline(always)]
    fn run(self, isa: I) {
        let chunk_len = CHUNK_VECTORS * I::LANES;
        let mut padded = [0.0; 128];
        for (values, out) in self.row.chunks(chunk_len).zip(self.out) {
            if values.len() == chunk_len {
                pack_chunk(isa, self.layout, values, out);
            } else {
                padded[..values.len()].copy_from_slice(values);
                pack_chunk(isa, self.layout, &padded[..chunk_len], out);
            }
        }
    }
}

#[inline(always)]
fn pack_chunk<I: Simd>(isa: I, layout: Layout, values: &[f32], out: &mut Chunk<I>) {
    let per_word = layout.weights_per_word();
    let mut lanes = [0.0; 16];
    for (v, vector) in out.iter_mut().enumerate() {
        let first = v / per_word * per_word * I::LANES + v % per_word;
        for (lane, value) in lanes
            .iter_mut()
            .zip(values[first..].iter().step_by(per_word))
        {
            *lane = *value;
        }
        *vector = isa.load(&lanes);
    }
}
