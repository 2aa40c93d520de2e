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
    panel: Vec<[I::Floats; PANEL_ROWS]>,
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
/// Shapes: `tokens`: `[T]` packed rows; `out`: `[T, rows.len()]`.
pub(super) fn multiply<I: Simd>(
    isa: I,
    (weights, in_features): (QuantizedRows<'_>, usize),
    rows: Range<usize>,
    tokens: &[&[Chunk<I>]],
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
        QuantizedRows::Mxfp4 { packed, scales } => job.run(
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
            AffineBits::Four => job.run(
                isa,
                format::Affine::<4> {
                    packed,
                    scales,
                    biases,
                    group_size,
                    in_features,
                },
            ),
            AffineBits::Eight => job.run(
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
    tokens: &'a [&'a [Chunk<I>]],
    scratch: &'a mut Scratch<I>,
    out: &'a mut [f32],
}

impl<I: Simd> Job<'_, I> {
    fn run<F: Format<I>>(self, isa: I, format: F) {
        isa.vectorize(Multiply { format, job: self });
    }
}

struct Multiply<'a, I: Simd, F> {
    format: F,
    job: Job<'a, I>,
}

impl<I: Simd, F: Format<I>> Kernel<I> for Multiply<'_, I, F> {
    #[inline(always)]
    fn run(self, isa: I) {
        const { assert!(MAX_DIRECT_TOKENS == 4) };
        let Self { format, job } = self;
        match *job.tokens {
            [] => {}
            [a] => direct(isa, format, job.rows, [a], job.out),
            [a, b] => direct(isa, format, job.rows, [a, b], job.out),
            [a, b, c] => direct(isa, format, job.rows, [a, b, c], job.out),
            [a, b, c, d] => direct(isa, format, job.rows, [a, b, c, d], job.out),
            _ => tiled(isa, format, job),
        }
    }
}

/// Rows two at a time: their sums do not wait for each other, and they share the loads of `tokens`.
#[inline(always)]
fn direct<I: Simd, F: Format<I>, const N: usize>(
    isa: I,
    format: F,
    rows: Range<usize>,
    tokens: [&[Chunk<I>]; N],
    out: &mut [f32],
) {
    let num_rows = rows.len();
    for first in (0..num_rows).step_by(2) {
        let at = rows.start + first;
        let mut store = |row: usize, sums: [I::Floats; N]| {
            for n in 0..N {
                out[n * num_rows + row] = isa.sum(sums[n]);
            }
        };
        if first + 1 < num_rows {
            let [low, high] = dot(isa, format, [format.row(at), format.row(at + 1)], tokens);
            store(first, low);
            store(first + 1, high);
        } else {
            let [last] = dot(isa, format, [format.row(at)], tokens);
            store(first, last);
        }
    }
}

#[inline(always)]
fn dot<I: Simd, F: Format<I>, const N: usize, const R: usize>(
    isa: I,
    format: F,
    rows: [F::Row; R],
    tokens: [&[Chunk<I>]; N],
) -> [[I::Floats; N]; R] {
    let chunk_len = CHUNK_VECTORS * I::LANES;
    let num_full = format.in_features() / chunk_len;
    let mut sums = [[isa.splat(0.0); N]; R];
    for c in 0..num_full {
        for r in 0..R {
            accumulate(isa, &F::chunk(isa, rows[r], c), tokens, c, &mut sums[r]);
        }
    }
    if !format.in_features().is_multiple_of(chunk_len) {
        for r in 0..R {
            accumulate(
                isa,
                &F::tail(isa, rows[r], num_full),
                tokens,
                num_full,
                &mut sums[r],
            );
        }
    }
    sums
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
fn tiled<I: Simd, F: Format<I>>(isa: I, format: F, job: Job<'_, I>) {
    let Job {
        rows,
        tokens,
        scratch,
        out,
    } = job;
    let num_chunks = format.in_features().div_ceil(CHUNK_VECTORS * I::LANES);
    let num_rows = rows.len();
    scratch
        .panel
        .resize(TILE_CHUNKS * CHUNK_VECTORS, [isa.splat(0.0); PANEL_ROWS]);
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
            let panel = &mut scratch.panel[..(end - start) * CHUNK_VECTORS];
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

/// Decodes chunks from `start` on, as many as `panel` holds, and brings the rows' vectors side by side.
#[inline(always)]
fn decode_panel<I: Simd, F: Format<I>>(
    isa: I,
    format: F,
    rows: [F::Row; PANEL_ROWS],
    start: usize,
    panel: &mut [[I::Floats; PANEL_ROWS]],
) {
    let num_full = format.in_features() / (CHUNK_VECTORS * I::LANES);
    for (r, row) in rows.into_iter().enumerate() {
        for (offset, vectors) in panel.chunks_exact_mut(CHUNK_VECTORS).enumerate() {
            let c = start + offset;
            let decoded = if c < num_full {
                F::chunk(isa, row, c)
            } else {
                F::tail(isa, row, c)
            };
            for (vector, weights) in vectors.iter_mut().zip(decoded.weights) {
                vector[r] = isa.mul(weights, decoded.scale);
            }
        }
    }
}

#[inline(always)]
fn multiply_block<I: Simd>(
    isa: I,
    panel: &[[I::Floats; PANEL_ROWS]],
    tokens: &[&[Chunk<I>]],
    range: Range<usize>,
    sums: &mut [[I::Floats; PANEL_ROWS]],
) {
    let part = |t: usize| tokens[t][range.start..range.end].as_flattened();
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
    panel: &[[I::Floats; PANEL_ROWS]],
    tokens: [&[I::Floats]; N],
    sums: &mut [[I::Floats; PANEL_ROWS]],
) {
    // Hidden from the compiler, which would unroll a chunk, reorder it and spill the sums.
    let chunk_vectors = std::hint::black_box(CHUNK_VECTORS);
    let mut totals = [[isa.splat(0.0); PANEL_ROWS]; N];
    totals.copy_from_slice(&sums[..N]);
    for (c, rows) in panel.chunks_exact(chunk_vectors).enumerate() {
        let x = tokens.map(|vectors| &vectors[c * chunk_vectors..][..rows.len()]);
        let mut products = [[isa.splat(0.0); PANEL_ROWS]; N];
        for (k, weights) in rows.iter().enumerate() {
            for n in 0..N {
                for r in 0..PANEL_ROWS {
                    products[n][r] = isa.mul_add(weights[r], x[n][k], products[n][r]);
                }
            }
        }
        for n in 0..N {
            for r in 0..PANEL_ROWS {
                totals[n][r] = isa.add(totals[n][r], products[n][r]);
            }
        }
    }
    sums[..N].copy_from_slice(&totals);
}
