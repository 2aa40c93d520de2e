//! Decodes the stored forms, a [`Chunk`] at a time, into the order of their [`Layout`](super::pack::Layout).

use half::bf16;

use super::simd::{CHUNK_VECTORS, Chunk, Simd};

/// Weights of a chunk, still to be multiplied by `scale`, lane by lane.
pub(super) struct Decoded<I: Simd> {
    pub(super) weights: Chunk<I>,
    pub(super) scale: I::Floats,
}

/// One stored form of a matrix.
pub(super) trait Format<I: Simd>: Copy {
    type Row: Copy;

    fn in_features(&self) -> usize;
    fn row(&self, index: usize) -> Self::Row;
    /// Chunk `c`, which lies wholly inside the row.
    fn chunk(isa: I, row: Self::Row, c: usize) -> Decoded<I>;
    /// Chunk `c`, the row's last and shorter one. What lies beyond is finite where the row is.
    fn tail(isa: I, row: Self::Row, c: usize) -> Decoded<I>;
}

/// What a row holds from `start` on, at most `N` values, and zeros behind it.
#[inline(always)]
pub(super) fn padded<T: Copy + Default, const N: usize>(row: &[T], start: usize) -> [T; N] {
    let mut out = [T::default(); N];
    // A loop rather than `copy_from_slice`, which calls `memcpy` for these few values.
    for (out, value) in out.iter_mut().zip(&row[start..]) {
        *out = *value;
    }
    out
}

/// How far ahead packed weights are asked for.
const PREFETCH_BYTES: usize = 2048;

const CACHE_LINE_BYTES: usize = 64;

/// Asks for what comes [`PREFETCH_BYTES`] after all of `values`.
#[inline(always)]
pub(super) fn prefetch_after<I: Simd, T>(isa: I, values: &[T]) {
    for line in (0..size_of_val(values)).step_by(CACHE_LINE_BYTES) {
        isa.prefetch(values, PREFETCH_BYTES + line);
    }
}

const FP4: [f32; 16] = [
    0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, -0.0, -0.5, -1.0, -1.5, -2.0, -3.0, -4.0, -6.0,
];

const INTEGERS: [f32; 16] = [
    0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0,
];

#[derive(Clone, Copy)]
pub(super) struct Mxfp4<'a> {
    pub(super) packed: &'a [u32],
    pub(super) scales: &'a [u8],
    pub(super) in_features: usize,
}

impl<'a, I: Simd> Format<I> for Mxfp4<'a> {
    type Row = (&'a [u32], &'a [u8]);

    #[inline(always)]
    fn in_features(&self) -> usize {
        self.in_features
    }

    #[inline(always)]
    fn row(&self, index: usize) -> Self::Row {
        let (words, groups) = (self.in_features / 8, self.in_features / 32);
        (
            &self.packed[index * words..][..words],
            &self.scales[index * groups..][..groups],
        )
    }

    #[inline(always)]
    fn chunk(isa: I, (words, scales): Self::Row, c: usize) -> Decoded<I> {
        let words = &words[c * I::LANES..][..I::LANES];
        prefetch_after(isa, words);
        let words = isa.load_words(words);
        let scale = isa.e8m0(&scales[c * (I::LANES / 4)..][..I::LANES / 4]);
        Decoded {
            weights: isa.lookup(words, &FP4),
            scale,
        }
    }

    #[inline(always)]
    fn tail(isa: I, (words, scales): Self::Row, c: usize) -> Decoded<I> {
        let words = isa.load_some_words(&words[c * I::LANES..]);
        let exponents: [u8; 4] = padded(scales, c * (I::LANES / 4));
        Decoded {
            weights: isa.lookup(words, &FP4),
            scale: isa.e8m0(&exponents),
        }
    }
}

/// A row of affine integers.
#[derive(Clone, Copy)]
pub(super) struct AffineRow<'a> {
    pub(super) words: &'a [u32],
    scales: &'a [f32],
    biases: &'a [f32],
    group_shift: u32,
}

impl AffineRow<'_> {
    /// Scales and biases of four spans of `span` weights from `start` on, a multiple of the four; beyond
    /// the row, those of its last group.
    #[inline(always)]
    pub(super) fn groups<I: Simd>(
        &self,
        isa: I,
        start: usize,
        span: usize,
    ) -> (I::Floats, I::Floats) {
        let last = self.scales.len() - 1;
        let group = |quarter: usize| ((start + quarter * span) >> self.group_shift).min(last);
        if 4 * span <= 1 << self.group_shift {
            let group = group(0);
            return (isa.splat(self.scales[group]), isa.splat(self.biases[group]));
        }
        let groups: [usize; 4] = std::array::from_fn(group);
        (
            isa.quarters(groups.map(|group| self.scales[group])),
            isa.quarters(groups.map(|group| self.biases[group])),
        )
    }
}

#[derive(Clone, Copy)]
pub(super) struct Affine<'a, const BITS: usize> {
    pub(super) packed: &'a [u32],
    pub(super) scales: &'a [f32],
    pub(super) biases: &'a [f32],
    pub(super) group_size: usize,
    pub(super) in_features: usize,
}

impl<'a, const BITS: usize> Affine<'a, BITS> {
    #[inline(always)]
    fn row_at(&self, index: usize) -> AffineRow<'a> {
        let words = self.in_features / (32 / BITS);
        let group_shift = self.group_size.trailing_zeros();
        let groups = self.in_features >> group_shift;
        AffineRow {
            words: &self.packed[index * words..][..words],
            scales: &self.scales[index * groups..][..groups],
            biases: &self.biases[index * groups..][..groups],
            group_shift,
        }
    }
}

impl<'a, I: Simd> Format<I> for Affine<'a, 4> {
    type Row = AffineRow<'a>;

    #[inline(always)]
    fn in_features(&self) -> usize {
        self.in_features
    }

    #[inline(always)]
    fn row(&self, index: usize) -> Self::Row {
        self.row_at(index)
    }

    #[inline(always)]
    fn chunk(isa: I, row: Self::Row, c: usize) -> Decoded<I> {
        let words = &row.words[c * I::LANES..][..I::LANES];
        prefetch_after(isa, words);
        affine_nibbles(isa, row, c, words)
    }

    #[inline(always)]
    fn tail(isa: I, row: Self::Row, c: usize) -> Decoded<I> {
        let words: [u32; 16] = padded(row.words, c * I::LANES);
        affine_nibbles(isa, row, c, &words)
    }
}

#[inline(always)]
fn affine_nibbles<I: Simd>(isa: I, row: AffineRow<'_>, c: usize, words: &[u32]) -> Decoded<I> {
    let (scales, biases) = row.groups(isa, c * CHUNK_VECTORS * I::LANES, 2 * I::LANES);
    let mut weights = isa.lookup(isa.load_words(words), &INTEGERS);
    for vector in &mut weights {
        *vector = isa.mul_add(*vector, scales, biases);
    }
    Decoded {
        weights,
        scale: isa.splat(1.0),
    }
}

impl<'a, I: Simd> Format<I> for Affine<'a, 8> {
    type Row = AffineRow<'a>;

    #[inline(always)]
    fn in_features(&self) -> usize {
        self.in_features
    }

    #[inline(always)]
    fn row(&self, index: usize) -> Self::Row {
        self.row_at(index)
    }

    #[inline(always)]
    fn chunk(isa: I, row: Self::Row, c: usize) -> Decoded<I> {
        let words = &row.words[c * 2 * I::LANES..][..2 * I::LANES];
        prefetch_after(isa, words);
        affine_bytes(isa, row, c, words)
    }

    #[inline(always)]
    fn tail(isa: I, row: Self::Row, c: usize) -> Decoded<I> {
        let words: [u32; 32] = padded(row.words, c * 2 * I::LANES);
        affine_bytes(isa, row, c, &words)
    }
}

#[inline(always)]
fn affine_bytes<I: Simd>(isa: I, row: AffineRow<'_>, c: usize, words: &[u32]) -> Decoded<I> {
    let mut weights = [isa.splat(0.0); CHUNK_VECTORS];
    for half in 0..2 {
        let start = (2 * c + half) * 4 * I::LANES;
        let (scales, biases) = row.groups(isa, start, I::LANES);
        let bytes = isa.bytes(isa.load_words(&words[half * I::LANES..]));
        for (vector, integers) in weights[4 * half..].iter_mut().zip(bytes) {
            *vector = isa.mul_add(integers, scales, biases);
        }
    }
    Decoded {
        weights,
        scale: isa.splat(1.0),
    }
}

/// A number that is stored as it is.
pub(super) trait Plain: Copy + Default {
    /// The first `8 * LANES` values, in the order of their layout.
    fn load<I: Simd>(isa: I, values: &[Self]) -> Chunk<I>;
}

impl Plain for f32 {
    #[inline(always)]
    fn load<I: Simd>(isa: I, values: &[Self]) -> Chunk<I> {
        let mut chunk = [isa.splat(0.0); CHUNK_VECTORS];
        for (k, vector) in chunk.iter_mut().enumerate() {
            *vector = isa.load(&values[k * I::LANES..]);
        }
        chunk
    }
}

impl Plain for bf16 {
    #[inline(always)]
    fn load<I: Simd>(isa: I, values: &[Self]) -> Chunk<I> {
        let mut chunk = [isa.splat(0.0); CHUNK_VECTORS];
        for (k, pair) in chunk.as_chunks_mut::<2>().0.iter_mut().enumerate() {
            *pair = isa.load_bf16_pairs(&values[k * 2 * I::LANES..]);
        }
        chunk
    }
}

#[derive(Clone, Copy)]
pub(super) struct Dense<'a, T> {
    pub(super) values: &'a [T],
    pub(super) in_features: usize,
}

impl<'a, I: Simd, T: Plain> Format<I> for Dense<'a, T> {
    type Row = &'a [T];

    #[inline(always)]
    fn in_features(&self) -> usize {
        self.in_features
    }

    #[inline(always)]
    fn row(&self, index: usize) -> Self::Row {
        &self.values[index * self.in_features..][..self.in_features]
    }

    #[inline(always)]
    fn chunk(isa: I, row: Self::Row, c: usize) -> Decoded<I> {
        let len = CHUNK_VECTORS * I::LANES;
        // Enough are under way without being asked for ahead.
        floats(isa, &row[c * len..][..len])
    }

    #[inline(always)]
    fn tail(isa: I, row: Self::Row, c: usize) -> Decoded<I> {
        let values: [T; 128] = padded(row, c * CHUNK_VECTORS * I::LANES);
        floats(isa, &values)
    }
}

#[inline(always)]
fn floats<I: Simd, T: Plain>(isa: I, values: &[T]) -> Decoded<I> {
    Decoded {
        weights: T::load(isa, values),
        scale: isa.splat(1.0),
    }
}
