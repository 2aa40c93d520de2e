//! The gpt-oss transformer, top to bottom: read this file first.
//!
//! Source: `OpenAI`'s `gpt_oss/torch/model.py`; every block has its name there.

use std::sync::Arc;

use mlx_rs::error::Result;
use mlx_rs::{Array, Dtype};

use super::attention::{AttentionMask, Pass, attend};
use super::cache::{KvCache, LayerCache, QuantizedKvCache, RotatingKvCache};
use super::config::{LayerType, ModelConfig};
use super::cpu;
use super::cuda::CudaKernels;
use super::cuda::one_token::OneTokenKernels;
use super::experts::{ExpertProducts, Experts, Router};
use super::layers::{Embedding, Linear, RmsNorm};
use super::observe::{AttentionView, EachHidden, ForwardObserver};
use super::rope::RotaryEmbedding;
use super::trace::ForwardTrace;
use crate::intervention::{LayerPlan, RoutingPlan};
use crate::kernels::Pool;
use crate::mlx::ops;

/// From this many rows on, each layer is evaluated before the next one is built.
///
/// Otherwise a GPU that runs behind the host would hold the intermediates of all layers at once:
/// 7 MB a prompt token for gpt-oss-20b. The wait is small beside so many rows.
const ROWS_EVALUATED_BY_LAYER: usize = 64;

/// For which rows the unembedding is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogitRows {
    /// None: the chunk only fills the cache.
    None,
    /// The last row, which is what sampling needs.
    Last,
    /// Every row.
    All,
}

/// How full layers keep their keys and values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KvPrecision {
    /// In the activations' dtype.
    #[default]
    Activations,
    /// In 8-bit groups.
    EightBit,
}

/// The whole model: embedding, blocks, final norm, unembedding.
#[derive(Debug)]
pub struct Transformer {
    config: ModelConfig,
    dtype: Dtype,
    embed_tokens: Embedding,
    pub(super) layers: Vec<TransformerBlock>,
    norm: RmsNorm,
    lm_head: Linear,
}

impl Transformer {
    /// Puts the parts together; `layers` in order.
    pub(super) fn new(
        config: ModelConfig,
        dtype: Dtype,
        embed_tokens: Embedding,
        layers: Vec<TransformerBlock>,
        norm: RmsNorm,
        lm_head: Linear,
    ) -> Self {
        let matrices = layers
            .iter()
            .flat_map(|layer| [&layer.attn.qkv_proj, &layer.attn.o_proj])
            .chain([&lm_head])
            .filter(|linear| linear.is_left_to_mlx())
            .count();
        if matrices > 0 {
            tracing::info!(
                matrices,
                "packings that the CPU kernels cannot read stay with MLX"
            );
        }
        Self {
            config,
            dtype,
            embed_tokens,
            layers,
            norm,
            lm_head,
        }
    }

    /// Runs `ids: [L]` after the positions in `caches`, appends to them, and returns the logits of
    /// the rows asked for, f32-able `[L or 1, V]`.
    ///
    /// Few rows are not evaluated, many layer by layer. `trace` receives every layer's routing.
    pub fn forward(
        &self,
        ids: &Array,
        caches: &mut [LayerCache],
        rows: LogitRows,
        trace: Option<&mut ForwardTrace>,
    ) -> Result<Option<Array>> {
        self.forward_as(ids, caches, rows, trace, None)
    }

    /// [`Self::forward`] with the experts chosen as `plan` says.
    pub fn forward_as(
        &self,
        ids: &Array,
        caches: &mut [LayerCache],
        rows: LogitRows,
        trace: Option<&mut ForwardTrace>,
        plan: Option<&RoutingPlan>,
    ) -> Result<Option<Array>> {
        let x = self.embed_tokens.forward(ids)?;
        let x = self.blocks(x, caches, trace, plan, None)?;
        match rows {
            LogitRows::None => Ok(None),
            LogitRows::All => self.unembed(&x).map(Some),
            LogitRows::Last => {
                let count = x.dim(0) as usize;
                self.unembed(&ops::slice(&x, 0, count - 1, count)?)
                    .map(Some)
            }
        }
    }

    /// Like [`Self::forward`] with all rows, also handing out the residual stream `[L, D]`:
    /// the embedding as 0, and after layer `i` as `i + 1`.
    pub fn forward_with_hidden(
        &self,
        ids: &Array,
        caches: &mut [LayerCache],
        each: impl FnMut(usize, &Array),
    ) -> Result<Array> {
        let x = self.observed(ids, caches, None, &mut EachHidden::new(each))?;
        self.unembed(&x)
    }

    /// Like [`Self::forward_as`] without logits, watched by `observer`; returns the residual stream
    /// after the last layer, `[L, D]`.
    pub fn observed(
        &self,
        ids: &Array,
        caches: &mut [LayerCache],
        plan: Option<&RoutingPlan>,
        observer: &mut dyn ForwardObserver,
    ) -> Result<Array> {
        let x = self.embed_tokens.forward(ids)?;
        observer.embedded(&x)?;
        self.blocks(x, caches, None, plan, Some(observer))
    }

    fn blocks(
        &self,
        mut x: Array,
        caches: &mut [LayerCache],
        mut trace: Option<&mut ForwardTrace>,
        plan: Option<&RoutingPlan>,
        mut observer: Option<&mut dyn ForwardObserver>,
    ) -> Result<Array> {
        let rows = x.dim(0) as usize;
        let earlier = caches.first().map_or(0, LayerCache::len);
        let pass = Pass::new(rows, earlier, self.config.sliding_window)?;
        if let Some(trace) = trace.as_deref_mut() {
            trace.begin(self.layers.len());
        }
        for (index, (layer, cache)) in self.layers.iter().zip(caches).enumerate() {
            let plan = plan.and_then(|plan| plan.layer(index));
            let watching = reborrow(&mut observer);
            x = layer.forward(&x, cache, &pass, trace.as_deref_mut(), plan, watching)?;
            if rows >= ROWS_EVALUATED_BY_LAYER {
                x.eval()?;
            }
        }
        Ok(x)
    }

    /// The final norm and the unembedding: `x: [L, D]` → logits `[L, V]`.
    pub fn unembed(&self, x: &Array) -> Result<Array> {
        self.lm_head.forward(&self.norm.forward(x)?)
    }

    /// The final norm alone, `[L, D]` → `[L, D]`.
    pub fn final_norm(&self, x: &Array) -> Result<Array> {
        self.norm.forward(x)
    }

    /// Empty caches, one a layer, as the layers' kinds want them.
    pub fn new_caches(&self, precision: KvPrecision) -> Vec<LayerCache> {
        self.layers
            .iter()
            .map(|layer| match (layer.layer_type, precision) {
                (LayerType::SlidingAttention, _) => {
                    LayerCache::Sliding(RotatingKvCache::new(self.config.sliding_window))
                }
                (LayerType::FullAttention, KvPrecision::Activations) => {
                    LayerCache::Full(KvCache::default())
                }
                (LayerType::FullAttention, KvPrecision::EightBit) => {
                    LayerCache::FullQuantized(QuantizedKvCache::new(self.config.head_dim))
                }
            })
            .collect()
    }

    /// The model's configuration.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// The dtype of activations.
    pub fn dtype(&self) -> Dtype {
        self.dtype
    }

    /// Whether evaluation happens inside the forward pass, so that working ahead gains nothing.
    pub fn is_synchronous(&self) -> bool {
        self.layers
            .iter()
            .any(|layer| layer.mlp.experts.is_synchronous())
    }

    /// Every weight, for evaluation and accounting.
    pub fn arrays(&self) -> Vec<&Array> {
        let mut arrays = self.embed_tokens.arrays();
        for layer in &self.layers {
            arrays.extend(layer.arrays());
        }
        arrays.extend(self.norm.arrays());
        arrays.extend(self.lm_head.arrays());
        arrays
    }

    /// Bytes of all weights.
    pub fn weights_bytes(&self) -> u64 {
        self.arrays()
            .iter()
            .map(|array| array.nbytes() as u64)
            .sum()
    }
}

/// `x += attention(norm(x)); x += experts(norm(x))`.
#[derive(Debug)]
pub struct TransformerBlock {
    pub(super) layer_type: LayerType,
    pub(super) attn: AttentionBlock,
    pub(super) mlp: MlpBlock,
}

impl TransformerBlock {
    /// `x: [L, D]` → `[L, D]`.
    fn forward(
        &self,
        x: &Array,
        cache: &mut LayerCache,
        pass: &Pass,
        trace: Option<&mut ForwardTrace>,
        plan: Option<&LayerPlan>,
        mut observer: Option<&mut dyn ForwardObserver>,
    ) -> Result<Array> {
        let (rows, position) = (x.dim(0), cache.len());
        let watching = reborrow(&mut observer);
        let cpu = self.attn.pool.as_deref().filter(|_| rows == 1);
        let x = match (self.attn.one_token(cache, rows), cpu) {
            (Some(kernels), _) if watching.is_none() => {
                kernels.attention(x, &self.attn, cache, &pass.position)?
            }
            (_, Some(pool)) if watching.is_none() && cpu::one_token::fits(&self.attn, cache) => {
                cpu::one_token::attention(&self.attn, x, cache, pool)?
            }
            _ => {
                let mask = pass.mask(self.layer_type);
                self.attn.forward(x, cache, mask, watching)?
            }
        };
        if let Some(observer) = reborrow(&mut observer) {
            observer.after_attention(&x)?;
        }
        let x = self.mlp.forward(&x, trace, plan, position)?;
        if let Some(observer) = observer {
            observer.after_experts(&x)?;
        }
        Ok(x)
    }

    pub(super) fn arrays(&self) -> Vec<&Array> {
        let mut arrays = self.attn.arrays();
        arrays.extend(self.mlp.arrays());
        arrays
    }
}

/// Grouped-query attention with sinks, over a window on every other layer.
#[derive(Debug)]
pub struct AttentionBlock {
    pub(super) norm: RmsNorm,
    /// Queries, keys and values in one product: rows of q, then k, then v.
    pub(super) qkv_proj: Linear,
    pub(super) o_proj: Linear,
    pub(super) sinks: Array,
    pub(super) rope: RotaryEmbedding,
    pub(super) num_attention_heads: usize,
    pub(super) num_key_value_heads: usize,
    pub(super) head_dim: usize,
    /// Set where kernels of our own can compute this block for one token.
    pub(super) cuda: Option<Arc<CudaKernels>>,
    /// Set where the CPU's kernels attend.
    pub(super) pool: Option<Arc<Pool>>,
}

impl AttentionBlock {
    /// The same block with the kernels of `products`, if they can compute it.
    pub(super) fn with_kernels(self, products: &ExpertProducts, dtype: Dtype) -> Self {
        let cuda = match products {
            ExpertProducts::Cuda(kernels) if OneTokenKernels::fit(&self, dtype) => {
                Some(Arc::clone(kernels))
            }
            _ => None,
        };
        let pool = match products {
            ExpertProducts::Cpu(pool) => Some(Arc::clone(pool)),
            _ => None,
        };
        Self { cuda, pool, ..self }
    }

    /// The kernels for `rows` new rows, where there are any.
    fn one_token(&self, cache: &LayerCache, rows: i32) -> Option<&OneTokenKernels> {
        let kernels = self.cuda.as_deref().filter(|_| rows == 1);
        kernels
            .filter(|_| !cache.is_packed())
            .map(|kernels| &kernels.one_token)
    }

    /// `x: [L, D]` → `x + attention(norm(x))`.
    fn forward(
        &self,
        x: &Array,
        cache: &mut LayerCache,
        mask: &AttentionMask,
        observer: Option<&mut dyn ForwardObserver>,
    ) -> Result<Array> {
        let rows = x.dim(0);
        let (num_q, num_kv) = (self.num_attention_heads, self.num_key_value_heads);
        let position = cache.len();

        let qkv = self.qkv_proj.forward(&self.norm.forward(x)?)?;
        let heads = qkv
            .reshape(&[1, rows, -1, self.head_dim as i32])?
            .transpose_axes(&[0, 2, 1, 3])?;
        // Queries and keys are rotated in one call: they are neighbors.
        let rotated = self
            .rope
            .forward(&ops::slice(&heads, 1, 0, num_q + num_kv)?, position)?;
        let queries = ops::slice(&rotated, 1, 0, num_q)?;
        let keys = ops::slice(&rotated, 1, num_q, num_q + num_kv)?;
        let values = ops::slice(&heads, 1, num_q + num_kv, num_q + 2 * num_kv)?;

        let visible = cache.update(&keys, &values)?;
        let scale = self.rope.attention_scale();
        if let Some(observer) = observer {
            observer.attends(&AttentionView {
                queries: &queries,
                keys: &visible.keys,
                sinks: &self.sinks,
                scale,
                positions: cache.visible_positions(rows as usize),
                window: cache.window(),
            })?;
        }
        // For one row that is left here, MLX's own takes less than laying the keys out does.
        let out = match self.pool.as_ref().filter(|_| rows > 1) {
            Some(pool) => cpu::attend(&queries, &visible, cache, &self.sinks, scale, pool)?,
            None => attend(&queries, &visible, &self.sinks, mask, scale)?
                .transpose_axes(&[0, 2, 1, 3])?
                .reshape(&[rows, -1])?,
        };
        x.add(self.o_proj.forward(&out)?)
    }

    fn arrays(&self) -> Vec<&Array> {
        let mut arrays = self.norm.arrays();
        arrays.extend(self.qkv_proj.arrays());
        arrays.extend(self.o_proj.arrays());
        arrays.push(&self.sinks);
        arrays
    }
}

/// The router and the experts it chooses.
#[derive(Debug)]
pub struct MlpBlock {
    pub(super) norm: RmsNorm,
    pub(super) router: Router,
    pub(super) experts: Experts,
}

impl MlpBlock {
    /// `x: [L, D]` → `x + experts(norm(x))`.
    fn forward(
        &self,
        x: &Array,
        mut trace: Option<&mut ForwardTrace>,
        plan: Option<&LayerPlan>,
        position: usize,
    ) -> Result<Array> {
        let recording = trace.as_deref_mut();
        let rules = (plan, position);
        let both = self.router.forward_one(x, &self.norm, rules, recording)?;
        let (t, routing) = if let Some(both) = both {
            both
        } else {
            let t = self.norm.forward(x)?;
            let routing = self.router.forward_as(&t, plan, position)?;
            (t, routing)
        };
        if let Some(trace) = trace {
            trace.record(&routing);
        }
        self.experts.forward(&t, &routing, x)
    }

    fn arrays(&self) -> Vec<&Array> {
        let mut arrays = self.norm.arrays();
        arrays.extend(self.router.arrays());
        arrays.extend(self.experts.arrays());
        arrays
    }
}

/// Lends an observer out for one call; the lifetime within the trait object keeps
/// `Option::as_deref_mut` from doing it.
fn reborrow<'a>(
    observer: &'a mut Option<&mut dyn ForwardObserver>,
) -> Option<&'a mut dyn ForwardObserver> {
    match observer {
        Some(observer) => Some(&mut **observer),
        None => None,
    }
}
