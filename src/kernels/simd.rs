//! The vector operations that one instruction set has to bring; the loops are written once over them.
//!
//! A value of an implementing type is the proof that the CPU has the instructions: it is made only by
//! [`Isa::run`](super::Isa::run) after detection. Every method is inlined into [`Simd::vectorize`], whose
//! body is compiled for the instruction set, so a method called elsewhere is correct but slow.

use half::bf16;
use std::convert::Infallible;

/// Vectors in a [`Chunk`]: the nibbles of a 32-bit word.
pub(super) const CHUNK_VECTORS: usize = 8;

/// The unit of every inner loop: `8 * LANES` weights or activations, in the order of a
/// [`Layout`](super::pack::Layout).
pub(super) type Chunk<I> = [<I as Simd>::Floats; CHUNK_VECTORS];

/// A computation that [`Simd::vectorize`] compiles for an instruction set.
///
/// `run` must be `#[inline(always)]`, and so must everything that it calls with vectors.
pub(super) trait Kernel<I: Simd> {
    fn run(self, isa: I);
}

/// One instruction set: `LANES` floats a register, LANES being 4, 8 or 16.
pub(super) trait Simd: Copy + Send + Sync + 'static {
    const LANES: usize;
    /// Tokens whose sums are kept in registers by the tiled kernel, 1 to 4.
    const TILE_TOKENS: usize;
    type Floats: Copy + Send + Sync;
    type Words: Copy;
    /// Proof of dot products of bytes; [`Infallible`] where there are none.
    type Dots: ByteDots<Self>;

    /// Runs `kernel` in a function compiled for this instruction set.
    fn vectorize<K: Kernel<Self>>(self, kernel: K);

    /// The dot products of bytes, where they are to be used.
    #[inline(always)]
    fn dots(self) -> Option<Self::Dots> {
        None
    }

    fn splat(self, value: f32) -> Self::Floats;
    /// The first `LANES` values. Panics if there are fewer.
    fn load(self, values: &[f32]) -> Self::Floats;
    /// The first `2 * LANES` values, widened: those of even index, then those of odd. Panics if there are fewer.
    fn load_bf16_pairs(self, values: &[bf16]) -> [Self::Floats; 2];
    /// The first `LANES` words. Panics if there are fewer.
    fn load_words(self, words: &[u32]) -> Self::Words;
    /// At most `LANES` words, the rest zeros.
    #[inline(always)]
    fn load_some_words(self, words: &[u32]) -> Self::Words {
        let mut padded = [0; 16];
        padded[..words.len()].copy_from_slice(words);
        self.load_words(&padded)
    }
    /// Asks for the cache line `distance` bytes behind the start of `values`, wherever that is.
    #[inline(always)]
    fn prefetch<T>(self, _values: &[T], _distance: usize) {}
    fn add(self, a: Self::Floats, b: Self::Floats) -> Self::Floats;
    fn mul(self, a: Self::Floats, b: Self::Floats) -> Self::Floats;
    /// `a * b + c`, fused where the CPU can.
    fn mul_add(self, a: Self::Floats, b: Self::Floats, c: Self::Floats) -> Self::Floats;
    /// The larger of each lane; `b` where one is NaN.
    fn max(self, a: Self::Floats, b: Self::Floats) -> Self::Floats;
    /// Writes the first `LANES` values. Panics if there are fewer.
    fn store(self, values: Self::Floats, to: &mut [f32]);
    /// `2^n` for `n` from -126 to 127, which 1.5 * 2^23 has been added to.
    fn power_of_two(self, shifted: Self::Floats) -> Self::Floats;
    /// The sum of all lanes, always in the same order.
    fn sum(self, values: Self::Floats) -> f32;

    /// `table[nibble]` for nibble 0 to 7 of every word, one vector a nibble.
    fn lookup(self, words: Self::Words, table: &[f32; 16]) -> [Self::Floats; 8];
    /// Byte 0 to 3 of every word as a float, one vector a byte.
    fn bytes(self, words: Self::Words) -> [Self::Floats; 4];
    /// Each value over a quarter of the lanes.
    fn quarters(self, values: [f32; 4]) -> Self::Floats;
    /// `2^(byte - 127)` of the first `LANES / 4` bytes, each over four lanes; 255 is NaN.
    /// All NaN if there are fewer bytes.
    fn e8m0(self, bytes: &[u8]) -> Self::Floats;
}

/// What multiplies packed integers with [digits](super::digits) of activations; sixteen lanes.
pub(super) trait ByteDots<I: Simd>: Copy + Send + Sync {
    /// Runs `kernel` in a function compiled for these instructions too.
    fn vectorize<K: Kernel<I>>(self, isa: I, kernel: K);

    /// `sums` and, in each lane, four unsigned bytes of `weights` times four signed ones of `digits`.
    fn dot(self, sums: I::Words, weights: I::Words, digits: I::Words) -> I::Words;
    /// `2^BITS` times each lane.
    fn shift_left<const BITS: u32>(self, words: I::Words) -> I::Words;
    /// The sum of each lane.
    fn add(self, a: I::Words, b: I::Words) -> I::Words;
    /// The low and the high nibbles, each in a byte of its own.
    fn nibbles(self, words: I::Words) -> [I::Words; 2];
    /// `table[nibble]` of the low and of the high nibbles.
    fn lookup_nibbles(self, words: I::Words, table: &[u8; 16]) -> [I::Words; 2];
    /// `2^(byte - 127)` of each byte, 1 to 254, over four lanes.
    fn powers_of_two(self, bytes: [u8; 4]) -> I::Floats;
    /// Signed words as floats.
    fn to_floats(self, words: I::Words) -> I::Floats;
}

impl<I: Simd> ByteDots<I> for Infallible {
    fn vectorize<K: Kernel<I>>(self, _: I, _: K) {
        match self {}
    }
    fn dot(self, _: I::Words, _: I::Words, _: I::Words) -> I::Words {
        match self {}
    }
    fn shift_left<const BITS: u32>(self, _: I::Words) -> I::Words {
        match self {}
    }
    fn add(self, _: I::Words, _: I::Words) -> I::Words {
        match self {}
    }
    fn nibbles(self, _: I::Words) -> [I::Words; 2] {
        match self {}
    }
    fn lookup_nibbles(self, _: I::Words, _: &[u8; 16]) -> [I::Words; 2] {
        match self {}
    }
    fn powers_of_two(self, _: [u8; 4]) -> I::Floats {
        match self {}
    }
    fn to_floats(self, _: I::Words) -> I::Floats {
        match self {}
    }
}

/// `2^(byte - 127)`: byte 0 is the subnormal 2^-127, 255 is NaN.
#[inline(always)]
pub(super) fn e8m0(byte: u8) -> f32 {
    let exponent = u32::from(byte) << 23;
    // The two exponents that f32 keeps for subnormals and infinities, each with the top fraction bit.
    let special = if byte == 0 || byte == 255 { 1 << 22 } else { 0 };
    f32::from_bits(exponent | special)
}
