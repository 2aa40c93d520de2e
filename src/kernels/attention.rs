//! Attention with sinks, over keys and values where they lie.
//!
//! The query heads that share a key head, for some rows, are one small matrix. It meets the keys a block at
//! a time: products with a transposed block give scores, the softmax is kept up as blocks come (the largest
//! score, the sum, and what was gathered so far), and products with the block's values are added.

use super::exp::exp;
use super::isa::WithSimd;
use super::simd::{Kernel, Simd};
use super::view::{check_len, product};
use super::{KernelError, Pool};
use std::ops::Range;

/// Vectors of scores that a block of keys gives, and of values that are gathered at a time.
const BLOCK_VECTORS: usize = 4;

/// New rows that share the work of turning keys; a row brings all heads of its key head.
const BLOCK_ROWS: usize = 16;

/// Queries, and the keys and values that they may see.
///
/// Shapes: Hq = query heads, as many as `sinks`; Hkv = `num_key_value_heads`; L = new rows, the last of all
/// positions; D = `head_dim`; C = positions that the buffers have room for.
#[derive(Debug, Clone, Copy)]
pub struct AttentionView<'a> {
    /// `[Hq, L, D]`, rotated.
    pub queries: &'a [f32],
    /// `[Hkv, C, D]`, rotated.
    pub keys: &'a [f32],
    /// `[Hkv, C, D]`.
    pub values: &'a [f32],
    /// `[Hq]`: a logit that takes part in the softmax and brings no value.
    pub sinks: &'a [f32],
    /// Hkv; query head `h` reads key head `h / (Hq / Hkv)`.
    pub num_key_value_heads: usize,
    /// D.
    pub head_dim: usize,
    /// Positions of the buffers that count, the new rows' own among them.
    pub num_keys: usize,
    /// The factor of `q · k`.
    pub scale: f32,
    /// How many of the latest positions a row sees, itself included; `None` sees all.
    pub window: Option<usize>,
}

/// Computes `out[l, h] = Σ exp(s_j) v_j / (exp(sink_h) + Σ exp(s_j))` with `s_j = scale q · k_j`.
///
/// Row `l` sees the positions up to `num_keys - L + l`, and of those the window. Work is shared among
/// threads by key head and block of rows, so one row keeps as many threads busy as there are key heads.
///
/// Shapes: `out`: `[L, Hq, D]`; L follows from `queries`.
///
/// Errors: a [`KernelError`] where a length does not fit the shapes; nothing has been written then.
pub fn attention(
    view: &AttentionView<'_>,
    out: &mut [f32],
    pool: &Pool,
) -> Result<(), KernelError> {
    let sizes = Sizes::check(view)?;
    check_len("out", out.len(), view.queries.len())?;
    if out.is_empty() {
        return Ok(());
    }
    pool.isa().run(Attention {
        view,
        sizes,
        out,
        pool,
    })
}

/// What follows from the lengths.
#[derive(Debug, Clone, Copy)]
struct Sizes {
    num_rows: usize,
    /// Query heads of a key head.
    group: usize,
    capacity: usize,
}

impl Sizes {
    fn check(view: &AttentionView<'_>) -> Result<Self, KernelError> {
        let (num_q, num_kv, dim) = (view.sinks.len(), view.num_key_value_heads, view.head_dim);
        if num_q == 0 || num_kv == 0 || dim == 0 {
            return Err(KernelError::EmptyRows { name: "keys" });
        }
        check_len("sinks", num_q, num_q / num_kv * num_kv)?;
        let num_rows = view.queries.len() / product("queries", &[num_q, dim])?;
        check_len("queries", view.queries.len(), num_rows * num_q * dim)?;
        let capacity = view.keys.len() / product("keys", &[num_kv, dim])?;
        let capacity = capacity.max(view.num_keys).max(num_rows);
        check_len(
            "keys",
            view.keys.len(),
            product("keys", &[num_kv, capacity, dim])?,
        )?;
        check_len("values", view.values.len(), view.keys.len())?;
        // More new rows than positions are told as too few positions.
        check_len("num_keys", view.num_keys, view.num_keys.max(num_rows))?;
        Ok(Self {
            num_rows,
            group: num_q / num_kv,
            capacity,
        })
    }
}

struct Attention<'a> {
    view: &'a AttentionView<'a>,
    sizes: Sizes,
    out: &'a mut [f32],
    pool: &'a Pool,
}

impl WithSimd for Attention<'_> {
    fn call<I: Simd>(self, isa: I) {
        let Self {
            view,
            sizes,
            out,
            pool,
        } = self;
        let row_len = view.sinks.len() * view.head_dim;
        let head_len = sizes.group * view.head_dim;
        let fill = |out: &mut [f32]| {
            pool.for_each(
                2 * view.queries.len() * view.num_keys,
                parts(view, sizes, out).into_iter(),
                Scratch::default,
                |scratch, part| {
                    isa.vectorize(PartKernel {
                        view,
                        sizes,
                        scratch,
                        part,
                    });
                },
            );
        };
        if sizes.num_rows == 1 {
            // One row's parts lie as the output does.
            return fill(out);
        }
        let mut parted = vec![0.0; out.len()];
        fill(&mut parted);
        pool.move_rows(
            out.chunks_mut(row_len).enumerate(),
            || (),
            |(), (row, out)| {
                let first = row / BLOCK_ROWS * BLOCK_ROWS;
                let rows = BLOCK_ROWS.min(sizes.num_rows - first);
                for (head, out) in out.chunks_mut(head_len).enumerate() {
                    let at = first * row_len + (head * rows + row - first) * head_len;
                    out.copy_from_slice(&parted[at..][..head_len]);
                }
            },
        );
    }
}

/// Some rows of the query heads of one key head.
struct Part<'a> {
    head: usize,
    rows: Range<usize>,
    /// [rows, group, D].
    out: &'a mut [f32],
}

fn parts<'a>(view: &AttentionView<'_>, sizes: Sizes, mut out: &'a mut [f32]) -> Vec<Part<'a>> {
    let mut parts = Vec::new();
    for start in (0..sizes.num_rows).step_by(BLOCK_ROWS) {
        let rows = start..sizes.num_rows.min(start + BLOCK_ROWS);
        for head in 0..view.num_key_value_heads {
            let (part, rest) = out.split_at_mut(rows.len() * sizes.group * view.head_dim);
            out = rest;
            parts.push(Part {
                head,
                rows: rows.clone(),
                out: part,
            });
        }
    }
    parts
}

/// Buffers that a thread reuses. M = query rows of a part, B = keys of a block, W = D in whole blocks.
#[derive(Default)]
struct Scratch {
    /// `[M, D]`, scaled.
    queries: Vec<f32>,
    /// `[D, B]`.
    keys: Vec<f32>,
    /// `[B, W]`.
    values: Vec<f32>,
    /// `[M, B]`: scores, then their exponentials.
    scores: Vec<f32>,
    /// `[M, W]`.
    gathered: Vec<f32>,
    /// `[M]`.
    largest: Vec<f32>,
    /// `[M]`.
    sums: Vec<f32>,
}

struct PartKernel<'a> {
    view: &'a AttentionView<'a>,
    sizes: Sizes,
    scratch: &'a mut Scratch,
    part: Part<'a>,
}

impl<I: Simd> Kernel<I> for PartKernel<'_> {
    #[inline(always)]
    fn run(self, isa: I) {
        let (view, sizes, scratch, part) = (self.view, self.sizes, self.scratch, self.part);
        let dim = view.head_dim;
        let block = BLOCK_VECTORS * I::LANES;
        let width = dim.next_multiple_of(block);
        start(view, sizes, scratch, &part, (block, width));
        let seen =
            seen(view, sizes, part.rows.start).start..seen(view, sizes, part.rows.end - 1).end;
        // Blocks begin at the same positions for all rows, so a row's sums do not depend on the others.
        for first in (seen.start / block * block..seen.end).step_by(block) {
            let end = seen.end.min(first + block);
            let at = (part.head * sizes.capacity + first) * dim;
            let len = (end - first) * dim;
            turn(&view.keys[at..][..len], dim, block, &mut scratch.keys);
            multiply::<I>(
                isa,
                (&scratch.queries, dim, dim),
                (&scratch.keys, block),
                (&mut scratch.scores, block),
                false,
            );
            for m in 0..scratch.sums.len() {
                let sees = self::seen(view, sizes, part.rows.start + m / sizes.group);
                let inside =
                    sees.start.clamp(first, end) - first..sees.end.clamp(first, end) - first;
                soften(isa, scratch, m, (block, width), inside);
            }
            let values = &view.values[at..][..len];
            let (values, stride) = if dim == width {
                (values, dim)
            } else {
                for (wide, row) in scratch.values.chunks_mut(width).zip(values.chunks(dim)) {
                    wide[..dim].copy_from_slice(row);
                }
                (&scratch.values[..], width)
            };
            for column in (0..width).step_by(block) {
                multiply::<I>(
                    isa,
                    (&scratch.scores, block, end - first),
                    (&values[column..], stride),
                    (&mut scratch.gathered[column..], width),
                    true,
                );
            }
        }
        for (m, out) in part.out.chunks_mut(dim).enumerate() {
            let share = 1.0 / scratch.sums[m];
            let gathered = &scratch.gathered[m * width..][..dim];
            out.iter_mut()
                .zip(gathered)
                .for_each(|(out, value)| *out = value * share);
        }
    }
}

/// The positions that row `row` sees.
fn seen(view: &AttentionView<'_>, sizes: Sizes, row: usize) -> Range<usize> {
    let end = view.num_keys - sizes.num_rows + row + 1;
    let start = view.window.map_or(0, |window| end.saturating_sub(window));
    start..end
}

/// Brings the part's queries together, and begins every softmax with its sink.
fn start(
    view: &AttentionView<'_>,
    sizes: Sizes,
    scratch: &mut Scratch,
    part: &Part<'_>,
    (block, width): (usize, usize),
) {
    let (dim, num_queries) = (view.head_dim, part.rows.len() * sizes.group);
    scratch.queries.clear();
    scratch.largest.clear();
    for row in part.rows.clone() {
        for head in part.head * sizes.group..(part.head + 1) * sizes.group {
            let query = &view.queries[(head * sizes.num_rows + row) * dim..][..dim];
            scratch.queries.extend(query.iter().map(|q| q * view.scale));
            scratch.largest.push(view.sinks[head]);
        }
    }
    let fresh = |buffer: &mut Vec<f32>, len: usize, value: f32| {
        buffer.clear();
        buffer.resize(len, value);
    };
    fresh(&mut scratch.sums, num_queries, 1.0);
    fresh(&mut scratch.gathered, num_queries * width, 0.0);
    fresh(&mut scratch.scores, num_queries * block, 0.0);
    fresh(&mut scratch.keys, dim * block, 0.0);
    if dim != width {
        fresh(&mut scratch.values, block * width, 0.0);
    }
}

/// `keys: [up to B, D]` → `[D, B]`; columns beyond the keys keep what they had.
#[inline(always)]
fn turn(keys: &[f32], dim: usize, block: usize, out: &mut [f32]) {
    for (column, key) in keys.chunks_exact(dim).enumerate() {
        for (row, value) in out.chunks_exact_mut(block).zip(key) {
            row[column] = *value;
        }
    }
}

/// Turns one row of scores into exponentials, outside `inside` into zeros, and keeps the softmax up.
#[inline(always)]
fn soften<I: Simd>(
    isa: I,
    scratch: &mut Scratch,
    m: usize,
    (block, width): (usize, usize),
    inside: Range<usize>,
) {
    let scores = &mut scratch.scores[m * block..][..block];
    scores[..inside.start].fill(0.0);
    scores[inside.end..].fill(0.0);
    if inside.is_empty() {
        return;
    }
    let is_whole = inside.len() == block;
    let mut highest = isa.splat(f32::NEG_INFINITY);
    if is_whole {
        for vector in scores.chunks_exact(I::LANES) {
            highest = isa.max(isa.load(vector), highest);
        }
    }
    let mut lanes = [f32::NEG_INFINITY; 16];
    isa.store(highest, &mut lanes);
    let largest = |values: &[f32], first: f32| {
        let larger = |a: f32, b: &f32| if *b > a { *b } else { a };
        values.iter().fold(first, larger)
    };
    let before = scratch.largest[m];
    let now = if is_whole {
        largest(&lanes[..I::LANES], before)
    } else {
        largest(&scores[inside.clone()], before)
    };
    let mut sum = isa.splat(0.0);
    for vector in scores.chunks_exact_mut(I::LANES) {
        let power = exp(isa, isa.add(isa.load(vector), isa.splat(-now)));
        isa.store(power, vector);
        sum = isa.add(sum, power);
    }
    let sum = if is_whole {
        isa.sum(sum)
    } else {
        scores[..inside.start].fill(0.0);
        scores[inside.end..].fill(0.0);
        scores[inside].iter().sum()
    };
    if now > before {
        let factor = (before - now).exp();
        scratch.sums[m] *= factor;
        for vector in scratch.gathered[m * width..][..width].chunks_exact_mut(I::LANES) {
            isa.store(isa.mul(isa.load(vector), isa.splat(factor)), vector);
        }
        scratch.largest[m] = now;
    }
    scratch.sums[m] += sum;
}

/// `out = a b`, or `out += a b`, where `b` and `out` are [`BLOCK_VECTORS`] vectors wide.
///
/// Shapes: `a`: `[M, depth]` with a stride; `b`: `[depth, ..]` and `out`: `[M, ..]`, each with a stride.
#[inline(always)]
fn multiply<I: Simd>(
    isa: I,
    (a, a_stride, depth): (&[f32], usize, usize),
    b: (&[f32], usize),
    (out, out_stride): (&mut [f32], usize),
    is_added: bool,
) {
    let at_a_time = I::TILE_TOKENS;
    let rows = a.chunks(a_stride * at_a_time);
    for (a, out) in rows.zip(out.chunks_mut(out_stride * at_a_time)) {
        let row = |n: usize| &a[n * a_stride..][..depth];
        let to = (&mut *out, out_stride, is_added);
        match (a.len() / a_stride, at_a_time) {
            (4, 4) => outer(isa, [row(0), row(1), row(2), row(3)], b, to),
            (3, 3..) => outer(isa, [row(0), row(1), row(2)], b, to),
            (2, _) => outer(isa, [row(0), row(1)], b, to),
            (1, _) => outer(isa, [row(0)], b, to),
            _ => {}
        }
    }
}

#[inline(always)]
fn outer<I: Simd, const N: usize>(
    isa: I,
    a: [&[f32]; N],
    (b, b_stride): (&[f32], usize),
    (out, out_stride, is_added): (&mut [f32], usize, bool),
) {
    let mut sums = [[isa.splat(0.0); BLOCK_VECTORS]; N];
    if is_added {
        for n in 0..N {
            for v in 0..BLOCK_VECTORS {
                sums[n][v] = isa.load(&out[n * out_stride + v * I::LANES..]);
            }
        }
    }
    for k in 0..a[0].len() {
        let b = &b[k * b_stride..][..BLOCK_VECTORS * I::LANES];
        let mut vectors = [isa.splat(0.0); BLOCK_VECTORS];
        for v in 0..BLOCK_VECTORS {
            vectors[v] = isa.load(&b[v * I::LANES..]);
        }
        for n in 0..N {
            let factor = isa.splat(a[n][k]);
            for v in 0..BLOCK_VECTORS {
                sums[n][v] = isa.mul_add(factor, vectors[v], sums[n][v]);
            }
        }
    }
    for n in 0..N {
        for v in 0..BLOCK_VECTORS {
            isa.store(sums[n][v], &mut out[n * out_stride + v * I::LANES..]);
        }
    }
}
