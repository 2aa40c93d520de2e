//! The backend that computes: a [`GptOss`] with the cache of one conversation.
//!
//! It translates between the protocol's plain data and the model's types: `load` and `usage` plain
//! figures, `prompt` conversations to ids, `run` tokens to events, `inspect` looks inside. It knows
//! neither channels of threads nor screens.

mod ablate;
mod inspect;
mod load;
mod prompt;
mod run;
mod usage;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use self::run::Run;
use super::backend::{
    Backend, InspectStep, PrefillChunk, PromptPrediction, PromptStart, Step, Usage,
};
use super::protocol::{
    AblateRequest, AblationReport, CacheSnapshot, CacheUse, ErrorKind, ErrorReport,
    GenerateRequest, InspectRequest, LoadProgress, LoadRequest, LoadStage, ModelSummary, Prompt,
    RecordOptions,
};
use crate::generate::{
    self, AblationStage, CachedPositions, DryParams, FinishReason, GenerateError, GenerateOptions,
    Generation, InspectCost, InspectOptions, InspectRun, PromptCache, SamplingParams,
};
use crate::gptoss::GptOss;
use crate::harmony::HarmonyEvent;
use crate::intervention::Interventions;
use crate::model::gpt_oss::KvPrecision;
use crate::model::params::LoadError;
use crate::tokenizer::StopStrings;

/// A model on MLX, driven step by step.
#[derive(Debug, Default)]
pub struct MlxBackend {
    loaded: Option<Loaded>,
    run: Option<Run>,
    /// The conversation's cache while a generation borrows it.
    lent: Option<PromptCache>,
    inspection: Option<InspectRun>,
}

#[derive(Debug)]
struct Loaded {
    model: GptOss,
    cache: PromptCache,
    kv_precision: KvPrecision,
    memory_limit_bytes: Option<u64>,
    /// Prompt tokens that the latest generation found in the cache.
    reused_tokens: usize,
}

impl Backend for MlxBackend {
    fn load(
        &mut self,
        request: &LoadRequest,
        progress: &mut dyn FnMut(LoadProgress) -> ControlFlow<()>,
    ) -> Result<ModelSummary, ErrorReport> {
        let options = load::pretrained_options(request.options);
        let mut report = |done_bytes, total_bytes| {
            let progress = progress(LoadProgress {
                stage: LoadStage::Weights,
                done: done_bytes,
                total: total_bytes,
            });
            progress.is_continue()
        };
        let model = GptOss::load(&load::model_source(&request.source), options, &mut report)
            .map_err(|error| load_report(&error))?;
        warm_up(&model, progress)?;
        let kv_precision = load::kv_precision(request.options.kv_bits);
        let summary = load::summary(&model);
        self.loaded = Some(Loaded {
            cache: model.new_cache(kv_precision),
            model,
            kv_precision,
            memory_limit_bytes: request.options.memory_limit_bytes,
            reused_tokens: 0,
        });
        Ok(summary)
    }

    fn start(&mut self, request: &GenerateRequest) -> Result<PromptStart, ErrorReport> {
        let loaded = self.loaded.as_mut().ok_or_else(no_model)?;
        let stop = StopStrings::new(request.stop.strings.iter().cloned())
            .map_err(|error| ErrorReport::from_error(ErrorKind::InvalidRequest, &error))?;
        let rendered = prompt::render(&loaded.model, &request.prompt)?;
        let is_answer = rendered.answer.is_some();
        let options = GenerateOptions {
            answered_tokens: rendered.ids.len() - rendered.answer_start,
            ..loaded.generate_options(request, is_answer)
        };
        self.lent = (request.cache == CacheUse::Borrow).then(|| loaded.cache.clone());
        let is_over = rendered.ends_with(&options.stop_tokens);
        let transformer = loaded.model.model();
        let generation = Generation::start(transformer, &mut loaded.cache, &rendered.ids, options)
            .map_err(|error| generate_report(&error))?;
        let progress = generation.progress();
        loaded.reused_tokens = progress.reused_tokens;
        self.run = Some(Run::new(generation, rendered.answer, stop, is_over));
        let before_answer = &rendered.ids[..rendered.answer_start];
        Ok(PromptStart {
            prompt_tokens: progress.total_tokens,
            reused_tokens: progress.reused_tokens,
            prompt: prompt::prompt_tokens(&loaded.model, before_answer),
            inserted: prompt::prompt_tokens(&loaded.model, &rendered.inserted),
            opened: rendered.opened,
        })
    }

    fn prefill(&mut self) -> Result<PrefillChunk, ErrorReport> {
        let (loaded, run) = self.running()?;
        let before = run.generation.prompt_records().len();
        let progress = run
            .generation
            .prefill_step(loaded.model.model(), &mut loaded.cache)
            .map_err(|error| generate_report(&error))?;
        let mut records = &run.generation.prompt_records()[before..];
        if let (true, [all_but_last @ .., _]) = (progress.is_done(), records) {
            // The last position's routing comes with the first token.
            records = all_but_last;
        }
        let routing = records.iter().filter_map(|record| record.routing.clone());
        Ok(PrefillChunk {
            done_tokens: progress.done_tokens,
            routing: routing.collect(),
        })
    }

    fn step(&mut self) -> Result<Step, ErrorReport> {
        let (loaded, run) = self.running()?;
        if run.is_stopped() {
            return Ok(Step::Finished(FinishReason::Stop));
        }
        let token = run
            .generation
            .step(loaded.model.model(), &mut loaded.cache)
            .map_err(|error| generate_report(&error))?;
        match token {
            Some(token) => Ok(Step::Token(run.token_event(&loaded.model, token))),
            None => Ok(Step::Finished(
                run.generation
                    .finish_reason()
                    .unwrap_or(FinishReason::Length),
            )),
        }
    }

    fn update_sampling(&mut self, sampling: &SamplingParams) -> Result<usize, ErrorReport> {
        let (loaded, run) = self.running()?;
        let is_answer = run.answer.is_some();
        run.generation
            .set_sampling(loaded.sampling(sampling, is_answer))
            .map_err(|error| generate_report(&error))
    }

    fn update_interventions(
        &mut self,
        interventions: &Interventions,
    ) -> Result<usize, ErrorReport> {
        let (loaded, run) = self.running()?;
        let model = loaded.model.model();
        run.generation
            .set_interventions(model, &mut loaded.cache, interventions.clone())
            .map_err(|error| generate_report(&error))
    }

    fn update_recording(&mut self, record: RecordOptions) -> Result<(), ErrorReport> {
        let (_, run) = self.running()?;
        run.generation.set_record(record_options(record));
        Ok(())
    }

    fn end(&mut self) -> Vec<HarmonyEvent> {
        let answer = self.run.take().and_then(|run| run.answer);
        if let (Some(loaded), Some(cache)) = (&mut self.loaded, self.lent.take()) {
            loaded.cache = cache;
        }
        answer.map_or_else(Vec::new, |mut answer| answer.finish())
    }

    fn predict(&self, prompt: &Prompt) -> Result<PromptPrediction, ErrorReport> {
        let loaded = self.loaded.as_ref().ok_or_else(no_model)?;
        let rendered = prompt::render(&loaded.model, prompt)?;
        Ok(usage::predict(loaded, &rendered.ids))
    }

    fn inspect(&mut self, request: &InspectRequest) -> Result<usize, ErrorReport> {
        let loaded = self.loaded.as_ref().ok_or_else(no_model)?;
        let run = inspect::start(loaded, request)?;
        Ok(self.inspection.insert(run).total_tokens())
    }

    fn inspect_step(&mut self) -> Result<InspectStep, ErrorReport> {
        match (&self.loaded, &mut self.inspection) {
            (Some(loaded), Some(run)) => inspect::step(loaded, run),
            _ => Err(no_model()),
        }
    }

    fn end_inspection(&mut self) {
        self.inspection = None;
    }

    fn inspect_cost(
        &self,
        tokens: usize,
        options: &InspectOptions,
    ) -> Result<InspectCost, ErrorReport> {
        let loaded = self.loaded.as_ref().ok_or_else(no_model)?;
        Ok(inspect::cost(loaded, tokens, options))
    }

    fn ablate(
        &self,
        request: &AblateRequest,
        progress: &mut dyn FnMut(AblationStage, usize, usize) -> ControlFlow<()>,
    ) -> Result<AblationReport, ErrorReport> {
        let loaded = self.loaded.as_ref().ok_or_else(no_model)?;
        ablate::run(loaded, request, progress)
    }

    fn capture_time(&self) -> Duration {
        let run = self.run.as_ref();
        run.map_or(Duration::ZERO, Run::capture_time)
    }

    fn reset(&mut self) {
        if let Some(loaded) = &mut self.loaded {
            loaded.cache = loaded.model.new_cache(loaded.kv_precision);
            loaded.reused_tokens = 0;
        }
    }

    fn usage(&self) -> Usage {
        let Some(loaded) = &self.loaded else {
            return usage::without_model();
        };
        let cache = loaded.cache.usage();
        Usage {
            cache: CacheSnapshot {
                full: usage::cache_usage(cache.full),
                sliding: usage::cache_usage(cache.sliding),
                reused_tokens: loaded.reused_tokens,
            },
            memory: usage::memory_snapshot(loaded),
        }
    }
}

impl MlxBackend {
    fn running(&mut self) -> Result<(&mut Loaded, &mut Run), ErrorReport> {
        match (&mut self.loaded, &mut self.run) {
            (Some(loaded), Some(run)) => Ok((loaded, run)),
            _ => Err(no_model()),
        }
    }
}

impl Loaded {
    /// The request in the model's words; an answer to a conversation also ends where answers end.
    fn generate_options(&self, request: &GenerateRequest, is_answer: bool) -> GenerateOptions {
        let mut stop_tokens = request.stop.tokens.clone();
        if is_answer {
            stop_tokens.extend(self.model.stop_tokens());
        }
        self.model.with_limit(GenerateOptions {
            max_tokens: request.max_tokens,
            sampling: self.sampling(&request.sampling, is_answer),
            interventions: request.interventions.clone(),
            forced_routing: request.forced_routing.as_deref().cloned().map(Arc::new),
            stop_tokens,
            record: record_options(request.record),
            cached_positions: CachedPositions::Reuse,
            kv_precision: self.kv_precision,
            memory_limit_bytes: self.memory_limit_bytes,
            ..GenerateOptions::default()
        })
    }

    /// The parameters, with the usual sequence breakers for an answer if there are none.
    fn sampling(&self, sampling: &SamplingParams, is_answer: bool) -> SamplingParams {
        let mut sampling = sampling.clone();
        let dry = &mut sampling.dry;
        if is_answer
            && dry.sequence_breakers.is_empty()
            && let Ok(tokenizer) = self.model.tokenizer()
        {
            dry.sequence_breakers = tokenizer.single_token_ids(&DryParams::SEQUENCE_BREAKERS);
        }
        sampling
    }
}

fn record_options(record: RecordOptions) -> generate::RecordOptions {
    generate::RecordOptions {
        top_logprobs: record.top_logprobs.map(usize::from),
        routing: record.routing,
        ..generate::RecordOptions::default()
    }
}

fn no_model() -> ErrorReport {
    ErrorReport::new(ErrorKind::NoModel, "no model is loaded").with_hint("load one first")
}

/// Makes the device ready, which on a GPU may compile kernels.
fn warm_up(
    model: &GptOss,
    progress: &mut dyn FnMut(LoadProgress) -> ControlFlow<()>,
) -> Result<(), ErrorReport> {
    let mut is_cancelled = false;
    let mut report = |done: usize, total: usize| {
        let goes_on = progress(LoadProgress {
            stage: LoadStage::WarmingUp,
            done: done as u64,
            total: total as u64,
        });
        is_cancelled |= goes_on.is_break();
        goes_on.is_continue()
    };
    if let Err(error) = model.model().warm_up(&mut report) {
        // The first answer does then what is left, and tells what stands in its way.
        tracing::warn!(error = error.what(), "the device is not warmed up");
    }
    if is_cancelled {
        return Err(load_report(&LoadError::Cancelled));
    }
    Ok(())
}

fn load_report(error: &LoadError) -> ErrorReport {
    let kind = match error {
        LoadError::Cancelled => ErrorKind::Cancelled,
        _ => ErrorKind::Load,
    };
    ErrorReport::from_error(kind, error)
}

fn generate_report(error: &GenerateError) -> ErrorReport {
    let kind = match error {
        GenerateError::Memory { .. } | GenerateError::OutOfMemory { .. } => ErrorKind::Memory,
        GenerateError::Mlx(_) | GenerateError::RangeLeft => ErrorKind::Generation,
        _ => ErrorKind::InvalidRequest,
    };
    ErrorReport::from_error(kind, error)
}
