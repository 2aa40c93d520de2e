//! Products on the CPU: MLX's graph is evaluated up to their input, and [`crate::kernels`] reads the
//! weights where MLX holds them.
//!
//! Why: docs/decisions/0004-cpu-kernels.md.

pub(super) mod one_token;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use half::bf16;
use mlx_rs::error::{Exception, Result};
use mlx_rs::{Array, Dtype, transforms};

use super::cache::{KeysValues, LayerCache};
use super::config::{ModelConfig, QuantizationMode};
use super::experts::{ExpertWeights, Routing};
use super::layers::Weight;
use crate::kernels::{
    AffineBits, AttentionView, ExpertsView, Pool, QuantizedMatrix, QuantizedRows, attention,
    moe_forward, quantized_matmul,
};
use crate::mlx::pages::use_large_pages;

/// One pool for each number of threads, for the process: they sleep between calls.
///
/// `None` asks for all cores, and comes back where the system gives no threads; everything stays with
/// MLX then.
pub(super) fn shared_pool(num_threads: Option<NonZeroUsize>) -> Option<Arc<Pool>> {
    static POOLS: Mutex<BTreeMap<Option<NonZeroUsize>, Option<Arc<Pool>>>> =
        Mutex::new(BTreeMap::new());
    let make = || match num_threads.map_or_else(Pool::with_all_cores, Pool::new) {
        Ok(pool) => {
            tracing::info!(isa = ?pool.isa(), threads = pool.num_threads(), "CPU kernels");
            Some(Arc::new(pool))
        }
        Err(error) => {
            tracing::warn!(%error, "no CPU kernels, all products stay with MLX");
            None
        }
    };
    let mut pools = POOLS.lock().unwrap_or_else(PoisonError::into_inner);
    pools.entry(num_threads).or_insert_with(make).clone()
}

/// The sizes of one layer's experts.
#[derive(Debug, Clone, Copy)]
pub(super) struct ExpertShape {
    num_local_experts: usize,
    hidden_size: usize,
    intermediate_size: usize,
    swiglu_limit: f32,
}

impl ExpertShape {
    pub(super) fn new(config: &ModelConfig) -> Self {
        Self {
            num_local_experts: config.num_local_experts,
            hidden_size: config.hidden_size,
            intermediate_size: config.intermediate_size,
            swiglu_limit: config.swiglu_limit,
        }
    }
}

/// Whether the kernels can read `weight`.
pub(super) fn is_supported(weight: &Weight) -> bool {
    match weight {
        Weight::Dense(_) => true,
        Weight::Quantized(weight) => match weight.quantization.mode {
            QuantizationMode::Mxfp4 => true,
            QuantizationMode::Affine => matches!(weight.quantization.bits, 4 | 8),
        },
    }
}

/// The weighted sum of the chosen experts' outputs; `x: [L, D]` f32 → `[L, D]`, evaluated.
pub(super) fn experts(
    x: &Array,
    routing: &Routing,
    weights: &ExpertWeights,
    shape: &ExpertShape,
    pool: &Pool,
) -> Result<Array> {
    let x = x.contiguous()?;
    let ids = routing.experts.contiguous()?;
    let shares = routing.weights.contiguous()?;
    // The named point of evaluation on the CPU: the input of the experts.
    transforms::eval([&x, &ids, &shares])?;
    let ids = ids.try_as_slice::<u32>().map_err(|e| failed(&e))?;
    let out = weighted_sum(floats(&x)?, (ids, floats(&shares)?), weights, shape, pool)?;
    Ok(Array::from_slice(&out, x.shape()))
}

/// The same for what the host holds: `x: [L, D]`, ids and weights `[L, K]`.
fn weighted_sum(
    x: &[f32],
    (ids, shares): (&[u32], &[f32]),
    weights: &ExpertWeights,
    shape: &ExpertShape,
    pool: &Pool,
) -> Result<Vec<f32>> {
    let view = ExpertsView {
        num_local_experts: shape.num_local_experts,
        hidden_size: shape.hidden_size,
        intermediate_size: shape.intermediate_size,
        gate_up: rows(&weights.gate_up)?,
        gate_up_bias: floats(&weights.gate_up_bias)?,
        down: rows(&weights.down)?,
        down_bias: floats(&weights.down_bias)?,
        swiglu_limit: shape.swiglu_limit,
    };
    let mut out = vec![0.0; x.len()];
    moe_forward(&view, x, ids, shares, &mut out, pool).map_err(|e| failed(&e))?;
    Ok(out)
}

/// Attention with sinks of `queries: [1, Hq, L, Dh]` over what `cache` holds → `[L, Hq Dh]`, evaluated.
///
/// `visible` is what the cache has returned for these rows.
pub(super) fn attend(
    queries: &Array,
    visible: &KeysValues,
    cache: &LayerCache,
    sinks: &Array,
    scale: f32,
    pool: &Pool,
) -> Result<Array> {
    let (rows, head_dim) = (queries.dim(2) as usize, queries.dim(3) as usize);
    let queries = queries.contiguous()?;
    // Where the visible positions lie at the buffers' beginning, they are read there.
    let (keys, values) = match cache.ordered_buffers() {
        Some((keys, values)) => (keys.contiguous()?, values.contiguous()?),
        None => (visible.keys.contiguous()?, visible.values.contiguous()?),
    };
    // The named point of evaluation on the CPU: the input of attention, the cache with it.
    transforms::eval([&queries, &keys, &values])?;
    let view = AttentionView {
        queries: floats(&queries)?,
        keys: floats(&keys)?,
        values: floats(&values)?,
        sinks: floats(sinks)?,
        num_key_value_heads: keys.dim(1) as usize,
        head_dim,
        num_keys: visible.keys.dim(2) as usize,
        scale,
        window: cache.window(),
    };
    let mut out = vec![0.0; queries.size()];
    attention(&view, &mut out, pool).map_err(|e| failed(&e))?;
    let width = (out.len() / rows) as i32;
    Ok(Array::from_slice(&out, &[rows as i32, width]))
}

/// From this size on, waiting for MLX costs less than its single thread does.
const MIN_LINEAR_BYTES: usize = 1 << 18;

/// Up to this many rows a dense product is bound by memory; beyond, the BLAS under MLX is better.
const MAX_DENSE_ROWS: usize = 8;

/// Puts a loaded weight where reading it takes least.
pub(super) fn settle(weight: &Weight) -> Result<()> {
    weight.arrays().into_iter().try_for_each(use_large_pages)
}

/// Whether `weight` is multiplied here when `rows` rows come.
pub(super) fn takes_linear(weight: &Weight, rows: usize) -> bool {
    let is_large = weight.arrays()[0].nbytes() >= MIN_LINEAR_BYTES;
    match weight {
        // MLX would widen bf16 in every product.
        Weight::Dense(weight) => {
            let is_ours = is_large || weight.dtype() == Dtype::Bfloat16;
            is_ours && rows <= MAX_DENSE_ROWS
        }
        Weight::Quantized(_) => is_large && is_supported(weight),
    }
}

/// `x · Wᵀ + b`; `x: [L, in]` f32 → `[L, out]`, evaluated.
pub(super) fn linear(
    x: &Array,
    weight: &Weight,
    bias: Option<&Array>,
    pool: &Pool,
) -> Result<Array> {
    let x = x.contiguous()?;
    // The named point of evaluation on the CPU: the input of a large product.
    x.eval()?;
    let (num_rows, in_features) = (x.dim(0), x.dim(1) as usize);
    let out = product((floats(&x)?, in_features), weight, bias, pool)?;
    let out_features = out.len() as i32 / num_rows.max(1);
    Ok(Array::from_slice(&out, &[num_rows, out_features]))
}

/// `x · Wᵀ + b` of rows of `in_features`.
fn product(
    (x, in_features): (&[f32], usize),
    weight: &Weight,
    bias: Option<&Array>,
    pool: &Pool,
) -> Result<Vec<f32>> {
    let out_features = weight.arrays()[0].dim(0) as usize;
    let matrix = QuantizedMatrix {
        rows: rows(weight)?,
        out_features,
        in_features,
    };
    let mut out = vec![0.0; x.len() / in_features * out_features];
    quantized_matmul(&matrix, x, &mut out, pool).map_err(|e| failed(&e))?;
    if let Some(bias) = bias {
        let bias = floats(bias)?;
        for row in out.chunks_exact_mut(out_features) {
            row.iter_mut().zip(bias).for_each(|(y, b)| *y += b);
        }
    }
    Ok(out)
}

fn rows(weight: &Weight) -> Result<QuantizedRows<'_>> {
    let weight = match weight {
        Weight::Dense(weight) if weight.dtype() == Dtype::Bfloat16 => {
            let values = weight.try_as_slice::<bf16>().map_err(|e| failed(&e))?;
            return Ok(QuantizedRows::Bf16(values));
        }
        Weight::Dense(weight) => return Ok(QuantizedRows::Dense(floats(weight)?)),
        Weight::Quantized(weight) => weight,
    };
    let packed = weight
        .weight
        .try_as_slice::<u32>()
        .map_err(|e| failed(&e))?;
    match (&weight.biases, weight.quantization.mode) {
        (Some(biases), QuantizationMode::Affine) => Ok(QuantizedRows::Affine {
            packed,
            scales: floats(&weight.scales)?,
            biases: floats(biases)?,
            bits: if weight.quantization.bits == 4 {
                AffineBits::Four
            } else {
                AffineBits::Eight
            },
            group_size: weight.quantization.group_size as usize,
        }),
        _ => Ok(QuantizedRows::Mxfp4 {
            packed,
            scales: weight.scales.try_as_slice::<u8>().map_err(|e| failed(&e))?,
        }),
    }
}

fn floats(array: &Array) -> Result<&[f32]> {
    array.try_as_slice::<f32>().map_err(|e| failed(&e))
}

fn failed(error: &dyn std::error::Error) -> Exception {
    Exception::custom(format!("a CPU kernel refused its input: {error}"))
}
