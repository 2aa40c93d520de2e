//! The mixture-of-experts block: routed tokens through gate and up, `SwiGLU`, down, weighted sum.

use super::isa::WithSimd;
use super::matmul::pack_rows;
use super::pack::Packed;
use super::routing::Routing;
use super::rows;
use super::simd::Simd;
use super::tile::{rows_per_tile, tiles, token_runs};
use super::tiled::Scratch;
use super::view::check_len;
use super::{ExpertsView, KernelError, Pool};
use std::ops::Range;

/// Runs the experts of one block: `out[t] = sum over k of weight[t, k] * expert[id[t, k]](x[t])`.
///
/// An expert is `W_d a + b_d` with `a = gate * sigmoid(1.702 gate) * (up + 1)`, where gate and up are the
/// halves of `W_gu x + b_gu`, gate clamped from above and up on both sides by `swiglu_limit`.
/// NaN in `x`, in a weight or in a routing weight gives NaN in the outputs that it takes part in.
///
/// Shapes: `x`: [T, H], `expert_ids`: [T, K], `expert_weights`: [T, K] → `out`: [T, H]; T follows from
/// `x`, K from `expert_ids`.
///
/// Errors: a [`KernelError`] where a length does not fit the shapes or an expert does not exist; nothing
/// has been written then.
///
/// Source: `MLPBlock.forward` and `swiglu` in OpenAI's `gpt_oss/torch/model.py`.
pub fn moe_forward(
    experts: &ExpertsView<'_>,
    x: &[f32],
    expert_ids: &[u32],
    expert_weights: &[f32],
    out: &mut [f32],
    pool: &Pool,
) -> Result<(), KernelError> {
    experts.check()?;
    let num_tokens = x.len() / experts.hidden_size;
    check_len("x", x.len(), num_tokens * experts.hidden_size)?;
    check_len("out", out.len(), x.len())?;
    check_len("expert_weights", expert_weights.len(), expert_ids.len())?;
    let num_experts_per_tok = expert_ids.len() / num_tokens.max(1);
    check_len(
        "expert_ids",
        expert_ids.len(),
        num_tokens * num_experts_per_tok,
    )?;
    let routing = Routing::new(expert_ids, experts.num_local_experts)?;
    if expert_ids.is_empty() {
        out.fill(0.0);
        return Ok(());
    }
    pool.isa().run(Forward {
        experts,
        x,
        num_experts_per_tok,
        routing,
        expert_weights,
        out,
        pool,
    })
}

struct Forward<'a> {
    experts: &'a ExpertsView<'a>,
    x: &'a [f32],
    num_experts_per_tok: usize,
    routing: Routing,
    expert_weights: &'a [f32],
    out: &'a mut [f32],
    pool: &'a Pool,
}

impl WithSimd for Forward<'_> {
    fn call<I: Simd>(self, isa: I) {
        let activations = self.gate_up(isa);
        let outputs = self.down(isa, &activations);
        self.combine(&outputs);
    }
}

impl Forward<'_> {
    /// Rows of each expert's output, and of a tile.
    fn size(&self, num_rows: usize) -> (usize, usize) {
        let all_rows = num_rows * self.routing.groups().len();
        (num_rows, rows_per_tile(all_rows, self.pool.num_threads()))
    }

    /// `swiglu(W_gu x + b_gu)` of every pair, as [`tiles`] lays it out.
    fn gate_up<I: Simd>(&self, isa: I) -> Vec<f32> {
        let experts = self.experts;
        let intermediate = experts.intermediate_size;
        let weights = (experts.gate_up, experts.hidden_size);
        let form = (weights.0.layout(), self.routing.max_tokens());
        let packed = pack_rows(isa, form, (self.x, weights.1), self.pool);
        let pairs = self.routing.pairs();
        let tokens = packed.select(pairs.iter().map(|pair| pair / self.num_experts_per_tok));
        let mut activations = vec![0.0; pairs.len() * intermediate];
        self.pool.for_each(
            pairs.len() * experts.hidden_size * 2 * intermediate,
            tiles(
                self.routing.groups(),
                self.size(intermediate),
                &mut activations,
            )
            .into_iter(),
            || (Scratch::new(), Vec::new()),
            |(scratch, up), tile| {
                let tokens = tokens.tokens(tile.group.tokens.clone());
                let gate_rows = shifted(&tile.rows, tile.group.expert * 2 * intermediate);
                let up_rows = shifted(&gate_rows, intermediate);
                up.resize(tile.out.len(), 0.0);
                rows::multiply(isa, weights, gate_rows.clone(), tokens, scratch, tile.out);
                rows::multiply(isa, weights, up_rows.clone(), tokens, scratch, up);
                let gate_bias = &experts.gate_up_bias[gate_rows];
                let up_bias = &experts.gate_up_bias[up_rows];
                let num_rows = tile.rows.len();
                for (gate, up) in tile.out.chunks_mut(num_rows).zip(up.chunks(num_rows)) {
                    let biases = gate_bias.iter().zip(up_bias);
                    for ((gate, up), (gate_bias, up_bias)) in gate.iter_mut().zip(up).zip(biases) {
                        *gate = swiglu(*gate + gate_bias, up + up_bias, experts.swiglu_limit);
                    }
                }
            },
        );
        activations
    }

    /// `W_d a` of every pair, as [`tiles`] lays it out.
    fn down<I: Simd>(&self, isa: I, activations: &[f32]) -> Vec<f32> {
        let experts = self.experts;
        let weights = (experts.down, experts.intermediate_size);
        let packed = self.pack_activations(isa, activations);
        let num_pairs = self.routing.pairs().len();
        let tokens = packed.select(0..num_pairs);
        let mut outputs = vec![0.0; num_pairs * experts.hidden_size];
        self.pool.for_each(
            num_pairs * experts.intermediate_size * experts.hidden_size,
            tiles(
                self.routing.groups(),
                self.size(experts.hidden_size),
                &mut outputs,
            )
            .into_iter(),
            Scratch::new,
            |scratch, tile| {
                let rows = shifted(&tile.rows, tile.group.expert * experts.hidden_size);
                let tokens = tokens.tokens(tile.group.tokens.clone());
                rows::multiply(isa, weights, rows, tokens, scratch, tile.out);
            },
        );
        outputs
    }

    /// Packs what [`Forward::gate_up`] left, in the order of the pairs.
    fn pack_activations<I: Simd>(&self, isa: I, activations: &[f32]) -> Packed<I> {
        let intermediate = self.experts.intermediate_size;
        let size = self.size(intermediate);
        let groups = self.routing.groups();
        let mut packed = Packed::new(
            isa,
            self.experts.down.layout(),
            self.routing.max_tokens(),
            (self.routing.pairs().len(), intermediate),
        );
        let pairs = groups
            .iter()
            .flat_map(|group| group.tokens.clone().map(move |t| (group, t)));
        let work: Vec<_> = pairs.zip(packed.rows_mut()).collect();
        self.pool
            .move_rows(work.into_iter(), Vec::new, |row, ((group, token), out)| {
                row.clear();
                row.extend(token_runs(group, token, size, activations).flatten());
                out.fill(isa, row);
            });
        packed
    }

    /// The weighted sum over each token's experts, in the order of its routing.
    fn combine(self, outputs: &[f32]) {
        let hidden_size = self.experts.hidden_size;
        let size = self.size(hidden_size);
        let (routing, experts) = (&self.routing, self.experts);
        let k = self.num_experts_per_tok;
        let routed = self.expert_weights.chunks(k).enumerate();
        let rows = self.out.chunks_mut(hidden_size).zip(routed);
        self.pool.move_rows(
            rows,
            || (),
            |(), (out, (token, expert_weights))| {
                out.fill(0.0);
                for (slot, weight) in expert_weights.iter().enumerate() {
                    let (group, position) = routing.place(token * k + slot);
                    let bias = &experts.down_bias[group.expert * hidden_size..][..hidden_size];
                    let values = token_runs(group, position, size, outputs).flatten();
                    for ((out, value), bias) in out.iter_mut().zip(values).zip(bias) {
                        *out += weight * (value + bias);
                    }
                }
            },
        );
    }
}

fn shifted(rows: &Range<usize>, by: usize) -> Range<usize> {
    rows.start + by..rows.end + by
}

/// Comparisons rather than `min` and `clamp`: `f32::min` drops NaN, `clamp` panics for a NaN limit.
fn swiglu(gate: f32, up: f32, limit: f32) -> f32 {
    let gate = if gate > limit { limit } else { gate };
    let up = if up > limit { limit } else { up };
    let up = if up < -limit { -limit } else { up };
    gate / (1.0 + (-1.702 * gate).exp()) * (up + 1.0)
}
