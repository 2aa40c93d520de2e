//! Some rows of a matrix times some packed tokens: which loop takes them.
//!
//! Few tokens go the [direct](super::direct) way, which decodes as it multiplies, many the
//! [tiled](super::tiled) one. In floats both give the same bits: for every lane, a chunk's eight products are
//! summed first, and the chunks' sums are added in order; the lanes are summed last. Where the CPU multiplies
//! bytes, few tokens meet packed integers as [digits](super::digits), which differs by rounding.

use super::digits::DigitRow;
use super::direct::{multiply_floats, multiply_integers};
use super::format::{self, Format};
use super::integer::IntegerFormat;
use super::pack::Tokens;
use super::simd::{ByteDots, Chunk, Kernel, Simd};
use super::tiled::{Scratch, tiled};
use super::view::{AffineBits, QuantizedRows};
use std::ops::Range;

/// Up to so many tokens, weights are used straight from the registers they were decoded to.
pub(super) const MAX_DIRECT_TOKENS: usize = 4;

/// Multiplies `rows` of `weights` with each of `tokens`.
///
/// Shapes: `tokens`: `[T]` packed rows; `out`: `[T, rows.len()]`.
pub(super) fn multiply<I: Simd>(
    isa: I,
    (weights, in_features): (QuantizedRows<'_>, usize),
    rows: Range<usize>,
    tokens: Tokens<'_, I>,
    scratch: &mut Scratch<I>,
    out: &mut [f32],
) {
    let job = Job {
        rows,
        tokens,
        scratch,
        out,
    };
    match weights {
        QuantizedRows::Mxfp4 { packed, scales } => job.run_packed(
            isa,
            format::Mxfp4 {
                packed,
                scales,
                in_features,
            },
        ),
        QuantizedRows::Affine {
            packed,
            scales,
            biases,
            bits,
            group_size,
        } => match bits {
            AffineBits::Four => job.run_packed(
                isa,
                format::Affine::<4> {
                    packed,
                    scales,
                    biases,
                    group_size,
                    in_features,
                },
            ),
            AffineBits::Eight => job.run_packed(
                isa,
                format::Affine::<8> {
                    packed,
                    scales,
                    biases,
                    group_size,
                    in_features,
                },
            ),
        },
        QuantizedRows::Dense(values) => job.run(
            isa,
            format::Dense {
                values,
                in_features,
            },
        ),
        QuantizedRows::Bf16(values) => job.run(
            isa,
            format::Dense {
                values,
                in_features,
            },
        ),
    }
}

/// What is to be multiplied, whatever form the weights have.
struct Job<'a, I: Simd> {
    rows: Range<usize>,
    tokens: Tokens<'a, I>,
    scratch: &'a mut Scratch<I>,
    out: &'a mut [f32],
}

impl<I: Simd> Job<'_, I> {
    /// For forms whose tokens may be digits.
    fn run_packed<F: IntegerFormat<I>>(self, isa: I, format: F) {
        match (self.tokens, isa.dots()) {
            (Tokens::Digits(tokens), Some(dots)) => {
                let Self { rows, out, .. } = self;
                let kernel = MultiplyDigits {
                    format,
                    dots,
                    rows,
                    tokens,
                    out,
                };
                dots.vectorize(isa, kernel);
            }
            _ => self.run(isa, format),
        }
    }

    fn run<F: Format<I>>(self, isa: I, format: F) {
        // Digits are only made for forms that take them.
        if let Tokens::Floats(tokens) = self.tokens {
            isa.vectorize(Multiply {
                format,
                tokens,
                job: self,
            });
        }
    }
}

struct Multiply<'a, I: Simd, F> {
    format: F,
    tokens: &'a [&'a [Chunk<I>]],
    job: Job<'a, I>,
}

impl<I: Simd, F: Format<I>> Kernel<I> for Multiply<'_, I, F> {
    #[inline(always)]
    fn run(self, isa: I) {
        const { assert!(MAX_DIRECT_TOKENS == 4) };
        let Self {
            format,
            tokens,
            job,
        } = self;
        let Job {
            rows, scratch, out, ..
        } = job;
        match *tokens {
            [] => {}
            [a] => multiply_floats(isa, (format, [a]), rows, out),
            [a, b] => multiply_floats(isa, (format, [a, b]), rows, out),
            [a, b, c] => multiply_floats(isa, (format, [a, b, c]), rows, out),
            [a, b, c, d] => multiply_floats(isa, (format, [a, b, c, d]), rows, out),
            _ => tiled(isa, format, (rows, tokens), scratch, out),
        }
    }
}

struct MultiplyDigits<'a, F, D> {
    format: F,
    dots: D,
    rows: Range<usize>,
    tokens: &'a [DigitRow<'a>],
    out: &'a mut [f32],
}

impl<I: Simd, F: IntegerFormat<I>, D: ByteDots<I>> Kernel<I> for MultiplyDigits<'_, F, D> {
    #[inline(always)]
    fn run(self, isa: I) {
        let Self {
            format,
            dots,
            rows,
            tokens,
            out,
        } = self;
        match *tokens {
            [a] => multiply_integers((isa, dots), (format, [a]), rows, out),
            [a, b] => multiply_integers((isa, dots), (format, [a, b]), rows, out),
            [a, b, c] => multiply_integers((isa, dots), (format, [a, b, c]), rows, out),
            [a, b, c, d] => multiply_integers((isa, dots), (format, [a, b, c, d]), rows, out),
            // No more are packed as digits.
            _ => {}
        }
    }
}
