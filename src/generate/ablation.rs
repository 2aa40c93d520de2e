//! Two runs side by side: the model as it is, and with some experts changed.
//!
//! Both answer the same prompt with the same seed. How far the second departs is measured where the
//! comparison is fair: both read the first run's answer, token by token, and each position's two
//! distributions are compared. Nothing depends on a cache from before.

use mlx_rs::ops::indexing::take_along_axis;
use mlx_rs::{Array, Dtype, transforms};

use super::divergence::{Ablation, AblationStage, PositionDivergence};
use super::error::GenerateError;
use super::generation::routing_plan;
use super::options::GenerateOptions;
use super::prompt_cache::PromptCache;
use super::record;
use super::token_generator::TokenGenerator;
use crate::intervention::{Interventions, RoutingPlan};
use crate::model::gpt_oss::{LogitRows, Transformer};

/// Positions compared at once: two tables of so many rows by the vocabulary are held.
const ROWS_AT_ONCE: usize = 16;

/// What is told while it runs: the part, how many of its tokens are done, and how many it has at
/// most. Answering false gives up.
pub type AblationProgress<'a> = &'a mut dyn FnMut(AblationStage, usize, usize) -> bool;

/// Answers `prompt` as `options` say and again with `ablated` in force, and compares the two.
///
/// Returns nothing when `progress` gave up.
///
/// # Errors
/// As [`super::Generation::start`], for either run.
pub fn ablate(
    model: &Transformer,
    prompt: &[u32],
    options: &GenerateOptions,
    ablated: &Interventions,
    progress: AblationProgress<'_>,
) -> Result<Option<Ablation>, GenerateError> {
    let changed = GenerateOptions {
        interventions: ablated.clone(),
        ..options.clone()
    };
    let Some(baseline) = answer(model, prompt, options, AblationStage::Baseline, progress)? else {
        return Ok(None);
    };
    let Some(ablated) = answer(model, prompt, &changed, AblationStage::Ablated, progress)? else {
        return Ok(None);
    };
    let plans = (
        routing_plan(model, options)?,
        routing_plan(model, &changed)?,
    );
    let mut before = Reader::new(model, options, plans.0.as_deref());
    let mut after = Reader::new(model, options, plans.1.as_deref());
    let (read, tokens) = (prompt.len().saturating_sub(1), baseline.len());
    if !both(&mut before, &mut after, &prompt[..read], options, progress)? {
        return Ok(None);
    }
    // Row `i` predicts token `i` of the answer: the prompt's last token, then the answer's.
    let inputs: Vec<u32> = prompt[read..].iter().chain(&baseline).copied().collect();
    let mut positions = Vec::with_capacity(tokens);
    for start in (0..tokens).step_by(ROWS_AT_ONCE) {
        if !progress(AblationStage::Comparing, start, tokens) {
            return Ok(None);
        }
        let end = (start + ROWS_AT_ONCE).min(tokens);
        let rows = (
            before.logits(&inputs[start..end])?,
            after.logits(&inputs[start..end])?,
        );
        positions.extend(compare(&rows.0, &rows.1, &baseline[start..end])?);
    }
    Ok(Some(Ablation {
        baseline,
        ablated,
        positions,
    }))
}

/// One run's tokens; nothing when `progress` gave up.
fn answer(
    model: &Transformer,
    prompt: &[u32],
    options: &GenerateOptions,
    stage: AblationStage,
    progress: AblationProgress<'_>,
) -> Result<Option<Vec<u32>>, GenerateError> {
    let mut generator = TokenGenerator::new(model, prompt, options.clone())?;
    let most = options.max_tokens.unwrap_or_default();
    while !generator.prefill_step()?.is_done() {
        if !progress(stage, 0, most) {
            return Ok(None);
        }
    }
    let mut ids = Vec::new();
    loop {
        if !progress(stage, ids.len(), most) {
            return Ok(None);
        }
        match generator.next() {
            Some(token) => ids.push(token?.id),
            None => return Ok(Some(ids)),
        }
    }
}

/// Lets both read the prompt; false when `progress` gave up.
fn both(
    before: &mut Reader<'_>,
    after: &mut Reader<'_>,
    prompt: &[u32],
    options: &GenerateOptions,
    progress: AblationProgress<'_>,
) -> Result<bool, GenerateError> {
    for chunk in prompt.chunks(options.prefill_chunk_tokens.max(1)) {
        if !progress(AblationStage::Comparing, 0, 0) {
            return Ok(false);
        }
        before.read(chunk, LogitRows::None)?;
        after.read(chunk, LogitRows::None)?;
    }
    Ok(true)
}

/// A model under one set of rules, reading given tokens.
struct Reader<'a> {
    model: &'a Transformer,
    cache: PromptCache,
    plan: Option<&'a RoutingPlan>,
}

impl<'a> Reader<'a> {
    fn new(
        model: &'a Transformer,
        options: &GenerateOptions,
        plan: Option<&'a RoutingPlan>,
    ) -> Self {
        Self {
            model,
            cache: PromptCache::new(model, options.kv_precision),
            plan,
        }
    }

    fn read(&mut self, ids: &[u32], rows: LogitRows) -> Result<Option<Array>, GenerateError> {
        let array = Array::from_slice(ids, &[ids.len() as i32]);
        let layers = self.cache.layers_mut();
        let logits = self
            .model
            .forward_as(&array, layers, rows, None, self.plan)?;
        self.cache.appended(ids);
        // The named point of evaluation: the end of a chunk.
        transforms::eval(self.cache.arrays().into_iter().chain(&logits))?;
        Ok(logits)
    }

    /// f32 `[L, V]`.
    fn logits(&mut self, ids: &[u32]) -> Result<Array, GenerateError> {
        let logits = self.read(ids, LogitRows::All)?;
        let logits = logits.ok_or(GenerateError::EmptyPrompt)?;
        Ok(logits.as_dtype(Dtype::Float32)?)
    }
}

/// Compares two tables of logits `[L, V]`, row by row.
fn compare(
    before: &Array,
    after: &Array,
    ids: &[u32],
) -> Result<Vec<PositionDivergence>, GenerateError> {
    let log_softmax = |logits: &Array| logits.subtract(logits.logsumexp_axis(-1, true)?);
    let (before, after) = (log_softmax(before)?, log_softmax(after)?);
    let kl = before
        .exp()?
        .multiply(before.subtract(&after)?)?
        .sum_axis(-1, false)?;
    let chosen = Array::from_slice(ids, &[ids.len() as i32, 1]);
    let of_chosen = |table: &Array| take_along_axis(table, &chosen, -1);
    let best = |table: &Array| mlx_rs::ops::indexing::argmax_axis(table, -1, false);
    let (logprob_before, logprob_after) = (of_chosen(&before)?, of_chosen(&after)?);
    let (best_before, best_after) = (best(&before)?, best(&after)?);
    // The named point of evaluation: a handful of numbers a position.
    transforms::eval([
        &kl,
        &logprob_before,
        &logprob_after,
        &best_before,
        &best_after,
    ])?;
    let (kl, logprob_before) = (record::host_f32(&kl)?, record::host_f32(&logprob_before)?);
    let logprob_after = record::host_f32(&logprob_after)?;
    let (best_before, best_after) = (
        record::host_u32(&best_before)?,
        record::host_u32(&best_after)?,
    );
    Ok((0..ids.len())
        .map(|row| PositionDivergence {
            // Rounding can bring it a hair below zero, which no divergence is.
            kl_nats: kl[row].max(0.0),
            logprob_before: logprob_before[row],
            logprob_after: logprob_after[row],
            best_before: best_before[row],
            best_after: best_after[row],
        })
        .collect())
}
