//! A backend that makes up tokens and routing from a seed, for any number of layers and experts.
//!
//! It is for tests, for screens without a model, and for measuring the cost of everything that is
//! not the model. What it makes is plausible in form only, and says so: its summary's origin and
//! name, and the first words of each answer, are "synthetic".
//!
//! It obeys temperature, seed, stop tokens, maximum and recording; other sampling parameters have
//! no effect. Each draw depends on nothing but the model's seed, the sampling seed, the position and
//! the token before, so a run that was stopped and continued equals one that was not.

mod model;
mod random;
mod vocabulary;

use std::ops::ControlFlow;

use self::random::{hash, uniform};
use self::vocabulary::{VOCAB_SIZE, text_of};
use super::backend::{Backend, PrefillChunk, PromptPrediction, PromptStart, Step, Usage};
use super::nominal;
use super::protocol::{
    ErrorKind, ErrorReport, GenerateRequest, LoadProgress, LoadRequest, LoadStage, ModelSummary,
    Prompt, RecordOptions, TokenEvent, TopLogprob,
};
use crate::generate::{FinishReason, SamplingParams, TokenRouting};
use crate::harmony::HarmonyEvent;

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
}

/// The generation in progress.
#[derive(Debug, Default)]
struct Run {
    prompt: Vec<u32>,
    reused_tokens: usize,
    sampling: SamplingParams,
    stop_tokens: Vec<u32>,
    max_tokens: usize,
    record: RecordOptions,
    generated_tokens: usize,
    /// The latest generated token, which is fed back with the next step.
    latest: Option<u32>,
    stopped: bool,
}

impl SyntheticBackend {
    /// A backend for a model of this form.
    pub fn new(model: SyntheticModel) -> Self {
        Self {
            summary: model.summary(),
            model,
            cache: Vec::new(),
            run: Run::default(),
        }
    }

    /// Log-probabilities of all tokens at the end of the cache.
    fn log_probabilities(&self) -> Vec<f32> {
        let position = self.cache.len() as u64;
        let previous = self.cache.last().copied().unwrap_or_default();
        let state = hash(&[self.model.seed, position, u64::from(previous)]);
        let logits: Vec<f32> = (0..VOCAB_SIZE)
            .map(|id| 4.0 * uniform(hash(&[state, u64::from(id)])))
            .collect();
        let log_sum = logits.iter().map(|logit| logit.exp()).sum::<f32>().ln();
        logits.into_iter().map(|logit| logit - log_sum).collect()
    }

    /// Draws by the Gumbel trick, whose noise depends on seed and position alone.
    fn draw(&self, log_probabilities: &[f32]) -> u32 {
        let SamplingParams {
            temperature, seed, ..
        } = self.run.sampling;
        let position = self.cache.len() as u64;
        let score = |id: u32, logprob: f32| {
            let noise = uniform(hash(&[seed, position, u64::from(id)]));
            logprob - temperature * (-noise.ln()).ln()
        };
        let scored = (0..)
            .zip(log_probabilities)
            .map(|(id, logprob)| (id, score(id, *logprob)));
        scored
            .max_by(|a, b| a.1.total_cmp(&b.1))
            .map_or(0, |(id, _)| id)
    }

    /// The routing of the token at `position`: popular experts come more often, others now and then.
    fn routing(&self, position: usize, token: u32) -> Result<TokenRouting, ErrorReport> {
        let SyntheticModel {
            num_hidden_layers,
            num_local_experts,
            seed,
            ..
        } = self.model;
        let k = self.model.num_experts_per_tok;
        let mut experts = Vec::with_capacity(num_hidden_layers * k);
        let mut weights = Vec::with_capacity(num_hidden_layers * k);
        for layer_idx in 0..num_hidden_layers as u64 {
            let mut scores: Vec<(u16, f32)> = (0..num_local_experts as u16)
                .map(|expert| {
                    let cell = hash(&[seed, layer_idx, u64::from(expert)]);
                    let choice = hash(&[cell, position as u64, u64::from(token)]);
                    (expert, 2.0 * uniform(cell) + 3.0 * uniform(choice))
                })
                .collect();
            scores.sort_unstable_by(|a, b| b.1.total_cmp(&a.1));
            scores.truncate(k);
            let sum: f32 = scores.iter().map(|(_, score)| score.exp()).sum();
            experts.extend(scores.iter().map(|(expert, _)| *expert));
            weights.extend(scores.iter().map(|(_, score)| score.exp() / sum));
        }
        TokenRouting::new(num_hidden_layers, k, experts, weights)
            .map_err(|error| ErrorReport::from_error(ErrorKind::Generation, &error))
    }

    fn token(&self, id: u32, log_probabilities: &[f32]) -> Result<TokenEvent, ErrorReport> {
        let index = self.run.generated_tokens;
        let RecordOptions {
            top_logprobs,
            routing,
        } = self.run.record;
        // The logits come from the pass of the token before, so that is the one routed.
        let position = self.cache.len() - 1;
        Ok(TokenEvent {
            index,
            id,
            text: if index == 0 {
                format!("[synthetic]{}", text_of(id))
            } else {
                text_of(id)
            },
            logprob: top_logprobs.map(|_| log_probabilities[id as usize]),
            top_logprobs: most_likely(log_probabilities, top_logprobs.unwrap_or(0).into()),
            routing: routing
                .then(|| self.routing(position, self.cache[position]))
                .transpose()?,
            harmony: Vec::new(),
        })
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
            done_bytes: 0,
            total_bytes: 0,
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
        let Prompt::Tokens(prompt) = &request.prompt else {
            let message = "conversations are not supported yet";
            return Err(ErrorReport::new(ErrorKind::InvalidRequest, message));
        };
        check_prompt(prompt, self.model.max_context_tokens)?;
        let common = prompt
            .iter()
            .zip(&self.cache)
            .take_while(|(a, b)| a == b)
            .count();
        let reused_tokens = common.min(prompt.len() - 1);
        self.cache.truncate(reused_tokens);
        self.run = Run {
            prompt: prompt.clone(),
            reused_tokens,
            sampling: request.sampling.clone(),
            stop_tokens: request.stop.tokens.clone(),
            max_tokens: request.max_tokens.unwrap_or(usize::MAX),
            record: request.record,
            ..Run::default()
        };
        Ok(PromptStart {
            prompt_tokens: prompt.len(),
            reused_tokens,
            ..PromptStart::default()
        })
    }

    fn prefill(&mut self) -> Result<PrefillChunk, ErrorReport> {
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
        let id = self.draw(&log_probabilities);
        let token = self.token(id, &log_probabilities)?;
        self.run.generated_tokens += 1;
        self.run.latest = Some(id);
        self.run.stopped = self.run.stop_tokens.contains(&id);
        Ok(Step::Token(token))
    }

    fn update_sampling(&mut self, sampling: &SamplingParams) -> Result<usize, ErrorReport> {
        self.run.sampling = sampling.clone();
        Ok(self.run.generated_tokens)
    }

    fn update_recording(&mut self, record: RecordOptions) -> Result<(), ErrorReport> {
        self.run.record = record;
        Ok(())
    }

    fn end(&mut self) -> Vec<HarmonyEvent> {
        self.run.latest = None;
        Vec::new()
    }

    fn predict(&self, _: &Prompt) -> Result<PromptPrediction, ErrorReport> {
        Err(ErrorReport::new(ErrorKind::InvalidRequest, "not yet"))
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

fn most_likely(log_probabilities: &[f32], count: usize) -> Vec<TopLogprob> {
    let mut ranked: Vec<(u32, f32)> = (0..).zip(log_probabilities.iter().copied()).collect();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
    ranked.truncate(count);
    ranked
        .into_iter()
        .map(|(id, logprob)| TopLogprob {
            id,
            text: text_of(id),
            logprob,
        })
        .collect()
}

#[cfg(test)]
mod tests;
