//! Some rows of a matrix times some packed tokens: the loops, once for all forms and instruction sets.
//!
//! Two loops give the same bits. For every lane, a chunk's eight products are summed first, and the chunks'
//! sums are added in order; the lanes are summed last. *Direct* does that while it decodes, for few tokens.
//! *Tiled* decodes [`PANEL_ROWS`] rows of [`TILE_CHUNKS`] chunks once, multiplies the scale in, which
//! changes no bit short of over- and underflow, and uses them for every token.

use super::format::{self, Decoded, Format};
use super::simd::{CHUNK_VECTORS, Chunk, Kernel, Simd};
use super::view::{AffineBits, QuantizedRows};
use std::ops::Range;

/// Rows whose sums are kept in registers together.
const PANEL_ROWS: usize = 4;

/// Chunks of a panel that are decoded at once: 8 KiB with sixteen lanes, so that they stay in L1.
const TILE_CHUNKS: usize = 4;

/// Up to so many tokens, weights are used straight from the registers they were decoded to.
const MAX_DIRECT_TOKENS: usize = 4;

/// Buffers that a thread reuses.
pub(super) struct Scratch<I: Simd> {
    panel: Vec<[Chunk<I>; PANEL_ROWS]>,
    sums: Vec<[I::Floats; PANEL_ROWS]>,
}

impl<I: Simd> Scratch<I> {
    pub(super) fn new() -> Self {
        Self {
            panel: Vec::new(),
            sums: Vec::new(),
        }
    }
}

/// Multiplies `rows` of `weights` with each of `tokens`.
///
/// Shapes: `tokens`: [T] packed rows; `out`: [T, `rows.len()`].
pub(super) fn multiply<I: Simd>(
    isa: I,
    (weights, in_features): (QuantizedRows<'_>, usize),
    rows: Range<usize>,
    tokens: &[&[Chunk<I>]],
    scratch: &mut Scratch<I>,
    out: &mut [f32],
) {
    match weights {
        QuantizedRows::Mxfp4 { packed, scales } => {
            let format = format::Mxfp4 {
                packed,
                scales,
                in_features,
            };
            isa.vectorize(Multiply {
                format,
                rows,
                tokens,
                scratch,
                out,
            });
        }
        QuantizedRows::Affine {
            packed,
            scales,
            biases,
            bits: AffineBits::Four,
            group_size,
        } => {
            let format = format::Affine::<4> {
                packed,
                scales,
                biases,
                group_size,
                in_features,
            };
            isa.vectorize(Multiply {
                format,
                rows,
                tokens,
                scratch,
                out,
            });
        }
        QuantizedRows::Affine {
            packed,
            scales,
            biases,
            bits: AffineBits::Eight,
            group_size,
        } => {
            let format = format::Affine::<8> {
                packed,
                scales,
                biases,
                group_size,
                in_features,
            };
            isa.vectorize(Multiply {
                format,
                rows,
                tokens,
                scratch,
                out,
            });
        }
        QuantizedRows::Dense(values) => {
            let format = format::Dense {
                values,
                in_features,
            };
            isa.vectorize(Multiply {
                format,
                rows,
                tokens,
                scratch,
                out,
            });
        }
    }
}

struct Multiply<'a, I: Simd, F> {
    format: F,
    rows: Range<usize>,
    tokens: &'a [&'a [Chunk<I>]],
    scratch: &'a mut Scratch<I>,
    out: &'a mut [f32],
}

impl<I: Simd, F: Format<I>> Kernel<I> for Multiply<'_, I, F> {
    #[inline(always)]
    fn run(self, isa: I) {
        const { assert!(MAX_DIRECT_TOKENS == 4) };
        match *self.tokens {
            [] => {}
            [a] => direct(isa, self.format, self.rows, [a], self.out),
            [a, b] => direct(isa, self.format, self.rows, [a, b], self.out),
            [a, b, c] => direct(isa, self.format, self.rows, [a, b, c], self.out),
            [a, b, c, d] => direct(isa, self.format, self.rows, [a, b, c, d], self.out),
            _ => tiled(isa, self),
        }
    }
}

#[inline(always)]
fn direct<I: Simd, F: Format<I>, const N: usize>(
    isa: I,
    format: F,
    rows: Range<usize>,
    tokens: [&[Chunk<I>]; N],
    out: &mut [f32],
) {
    let chunk_len = CHUNK_VECTORS * I::LANES;
    let num_full = format.in_features() / chunk_len;
    let has_tail = !format.in_features().is_multiple_of(chunk_len);
    let num_rows = rows.len();
    for (index, row) in rows.enumerate() {
        let row = format.row(row);
        let mut sums = [isa.splat(0.0); N];
        for c in 0..num_full {
            accumulate(isa, &F::chunk(isa, row, c), tokens, c, &mut sums);
        }
        if has_tail {
            accumulate(
                isa,
                &F::tail(isa, row, num_full),
                tokens,
                num_full,
                &mut sums,
            );
        }
        for (n, sum) in sums.into_iter().enumerate() {
            out[n * num_rows + index] = isa.sum(sum);
        }
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

#[inline(always)]
fn tiled<I: Simd, F: Format<I>>(isa: I, job: Multiply<'_, I, F>) {
    let Multiply {
        format,
        rows,
        tokens,
        scratch,
        out,
    } = job;
    let num_chunks = format.in_features().div_ceil(CHUNK_VECTORS * I::LANES);
    let num_rows = rows.len();
    scratch
        .panel
        .resize(TILE_CHUNKS, [[isa.splat(0.0); CHUNK_VECTORS]; PANEL_ROWS]);
    for first in (0..num_rows).step_by(PANEL_ROWS) {
        let used = PANEL_ROWS.min(num_rows - first);
        // A short last panel repeats its last row and drops what comes of it.
        let panel_rows: [F::Row; PANEL_ROWS] =
            std::array::from_fn(|r| format.row(rows.start + first + r.min(used - 1)));
        scratch.sums.clear();
        scratch
            .sums
            .resize(tokens.len(), [isa.splat(0.0); PANEL_ROWS]);
        for start in (0..num_chunks).step_by(TILE_CHUNKS) {
            let end = num_chunks.min(start + TILE_CHUNKS);
            let panel = &mut scratch.panel[..end - start];
            decode_panel(isa, format, panel_rows, start, panel);
            let blocks = tokens.chunks(I::TILE_TOKENS);
            for (block, sums) in blocks.zip(scratch.sums.chunks_mut(I::TILE_TOKENS)) {
                multiply_block(isa, panel, block, start..end, sums);
            }
        }
        for (t, sums) in scratch.sums.iter().enumerate() {
            for (r, sum) in sums[..used].iter().enumerate() {
                out[t * num_rows + first + r] = isa.sum(*sum);
            }
        }
    }
}

#[inline(always)]
fn decode_panel<I: Simd, F: Format<I>>(
    isa: I,
    format: F,
    rows: [F::Row; PANEL_ROWS],
    start: usize,
    panel: &mut [[Chunk<I>; PANEL_ROWS]],
) {
    let num_full = format.in_features() / (CHUNK_VECTORS * I::LANES);
    for (r, row) in rows.into_iter().enumerate() {
        for (offset, chunk) in panel.iter_mut().enumerate() {
            let c = start + offset;
            let decoded = if c < num_full {
                F::chunk(isa, row, c)
            } else {
                F::tail(isa, row, c)
            };
            for k in 0..CHUNK_VECTORS {
                chunk[r][k] = isa.mul(decoded.weights[k], decoded.scale);
            }
        }
    }
}

#[inline(always)]
fn multiply_block<I: Simd>(
    isa: I,
    panel: &[[Chunk<I>; PANEL_ROWS]],
    tokens: &[&[Chunk<I>]],
    range: Range<usize>,
    sums: &mut [[I::Floats; PANEL_ROWS]],
) {
    let part = |t: usize| &tokens[t][range.start..range.end];
    match (tokens.len(), I::TILE_TOKENS) {
        (1, _) => micro(isa, panel, [part(0)], sums),
        (2, _) => micro(isa, panel, [part(0), part(1)], sums),
        (3, 3..) => micro(isa, panel, [part(0), part(1), part(2)], sums),
        (4, 4) => micro(isa, panel, [part(0), part(1), part(2), part(3)], sums),
        _ => {}
    }
}

/// The inner product of a decoded panel and a block of tokens, all sums of a chunk in registers.
#[inline(always)]
fn micro<I: Simd, const N: usize>(
    isa: I,
    panel: &[[Chunk<I>; PANEL_ROWS]],
    tokens: [&[Chunk<I>]; N],
    sums: &mut [[I::Floats; PANEL_ROWS]],
) {
    for (c, rows) in panel.iter().enumerate() {
        let mut products = [[isa.splat(0.0); PANEL_ROWS]; N];
        for n in 0..N {
            let x = &tokens[n][c];
            for r in 0..PANEL_ROWS {
                products[n][r] = isa.mul(rows[r][0], x[0]);
            }
        }
        for k in 1..CHUNK_VECTORS {
            for n in 0..N {
                let x = &tokens[n][c];
                for r in 0..PANEL_ROWS {
                    products[n][r] = isa.mul_add(rows[r][k], x[k], products[n][r]);
                }
            }
        }
        for n in 0..N {
            for r in 0..PANEL_ROWS {
                sums[n][r] = isa.add(sums[n][r], products[n][r]);
            }
        }
    }
}
