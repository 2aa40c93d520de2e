//! Packed integers times a few tokens, byte by byte: a weight is never turned into a float.
//!
//! A product of a byte and a [digit](super::digits) is exact, and so are the sums of a lane's; only they become floats.

use super::digits::{DigitChunk, DigitRow, NARROW_DIGIT_BITS, WIDE_DIGIT_BITS};
use super::format::{self, Affine, Format, Mxfp4};
use super::simd::{ByteDots, Simd};

/// Four-bit floats, doubled, with the zero point added.
const FP4: [u8; 16] = [12, 13, 14, 15, 16, 18, 20, 24, 12, 11, 10, 9, 8, 6, 4, 0];

/// From this byte on, a sum of products that is still to be scaled down may become infinite.
const MAX_EXPONENT: u8 = 200;

/// A stored form whose weights are integers times a scale.
pub(super) trait IntegerFormat<I: Simd>: Format<I> {
    /// What a row's sums are to be multiplied by, beside the token's scale.
    const FACTOR: f32 = 1.0;

    /// Adds chunk `c` of each of `rows` times each of `tokens` to `sums`, lane by lane.
    ///
    /// `IS_TAIL`: whether the rows end inside the chunk. `IS_EXTREME`: whether a row is
    /// [extreme](IntegerFormat::is_extreme).
    fn accumulate<
        D: ByteDots<I>,
        const IS_EXTREME: bool,
        const IS_TAIL: bool,
        const N: usize,
        const R: usize,
    >(
        isa: (I, D),
        rows: [Self::Row; R],
        c: usize,
        tokens: &[DigitRow<'_>; N],
        sums: &mut [[I::Floats; N]; R],
    );

    /// Whether scales of the row are so near the ends of f32's range that sums need care.
    #[inline(always)]
    fn is_extreme(_: Self::Row) -> bool {
        false
    }
}

/// The products of `V` vectors of weights, which share their lanes, with a token's from vector `first` on.
///
/// The rows advance in step, as each instruction waits for the one before it in its row.
#[inline(always)]
fn totals<I: Simd, D: ByteDots<I>, const DIGIT_BITS: u32, const V: usize, const R: usize>(
    (isa, dots): (I, D),
    weights: &[[I::Words; V]; R],
    (token, first): (&DigitChunk, usize),
) -> [I::Words; R] {
    let mut numbers = [isa.load_words(&[0; 16]); R];
    for (place, digits) in token.digits.iter().enumerate() {
        if place > 0 {
            for r in 0..R {
                numbers[r] = dots.shift_left::<DIGIT_BITS>(numbers[r]);
            }
        }
        for v in 0..V {
            let digits = isa.load_words(&digits[first + v]);
            for r in 0..R {
                numbers[r] = dots.dot(numbers[r], weights[r][v], digits);
            }
        }
    }
    numbers
}

/// The words of a chunk; beyond the row zeros.
#[inline(always)]
fn words_at<I: Simd, const IS_TAIL: bool>(isa: I, row: &[u32], start: usize) -> I::Words {
    if IS_TAIL {
        let words = row.get(start..).unwrap_or_default();
        return isa.load_some_words(&words[..words.len().min(16)]);
    }
    let words = &row[start..][..16];
    format::prefetch_after(isa, words);
    isa.load_words(words)
}

impl<I: Simd> IntegerFormat<I> for Mxfp4<'_> {
    /// The codes are doubled.
    const FACTOR: f32 = 0.5;

    #[inline(always)]
    fn accumulate<
        D: ByteDots<I>,
        const IS_EXTREME: bool,
        const IS_TAIL: bool,
        const N: usize,
        const R: usize,
    >(
        (isa, dots): (I, D),
        rows: [Self::Row; R],
        c: usize,
        tokens: &[DigitRow<'_>; N],
        sums: &mut [[I::Floats; N]; R],
    ) {
        let zero = isa.load_words(&[0; 16]);
        let mut weights = [[zero; 2]; R];
        let mut scales = [isa.splat(0.0); R];
        for r in 0..R {
            let (words, exponents) = rows[r];
            let words = words_at::<I, IS_TAIL>(isa, words, c * 16);
            weights[r] = dots.lookup_nibbles(words, &FP4);
            let exponents: [u8; 4] = if IS_TAIL {
                format::padded(exponents, c * 4)
            } else {
                let exponents = &exponents[c * 4..][..4];
                [exponents[0], exponents[1], exponents[2], exponents[3]]
            };
            scales[r] = if IS_EXTREME {
                isa.e8m0(&exponents)
            } else {
                dots.powers_of_two(exponents)
            };
        }
        for n in 0..N {
            let token = &tokens[n].chunks[c];
            let correction = isa.load_words(&token.correction);
            let totals = totals::<I, D, WIDE_DIGIT_BITS, 2, R>((isa, dots), &weights, (token, 0));
            for r in 0..R {
                let mut total = dots.to_floats(dots.add(totals[r], correction));
                if IS_EXTREME {
                    let scale = tokens[n].scale * <Self as IntegerFormat<I>>::FACTOR;
                    total = isa.mul(total, isa.splat(scale));
                }
                sums[r][n] = isa.mul_add(total, scales[r], sums[r][n]);
            }
        }
    }

    #[inline(always)]
    fn is_extreme((_, exponents): Self::Row) -> bool {
        let is_extreme = |exponent: u8| exponent.wrapping_sub(1) >= MAX_EXPONENT;
        exponents
            .iter()
            .fold(false, |any, exponent| any | is_extreme(*exponent))
    }
}

impl<I: Simd> IntegerFormat<I> for Affine<'_, 4> {
    #[inline(always)]
    fn accumulate<
        D: ByteDots<I>,
        const IS_EXTREME: bool,
        const IS_TAIL: bool,
        const N: usize,
        const R: usize,
    >(
        (isa, dots): (I, D),
        rows: [Self::Row; R],
        c: usize,
        tokens: &[DigitRow<'_>; N],
        sums: &mut [[I::Floats; N]; R],
    ) {
        for r in 0..R {
            let row = rows[r];
            let weights = [dots.nibbles(words_at::<I, IS_TAIL>(isa, row.words, c * 16))];
            let (scales, biases) = row.groups(isa, c * 128, 32);
            for n in 0..N {
                let token = &tokens[n].chunks[c];
                let [total] =
                    totals::<I, D, WIDE_DIGIT_BITS, 2, 1>((isa, dots), &weights, (token, 0));
                let sum = isa.mul_add(isa.load(&token.sums[0]), biases, sums[r][n]);
                sums[r][n] = isa.mul_add(dots.to_floats(total), scales, sum);
            }
        }
    }
}

impl<I: Simd> IntegerFormat<I> for Affine<'_, 8> {
    #[inline(always)]
    fn accumulate<
        D: ByteDots<I>,
        const IS_EXTREME: bool,
        const IS_TAIL: bool,
        const N: usize,
        const R: usize,
    >(
        (isa, dots): (I, D),
        rows: [Self::Row; R],
        c: usize,
        tokens: &[DigitRow<'_>; N],
        sums: &mut [[I::Floats; N]; R],
    ) {
        for vector in 0..2 {
            let start = (2 * c + vector) * 16;
            let mut weights = [[isa.load_words(&[0; 16])]; R];
            for r in 0..R {
                weights[r] = [words_at::<I, IS_TAIL>(isa, rows[r].words, start)];
            }
            for n in 0..N {
                let token = &tokens[n].chunks[c];
                let at = (token, vector);
                let totals = totals::<I, D, NARROW_DIGIT_BITS, 1, R>((isa, dots), &weights, at);
                for r in 0..R {
                    let (scales, biases) = rows[r].groups(isa, start * 4, 16);
                    let sum = isa.mul_add(isa.load(&token.sums[vector]), biases, sums[r][n]);
                    sums[r][n] = isa.mul_add(dots.to_floats(totals[r]), scales, sum);
                }
            }
        }
    }
}
