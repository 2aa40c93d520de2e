//! Activations as whole numbers, for instruction sets that multiply bytes.
//!
//! `x = scale * (base * (base * high + middle) + low)` with signed bytes as digits. A row has one scale, a
//! power of two, so that packing moves no activation by more than 2^-23 of the row's largest, which is what
//! f32 itself does to that one. Before weights of eight bits, whose sums need the room, it is 2^-20.

use super::pack::Layout;
use super::simd::{Kernel, Simd};

/// Activations of a [`DigitChunk`].
pub(super) const CHUNK_LEN: usize = 128;

const LANES: usize = 16;

/// What is added to four-bit floats, doubled, to make them unsigned.
const ZERO_POINT: u32 = 12;

/// Bits of a digit before nibbles, and before bytes.
pub(super) const WIDE_DIGIT_BITS: u32 = 8;
pub(super) const NARROW_DIGIT_BITS: u32 = 7;

/// A packed row of activations.
#[derive(Debug, Clone, Copy)]
pub(super) struct DigitRow<'a> {
    pub(super) chunks: &'a [DigitChunk],
    /// NaN where an activation is not finite.
    pub(super) scale: f32,
}

/// 128 activations in the order in which packed weights come, beyond the row's end zeros.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub(super) struct DigitChunk {
    /// High, middle and low digits; of each two vectors, four signed bytes a lane.
    pub(super) digits: [[[u32; LANES]; 2]; 3],
    /// What each lane's activations sum up to in `scale`s, for each vector, or for both in the first.
    pub(super) sums: [[f32; LANES]; 2],
    /// What takes [`ZERO_POINT`] out of each lane's sum of products again.
    pub(super) correction: [u32; LANES],
}

/// Chunks that a row takes, the last one padded.
pub(super) fn num_chunks(in_features: usize) -> usize {
    in_features.div_ceil(CHUNK_LEN)
}

/// The scale of a row whose numbers have three digits of `digit_bits`.
#[inline(always)]
fn scale_of(row: &[f32], digit_bits: u32) -> f32 {
    if !row.iter().all(|x| x.is_finite()) {
        return f32::NAN;
    }
    let largest = row
        .iter()
        .fold(f32::MIN_POSITIVE, |max, x| max.max(x.abs()));
    // A little more than the largest, so that its first digit fits a byte.
    let power = f32::from_bits((largest * 1.01).to_bits() & 0x7f80_0000);
    if power.is_finite() {
        power / (1_u32 << (3 * digit_bits - 2)) as f32
    } else {
        f32::NAN
    }
}

impl DigitChunk {
    pub(super) const ZERO: Self = Self {
        digits: [[[0; LANES]; 2]; 3],
        sums: [[0.0; LANES]; 2],
        correction: [0; LANES],
    };

    #[inline(always)]
    fn new<const DIGIT_BITS: u32>(layout: Layout, x: &[f32; CHUNK_LEN], scale: f32) -> Self {
        let mut chunk = Self::ZERO;
        let x = ordered(layout, x);
        let numbers = x.map(|x| (x / scale).round_ties_even() as i32);
        let (rest, low) = split::<DIGIT_BITS>(&numbers);
        let (high, middle) = split::<DIGIT_BITS>(&rest);
        let high = high.map(|digit| digit as i8);
        for (words, digits) in chunk.digits.iter_mut().zip([high, middle, low]) {
            for (word, bytes) in words
                .as_flattened_mut()
                .iter_mut()
                .zip(digits.chunks_exact(4))
            {
                *word = u32::from_le_bytes([0, 1, 2, 3].map(|b| bytes[b] as u8));
            }
        }
        let sums =
            |half: usize, lane: usize| -> i32 { numbers[64 * half + 4 * lane..][..4].iter().sum() };
        for lane in 0..LANES {
            let [first, second] = [sums(0, lane), sums(1, lane)];
            if layout == Layout::Nibbles {
                let sum = first + second;
                chunk.sums[0][lane] = sum as f32;
                chunk.correction[lane] = (sum as u32).wrapping_mul(ZERO_POINT).wrapping_neg();
            } else {
                chunk.sums[0][lane] = first as f32;
                chunk.sums[1][lane] = second as f32;
            }
        }
        chunk
    }
}

/// Takes the last digit off, a signed one: `numbers = 2^DIGIT_BITS * rest + digits`.
#[inline(always)]
fn split<const DIGIT_BITS: u32>(numbers: &[i32; CHUNK_LEN]) -> ([i32; CHUNK_LEN], [i8; CHUNK_LEN]) {
    let half = 1 << (DIGIT_BITS - 1);
    let mask = (1 << DIGIT_BITS) - 1;
    let digits = numbers.map(|number| (((number + half) & mask) - half) as i8);
    let rest = numbers.map(|number| (number + half) >> DIGIT_BITS);
    (rest, digits)
}

/// The activations of two vectors of bytes, one after the other.
#[inline(always)]
fn ordered(layout: Layout, x: &[f32; CHUNK_LEN]) -> [f32; CHUNK_LEN] {
    match layout {
        // The low nibbles of 64 bytes, then the high ones.
        Layout::Nibbles => std::array::from_fn(|i| x[2 * (i % 64) + i / 64]),
        _ => *x,
    }
}

/// Packs one row; `out` must hold [`num_chunks`] of it.
pub(super) struct PackDigits<'a> {
    pub(super) layout: Layout,
    pub(super) row: &'a [f32],
    pub(super) out: &'a mut [DigitChunk],
    pub(super) scale: &'a mut f32,
}

impl PackDigits<'_> {
    #[inline(always)]
    fn pack<const DIGIT_BITS: u32>(self) {
        *self.scale = scale_of(self.row, DIGIT_BITS);
        if self.scale.is_nan() {
            return;
        }
        for (values, out) in self.row.chunks(CHUNK_LEN).zip(self.out) {
            let mut padded = [0.0; CHUNK_LEN];
            padded[..values.len()].copy_from_slice(values);
            *out = DigitChunk::new::<DIGIT_BITS>(self.layout, &padded, *self.scale);
        }
    }
}

impl<I: Simd> Kernel<I> for PackDigits<'_> {
    #[inline(always)]
    fn run(self, _: I) {
        if self.layout == Layout::Bytes {
            self.pack::<NARROW_DIGIT_BITS>();
        } else {
            self.pack::<WIDE_DIGIT_BITS>();
        }
    }
}
