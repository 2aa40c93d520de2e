//! Attention of one new row, whose key and value have not joined the earlier ones yet.

use super::exp::exp;
use super::isa::WithSimd;
use super::simd::{Kernel, Simd};
use super::view::{check_len, product};
use super::{KernelError, Pool};

/// Query heads that share the loads of keys and values.
const HEADS_AT_ONCE: usize = 4;

/// Vectors of values that are gathered in registers at a time.
const VALUE_VECTORS: usize = 4;

/// One row's queries, keys and values, and the earlier positions that it may see.
///
/// Shapes: Hq = query heads, as many as `sinks`; Hkv = `num_key_value_heads`; D = `head_dim`; C = positions
/// that the buffers have room for.
#[derive(Debug, Clone, Copy)]
pub struct OneRowView<'a> {
    /// `[Hq, D]`, rotated.
    pub queries: &'a [f32],
    /// The row's own key, `[Hkv, D]`, rotated.
    pub key: &'a [f32],
    /// The row's own value, `[Hkv, D]`.
    pub value: &'a [f32],
    /// Earlier keys, `[Hkv, C, D]`, rotated, in any order.
    pub keys: &'a [f32],
    /// Earlier values, `[Hkv, C, D]`.
    pub values: &'a [f32],
    /// How many of the buffers' places hold a position.
    pub num_keys: usize,
    /// A place that holds one the row does not see any more.
    pub hidden: Option<usize>,
    /// `[Hq]`: a logit that takes part in the softmax and brings no value.
    pub sinks: &'a [f32],
    /// Hkv; query head `h` reads key head `h / (Hq / Hkv)`.
    pub num_key_value_heads: usize,
    /// D.
    pub head_dim: usize,
    /// The factor of `q · k`.
    pub scale: f32,
}

/// Computes what [`attention()`](super::attention()) does for a last row that is held apart.
///
/// Work is shared among threads by key head.
///
/// Shapes: `out`: `[Hq, D]`.
///
/// Errors: a [`KernelError`] where a length does not fit the shapes; nothing has been written then.
pub fn attend_one(view: &OneRowView<'_>, out: &mut [f32], pool: &Pool) -> Result<(), KernelError> {
    let (num_q, num_kv, dim) = (view.sinks.len(), view.num_key_value_heads, view.head_dim);
    if num_q == 0 || num_kv == 0 || dim == 0 {
        return Err(KernelError::EmptyRows { name: "keys" });
    }
    check_len("sinks", num_q, num_q / num_kv * num_kv)?;
    check_len(
        "queries",
        view.queries.len(),
        product("queries", &[num_q, dim])?,
    )?;
    check_len("out", out.len(), view.queries.len())?;
    check_len("key", view.key.len(), product("key", &[num_kv, dim])?)?;
    check_len("value", view.value.len(), view.key.len())?;
    let capacity = (view.keys.len() / view.key.len()).max(view.num_keys);
    check_len(
        "keys",
        view.keys.len(),
        product("keys", &[num_kv, capacity, dim])?,
    )?;
    check_len("values", view.values.len(), view.keys.len())?;
    pool.isa().run(AttendOne {
        view,
        capacity,
        out,
        pool,
    })
}

struct AttendOne<'a> {
    view: &'a OneRowView<'a>,
    capacity: usize,
    out: &'a mut [f32],
    pool: &'a Pool,
}

impl WithSimd for AttendOne<'_> {
    fn call<I: Simd>(self, isa: I) {
        let Self {
            view,
            capacity,
            out,
            pool,
        } = self;
        let group_len = out.len() / view.num_key_value_heads;
        pool.for_each(
            2 * view.queries.len() * (view.num_keys + 1),
            out.chunks_mut(group_len).enumerate(),
            Vec::new,
            |scores, (head, out)| {
                isa.vectorize(Group {
                    view,
                    capacity,
                    head,
                    scores,
                    out,
                });
            },
        );
    }
}

/// The query heads of one key head.
struct Group<'a> {
    view: &'a OneRowView<'a>,
    capacity: usize,
    head: usize,
    /// `[heads at once, N]`; N = places and the new row, in whole vectors.
    scores: &'a mut Vec<f32>,
    /// `[group, D]`.
    out: &'a mut [f32],
}

impl<I: Simd> Kernel<I> for Group<'_> {
    #[inline(always)]
    fn run(self, isa: I) {
        let (view, dim) = (self.view, self.view.head_dim);
        let first_head = self.head * self.out.len() / dim;
        let start = self.head * self.capacity * dim;
        let held = start..start + view.num_keys * dim;
        let seen = Seen {
            keys: &view.keys[held.clone()],
            values: &view.values[held],
            key: &view.key[self.head * dim..][..dim],
            value: &view.value[self.head * dim..][..dim],
            hidden: view.hidden,
            scale: view.scale,
        };
        for (block, out) in self.out.chunks_mut(HEADS_AT_ONCE * dim).enumerate() {
            let at = first_head + block * HEADS_AT_ONCE;
            let queries = &view.queries[at * dim..][..out.len()];
            let sinks = &view.sinks[at..];
            if out.len() == HEADS_AT_ONCE * dim {
                heads::<I, HEADS_AT_ONCE>(isa, &seen, queries, sinks, self.scores, out);
            } else {
                for (h, out) in out.chunks_mut(dim).enumerate() {
                    let queries = &queries[h * dim..][..dim];
                    heads::<I, 1>(isa, &seen, queries, &sinks[h..], self.scores, out);
                }
            }
        }
    }
}

/// What the heads of a group see.
struct Seen<'a> {
    keys: &'a [f32],
    values: &'a [f32],
    key: &'a [f32],
    value: &'a [f32],
    hidden: Option<usize>,
    scale: f32,
}

#[inline(always)]
fn heads<I: Simd, const H: usize>(
    isa: I,
    seen: &Seen<'_>,
    queries: &[f32],
    sinks: &[f32],
    scores: &mut Vec<f32>,
    out: &mut [f32],
) {
    let dim = seen.key.len();
    let num_scores = seen.keys.len() / dim + 1;
    let padded = num_scores.next_multiple_of(I::LANES);
    scores.clear();
    scores.resize(H * padded, f32::NEG_INFINITY);
    for (place, key) in seen.keys.chunks_exact(dim).chain([seen.key]).enumerate() {
        if Some(place) != seen.hidden || place + 1 == num_scores {
            for h in 0..H {
                scores[h * padded + place] = dot(isa, &queries[h * dim..][..dim], key) * seen.scale;
            }
        }
    }
    let mut shares = [0.0; H];
    for h in 0..H {
        shares[h] = powers(isa, &mut scores[h * padded..][..padded], sinks[h]);
    }
    let block_len = VALUE_VECTORS * I::LANES;
    for start in (0..dim).step_by(block_len) {
        if start + block_len <= dim {
            let sums = gathered::<I, H>(isa, seen, (scores, padded), start);
            for h in 0..H {
                for (v, sum) in sums[h].into_iter().enumerate() {
                    let sum = isa.mul(sum, isa.splat(shares[h]));
                    isa.store(sum, &mut out[h * dim + start + v * I::LANES..]);
                }
            }
        } else {
            for h in 0..H {
                let scores = &scores[h * padded..];
                let out = &mut out[h * dim + start..(h + 1) * dim];
                gather_rest(seen, scores, start, out);
                for value in out {
                    *value *= shares[h];
                }
            }
        }
    }
}

#[inline(always)]
fn dot<I: Simd>(isa: I, a: &[f32], b: &[f32]) -> f32 {
    let mut sums = isa.splat(0.0);
    let (a_parts, b_parts) = (a.chunks_exact(I::LANES), b.chunks_exact(I::LANES));
    let rest = a_parts.remainder().iter().zip(b_parts.remainder());
    let rest: f32 = rest.map(|(a, b)| a * b).sum();
    for (a, b) in a_parts.zip(b_parts) {
        sums = isa.mul_add(isa.load(a), isa.load(b), sums);
    }
    isa.sum(sums) + rest
}

/// Turns scores into `exp(score - largest)` and returns one through their sum, the sink's among them.
#[inline(always)]
fn powers<I: Simd>(isa: I, scores: &mut [f32], sink: f32) -> f32 {
    // In this order NaN stays.
    let largest = scores
        .iter()
        .fold(sink, |max, score| if *score <= max { max } else { *score });
    let mut sums = isa.splat(0.0);
    for part in scores.chunks_exact_mut(I::LANES) {
        let power = exp(isa, isa.add(isa.load(part), isa.splat(-largest)));
        isa.store(power, part);
        sums = isa.add(sums, power);
    }
    1.0 / (isa.sum(sums) + (sink - largest).exp())
}

/// The sums of values, weighted, for [`VALUE_VECTORS`] vectors from `start` on.
#[inline(always)]
fn gathered<I: Simd, const H: usize>(
    isa: I,
    seen: &Seen<'_>,
    (scores, padded): (&[f32], usize),
    start: usize,
) -> [[I::Floats; VALUE_VECTORS]; H] {
    let dim = seen.value.len();
    let mut sums = [[isa.splat(0.0); VALUE_VECTORS]; H];
    for (place, value) in seen
        .values
        .chunks_exact(dim)
        .chain([seen.value])
        .enumerate()
    {
        let value = &value[start..][..VALUE_VECTORS * I::LANES];
        for h in 0..H {
            let power = isa.splat(scores[h * padded + place]);
            for v in 0..VALUE_VECTORS {
                sums[h][v] = isa.mul_add(isa.load(&value[v * I::LANES..]), power, sums[h][v]);
            }
        }
    }
    sums
}

/// The same for what is shorter than whole vectors; `out` from `start` on.
#[inline(always)]
fn gather_rest(seen: &Seen<'_>, scores: &[f32], start: usize, out: &mut [f32]) {
    let dim = seen.value.len();
    out.fill(0.0);
    for (value, power) in seen
        .values
        .chunks_exact(dim)
        .chain([seen.value])
        .zip(scores)
    {
        for (out, value) in out.iter_mut().zip(&value[start..]) {
            *out += value * power;
        }
    }
}
