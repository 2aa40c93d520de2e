//! What a forward pass leaves behind when asked: the routers' choices of every layer.
//!
//! On a GPU they are joined there and read once a token; where a kernel of our own routes, it writes its
//! layer's row itself. Where the CPU's kernels evaluate each layer on its way, a dozen operations for a
//! few numbers would cost more than the numbers.

use mlx_rs::Array;
use mlx_rs::error::Result;
use mlx_rs::ops::concatenate;

use super::experts::Routing;
use crate::mlx::ops;

/// Collects each layer's routing, still unevaluated, so that it joins the token's own evaluation.
#[derive(Debug, Default, Clone)]
pub struct ForwardTrace {
    layers: Vec<Routing>,
    num_layers: usize,
    rows: Option<Array>,
    /// Layers whose kernel has a row to write: not those where somebody intervenes.
    num_written: usize,
    with_router_logits: bool,
}

/// The routing of all layers for the rows of one forward pass.
#[derive(Debug)]
pub enum CapturedRouting {
    /// Joined on the device, not evaluated yet: one transfer for all layers.
    Stacked(TracedRouting),
    /// Written by the layers' kernels as they run: one array for all.
    Rows(RecordedRows),
    /// As the layers left it where each was evaluated on its way: the host reads it in place.
    Layers {
        /// In the model's order.
        layers: Vec<Routing>,
        /// Whether all `E` logits a layer are asked for.
        with_router_logits: bool,
    },
}

/// One token's routing of all layers in one array.
#[derive(Debug)]
pub struct RecordedRows {
    /// f32 `[layers, W]`: `K` ids by descending weight, `K` weights, the entropy in nats of the
    /// softmax over all experts' logits, and these logits, when asked for. To be read when
    /// [`Self::written`] is evaluated.
    ///
    /// Made by the host, so that each layer writes its own row and copies none of those before.
    pub rows: Array,
    /// Evaluated, all rows are there.
    pub written: Array,
    /// `K`.
    pub num_experts_per_tok: usize,
}

/// The routing of all layers in one array each.
#[derive(Debug)]
pub struct TracedRouting {
    /// u32 `[L, layers, K]`, by descending weight.
    pub experts: Array,
    /// f32 `[L, layers, K]`.
    pub weights: Array,
    /// f32 `[L, layers]`: the entropy of the softmax over all experts' logits, in nats.
    pub entropies: Array,
    /// f32 `[L, layers, E]`, when asked for.
    pub router_logits: Option<Array>,
}

impl CapturedRouting {
    /// What is still to be evaluated, with the token.
    pub fn arrays(&self) -> impl Iterator<Item = &Array> {
        let arrays = match self {
            Self::Stacked(stacked) => [
                Some(&stacked.experts),
                Some(&stacked.weights),
                Some(&stacked.entropies),
                stacked.router_logits.as_ref(),
            ],
            Self::Rows(recorded) => [Some(&recorded.written), None, None, None],
            Self::Layers { .. } => [None; 4],
        };
        arrays.into_iter().flatten()
    }
}

impl ForwardTrace {
    /// An empty trace; `with_router_logits` keeps all `E` logits a layer too.
    pub fn new(with_router_logits: bool) -> Self {
        Self {
            with_router_logits,
            ..Self::default()
        }
    }

    /// Says how many layers the pass has, before the first.
    pub(super) fn begin(&mut self, num_layers: usize) {
        self.num_layers = num_layers;
    }

    /// Where the kernel of the layer that comes next writes its row, `[1, W]`.
    pub(super) fn row_to_write(
        &mut self,
        num_experts_per_tok: usize,
        num_local_experts: usize,
    ) -> Result<Array> {
        let logits = usize::from(self.with_router_logits) * num_local_experts;
        let width = 2 * num_experts_per_tok + 1 + logits;
        let rows = self.rows.get_or_insert_with(|| {
            let empty = vec![0.0_f32; self.num_layers * width];
            Array::from_slice(&empty, &[self.num_layers as i32, width as i32])
        });
        let layer = self.layers.len();
        self.num_written += 1;
        ops::slice(rows, 0, layer, layer + 1)
    }

    pub(super) fn record(&mut self, routing: &Routing) {
        let mut routing = routing.clone();
        if let Some(recorded) = routing.recorded.take() {
            routing.experts = recorded.experts;
            routing.weights = recorded.weights;
        }
        self.layers.push(routing);
    }

    /// What was recorded: as the layers' own kernels wrote it, if all of them did, else
    /// [stacked](Self::finish) on the device, unless `is_evaluated` says that every layer's arrays
    /// have their values already: then the device is left alone.
    pub fn capture(self, is_evaluated: bool) -> Result<CapturedRouting> {
        if is_evaluated {
            return Ok(CapturedRouting::Layers {
                layers: self.layers,
                with_router_logits: self.with_router_logits,
            });
        }
        if let (Some(rows), Some(last)) = (&self.rows, self.layers.last())
            && self.num_written == self.layers.len()
        {
            return Ok(CapturedRouting::Rows(RecordedRows {
                rows: rows.clone(),
                written: last.experts.clone(),
                num_experts_per_tok: last.experts.dim(1) as usize,
            }));
        }
        self.finish().map(CapturedRouting::Stacked)
    }

    /// Stacks the layers. Joining rows and cutting them up again takes two steps where stacking
    /// takes one more for each layer, which counts for a single token.
    pub fn finish(self) -> Result<TracedRouting> {
        let num_layers = self.layers.len() as i32;
        let stacked = |part: fn(&Routing) -> &Array| {
            let parts: Vec<&Array> = self.layers.iter().map(part).collect();
            let rows = concatenate(&parts, 1)?;
            rows.reshape(&[rows.dim(0), num_layers, rows.dim(1) / num_layers.max(1)])
        };
        let router_logits = stacked(|routing| &routing.logits)?.as_dtype(mlx_rs::Dtype::Float32)?;
        Ok(TracedRouting {
            experts: stacked(|routing| &routing.experts)?.as_dtype(mlx_rs::Dtype::Uint32)?,
            weights: stacked(|routing| &routing.weights)?.as_dtype(mlx_rs::Dtype::Float32)?,
            entropies: entropies(&router_logits)?,
            router_logits: self.with_router_logits.then_some(router_logits),
        })
    }
}

/// `logits: [L, layers, E]` → `[L, layers]`: `-Σ p ln p` of the softmax, all layers in one chain.
fn entropies(logits: &Array) -> Result<Array> {
    let log_probabilities = logits.subtract(logits.logsumexp_axis(-1, true)?)?;
    let terms = log_probabilities.exp()?.multiply(&log_probabilities)?;
    terms.sum_axis(-1, false)?.negative()
}
