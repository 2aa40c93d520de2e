//! One token on the CPU: a block from its input to its output, without waiting for MLX.
//!
//! Between two products lie some thousand numbers. MLX would make some thirty operations of them, each
//! handed to its own thread, and wait for them four times a layer, which costs more than the numbers do.
//! MLX keeps the caches: a new row is attended to where the host has it, and joins its cache when the
//! pass is evaluated.

use mlx_rs::Array;
use mlx_rs::error::Result;

use super::{ExpertShape, failed, floats, is_supported, product, weighted_sum};
use crate::intervention::LayerPlan;
use crate::intervention::choose::softmax_over;
use crate::kernels::{OneRowView, Pool, attend_one};
use crate::model::cache::LayerCache;
use crate::model::experts::{ExpertWeights, RecordedChoice, Routing};
use crate::model::gpt_oss::AttentionBlock;
use crate::model::layers::{Linear, RmsNorm};

/// Partial sums of squares, which the compiler keeps in vectors.
const PARTIAL_SUMS: usize = 16;

/// Whether [`attention`] can compute `block` after what `cache` holds.
pub(in crate::model) fn fits(block: &AttentionBlock, cache: &LayerCache) -> bool {
    let linears = [&block.qkv_proj, &block.o_proj];
    !cache.is_packed() && linears.iter().all(|linear| is_supported(linear.weight()))
}

/// `x: [1, D]` f32 → `x + attention(norm(x))`; `cache` takes the row when it is evaluated.
pub(in crate::model) fn attention(
    block: &AttentionBlock,
    x: &Array,
    cache: &mut LayerCache,
    pool: &Pool,
) -> Result<Array> {
    let (num_q, num_kv) = (block.num_attention_heads, block.num_key_value_heads);
    let dim = block.head_dim;
    let x = floats(x)?;
    let mut heads = linear(&norm(x, &block.norm)?, &block.qkv_proj, pool)?;
    let periods = floats(block.rope.periods())?;
    rotate(&mut heads[..(num_q + num_kv) * dim], periods, cache.len());
    let (queries, rest) = heads.split_at(num_q * dim);
    let (key, value) = rest.split_at(num_kv * dim);
    let earlier = cache.earlier();
    let (keys, values) = match earlier.buffers {
        Some((keys, values)) => (floats(keys)?, floats(values)?),
        None => (&[][..], &[][..]),
    };
    let view = OneRowView {
        queries,
        key,
        value,
        keys,
        values,
        num_keys: earlier.filled,
        hidden: earlier.hidden,
        sinks: floats(&block.sinks)?,
        num_key_value_heads: num_kv,
        head_dim: dim,
        scale: block.rope.attention_scale(),
    };
    let mut attended = vec![0.0; queries.len()];
    attend_one(&view, &mut attended, pool).map_err(|e| failed(&e))?;
    let new = |values: &[f32]| Array::from_slice(values, &[1, num_kv as i32, 1, dim as i32]);
    cache.update(&new(key), &new(value))?;
    let out = linear(&attended, &block.o_proj, pool)?;
    Ok(sum(x, &out))
}

/// Norm and choice of `x: [1, D]`, the token at `position`, as
/// [`Router::forward_as`](crate::model::experts::Router::forward_as) makes them; returns the normed `x` too.
pub(in crate::model) fn route(
    x: &Array,
    norm_before: &RmsNorm,
    (router, num_experts_per_tok): (&Linear, usize),
    (plan, position): (Option<&LayerPlan>, usize),
    pool: &Pool,
) -> Result<(Array, Routing)> {
    let normed = norm(floats(x)?, norm_before)?;
    let logits = linear(&normed, router, pool)?;
    let routing = match plan {
        Some(plan) => planned(&logits, plan, position),
        None => chosen(&logits, num_experts_per_tok),
    };
    Ok((row(&normed), routing))
}

/// The best `k` experts, the first of equals first, and the softmax of their logits.
fn chosen(logits: &[f32], k: usize) -> Routing {
    let mut order: Vec<u32> = (0..logits.len() as u32).collect();
    order.sort_by(|a, b| logits[*b as usize].total_cmp(&logits[*a as usize]));
    order.truncate(k);
    // The same piece as under a person's rules, so that following a run's own choice gives that run.
    let shares = softmax_over(logits, order.iter().map(|expert| *expert as usize));
    Routing {
        experts: row_of_ids(&order),
        weights: row(&shares),
        logits: row(logits),
        recorded: None,
    }
}

/// The choice that a person's rules make.
fn planned(logits: &[f32], plan: &LayerPlan, position: usize) -> Routing {
    let choice = plan.choose(logits, position);
    let ids: Vec<u32> = choice.experts.iter().map(|id| u32::from(*id)).collect();
    Routing {
        experts: row_of_ids(&ids[..choice.effective_weights.len()]),
        weights: row(&choice.effective_weights),
        logits: row(logits),
        recorded: Some(RecordedChoice {
            experts: row_of_ids(&ids),
            weights: row(&choice.weights),
        }),
    }
}

/// `residual + Σ share · expert(x)`, both `[1, D]`.
pub(in crate::model) fn experts(
    x: &Array,
    routing: &Routing,
    weights: &ExpertWeights,
    shape: &ExpertShape,
    residual: &Array,
    pool: &Pool,
) -> Result<Array> {
    let ids = routing
        .experts
        .try_as_slice::<u32>()
        .map_err(|e| failed(&e))?;
    let choice = (ids, floats(&routing.weights)?);
    let out = weighted_sum(floats(x)?, choice, weights, shape, pool)?;
    Ok(sum(floats(residual)?, &out))
}

fn linear(x: &[f32], linear: &Linear, pool: &Pool) -> Result<Vec<f32>> {
    product((x, x.len()), linear.weight(), linear.bias(), pool)
}

/// `a + b` as a row.
fn sum(a: &[f32], b: &[f32]) -> Array {
    let sum: Vec<f32> = a.iter().zip(b).map(|(a, b)| a + b).collect();
    row(&sum)
}

fn row(values: &[f32]) -> Array {
    Array::from_slice(values, &[1, values.len() as i32])
}

fn row_of_ids(ids: &[u32]) -> Array {
    Array::from_slice(ids, &[1, ids.len() as i32])
}

/// `x / rms(x) · w`.
fn norm(x: &[f32], norm: &RmsNorm) -> Result<Vec<f32>> {
    let mut sums = [0.0_f32; PARTIAL_SUMS];
    for part in x.chunks(PARTIAL_SUMS) {
        for (sum, value) in sums.iter_mut().zip(part) {
            *sum += value * value;
        }
    }
    let mean = sums.iter().sum::<f32>() / x.len() as f32;
    let factor = 1.0 / (mean + norm.eps()).sqrt();
    let weights = floats(norm.weight())?;
    Ok(x.iter().zip(weights).map(|(x, w)| x * factor * w).collect())
}

/// Rotates heads that stand at `position`: dimension `d` with `d + Dh / 2`.
///
/// Shapes: `heads: [H, Dh]`, `periods: [Dh / 2]`.
fn rotate(heads: &mut [f32], periods: &[f32], position: usize) {
    let turns: Vec<(f32, f32)> = periods
        .iter()
        .map(|period| (position as f32 * (1.0 / period)).sin_cos())
        .collect();
    for head in heads.chunks_exact_mut(2 * periods.len()) {
        let (low, high) = head.split_at_mut(periods.len());
        for ((a, b), (sin, cos)) in low.iter_mut().zip(high).zip(&turns) {
            (*a, *b) = (*a * cos - *b * sin, *a * sin + *b * cos);
        }
    }
}
