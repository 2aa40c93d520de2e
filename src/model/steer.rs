//! A layer's [`LayerPlan`] on the device: the router's logits in, another choice out.
//!
//! Its twin in plain Rust is [`LayerPlan::choose`]; the tests hold them together.

use mlx_rs::error::Result;
use mlx_rs::ops::indexing::take_along_axis;
use mlx_rs::ops::{argsort_axis, concatenate, select, softmax_axis};
use mlx_rs::{Array, Dtype};

use super::experts::{RecordedChoice, Routing};
use crate::intervention::{LayerPlan, NO_EXPERT};
use crate::mlx::ops;

/// The choice that `plan` makes from `logits: [L, E]` for the positions from `position` on.
pub(super) fn choose(logits: Array, plan: &LayerPlan, position: usize) -> Result<Routing> {
    let changed = changed(&logits, plan, position)?;
    let k = plan.num_experts_per_tok;
    let experts = followed(best(&changed, plan, k)?, plan, position)?;
    let weights = softmax_axis(take_along_axis(&changed, &experts, -1)?, -1, true)?;
    let executed = swapped(&experts, plan)?;
    let effective = zeroed(&weights, &experts, plan)?;
    let recorded = RecordedChoice {
        experts: widened(&executed, plan, i64::from(NO_EXPERT))?,
        weights: widened(&weights, plan, 0)?,
    };
    Ok(Routing {
        experts: executed,
        weights: effective,
        logits,
        recorded: Some(recorded),
    })
}

/// The logits after temperature, noise and bias, in their own dtype.
fn changed(logits: &Array, plan: &LayerPlan, position: usize) -> Result<Array> {
    let dtype = logits.dtype();
    let (rows, num_experts) = (logits.dim(0) as usize, logits.dim(1) as usize);
    let mut changed = logits.clone();
    if let Some(temperature) = plan.temperature {
        changed = changed.divide(Array::from_f32(temperature).as_dtype(dtype)?)?;
    }
    if let Some(noise) = plan.noise {
        let values: Vec<f32> = (0..rows * num_experts)
            .map(|at| noise.at(plan.layer, position + at / num_experts, at % num_experts))
            .collect();
        let noise = Array::from_slice(&values, &[rows as i32, num_experts as i32]);
        changed = changed.add(noise.as_dtype(dtype)?)?;
    }
    if let Some(bias) = &plan.bias {
        let bias = Array::from_slice(bias, &[1, num_experts as i32]);
        changed = changed.add(bias.as_dtype(dtype)?)?;
    }
    Ok(changed)
}

/// The `k` best experts, forced ones in any case, u32 `[L, k]` by falling logit.
fn best(logits: &Array, plan: &LayerPlan, k: usize) -> Result<Array> {
    let order = |keys: &Array| argsort_axis(keys.negative()?, -1);
    if plan.forced.is_empty() {
        return ops::slice(&order(logits)?, 1, 0, k);
    }
    let num_experts = logits.dim(1);
    let is_forced: Vec<bool> = (0..num_experts as usize)
        .map(|expert| plan.forced.contains(&expert))
        .collect();
    let is_forced = Array::from_slice(&is_forced, &[1, num_experts]);
    let first = Array::from_f32(f32::INFINITY).as_dtype(logits.dtype())?;
    let chosen = ops::slice(&order(&select(&is_forced, &first, logits)?)?, 1, 0, k)?;
    // Forced ones stand first; what is recorded comes by falling logit.
    let by_logit = order(&take_along_axis(logits, &chosen, -1)?)?;
    take_along_axis(&chosen, &by_logit, -1)
}

/// The choice of a recorded run for the positions that it has, `experts` for the others.
fn followed(experts: Array, plan: &LayerPlan, position: usize) -> Result<Array> {
    if plan.recorded.is_none() {
        return Ok(experts);
    }
    let (rows, k) = (experts.dim(0) as usize, plan.num_experts_per_tok);
    let mut ids = vec![0u32; rows * k];
    let mut is_recorded = vec![false; rows];
    for (row, ids) in ids.chunks_exact_mut(k).enumerate() {
        if let Some(recorded) = plan.followed(position + row) {
            is_recorded[row] = true;
            for (id, recorded) in ids.iter_mut().zip(recorded) {
                *id = u32::from(*recorded);
            }
        }
    }
    let ids = Array::from_slice(&ids, &[rows as i32, k as i32]);
    let is_recorded = Array::from_slice(&is_recorded, &[rows as i32, 1]);
    select(&is_recorded, &ids, experts)?.as_dtype(Dtype::Uint32)
}

/// `experts` with each swapped one replaced.
fn swapped(experts: &Array, plan: &LayerPlan) -> Result<Array> {
    let mut executed = experts.clone();
    for (from, to) in &plan.swapped {
        let is_meant = experts.eq(id(*from))?;
        executed = select(&is_meant, id(*to), &executed)?;
    }
    Ok(executed)
}

/// `weights` with those of zeroed experts at 0.
fn zeroed(weights: &Array, experts: &Array, plan: &LayerPlan) -> Result<Array> {
    let mut effective = weights.clone();
    for expert in &plan.zeroed {
        let is_meant = experts.eq(id(*expert))?;
        let zero = Array::from_f32(0.0).as_dtype(weights.dtype())?;
        effective = select(&is_meant, zero, &effective)?;
    }
    Ok(effective)
}

fn id(expert: usize) -> Array {
    Array::from_slice(&[expert as u32], &[1])
}

/// `chosen: [L, K]`, filled up to the record's width.
fn widened(chosen: &Array, plan: &LayerPlan, filler: i64) -> Result<Array> {
    let missing = plan.recorded_experts_per_tok - plan.num_experts_per_tok;
    if missing == 0 {
        return Ok(chosen.clone());
    }
    let shape = [chosen.dim(0), missing as i32];
    let filler = Array::from_f32(filler as f32).as_dtype(chosen.dtype())?;
    concatenate(&[chosen, &mlx_rs::ops::broadcast_to(filler, &shape)?], 1)
}
