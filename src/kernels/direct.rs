//! Few tokens: weights are multiplied in the registers they were decoded to.

use super::digits::{CHUNK_LEN, DigitRow};
use super::format::{Decoded, Format};
use super::integer::IntegerFormat;
use super::simd::{ByteDots, CHUNK_VECTORS, Chunk, Simd};
use std::ops::Range;

/// Rows whose weights become floats that are read side by side.
const FLOAT_STREAMS: usize = 2;

/// Rows whose weights stay integers that are read side by side: they advance in step.
const INTEGER_STREAMS: usize = 4;

/// Multiplies `rows` with each token; `out`: `[N, rows.len()]`.
#[inline(always)]
pub(super) fn multiply_floats<I: Simd, F: Format<I>, const N: usize>(
    isa: I,
    (format, tokens): (F, [&[Chunk<I>]; N]),
    rows: Range<usize>,
    out: &mut [f32],
) {
    direct::<I, _, N, FLOAT_STREAMS>(isa, &Floats { format, tokens }, rows, out);
}

/// Multiplies `rows` with each token; `out`: `[N, rows.len()]`.
#[inline(always)]
pub(super) fn multiply_integers<I, F, D, const N: usize>(
    (isa, dots): (I, D),
    (format, tokens): (F, [DigitRow<'_>; N]),
    rows: Range<usize>,
    out: &mut [f32],
) where
    I: Simd,
    F: IntegerFormat<I>,
    D: ByteDots<I>,
{
    let products = Integers {
        format,
        dots,
        tokens,
    };
    direct::<I, _, N, INTEGER_STREAMS>(isa, &products, rows, out);
}

/// Products of rows with `N` tokens, whose lanes are still to be summed.
trait RowProducts<I: Simd, const N: usize> {
    /// Of each of `rows`, together: they share the loads of the tokens.
    fn products<const R: usize>(&self, isa: I, rows: [usize; R]) -> [[I::Floats; N]; R];
}

/// Multiplies `S` rows at a time, each from a part of its own: memory sees a few long streams, which it
/// delivers up to twice as fast as neighbouring rows in step.
///
/// Shapes: `out`: `[N, rows.len()]`.
#[inline(always)]
fn direct<I: Simd, P: RowProducts<I, N>, const N: usize, const S: usize>(
    isa: I,
    products: &P,
    rows: Range<usize>,
    out: &mut [f32],
) {
    let num_rows = rows.len();
    let stream_rows = num_rows / S;
    let mut store = |row: usize, sums: [I::Floats; N]| {
        for n in 0..N {
            out[n * num_rows + row] = isa.sum(sums[n]);
        }
    };
    for first in 0..stream_rows {
        let at: [usize; S] = std::array::from_fn(|s| s * stream_rows + first);
        let sums = products.products(isa, at.map(|row| rows.start + row));
        for (row, sums) in at.into_iter().zip(sums) {
            store(row, sums);
        }
    }
    for row in stream_rows * S..num_rows {
        let [sums] = products.products(isa, [rows.start + row]);
        store(row, sums);
    }
}

/// Weights decoded to floats.
struct Floats<'a, I: Simd, F, const N: usize> {
    format: F,
    tokens: [&'a [Chunk<I>]; N],
}

impl<I: Simd, F: Format<I>, const N: usize> RowProducts<I, N> for Floats<'_, I, F, N> {
    #[inline(always)]
    fn products<const R: usize>(&self, isa: I, rows: [usize; R]) -> [[I::Floats; N]; R] {
        let rows = rows.map(|row| self.format.row(row));
        let chunk_len = CHUNK_VECTORS * I::LANES;
        let num_full = self.format.in_features() / chunk_len;
        let mut sums = [[isa.splat(0.0); N]; R];
        for c in 0..num_full {
            for r in 0..R {
                let decoded = F::chunk(isa, rows[r], c);
                accumulate(isa, &decoded, self.tokens, c, &mut sums[r]);
            }
        }
        if !self.format.in_features().is_multiple_of(chunk_len) {
            for r in 0..R {
                let decoded = F::tail(isa, rows[r], num_full);
                accumulate(isa, &decoded, self.tokens, num_full, &mut sums[r]);
            }
        }
        sums
    }
}

#[inline(always)]
fn accumulate<I: Simd, const N: usize>(
    isa: I,
    decoded: &Decoded<I>,
    tokens: [&[Chunk<I>]; N],
    c: usize,
    sums: &mut [I::Floats; N],
) {
    for n in 0..N {
        let x = &tokens[n][c];
        let mut products = isa.mul(decoded.weights[0], x[0]);
        for k in 1..CHUNK_VECTORS {
            products = isa.mul_add(decoded.weights[k], x[k], products);
        }
        sums[n] = isa.mul_add(products, decoded.scale, sums[n]);
    }
}

/// Weights that stay integers.
struct Integers<'a, F, D, const N: usize> {
    format: F,
    dots: D,
    tokens: [DigitRow<'a>; N],
}

impl<I, F, D, const N: usize> RowProducts<I, N> for Integers<'_, F, D, N>
where
    I: Simd,
    F: IntegerFormat<I>,
    D: ByteDots<I>,
{
    #[inline(always)]
    fn products<const R: usize>(&self, isa: I, rows: [usize; R]) -> [[I::Floats; N]; R] {
        let rows = rows.map(|row| self.format.row(row));
        let mut is_extreme = false;
        for row in rows {
            is_extreme |= F::is_extreme(row);
        }
        if is_extreme {
            self.sums::<I, R, true>(isa, rows)
        } else {
            self.sums::<I, R, false>(isa, rows)
        }
    }
}

impl<F, D, const N: usize> Integers<'_, F, D, N> {
    #[inline(always)]
    fn sums<I, const R: usize, const IS_EXTREME: bool>(
        &self,
        isa: I,
        rows: [F::Row; R],
    ) -> [[I::Floats; N]; R]
    where
        I: Simd,
        F: IntegerFormat<I>,
        D: ByteDots<I>,
    {
        let both = (isa, self.dots);
        let mut sums = [[isa.splat(0.0); N]; R];
        let num_full = self.format.in_features() / CHUNK_LEN;
        for c in 0..num_full {
            F::accumulate::<D, IS_EXTREME, false, N, R>(both, rows, c, &self.tokens, &mut sums);
        }
        if !self.format.in_features().is_multiple_of(CHUNK_LEN) {
            F::accumulate::<D, IS_EXTREME, true, N, R>(
                both,
                rows,
                num_full,
                &self.tokens,
                &mut sums,
            );
        }
        if IS_EXTREME {
            return sums;
        }
        for r in 0..R {
            for n in 0..N {
                let scale = isa.splat(self.tokens[n].scale * F::FACTOR);
                sums[r][n] = isa.mul(sums[r][n], scale);
            }
        }
        sums
    }
}
