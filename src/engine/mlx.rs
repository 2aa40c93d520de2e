//! The backend that computes: a [`GptOss`] with the cache of one conversation.
//!
//! It translates between the protocol's plain data and the model's types, and knows neither
//! channels nor screens.

use std::ops::ControlFlow;

use mlx_rs::Dtype;

use super::backend::{Backend, PrefillChunk, PromptPrediction, PromptStart, Step, Usage};
use super::protocol::{
    ActivationDtype, AttentionKind, CacheSnapshot, CacheUsage, DenseQuantization, ErrorKind,
    ErrorReport, ExpertQuantization, GenerateRequest, KvBits, LoadOptions, LoadProgress,
    LoadRequest, LoadStage, MemorySnapshot, ModelOrigin, ModelSource, ModelSummary, Prompt,
    RecordOptions, TokenEvent, TopLogprob,
};
use crate::generate::{
    self, FinishReason, GenerateError, GenerateOptions, GeneratedToken, Generation, KindUsage,
    PromptCache, SamplingParams,
};
use crate::gptoss::{GptOss, PretrainedOptions};
use crate::harmony::HarmonyEvent;
use crate::model::config::{LayerType, Quantization};
use crate::model::gpt_oss::KvPrecision;
use crate::model::params::{LoadError, QuantizeOptions, affine};
use crate::tokenizer::{StopStrings, TextStream};

/// A model on MLX, driven step by step.
#[derive(Debug, Default)]
pub struct MlxBackend {
    loaded: Option<Loaded>,
    run: Option<Run>,
}

#[derive(Debug)]
struct Loaded {
    model: GptOss,
    cache: PromptCache,
    kv_precision: KvPrecision,
    memory_limit_bytes: Option<u64>,
}

/// The generation in progress.
#[derive(Debug)]
struct Run {
    generation: Generation,
    text: TextStream,
    stop: StopStrings,
    generated_tokens: usize,
    stopped: bool,
}

impl Backend for MlxBackend {
    fn load(
        &mut self,
        request: &LoadRequest,
        progress: &mut dyn FnMut(LoadProgress) -> ControlFlow<()>,
    ) -> Result<ModelSummary, ErrorReport> {
        let options = pretrained_options(request.options);
        let mut report = |done_bytes, total_bytes| {
            let progress = progress(LoadProgress {
                stage: LoadStage::Weights,
                done_bytes,
                total_bytes,
            });
            progress.is_continue()
        };
        let model = GptOss::load(&model_source(&request.source), options, &mut report)
            .map_err(|error| load_report(&error))?;
        let kv_precision = match request.options.kv_bits {
            KvBits::Activation => KvPrecision::Activations,
            KvBits::Eight => KvPrecision::EightBit,
        };
        let summary = summary(&model);
        self.loaded = Some(Loaded {
            cache: model.new_cache(kv_precision),
            model,
            kv_precision,
            memory_limit_bytes: request.options.memory_limit_bytes,
        });
        Ok(summary)
    }

    fn start(&mut self, request: &GenerateRequest) -> Result<PromptStart, ErrorReport> {
        let loaded = self.loaded.as_mut().ok_or_else(no_model)?;
        let Prompt::Tokens(prompt) = &request.prompt else {
            let message = "conversations are not supported yet";
            return Err(ErrorReport::new(ErrorKind::InvalidRequest, message));
        };
        let options = loaded.model.with_limit(GenerateOptions {
            max_tokens: request.max_tokens,
            sampling: request.sampling.clone(),
            stop_tokens: request.stop.tokens.clone(),
            record: record_options(request.record),
            kv_precision: loaded.kv_precision,
            memory_limit_bytes: loaded.memory_limit_bytes,
            ..GenerateOptions::default()
        });
        let transformer = loaded.model.model();
        let generation = Generation::start(transformer, &mut loaded.cache, prompt, options)
            .map_err(|error| generate_report(&error))?;
        let stop = StopStrings::new(request.stop.strings.iter().cloned())
            .map_err(|error| ErrorReport::from_error(ErrorKind::InvalidRequest, &error))?;
        let progress = generation.progress();
        self.run = Some(Run {
            generation,
            text: TextStream::new(),
            stop,
            generated_tokens: 0,
            stopped: false,
        });
        Ok(PromptStart {
            prompt_tokens: progress.total_tokens,
            reused_tokens: progress.reused_tokens,
            ..PromptStart::default()
        })
    }

    fn prefill(&mut self) -> Result<PrefillChunk, ErrorReport> {
        let (loaded, run) = self.running()?;
        let before = run.generation.prompt_records().len();
        let progress = run
            .generation
            .prefill_step(loaded.model.model(), &mut loaded.cache)
            .map_err(|error| generate_report(&error))?;
        // The last position's routing comes with the first token.
        let last = progress.total_tokens - 1;
        let records = run
            .generation
            .prompt_records()
            .iter()
            .take(last)
            .skip(before);
        Ok(PrefillChunk {
            done_tokens: progress.done_tokens,
            routing: records
                .filter_map(|record| record.routing.clone())
                .collect(),
        })
    }

    fn step(&mut self) -> Result<Step, ErrorReport> {
        let (loaded, run) = self.running()?;
        if run.stopped {
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
        let (_, run) = self.running()?;
        run.generation
            .set_sampling(sampling.clone())
            .map_err(|error| generate_report(&error))
    }

    fn update_recording(&mut self, record: RecordOptions) -> Result<(), ErrorReport> {
        let (_, run) = self.running()?;
        run.generation.set_record(record_options(record));
        Ok(())
    }

    fn end(&mut self) -> Vec<HarmonyEvent> {
        self.run = None;
        Vec::new()
    }

    fn predict(&self, _: &Prompt) -> Result<PromptPrediction, ErrorReport> {
        Err(no_model())
    }

    fn reset(&mut self) {
        if let Some(loaded) = &mut self.loaded {
            loaded.cache = loaded.model.new_cache(loaded.kv_precision);
        }
    }

    fn usage(&self) -> Usage {
        let Some(loaded) = &self.loaded else {
            return Usage::default();
        };
        let cache = loaded.cache.usage();
        let reused = self.run.as_ref();
        Usage {
            cache: CacheSnapshot {
                full: cache_usage(cache.full),
                sliding: cache_usage(cache.sliding),
                reused_tokens: reused.map_or(0, |run| run.generation.progress().reused_tokens),
            },
            memory: memory_snapshot(loaded),
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

impl Run {
    /// The token as the protocol has it; a stop string ends the run and cuts its text.
    fn token_event(&mut self, model: &GptOss, token: GeneratedToken) -> TokenEvent {
        let index = self.generated_tokens;
        self.generated_tokens += 1;
        let step = self
            .stop
            .push(&self.text.push(&model.token_bytes(token.id)));
        let mut text = step.text;
        if step.matched.is_some() {
            self.stopped = true;
        } else if self.generation.finish_reason().is_some() {
            text.push_str(&self.stop.push(&self.text.finish()).text);
            text.push_str(&self.stop.finish());
        }
        let alternatives = token.top_logprobs.into_iter();
        TokenEvent {
            index,
            id: token.id,
            text,
            logprob: token.logprob,
            top_logprobs: alternatives
                .map(|(id, logprob)| TopLogprob {
                    id,
                    text: model.token_text(id),
                    logprob,
                })
                .collect(),
            routing: token.predicted_from.and_then(|record| record.routing),
            harmony: Vec::new(),
        }
    }
}

fn model_source(source: &ModelSource) -> crate::gptoss::ModelSource {
    match source {
        ModelSource::Demo => crate::gptoss::ModelSource::Demo,
        ModelSource::Directory(dir) => crate::gptoss::ModelSource::Directory(dir.clone()),
    }
}

fn pretrained_options(options: LoadOptions) -> PretrainedOptions {
    PretrainedOptions {
        dtype: match options.dtype {
            ActivationDtype::Auto => None,
            ActivationDtype::F32 => Some(Dtype::Float32),
            ActivationDtype::Bf16 => Some(Dtype::Bfloat16),
            ActivationDtype::F16 => Some(Dtype::Float16),
        },
        quantize: QuantizeOptions {
            experts: match options.quantize_experts {
                ExpertQuantization::Keep => None,
                ExpertQuantization::Mxfp4 => Some(Quantization::MXFP4),
                ExpertQuantization::Affine8 => Some(affine(8)),
                ExpertQuantization::Affine4 => Some(affine(4)),
            },
            rest: match options.quantize_dense {
                DenseQuantization::Keep => None,
                DenseQuantization::Affine8 => Some(affine(8)),
                DenseQuantization::Affine4 => Some(affine(4)),
            },
        },
    }
}

fn record_options(record: RecordOptions) -> generate::RecordOptions {
    generate::RecordOptions {
        top_logprobs: record.top_logprobs.map(usize::from),
        routing: record.routing,
        ..generate::RecordOptions::default()
    }
}

fn summary(model: &GptOss) -> ModelSummary {
    let (config, loaded) = (model.config(), model.loaded());
    let kind = |layer: &LayerType| match layer {
        LayerType::SlidingAttention => AttentionKind::Sliding,
        LayerType::FullAttention => AttentionKind::Full,
    };
    ModelSummary {
        name: loaded.name.clone(),
        origin: ModelOrigin::Model,
        layers: config.layer_types.iter().map(kind).collect(),
        num_local_experts: config.num_local_experts,
        num_experts_per_tok: config.num_experts_per_tok,
        vocab_size: config.vocab_size,
        max_context_tokens: config.max_position_embeddings,
        sliding_window_tokens: config.sliding_window,
        weights_bytes: loaded.weights_bytes,
        dtype: loaded.dtype_name().to_owned(),
        device: loaded.device.name().to_owned(),
        load_ms: loaded.load_seconds * 1e3,
    }
}

fn cache_usage(usage: KindUsage) -> CacheUsage {
    CacheUsage {
        num_layers: usage.num_layers,
        tokens: usage.tokens,
        capacity_tokens: usage.capacity_tokens,
        bytes: usage.used_bytes,
        capacity_bytes: usage.bytes,
    }
}

fn memory_snapshot(loaded: &Loaded) -> MemorySnapshot {
    let bytes = |read: fn() -> mlx_rs::error::Result<usize>| read().unwrap_or_default() as u64;
    MemorySnapshot {
        active_bytes: bytes(mlx_rs::memory::active_memory),
        cache_bytes: bytes(mlx_rs::memory::cache_memory),
        peak_bytes: bytes(mlx_rs::memory::peak_memory),
        limit_bytes: loaded
            .memory_limit_bytes
            .or(loaded.model.default_memory_limit_bytes())
            .unwrap_or_default(),
        weights_bytes: loaded.model.loaded().weights_bytes,
    }
}

fn no_model() -> ErrorReport {
    ErrorReport::new(ErrorKind::NoModel, "no model is loaded").with_hint("load one first")
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
        GenerateError::Memory { .. } => ErrorKind::Memory,
        GenerateError::Mlx(_) => ErrorKind::Generation,
        _ => ErrorKind::InvalidRequest,
    };
    ErrorReport::from_error(kind, error)
}
