//! Many tokens: [`PANEL_ROWS`] rows of [`TILE_CHUNKS`] chunks are decoded once, the scale multiplied in, which
//! changes no bit short of over- and underflow, and used for every token.

use super::format::Format;
use super::simd::{CHUNK_VECTORS, Chunk, Simd};
use std::ops::Range;

/// Rows whose sums are kept in registers together.
const PANEL_ROWS: usize = 4;

/// Chunks of a panel that are decoded at once: 8 KiB with sixteen lanes, so that they stay in L1.
const TILE_CHUNKS: usize = 4;

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

/// Shapes: `tokens`: `[T]` packed rows; `out`: `[T, rows.len()]`.
#[inline(always)]
pub(super) fn tiled<I: Simd, F: Format<I>>(
    isa: I,
    format: F,
    (rows, tokens): (Range<usize>, &[&[Chunk<I>]]),
    scratch: &mut Scratch<I>,
    out: &mut [f32],
) {
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
