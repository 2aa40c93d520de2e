//! Many tokens' experts one after another, each as dense products over its own tokens.
//!
//! For devices where MLX's packed products read a matrix anew for every token, sorted or not (CUDA in
//! MLX 0.32): one expert's weights are unpacked, used by all of its tokens and let go, so that no more
//! than a few experts lie unpacked at a time.

use mlx_rs::error::{Exception, Result};
use mlx_rs::ops::indexing::take_axis;
use mlx_rs::ops::{addmm, argsort_axis, concatenate};
use mlx_rs::{Array, transforms};

use super::experts::ExpertWeights;
use super::layers::Weight;
use super::swiglu::ClampedSwiGlu;
use crate::mlx::ops;

/// From this many tokens on, going through the experts beats a gather for each token.
pub(super) const MIN_TOKENS: i32 = 32;

/// Experts between two evaluations, which let go of unpacked weights.
const EXPERTS_AT_A_TIME: usize = 8;

/// The outputs of the chosen experts: `x: [L, D]`, `experts: [L, K]` → `[L, K, D]`.
///
/// Waits once for the experts' ids, and evaluates as it goes.
pub(super) fn forward(
    x: &Array,
    experts: &Array,
    weights: &ExpertWeights,
    swiglu: &ClampedSwiGlu,
) -> Result<Array> {
    let (rows, per_token) = (experts.dim(0), experts.dim(1));
    let num_local_experts = weights.gate_up_bias.dim(0) as usize;
    let flat = experts.reshape(&[-1])?.contiguous()?;
    let order = argsort_axis(&flat, 0)?;
    let token_of_pair = order.floor_divide(Array::from_slice(&[per_token as u32], &[1]))?;
    let sorted_x = take_axis(x, &token_of_pair, 0)?;
    transforms::eval([&flat, &sorted_x])?;
    let mut outputs = Vec::new();
    for (expert, tokens) in ranges(&flat, num_local_experts)? {
        let x = ops::slice(&sorted_x, 0, tokens.start, tokens.end)?;
        let hidden = linear(&x, &weights.gate_up, &weights.gate_up_bias, expert)?;
        let hidden = swiglu.forward(&hidden)?;
        outputs.push(linear(&hidden, &weights.down, &weights.down_bias, expert)?);
        if outputs.len().is_multiple_of(EXPERTS_AT_A_TIME) {
            transforms::async_eval(&outputs[outputs.len() - EXPERTS_AT_A_TIME..])?;
        }
    }
    let back = argsort_axis(&order, 0)?;
    take_axis(&concatenate(&outputs, 0)?, &back, 0)?.reshape(&[rows, per_token, -1])
}

/// The experts that were chosen, ascending, with their place among the sorted pairs.
fn ranges(flat: &Array, num_local_experts: usize) -> Result<Vec<(usize, std::ops::Range<usize>)>> {
    let mut counts = vec![0usize; num_local_experts];
    let ids = flat.try_as_slice::<u32>();
    for &id in ids.map_err(|error| Exception::custom(error.to_string()))? {
        counts[id as usize] += 1;
    }
    let mut start = 0;
    let ranges = counts.into_iter().enumerate().map(|(expert, count)| {
        start += count;
        (expert, start - count..start)
    });
    Ok(ranges.filter(|(_, tokens)| !tokens.is_empty()).collect())
}

/// `x · W[e]ᵀ + b[e]`; `x: [n, in]` → `[n, out]`.
fn linear(x: &Array, weight: &Weight, bias: &Array, expert: usize) -> Result<Array> {
    let weight = weight.matrix(expert, x.dtype())?;
    let bias = ops::slice(bias, 0, expert, expert + 1)?;
    addmm(bias, x, weight.transpose_axes(&[1, 0])?, None, None)
}
