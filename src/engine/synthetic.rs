//! A backend that makes up tokens and routing from a seed, for any number of layers and experts.
//!
//! It is for tests, for screens without a model, and for measuring the cost of everything that is
//! not the model. What it makes is plausible in form only, and says so: its summary's origin and
//! name, and the first words of each answer, are "synthetic".
//!
//! It obeys temperature, seed, stop tokens, maximum and recording; other sampling parameters have
//! no effect. Each draw depends on nothing but the model's seed, the sampling seed, the position and
//! the token before, so a run that was stopped and continued equals one that was not.
//!
//! A conversation is answered in harmony: an analysis, then Markdown of all kinds, with a length
//! that the seeds choose. Such answers are planned rather than drawn; see `answer`.

mod ablate;
mod answer;
mod inspect;
mod model;
mod prompt;
mod random;
mod render;
mod token;
mod vocabulary;

use std::ops::ControlFlow;

use self::answer::Answer;
use self::inspect::Look;
use self::render::Rendered;
use self::vocabulary::RETURN;
use super::backend::{
    Backend, InspectStep, PrefillChunk, PromptPrediction, PromptStart, Step, Usage,
};
use super::nominal;
use super::protocol::{
    AblateRequest, AblationReport, CacheUse, ErrorKind, ErrorReport, GenerateRequest,
    InspectRequest, LoadProgress, LoadRequest, LoadStage, ModelSummary, Prompt, RecordOptions,
};
use crate::generate::{AblationStage, FinishReason, InspectCost, InspectOptions, SamplingParams};
use crate::harmony::HarmonyEvent;
use crate::intervention::{ForcedRouting, Interventions, RoutingPlan};

pub use model::SyntheticModel;

/// Prompt tokens in a chunk.
const CHUNK_TOKENS: usize = 512;

/// Makes up tokens; see the [module](self).
#[derive(Debug)]
pub struct SyntheticBackend {
    model: SyntheticModel,
    summary: ModelSummary,
    /// The tokens whose keys and values a real model would hold.
    cache: Vec<u32>,
    run: Run,
    /// The cache and its rules while a generation borrows them.
    lent: Option<(Vec<u32>, Option<RoutingPlan>)>,
    look: Option<Look>,
}

/// The generation in progress.
#[derive(Debug, Default)]
struct Run {
    prompt: Vec<u32>,
    reused_tokens: usize,
    sampling: SamplingParams,
    plan: Option<RoutingPlan>,
    stop_tokens: Vec<u32>,
    max_tokens: usize,
    record: RecordOptions,
    generated_tokens: usize,
    /// The latest generated token, which is fed back with the next step.
    latest: Option<u32>,
    stopped: bool,
    /// The answer to a conversation.
    answer: Option<Answer>,
}

impl SyntheticBackend {
    /// A backend for a model of this form.
    pub fn new(model: SyntheticModel) -> Self {
        Self {
            summary: model.summary(),
            model,
            cache: Vec::new(),
            run: Run::default(),
            lent: None,
            look: None,
        }
    }

    /// What the rules mean for the model's form.
    fn plan(
        &self,
        interventions: &Interventions,
        forced: Option<&ForcedRouting>,
    ) -> Result<Option<RoutingPlan>, ErrorReport> {
        RoutingPlan::new(interventions, forced, &self.summary.router_shape())
            .map_err(|error| ErrorReport::from_error(ErrorKind::InvalidRequest, &error))
    }
}

impl Backend for SyntheticBackend {
    fn load(
        &mut self,
        _: &LoadRequest,
        progress: &mut dyn FnMut(LoadProgress) -> ControlFlow<()>,
    ) -> Result<ModelSummary, ErrorReport> {
        self.model.validate()?;
        // Nothing to read: one report, so that screens see the form of a load.
        let stage = LoadStage::Reading;
        if progress(LoadProgress {
            stage,
            done: 0,
            total: 0,
        })
        .is_break()
        {
            return Err(ErrorReport::new(
                ErrorKind::Cancelled,
                "loading was given up",
            ));
        }
        Ok(self.summary.clone())
    }

    fn start(&mut self, request: &GenerateRequest) -> Result<PromptStart, ErrorReport> {
        let Rendered {
            ids: prompt,
            start,
            answer,
        } = self.render(&request.prompt, request.sampling.seed);
        check_prompt(&prompt, self.model.max_context_tokens)?;
        let last = start.inserted.last();
        let is_over = last.is_some_and(|last| last.id == RETURN);
        let plan = self.plan(&request.interventions, request.forced_routing.as_deref())?;
        self.lent = (request.cache == CacheUse::Borrow)
            .then(|| (self.cache.clone(), self.run.plan.clone()));
        if plan != self.run.plan {
            self.cache.clear();
        }
        let reused_tokens = self.reusable(&prompt);
        let start = PromptStart {
            prompt_tokens: prompt.len(),
            reused_tokens,
            ..start
        };
        self.cache.truncate(reused_tokens);
        self.run = Run {
            prompt,
            reused_tokens,
            answer,
            sampling: request.sampling.clone(),
            plan,
            stop_tokens: request.stop.tokens.clone(),
            max_tokens: request.max_tokens.unwrap_or(usize::MAX),
            record: request.record,
            stopped: is_over,
            ..Run::default()
        };
        Ok(start)
    }

    fn prefill(&mut self) -> Result<PrefillChunk, ErrorReport> {
        std::thread::sleep(self.model.time_per_prefill_chunk);
        let begin = self.cache.len();
        let end = self.run.prompt.len().min(begin + CHUNK_TOKENS);
        self.cache.extend_from_slice(&self.run.prompt[begin..end]);
        // The last token's pass is reported with the token that it produces.
        let routed_end = end.min(self.run.prompt.len() - 1);
        let recorded = if self.run.record.routing {
            begin..routed_end
        } else {
            end..end
        };
        let routing = recorded.map(|position| self.routing(position, self.cache[position]));
        Ok(PrefillChunk {
            done_tokens: end,
            routing: routing.collect::<Result<_, _>>()?,
        })
    }

    fn step(&mut self) -> Result<Step, ErrorReport> {
        if self.run.stopped {
            return Ok(Step::Finished(FinishReason::Stop));
        }
        let context = self.run.prompt.len() + self.run.generated_tokens;
        if self.run.generated_tokens >= self.run.max_tokens
            || context >= self.model.max_context_tokens
        {
            return Ok(Step::Finished(FinishReason::Length));
        }
        std::thread::sleep(self.model.time_per_token);
        self.cache.extend(self.run.latest.take());
        let log_probabilities = self.log_probabilities();
        let planned = self.run.answer.as_ref().map(Answer::next);
        let id = planned.unwrap_or_else(|| self.draw(&log_probabilities));
        let answer = self.run.answer.as_mut();
        let harmony = answer.map_or_else(Vec::new, |answer| answer.push(id));
        let token = self.token(id, &log_probabilities, harmony)?;
        self.run.generated_tokens += 1;
        self.run.latest = Some(id);
        let is_end = planned.is_some() && id == RETURN;
        self.run.stopped = is_end || self.run.stop_tokens.contains(&id);
        Ok(Step::Token(token))
    }

    fn update_sampling(&mut self, sampling: &SamplingParams) -> Result<usize, ErrorReport> {
        self.run.sampling = sampling.clone();
        Ok(self.run.generated_tokens)
    }

    fn ablate(
        &self,
        request: &AblateRequest,
        progress: &mut dyn FnMut(AblationStage, usize, usize) -> ControlFlow<()>,
    ) -> Result<AblationReport, ErrorReport> {
        ablate::run(self.model, request, progress)
    }

    fn update_interventions(
        &mut self,
        interventions: &Interventions,
    ) -> Result<usize, ErrorReport> {
        self.run.plan = self.plan(interventions, None)?;
        Ok(self.run.generated_tokens)
    }

    fn update_recording(&mut self, record: RecordOptions) -> Result<(), ErrorReport> {
        self.run.record = record;
        Ok(())
    }

    fn end(&mut self) -> Vec<HarmonyEvent> {
        self.run.latest = None;
        if let Some((cache, plan)) = self.lent.take() {
            (self.cache, self.run.plan) = (cache, plan);
        }
        let answer = self.run.answer.take();
        answer.map_or_else(Vec::new, |mut answer| answer.finish())
    }

    fn predict(&self, prompt: &Prompt) -> Result<PromptPrediction, ErrorReport> {
        let ids = self.render(prompt, 0).ids;
        let memory = nominal::usage(&self.summary, ids.len(), 0).memory;
        Ok(PromptPrediction {
            prompt_tokens: ids.len(),
            reused_tokens: self.reusable(&ids),
            peak_bytes: memory.peak_bytes,
            limit_bytes: memory.limit_bytes,
            largest_prompt_tokens: self.model.max_context_tokens,
        })
    }

    fn inspect(&mut self, request: &InspectRequest) -> Result<usize, ErrorReport> {
        self.plan(&request.options.interventions, None)?;
        let look = Look::start(&self.model, &self.summary, request)?;
        Ok(self.look.insert(look).total_tokens())
    }

    fn inspect_step(&mut self) -> Result<InspectStep, ErrorReport> {
        std::thread::sleep(self.model.time_per_prefill_chunk);
        let look = self.look.as_mut();
        let look = look.ok_or_else(|| ErrorReport::new(ErrorKind::Generation, "nothing began"))?;
        Ok(look.step())
    }

    fn end_inspection(&mut self) {
        self.look = None;
    }

    fn inspect_cost(
        &self,
        tokens: usize,
        options: &InspectOptions,
    ) -> Result<InspectCost, ErrorReport> {
        Ok(inspect::cost(&self.summary, tokens, options))
    }

    fn reset(&mut self) {
        self.cache.clear();
        self.run = Run::default();
    }

    fn usage(&self) -> Usage {
        nominal::usage(&self.summary, self.cache.len(), self.run.reused_tokens)
    }
}

fn check_prompt(prompt: &[u32], max_context_tokens: usize) -> Result<(), ErrorReport> {
    let invalid = |message| Err(ErrorReport::new(ErrorKind::InvalidRequest, message));
    if prompt.is_empty() {
        return invalid("the prompt has no tokens".to_owned());
    }
    if prompt.len() > max_context_tokens {
        let found = prompt.len();
        return invalid(format!(
            "the prompt has {found} tokens, the context holds {max_context_tokens}"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
