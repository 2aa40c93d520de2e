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
    // Without their signs, floats are in the order of their bits, and what is not finite comes last.
    let mut largest = (f32::MIN_POSITIVE * (1 << 24) as f32).to_bits();
    for x in row {
        largest = largest.max(x.to_bits() & 0x7fff_ffff);
    }
    // A little more than the largest, so that its first digit fits a byte.
    let power = f32::from_bits((f32::from_bits(largest) * 1.01).to_bits() & 0x7f80_0000);
    if power.is_finite() {
        power / (1_u32 << (3 * digit_bits - 2)) as f32
    } else {
        f32::NAN
    }
}

/// The nearest whole number of up to 23 bits, in operations that every vector unit has.
#[inline(always)]
fn rounded(x: f32) -> i32 {
    const HALF: f32 = 4096.0;
    /// Added to a number of up to 22 bits, it leaves the rounded number in the lowest bits.
    const SHIFT: f32 = 12_582_912.0;
    let high = x * (1.0 / HALF) + SHIFT;
    let low = (x - (high - SHIFT) * HALF) + SHIFT;
    let [high, low] = [high, low].map(|part| part.to_bits() as i32 - SHIFT.to_bits() as i32);
    high * HALF as i32 + low
}

impl DigitChunk {
    pub(super) const ZERO: Self = Self {
        digits: [[[0; LANES]; 2]; 3],
        sums: [[0.0; LANES]; 2],
        correction: [0; LANES],
    };

    /// Loops rather than closures: these would not be compiled for the caller's instructions.
    #[inline(always)]
    fn fill<const DIGIT_BITS: u32>(&mut self, layout: Layout, x: &[f32; CHUNK_LEN], scale: f32) {
        // Exact, as the scale is a power of two.
        let inverse = 1.0 / scale;
        let mut numbers = [0; CHUNK_LEN];
        for i in 0..CHUNK_LEN {
            numbers[i] = rounded(x[i] * inverse);
        }
        self.count(layout, &numbers);
        let [high, middle, low] = &mut self.digits;
        for digits in [low, middle] {
            let mut bytes = [0; CHUNK_LEN];
            for i in 0..CHUNK_LEN {
                // A signed digit: what is left goes up where it is half of the base or more.
                let rest = (numbers[i] + (1 << (DIGIT_BITS - 1))) >> DIGIT_BITS;
                bytes[i] = (numbers[i] - (rest << DIGIT_BITS)) as u8;
                numbers[i] = rest;
            }
            put(layout, &bytes, digits);
        }
        let mut bytes = [0; CHUNK_LEN];
        for i in 0..CHUNK_LEN {
            bytes[i] = numbers[i] as u8;
        }
        put(layout, &bytes, high);
    }

    /// Sums up the numbers of each lane.
    #[inline(always)]
    fn count(&mut self, layout: Layout, numbers: &[i32; CHUNK_LEN]) {
        let mut quarters = [0; CHUNK_LEN / 4];
        for i in 0..CHUNK_LEN / 4 {
            let at = 4 * i;
            quarters[i] = numbers[at] + numbers[at + 1] + numbers[at + 2] + numbers[at + 3];
        }
        for lane in 0..LANES {
            if layout == Layout::Nibbles {
                let sum: i32 = quarters[2 * lane] + quarters[2 * lane + 1];
                self.sums[0][lane] = sum as f32;
                self.correction[lane] = (sum as u32).wrapping_mul(ZERO_POINT).wrapping_neg();
            } else {
                self.sums[0][lane] = quarters[lane] as f32;
                self.sums[1][lane] = quarters[LANES + lane] as f32;
            }
        }
    }
}

/// Brings digits into the order of the weights' bytes, and four of them into a lane.
#[inline(always)]
fn put(layout: Layout, bytes: &[u8; CHUNK_LEN], digits: &mut [[u32; LANES]; 2]) {
    let mut ordered = *bytes;
    if layout == Layout::Nibbles {
        // The low nibbles of 64 bytes, then the high ones.
        for i in 0..CHUNK_LEN / 2 {
            ordered[i] = bytes[2 * i];
            ordered[CHUNK_LEN / 2 + i] = bytes[2 * i + 1];
        }
    }
    for (word, bytes) in digits
        .as_flattened_mut()
        .iter_mut()
        .zip(ordered.as_chunks::<4>().0)
    {
        *word = u32::from_le_bytes(*bytes);
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
            out.fill::<DIGIT_BITS>(self.layout, &padded, *self.scale);
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
