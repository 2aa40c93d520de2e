//! The mixture of experts: the router, and the experts' products.
//!
//! Few tokens go through one gather per product. Many tokens are sorted by expert first, so that a
//! GPU can group its work by matrix, or go through the experts one by one (`one_by_one`)
//! where MLX does not. On the CPU the experts run in [`crate::kernels`] instead, as MLX has no vector
//! path for packed weights there, and on NVIDIA GPUs in `model::cuda`.

use std::sync::Arc;

use mlx_rs::error::Result;
use mlx_rs::ops::indexing::{take_along_axis, take_axis};
use mlx_rs::ops::{argsort_axis, gather_mm, softmax_axis};
use mlx_rs::{Array, Dtype};

use super::config::ModelConfig;
use super::cpu::{self, ExpertShape, is_supported};
use super::cuda::CudaKernels;
use super::layers::{Linear, RmsNorm, Weight};
use super::swiglu::ClampedSwiGlu;
use super::trace::ForwardTrace;
use super::{one_by_one, steer};
use crate::intervention::LayerPlan;
use crate::kernels::Pool;
use crate::mlx::ops;

/// From this many token-expert pairs on, tokens are sorted by expert.
pub const SORT_THRESHOLD_PAIRS: i32 = 64;

/// What the router decided for each token.
#[derive(Debug, Clone)]
pub struct Routing {
    /// Chosen experts by descending logit, u32 `[L, K]`.
    pub experts: Array,
    /// Their weights, the softmax over the chosen logits, `[L, K]`.
    pub weights: Array,
    /// All logits before the choice, `[L, E]`.
    pub logits: Array,
    /// What is recorded where that is not what is computed: a person has intervened.
    pub recorded: Option<RecordedChoice>,
}

/// A choice as records show it: as wide in every layer, zeroed experts with their weights.
#[derive(Debug, Clone)]
pub struct RecordedChoice {
    /// u32 `[L, K]`; [`crate::intervention::NO_EXPERT`] fills up.
    pub experts: Array,
    /// `[L, K]`; 0 fills up.
    pub weights: Array,
}

/// Chooses `K` of `E` experts for each token.
#[derive(Debug)]
pub struct Router {
    linear: Linear,
    num_experts_per_tok: usize,
    /// Set where kernels of our own choose.
    cuda: Option<Arc<CudaKernels>>,
    /// Set where the CPU's kernels compute the experts.
    cpu: Option<Arc<Pool>>,
}

impl Router {
    /// A router over `linear: D → E`.
    pub(super) fn new(
        linear: Linear,
        num_experts_per_tok: usize,
        products: &ExpertProducts,
    ) -> Self {
        let cuda = match products {
            ExpertProducts::Cuda(kernels) => Some(Arc::clone(kernels)),
            _ => None,
        };
        let cpu = match products {
            ExpertProducts::Cpu(pool) if is_supported(linear.weight()) => Some(Arc::clone(pool)),
            _ => None,
        };
        Self {
            linear,
            num_experts_per_tok,
            cuda,
            cpu,
        }
    }

    /// `x: [L, D]` → the choice for every row.
    pub fn forward(&self, x: &Array) -> Result<Routing> {
        self.forward_as(x, None, 0)
    }

    /// The same for the positions from `position` on, as `plan` changes it.
    pub fn forward_as(
        &self,
        x: &Array,
        plan: Option<&LayerPlan>,
        position: usize,
    ) -> Result<Routing> {
        let logits = self.linear.forward(x)?;
        if let Some(plan) = plan {
            return steer::choose(logits, plan, position);
        }
        let (experts, weights) = match &self.cuda {
            Some(kernels) => kernels.choose(&logits, self.num_experts_per_tok)?,
            None => self.choose(&logits)?,
        };
        Ok(Routing {
            experts,
            weights,
            logits,
            recorded: None,
        })
    }

    /// Norm and choice in one step, where kernels of our own make it for one token; those of a device
    /// only while nobody intervenes. Returns the normed `x`, too; where the device routes, lets `trace`
    /// have the choice as the kernel itself wrote it.
    pub(super) fn forward_one(
        &self,
        x: &Array,
        norm: &RmsNorm,
        (plan, position): (Option<&LayerPlan>, usize),
        trace: Option<&mut ForwardTrace>,
    ) -> Result<Option<(Array, Routing)>> {
        if x.dim(0) > 1 {
            return Ok(None);
        }
        let num_chosen = self.num_experts_per_tok;
        match (&self.cuda, &self.cpu) {
            (Some(kernels), _) if plan.is_none() => {
                let kernels = &kernels.one_token;
                kernels.route(x, norm, &self.linear, num_chosen, trace)
            }
            (_, Some(pool)) => {
                let (router, plan) = ((&self.linear, num_chosen), (plan, position));
                cpu::one_token::route(x, norm, router, plan, pool).map(Some)
            }
            _ => Ok(None),
        }
    }

    fn choose(&self, logits: &Array) -> Result<(Array, Array)> {
        let order = argsort_axis(logits.negative()?, -1)?;
        let experts = ops::slice(&order, 1, 0, self.num_experts_per_tok)?;
        let chosen = take_along_axis(logits, &experts, -1)?;
        let weights = softmax_axis(&chosen, -1, true)?;
        Ok((experts, weights))
    }

    /// The arrays held.
    pub fn arrays(&self) -> Vec<&Array> {
        self.linear.arrays()
    }
}

/// The weights of all experts of a layer.
#[derive(Debug)]
pub struct ExpertWeights {
    /// `[E, 2I, D]`, the gate's rows before the up rows.
    pub gate_up: Weight,
    /// `[E, 2I]`.
    pub gate_up_bias: Array,
    /// `[E, D, I]`.
    pub down: Weight,
    /// `[E, D]`.
    pub down_bias: Array,
}

/// Who computes a layer's experts.
#[derive(Debug, Clone)]
pub(super) enum ExpertProducts {
    /// MLX's gathers, sorted where many tokens come.
    Mlx,
    /// The same with what lies between two products compiled into one kernel.
    MlxCompiled,
    /// MLX's gathers for few tokens, one expert after another for many.
    MlxOneByOne,
    /// The CPU's kernels, which want f32.
    Cpu(Arc<Pool>),
    /// Kernels of our own on NVIDIA GPUs, which want bf16 and MXFP4.
    Cuda(Arc<CudaKernels>),
}

/// All experts of a layer.
#[derive(Debug)]
pub struct Experts {
    weights: ExpertWeights,
    shape: ExpertShape,
    swiglu: ClampedSwiGlu,
    products: ExpertProducts,
}

impl Experts {
    /// Experts that `products` computes as far as it can read their packing, else MLX.
    pub(super) fn new(
        config: &ModelConfig,
        weights: ExpertWeights,
        dtype: Dtype,
        products: ExpertProducts,
    ) -> Result<Self> {
        let can = [&weights.gate_up, &weights.down]
            .into_iter()
            .all(is_supported);
        let products = match products {
            ExpertProducts::Cpu(_) if !can => {
                tracing::info!("experts that the CPU kernels cannot read stay with MLX");
                ExpertProducts::Mlx
            }
            ExpertProducts::Cuda(_) if !CudaKernels::fits(config, &weights, dtype) => {
                tracing::info!("experts that the CUDA kernels cannot read stay with MLX");
                ExpertProducts::MlxOneByOne
            }
            other => other,
        };
        if let ExpertProducts::Cpu(_) = products {
            cpu::settle(&weights.gate_up)?;
            cpu::settle(&weights.down)?;
        }
        let swiglu = match products {
            ExpertProducts::MlxCompiled => ClampedSwiGlu::compiled(config.swiglu_limit, dtype)?,
            _ => ClampedSwiGlu::new(config.swiglu_limit, dtype)?,
        };
        Ok(Self {
            weights,
            shape: ExpertShape::new(config),
            swiglu,
            products,
        })
    }

    /// `residual` and the weighted sum of the chosen experts' outputs for `x`, all `[L, D]`.
    pub fn forward(&self, x: &Array, routing: &Routing, residual: &Array) -> Result<Array> {
        if let ExpertProducts::Cuda(kernels) = &self.products {
            let choice = (&routing.experts, &routing.weights);
            if let Some(sum) =
                kernels.experts(x, choice, &self.weights, self.swiglu.limit(), residual)?
            {
                return Ok(sum);
            }
        }
        if let ExpertProducts::Cpu(pool) = &self.products
            && x.dim(0) == 1
        {
            let (weights, shape) = (&self.weights, &self.shape);
            return cpu::one_token::experts(x, routing, weights, shape, residual, pool);
        }
        residual.add(self.weighted_sum(x, routing)?)
    }

    fn weighted_sum(&self, x: &Array, routing: &Routing) -> Result<Array> {
        let experts = &routing.experts;
        let (rows, per_token) = (experts.dim(0), experts.dim(1));
        let outputs = match &self.products {
            ExpertProducts::Cpu(pool) => {
                return cpu::experts(x, routing, &self.weights, &self.shape, pool);
            }
            ExpertProducts::MlxOneByOne if rows >= one_by_one::MIN_TOKENS => {
                one_by_one::forward(x, experts, &self.weights, &self.swiglu)?
            }
            _ if rows * per_token >= SORT_THRESHOLD_PAIRS => self.forward_sorted(x, experts)?,
            _ => self.gathered(&x.expand_dims_axes(&[1, 2])?, experts, false)?,
        };
        outputs
            .multiply(routing.weights.expand_dims(-1)?)?
            .sum_axis(-2, false)
    }

    /// `[L, K, D]` by way of rows in the order of their experts.
    fn forward_sorted(&self, x: &Array, experts: &Array) -> Result<Array> {
        let (rows, per_token) = (experts.dim(0), experts.dim(1));
        let flat = experts.reshape(&[-1])?;
        let order = argsort_axis(&flat, 0)?;
        let token_of_pair = order.floor_divide(Array::from_slice(&[per_token as u32], &[1]))?;
        let sorted_x = take_axis(x, &token_of_pair, 0)?.expand_dims(1)?;
        let sorted_experts = take_axis(&flat, &order, 0)?;
        let outputs = self.gathered(&sorted_x, &sorted_experts, true)?;
        let back = argsort_axis(&order, 0)?;
        take_axis(&outputs, &back, 0)?.reshape(&[rows, per_token, -1])
    }

    /// `x: [.., 1, D]`, one expert a row in `experts: [..]` → `[.., D]`.
    fn gathered(&self, x: &Array, experts: &Array, sorted: bool) -> Result<Array> {
        let ExpertWeights {
            gate_up,
            gate_up_bias,
            down,
            down_bias,
        } = &self.weights;
        let hidden = expert_linear(x, gate_up, gate_up_bias, experts, sorted)?;
        let hidden = self.swiglu.forward(&hidden)?.expand_dims(-2)?;
        expert_linear(&hidden, down, down_bias, experts, sorted)
    }

    /// Whether [`Self::forward`] evaluates its input.
    pub fn is_synchronous(&self) -> bool {
        matches!(self.products, ExpertProducts::Cpu(_))
    }

    /// The arrays held.
    pub fn arrays(&self) -> Vec<&Array> {
        let weights = &self.weights;
        let mut arrays = weights.gate_up.arrays();
        arrays.extend(weights.down.arrays());
        arrays.extend([&weights.gate_up_bias, &weights.down_bias]);
        arrays
    }
}

/// `x · W[e]ᵀ + b[e]`; `x: [.., 1, in]`, `experts: [..]` → `[.., out]`.
fn expert_linear(
    x: &Array,
    weight: &Weight,
    bias: &Array,
    experts: &Array,
    sorted: bool,
) -> Result<Array> {
    let y = match weight {
        Weight::Quantized(weight) => ops::gather_qmm(x, weight, experts, sorted)?,
        Weight::Dense(weight) => {
            gather_mm(x, weight.transpose_axes(&[0, 2, 1])?, None, experts, sorted)?
        }
    };
    y.squeeze_axes(&[-2])?.add(take_axis(bias, experts, 0)?)
}
