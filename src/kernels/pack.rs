//! Puts activations into the order in which packed weights leave their words.
//!
//! Loading `LANES` words at once leaves weight `8 j + k` in lane `j` after a shift by `k` nibbles. Rather
//! than bringing weights back into order for every row, each activation vector is put into that order
//! once, and padded with zeros to whole chunks.

use super::simd::{CHUNK_VECTORS, Chunk, Kernel, Simd};

/// How many weights share a 32-bit word, which decides the order inside a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// Eight nibbles.
    Nibbles,
    /// Four bytes.
    Bytes,
    /// One float.
    Floats,
}

impl Layout {
    fn weights_per_word(self) -> usize {
        match self {
            Self::Nibbles => 8,
            Self::Bytes => 4,
            Self::Floats => 1,
        }
    }
}

/// Chunks that a row of `in_features` takes, the last one padded.
pub(super) fn num_chunks<I: Simd>(in_features: usize) -> usize {
    in_features.div_ceil(CHUNK_VECTORS * I::LANES)
}

/// Room for `num_rows` packed rows.
pub(super) fn buffer<I: Simd>(isa: I, num_rows: usize, in_features: usize) -> Vec<Chunk<I>> {
    vec![[isa.splat(0.0); CHUNK_VECTORS]; num_rows * num_chunks::<I>(in_features)]
}

/// Packs one row; `out` must hold [`num_chunks`] of it.
pub(super) struct Pack<'a, I: Simd> {
    pub(super) layout: Layout,
    pub(super) row: &'a [f32],
    pub(super) out: &'a mut [Chunk<I>],
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
