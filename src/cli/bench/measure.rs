//! Runs one case several times.

use std::hint::black_box;

use gptoss::generate::{CachedPositions, PromptCache, RecordOptions, SamplingParams};
use gptoss::{GenerateOptions, GptOss, ModelConfig};

use crate::cli::args::BenchArgs;
use crate::cli::drive;
use crate::cli::exit::CliError;

/// Tokens that a warm-up generates at most.
const WARM_UP_TOKENS: usize = 8;

/// The lengths of one measurement.
#[expect(clippy::struct_field_names, reason = "names end in their unit")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Case {
    /// In the cache before.
    pub(super) context_tokens: usize,
    /// Read.
    pub(super) prompt_tokens: usize,
    /// Written.
    pub(super) generated_tokens: usize,
}

impl Case {
    /// All tokens together.
    pub(super) fn total_tokens(&self) -> usize {
        self.context_tokens
            .saturating_add(self.prompt_tokens)
            .saturating_add(self.generated_tokens)
    }

    /// Refuses what the model's context does not hold.
    pub(super) fn check(&self, config: &ModelConfig) -> Result<(), CliError> {
        let limit = config.max_position_embeddings;
        if self.total_tokens() <= limit {
            return Ok(());
        }
        Err(CliError::usage(format!(
            "{} + {} + {} tokens (context, prompt, generated) do not fit the model's context of \
             {limit}",
            self.context_tokens, self.prompt_tokens, self.generated_tokens
        )))
    }
}

/// What one repetition gave.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    /// Prompt tokens a second.
    pub(super) prefill_tps: Option<f64>,
    /// Prompt tokens that were in the cache.
    pub(super) reused_tokens: usize,
    /// From the request to the first generated token.
    pub(super) time_to_first_token_ms: Option<f64>,
    /// Generated tokens a second after the first.
    pub(super) decode_tps: Option<f64>,
    /// The most memory held at once, weights included.
    pub(super) peak_memory_bytes: u64,
}

/// A model with its options and its own supply of random tokens.
#[derive(Debug)]
pub(super) struct Bench<'a> {
    model: &'a GptOss,
    args: &'a BenchArgs,
    state: u64,
}

impl<'a> Bench<'a> {
    pub(super) fn new(model: &'a GptOss, args: &'a BenchArgs) -> Self {
        Self {
            model,
            args,
            state: args.seed,
        }
    }

    /// What is measured.
    pub(super) fn model(&self) -> &'a GptOss {
        self.model
    }

    /// An empty cache as the arguments want it.
    pub(super) fn new_cache(&self) -> PromptCache {
        self.model.new_cache(self.args.limits.kv_precision())
    }

    /// Warms up and measures; `done` is called after each round.
    pub(super) fn case(
        &mut self,
        case: Case,
        repetitions: usize,
        done: &mut dyn FnMut(),
    ) -> Result<Vec<Sample>, CliError> {
        let (mut cache, context) = self.warmed_up(case)?;
        done();
        let mut samples = Vec::new();
        for repetition in 1..=repetitions {
            // Each prompt leaves the context with another token, so that none of it is reused.
            let prompt = self.prompt(&context, case, repetition);
            let plain = RecordOptions::default();
            samples.push(self.round(&mut cache, &prompt, case.generated_tokens, plain)?);
            done();
        }
        Ok(samples)
    }

    /// A cache that holds the case's context, which comes with it, on a machine that is warm.
    pub(super) fn warmed_up(&mut self, case: Case) -> Result<(PromptCache, Vec<u32>), CliError> {
        let mut cache = self.new_cache();
        let context = self.tokens(case.context_tokens, 0);
        let plain = RecordOptions::default();
        if !context.is_empty() {
            self.round(&mut cache, &context, 0, plain)?;
        }
        let warm_up_tokens = case.generated_tokens.min(WARM_UP_TOKENS);
        let prompt = self.prompt(&context, case, 0);
        self.round(&mut cache, &prompt, warm_up_tokens, plain)?;
        Ok((cache, context))
    }

    /// Reads and writes once. Alternatives are turned into text, as whoever shows them has to.
    pub(super) fn round(
        &self,
        cache: &mut PromptCache,
        prompt: &[u32],
        max_tokens: usize,
        record: RecordOptions,
    ) -> Result<Sample, CliError> {
        let options = GenerateOptions {
            max_tokens: Some(max_tokens),
            record,
            cached_positions: CachedPositions::Reuse,
            sampling: SamplingParams {
                temperature: 0.0,
                ..SamplingParams::default()
            },
            prefill_chunk_tokens: self.args.limits.prefill_chunk_tokens(),
            kv_precision: self.args.limits.kv_precision(),
            memory_limit_bytes: self.args.limits.memory_limit_bytes(),
            ..GenerateOptions::default()
        };
        mlx_rs::memory::reset_peak_memory().map_err(|error| CliError::failed(error.what()))?;
        let mut generator = self.model.generate_with(cache, prompt, options)?;
        drive::prefill(&mut generator)?;
        while let Some(token) = drive::next(&mut generator)? {
            let alternatives = token.top_logprobs.iter();
            let texts: Vec<String> = alternatives
                .map(|(id, _)| self.model.token_text(*id))
                .collect();
            black_box(texts);
        }
        let stats = generator.stats();
        Ok(Sample {
            prefill_tps: stats.prefill_tps,
            reused_tokens: stats.reused_tokens,
            time_to_first_token_ms: stats.time_to_first_token_ms,
            decode_tps: stats.decode_tps,
            peak_memory_bytes: stats.peak_memory_bytes,
        })
    }

    pub(super) fn prompt(&mut self, context: &[u32], case: Case, first: usize) -> Vec<u32> {
        let mut prompt = context.to_vec();
        prompt.extend(self.tokens(case.prompt_tokens, first));
        prompt
    }

    /// `count` random tokens, beginning with `first`.
    fn tokens(&mut self, count: usize, first: usize) -> Vec<u32> {
        let vocab_size = self.model.config().vocab_size as u64;
        let mut tokens: Vec<u32> = (0..count)
            .map(|_| (self.next_random() % vocab_size) as u32)
            .collect();
        if let Some(token) = tokens.first_mut() {
            *token = (first as u64 % vocab_size) as u32;
        }
        tokens
    }

    /// `SplitMix64`, which is even enough for choosing tokens.
    pub(super) fn next_random(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}
