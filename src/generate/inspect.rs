//! A look inside the model for the last token of a sequence: chunks without logits, then one
//! observed pass.
//!
//! It works in caches of its own, so a conversation's cache stays as it is, and owns neither model
//! nor sequence beyond the run: like [`super::Generation`] it is driven step by step, and whoever
//! drives it may stop between two steps. The last chunk ends with the token looked at; what is
//! found there is read layer by layer.

use mlx_rs::{Array, transforms};

use super::check::{check_ids, over_limit};
use super::error::GenerateError;
use super::memory::MemoryModel;
use super::options::default_prefill_chunk_tokens;
use crate::intervention::RoutingPlan;
use crate::model::cache::LayerCache;
use crate::model::gpt_oss::{KvPrecision, LogitRows, Transformer};
use crate::model::inspect::LastRowInspector;
use crate::model::inspection::{
    InspectCost, InspectOptions, InspectOptionsError, InspectSizes, Inspection,
};

/// How the work is done and what it may need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InspectLimits {
    /// Tokens a pass, which bounds the time until a stop.
    pub prefill_chunk_tokens: usize,
    /// How full layers keep keys and values, for figures of a conversation kept likewise.
    pub kv_precision: KvPrecision,
    /// Refuse what is predicted to need more, in bytes.
    pub memory_limit_bytes: Option<u64>,
    /// Bytes in use besides the weights meanwhile, such as a conversation's cache.
    pub held_bytes: u64,
}

impl Default for InspectLimits {
    fn default() -> Self {
        Self {
            prefill_chunk_tokens: default_prefill_chunk_tokens(),
            kv_precision: KvPrecision::default(),
            memory_limit_bytes: None,
            held_bytes: 0,
        }
    }
}

/// Why there is no [`Inspection`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InspectError {
    /// The options ask for what the model does not have.
    #[error(transparent)]
    Options(#[from] InspectOptionsError),
    /// The sequence cannot be read, needs too much memory, or MLX failed.
    #[error(transparent)]
    Generate(#[from] GenerateError),
    /// Whoever was asked to go on said no.
    #[error("the look inside was cancelled")]
    Cancelled,
}

impl From<crate::mlx::Exception> for InspectError {
    fn from(exception: crate::mlx::Exception) -> Self {
        Self::Generate(exception.into())
    }
}

/// What a look inside at the last of `tokens` tokens will take.
pub fn inspect_cost(
    model: &Transformer,
    tokens: usize,
    options: &InspectOptions,
    limits: InspectLimits,
) -> InspectCost {
    let num_layers = model.config().num_hidden_layers;
    InspectCost {
        tokens,
        unembeddings: options.lens_layers(num_layers).len(),
        peak_bytes: peak_bytes(model, tokens, limits),
        limit_bytes: limits.memory_limit_bytes.unwrap_or_default(),
    }
}

/// How far a look inside is.
#[derive(Debug, Clone, PartialEq)]
pub enum InspectStep {
    /// So many tokens are computed.
    Computed(usize),
    /// All of them, with what was found.
    Done(Box<Inspection>),
}

/// A look inside in the making; every step has to bring the same model.
#[derive(Debug)]
pub struct InspectRun {
    ids: Vec<u32>,
    options: InspectOptions,
    plan: Option<RoutingPlan>,
    chunk_tokens: usize,
    caches: Vec<LayerCache>,
    done_tokens: usize,
}

impl InspectRun {
    /// Prepares to look at the last one of `ids`.
    ///
    /// # Errors
    /// When an option or a rule names what the model does not have, when the sequence is empty, too long, or
    /// holds an unknown id, or when the predicted peak is above the limit. Nothing is computed
    /// before.
    pub fn start(
        model: &Transformer,
        ids: &[u32],
        options: &InspectOptions,
        limits: InspectLimits,
    ) -> Result<Self, InspectError> {
        options.check(InspectSizes::of(model.config()))?;
        check_ids(model.config(), ids)?;
        let shape = model.config().router_shape();
        let plan = RoutingPlan::new(&options.interventions, None, &shape)
            .map_err(GenerateError::Intervention)?;
        check_memory(model, ids.len(), limits)?;
        Ok(Self {
            ids: ids.to_vec(),
            options: options.clone(),
            plan,
            chunk_tokens: limits.prefill_chunk_tokens.max(1),
            caches: model.new_caches(limits.kv_precision),
            done_tokens: 0,
        })
    }

    /// Tokens of the sequence.
    pub fn total_tokens(&self) -> usize {
        self.ids.len()
    }

    /// Computes the next chunk; the last one gives the result.
    ///
    /// # Errors
    /// When MLX fails, most likely for want of memory.
    pub fn step(&mut self, model: &Transformer) -> Result<InspectStep, InspectError> {
        let start = self.done_tokens;
        let end = (start + self.chunk_tokens).min(self.ids.len());
        let chunk = &self.ids[start..end];
        let chunk = Array::from_slice(chunk, &[chunk.len() as i32]);
        self.done_tokens = end;
        if end < self.ids.len() {
            model.forward_as(
                &chunk,
                &mut self.caches,
                LogitRows::None,
                None,
                self.plan.as_ref(),
            )?;
            transforms::eval(self.caches.iter().flat_map(LayerCache::arrays))?;
            mlx_rs::memory::clear_cache()?;
            return Ok(InspectStep::Computed(end));
        }
        let mut inspector = LastRowInspector::new(model, &self.ids, &self.options);
        model.observed(&chunk, &mut self.caches, self.plan.as_ref(), &mut inspector)?;
        let found = inspector.finish();
        // A step after the last one looks again, from the beginning.
        self.caches = self.caches.iter().map(LayerCache::emptied).collect();
        self.done_tokens = 0;
        mlx_rs::memory::clear_cache()?;
        Ok(InspectStep::Done(Box::new(found)))
    }
}

fn peak_bytes(model: &Transformer, tokens: usize, limits: InspectLimits) -> u64 {
    let demand = memory_model(model, limits).inspect_demand(tokens);
    demand.total_bytes().saturating_add(limits.held_bytes)
}

fn check_memory(
    model: &Transformer,
    tokens: usize,
    limits: InspectLimits,
) -> Result<(), GenerateError> {
    let Some(limit_bytes) = limits.memory_limit_bytes else {
        return Ok(());
    };
    let predicted_bytes = peak_bytes(model, tokens, limits);
    if predicted_bytes <= limit_bytes {
        return Ok(());
    }
    let left_bytes = limit_bytes.saturating_sub(limits.held_bytes);
    let largest = memory_model(model, limits).largest_inspected_tokens(left_bytes);
    Err(over_limit(tokens, predicted_bytes, limit_bytes, largest))
}

fn memory_model(model: &Transformer, limits: InspectLimits) -> MemoryModel {
    let chunk_tokens = limits.prefill_chunk_tokens.max(1);
    MemoryModel::new(model, limits.kv_precision, chunk_tokens)
}
