//! The steps from a prompt to tokens: prefill in chunks, then decode one step ahead.
//!
//! While the device computes the logits of the next position, the host reads the token before,
//! decides, and builds the sampling graph on the logits to come. Nothing else is read back, so the
//! device never waits for the host; penalties and changed parameters stay plain host data. Where
//! evaluation happens inside the forward pass (the CPU's kernels), the step ahead is left out.
//! Why: docs/decisions/0005-sampling-after-look-ahead.md.

mod drawn;
mod prefill;

use std::sync::Arc;
use std::time::{Duration, Instant};

use mlx_rs::{Array, Dtype, transforms};

use super::check::check_request;
use super::clock::Clock;
use super::error::GenerateError;
use super::logprobs::TokenLogprobs;
use super::options::{CachedPositions, GenerateOptions, PositionRecord, RecordOptions};
use super::outcome::{FinishReason, GenerationStats};
use super::params::SamplingParams;
use super::prompt_cache::PromptCache;
use super::record;
use super::sampler::{self, History};
use crate::intervention::{Interventions, RoutingPlan};
use crate::model::gpt_oss::{LogitRows, Transformer};
use crate::model::trace::ForwardTrace;
pub use drawn::GeneratedToken;
use drawn::{Drawn, Pass};
pub use prefill::PrefillProgress;

/// One answer in the making.
///
/// It owns neither the model nor the cache: every call has to bring the same two. That lets an
/// engine keep all three side by side; [`super::TokenGenerator`] ties them together.
#[derive(Debug)]
pub struct Generation {
    /// Whether values are there as soon as a pass is built, and the host works on them itself.
    is_synchronous: bool,
    options: GenerateOptions,
    history: History,
    plan: Option<Arc<RoutingPlan>>,
    progress: PrefillProgress,
    prompt_records: Vec<PositionRecord>,
    /// The next token, drawn but not read yet.
    drawn: Option<Drawn>,
    num_generated: usize,
    max_tokens: usize,
    finish_reason: Option<FinishReason>,
    clock: Clock,
    capture_time: Duration,
}

/// What the options' interventions mean for `model`.
pub(super) fn routing_plan(
    model: &Transformer,
    options: &GenerateOptions,
) -> Result<Option<Arc<RoutingPlan>>, GenerateError> {
    let shape = model.config().router_shape();
    let forced = options.forced_routing.as_deref();
    let plan = RoutingPlan::new(&options.interventions, forced, &shape)?;
    Ok(plan.map(Arc::new))
}

impl Generation {
    /// Prepares to continue `prompt`, going back in `cache` to what it shares with it.
    ///
    /// With positions recorded nothing is taken over, so that every position is computed, unless
    /// [`GenerateOptions::cached_positions`] says otherwise.
    ///
    /// # Errors
    /// When the prompt is empty, too long, or holds an unknown id, when a sampling parameter is out
    /// of range, or when the predicted peak is above the limit. Nothing is computed before.
    pub fn start(
        model: &Transformer,
        cache: &mut PromptCache,
        prompt: &[u32],
        options: GenerateOptions,
    ) -> Result<Self, GenerateError> {
        let max_tokens = check_request(model, prompt, &options)?;
        let plan = routing_plan(model, &options)?;
        cache.begin_plan(plan.clone());
        let recomputes = options.cached_positions == CachedPositions::Recompute;
        let shared = if recomputes && options.record.wants_positions() {
            &[]
        } else {
            prompt
        };
        let reused_tokens = cache.rewind_to_prefix_of(shared);
        Ok(Self {
            is_synchronous: model.is_synchronous(),
            history: History::resumed(prompt, options.answered_tokens),
            plan,
            progress: PrefillProgress {
                done_tokens: reused_tokens,
                total_tokens: prompt.len(),
                reused_tokens,
            },
            prompt_records: Vec::new(),
            drawn: None,
            num_generated: 0,
            max_tokens,
            finish_reason: None,
            options,
            clock: Clock::start(),
            capture_time: Duration::ZERO,
        })
    }

    /// After a failed pass nothing of it may be taken over, by this answer or the next one.
    fn settle<T>(
        &mut self,
        outcome: Result<T, GenerateError>,
        cache: &mut PromptCache,
    ) -> Result<T, GenerateError> {
        if let Err(error) = &outcome {
            tracing::error!(%error, held_tokens = cache.len(), "a pass failed, the cache is emptied");
            self.drawn = None;
            cache.forget();
            // What the failed pass had allocated goes back to the system; why it failed is told all the
            // same.
            if let Err(error) = mlx_rs::memory::clear_cache() {
                tracing::error!(%error, "the device's free memory was not given back");
            }
        }
        outcome
    }

    /// Builds a pass over `ids` after what the cache holds.
    fn forward(
        &self,
        model: &Transformer,
        cache: &mut PromptCache,
        ids: &Array,
        rows: LogitRows,
    ) -> Result<Pass, GenerateError> {
        let record = self.options.record;
        let mut trace = (record.routing || record.router_logits)
            .then(|| ForwardTrace::new(record.router_logits));
        let logits = model.forward_as(
            ids,
            cache.layers_mut(),
            rows,
            trace.as_mut(),
            self.plan.as_deref(),
        )?;
        Ok(Pass {
            logits,
            routing: trace
                .map(|trace| trace.capture(self.is_synchronous))
                .transpose()?,
        })
    }

    /// Builds the pass over one token and hands it to the device.
    fn forward_one(
        &self,
        model: &Transformer,
        cache: &mut PromptCache,
        id: &Array,
    ) -> Result<Pass, GenerateError> {
        cache.remember_previous();
        let pass = self.forward(model, cache, &id.reshape(&[1])?, LogitRows::Last)?;
        transforms::async_eval(cache.arrays().into_iter().chain(pass.arrays()))?;
        Ok(pass)
    }

    /// Builds the draw from `pass` and hands it to the device.
    fn draw(&mut self, pass: Pass) -> Result<Drawn, GenerateError> {
        let position = self.history.tokens().len();
        let logits = pass.logits.as_ref().ok_or(GenerateError::EmptyPrompt)?;
        let params = &self.options.sampling;
        let sampled = sampler::sample(params, logits, &self.history, position)?;
        let top_logprobs = self.options.record.top_logprobs;
        // What overflows on the way leaves no logit finite.
        let is_finite = (logits.dtype() == Dtype::Float16)
            .then(|| logits.is_finite()?.all(false)?.as_dtype(Dtype::Uint32))
            .transpose()?;
        let drawn = Drawn {
            is_finite,
            sampled,
            pass,
            top_logprobs,
            records_logits: self.options.record.logits,
            explained: top_logprobs.map(|_| params.clone()),
        };
        let token = std::iter::once(&drawn.sampled.token);
        transforms::async_eval(token.chain(&drawn.is_finite).chain(drawn.wanted_logits()))?;
        Ok(drawn)
    }

    /// The next token, or `None` after the last; reads what is left of the prompt first.
    ///
    /// An error ends the answer and empties the cache.
    pub fn step(
        &mut self,
        model: &Transformer,
        cache: &mut PromptCache,
    ) -> Result<Option<GeneratedToken>, GenerateError> {
        let token = self.next_token(model, cache);
        self.settle(token, cache)
    }

    fn next_token(
        &mut self,
        model: &Transformer,
        cache: &mut PromptCache,
    ) -> Result<Option<GeneratedToken>, GenerateError> {
        while !self.progress.is_done() {
            self.read_chunk(model, cache)?;
        }
        if self.finish_reason.is_some() {
            return Ok(None);
        }
        let drawn = if let Some(drawn) = self.drawn.take() {
            drawn
        } else {
            let last = self.history.tokens().last().copied().unwrap_or_default();
            let pass = self.forward_one(model, cache, &Array::from_slice(&[last], &[1]))?;
            cache.appended(&[last]);
            self.draw(pass)?
        };
        let works_ahead = !self.is_synchronous && self.num_generated + 1 < self.max_tokens;
        let ahead = if works_ahead {
            Some(self.forward_one(model, cache, &drawn.sampled.token)?)
        } else {
            None
        };
        let token = self.read(&drawn)?;
        self.history.push(token.id);
        self.num_generated += 1;
        self.clock.token();
        if ahead.is_some() {
            cache.appended(&[token.id]);
        }
        if self.options.stop_tokens.contains(&token.id) {
            self.finish_reason = Some(FinishReason::Stop);
        } else if self.num_generated == self.max_tokens {
            self.finish_reason = Some(FinishReason::Length);
        } else if let Some(pass) = ahead {
            self.drawn = Some(self.draw(pass)?);
        }
        Ok(Some(token))
    }

    /// Waits for a token and what was recorded with it.
    fn read(&mut self, drawn: &Drawn) -> Result<GeneratedToken, GenerateError> {
        let sampled = &drawn.sampled;
        // First, so that waiting for the model does not count as recording.
        let id = record::host_u32(&sampled.token)?[0];
        if let Some(is_finite) = &drawn.is_finite
            && record::host_u32(is_finite)?[..] == [0]
        {
            return Err(GenerateError::RangeLeft);
        }
        let recording = Instant::now();
        let logits = drawn.wanted_logits().map(record::host_f32).transpose()?;
        let logits = logits.unwrap_or_default();
        let predicted_from = if self.options.record.wants_positions() && self.num_generated > 0 {
            let mut record = record::read(None, drawn.pass.routing.as_ref(), 1)?.pop();
            if let Some(record) = record.as_mut().filter(|_| drawn.records_logits) {
                record.logits = Some(logits.clone());
            }
            record
        } else {
            self.prompt_records.last().cloned()
        };
        let TokenLogprobs { own, top, entropy } = drawn.logprobs(id, &logits);
        let chain = drawn.chain(id, &top, &self.history, &logits);
        self.capture_time += recording.elapsed();
        Ok(GeneratedToken {
            id,
            logprob: own,
            top_logprobs: top,
            entropy,
            chain,
            predicted_from,
        })
    }

    /// The host's time spent so far on reading what was recorded with the generated tokens.
    pub fn capture_time(&self) -> Duration {
        self.capture_time
    }

    /// What was recorded of the prompt's computed positions; [`Self::prefill_step`] has to be done.
    pub fn prompt_records(&self) -> &[PositionRecord] {
        &self.prompt_records
    }

    /// Computes and returns the record of the newest token's own position, which no later token
    /// carries; for traces, at the end.
    pub fn record_of_last_token(
        &mut self,
        model: &Transformer,
        cache: &mut PromptCache,
    ) -> Result<Option<PositionRecord>, GenerateError> {
        if self.num_generated == 0 || !self.options.record.wants_positions() {
            return Ok(None);
        }
        let last = self.history.tokens().last().copied().unwrap_or_default();
        // A step ahead may have read it already, and its pass is gone: back to before it.
        let tokens = self.history.tokens().to_vec();
        let kept = cache.rewind_to_prefix_of(&tokens);
        debug_assert_eq!(kept + 1, tokens.len(), "one step back is always kept");
        let pass = self.forward_one(model, cache, &Array::from_slice(&[last], &[1]))?;
        cache.appended(&[last]);
        let logits = pass.logits.as_ref().filter(|_| self.options.record.logits);
        Ok(record::read(logits, pass.routing.as_ref(), 1)?.pop())
    }

    /// Changes how tokens are drawn, and returns the index of the first token it applies to: the
    /// next one, or the one after where the next is drawn already.
    ///
    /// # Errors
    /// When a parameter is out of range; the old ones stay then.
    pub fn set_sampling(&mut self, sampling: SamplingParams) -> Result<usize, GenerateError> {
        sampling.validate()?;
        self.options.sampling = sampling;
        Ok(self.num_generated + usize::from(self.drawn.is_some()))
    }

    /// Changes how experts are chosen, and returns the index of the first token it applies to. What
    /// is in the cache stays as it is.
    ///
    /// # Errors
    /// When the rules cannot be followed by this model; the old ones stay then.
    pub fn set_interventions(
        &mut self,
        model: &Transformer,
        cache: &mut PromptCache,
        interventions: Interventions,
    ) -> Result<usize, GenerateError> {
        let options = GenerateOptions {
            interventions,
            ..self.options.clone()
        };
        self.plan = routing_plan(model, &options)?;
        self.options = options;
        cache.change_plan(self.plan.clone());
        Ok(self.num_generated + usize::from(self.drawn.is_some()))
    }

    /// Changes what is recorded, from the next position that is not computed yet.
    pub fn set_record(&mut self, record: RecordOptions) {
        self.options.record = record;
    }

    /// How far the prompt is read.
    pub fn progress(&self) -> PrefillProgress {
        self.progress
    }

    /// Ends the answer here; nothing more is yielded.
    pub fn cancel(&mut self) {
        self.finish_reason.get_or_insert(FinishReason::Cancelled);
        self.drawn = None;
    }

    /// Why the answer ended, once it has.
    pub fn finish_reason(&self) -> Option<FinishReason> {
        self.finish_reason
    }

    /// Prompt and generated tokens in order.
    pub fn tokens(&self) -> &[u32] {
        self.history.tokens()
    }

    /// Counts and rates so far.
    pub fn stats(&self) -> GenerationStats {
        let peak = mlx_rs::memory::peak_memory().unwrap_or_default() as u64;
        self.clock.stats(self.progress, self.num_generated, peak)
    }
}
