//! `trace`: what every token's routers chose, as a file.
//!
//! [`each`] hands over a run's positions while they are made; the file's recorder appends them at
//! once, so that a run that is killed leaves what it had.

pub(super) mod recording;

use std::path::Path;

use gptoss::generate::{
    CachedPositions, GeneratedToken, GenerationStats, PositionRecord, RecordOptions,
};
use gptoss::{GenerateOptions, GptOss, TokenGenerator};
use serde_json::{Value, json};

use super::args::{LimitArgs, TraceArgs};
use super::exit::CliError;
use super::force::Forced;
use super::prompt::Prompt;
use super::writable::{self, Existing};
use super::{drive, interrupt, model, output};
use recording::Recording;

/// Generated after prompts of text, unless told otherwise.
const MAX_TOKENS: usize = 256;

/// Writes the trace.
pub(crate) fn run(args: &TraceArgs) -> Result<(), CliError> {
    let mut sampling = args.sampling.params()?;
    let existing = Existing::of(args.force);
    writable::check_new_file(&args.output, existing)?;
    let prompt = Prompt::read(&args.model.source(), &args.prompt)?;
    prompt.complete(&mut sampling);
    let forced = Forced::open(&args.follow)?;
    let model = model::load(&args.model, &args.limits)?;
    let weights_digest = args.model.weights_digest()?;
    let forced_routing = match &forced {
        Some(forced) => Some(forced.routing(&model, &weights_digest)?),
        None => None,
    };
    let default_tokens = if prompt.is_ids() { 0 } else { MAX_TOKENS };
    let options = GenerateOptions {
        max_tokens: Some(args.max_tokens.unwrap_or(default_tokens)),
        sampling,
        interventions: args.experts.interventions(),
        forced_routing,
        stop_tokens: prompt.stop_tokens(model.config(), args.eos),
        record: RecordOptions {
            top_logprobs: args.logprobs,
            routing: true,
            router_logits: args.router_logits,
            logits: args.logits,
        },
        cached_positions: CachedPositions::Recompute,
        prefill_chunk_tokens: args.limits.prefill_chunk_tokens(),
        kv_precision: args.limits.kv_precision(),
        memory_limit_bytes: args.limits.memory_limit_bytes(),
        ..GenerateOptions::default()
    };
    let header = recording::header(
        &model,
        weights_digest,
        &options,
        settings(&args.limits, args.prompt.raw, &options, &model),
        forced.as_ref(),
    );
    let output = (args.output.as_path(), existing);
    let mut recording = Recording::new(output, header, &model, prompt.decoder()?, options.record);
    let mut generator = model.generate(&prompt.ids, options)?;
    let outcome = each(&mut generator, |position| recording.push(position));
    let ids = generator.tokens().to_vec();
    let (tokens, prompt_tokens) = (ids.len(), prompt.ids.len());
    finish(recording, outcome.and_then(|_| interrupt::check()))?;
    tell(&args.output, tokens, prompt_tokens);
    if let Some(forced) = &forced {
        forced.tell(&model, &ids);
    }
    Ok(())
}

/// Tells that a trace is there.
pub(super) fn tell(path: &Path, tokens: usize, prompt_tokens: usize) {
    output::note(&format!(
        "wrote {}: {tokens} tokens, of which {prompt_tokens} are the prompt's",
        path.display(),
    ));
}

/// Whoever interrupts wants no file; after another failure what there is stays, to be recovered.
fn finish(recording: Recording<'_>, outcome: Result<(), CliError>) -> Result<(), CliError> {
    let _guard = interrupt::Uninterruptible::begin();
    match outcome {
        Ok(()) => recording.finish(),
        Err(error @ CliError::Interrupted { .. }) => {
            recording.discard();
            Err(error)
        }
        Err(error) => Err(error),
    }
}

/// A position of a run, the prompt's included.
#[derive(Debug)]
pub(super) struct Position {
    /// Whether the token was given to the model.
    pub(super) is_prompt: bool,
    /// The token; what it was predicted with, but not from.
    pub(super) token: GeneratedToken,
    /// What was computed where the model read it.
    pub(super) record: PositionRecord,
}

/// Pairs each generated token with what was computed where the model read it, one token later.
#[derive(Debug, Default)]
pub(super) struct Positions {
    newest: Option<GeneratedToken>,
}

impl Positions {
    /// The positions of a prompt that has been read.
    pub(super) fn of_prompt(generator: &TokenGenerator<'_>) -> Vec<Position> {
        let prompt = generator.tokens().iter();
        let records = generator.prompt_records().iter();
        let position = |(id, record): (&u32, &PositionRecord)| Position {
            is_prompt: true,
            token: bare(*id),
            record: record.clone(),
        };
        prompt.zip(records).map(position).collect()
    }

    /// Takes the next token and what it was predicted from: the position that is complete by that.
    pub(super) fn next(
        &mut self,
        token: GeneratedToken,
        predicted_from: Option<PositionRecord>,
    ) -> Option<Position> {
        // What predicted the first token is the prompt's last position, which is there already.
        let (token, record) = (self.newest.replace(token)?, predicted_from?);
        Some(Position {
            is_prompt: false,
            token,
            record,
        })
    }

    /// The last token's position, which takes one more pass.
    pub(super) fn last(
        self,
        generator: &mut TokenGenerator<'_>,
    ) -> Result<Option<Position>, CliError> {
        let Some(token) = self.newest else {
            return Ok(None);
        };
        let record = generator.record_of_last_token()?;
        Ok(record.map(|record| Position {
            is_prompt: false,
            token,
            record,
        }))
    }
}

/// The trace of an answer that is shown while it comes.
pub(super) struct Tracing<'a> {
    recording: Recording<'a>,
    positions: Positions,
}

impl<'a> Tracing<'a> {
    /// Nothing recorded yet.
    pub(super) fn new(recording: Recording<'a>) -> Self {
        Self {
            recording,
            positions: Positions::default(),
        }
    }

    /// Records the prompt, once it is read.
    pub(super) fn prompt(&mut self, generator: &TokenGenerator<'_>) -> Result<(), CliError> {
        let mut prompt = Positions::of_prompt(generator).into_iter();
        prompt.try_for_each(|position| self.recording.push(position))
    }

    /// Takes a token and what was recorded with it.
    pub(super) fn token(&mut self, token: &mut GeneratedToken) -> Result<(), CliError> {
        let predicted_from = token.predicted_from.take();
        let complete = self.positions.next(token.clone(), predicted_from);
        complete.map_or(Ok(()), |position| self.recording.push(position))
    }

    /// Makes it the finished file; after Ctrl+C with the tokens that were shown.
    pub(super) fn finish(mut self, generator: &mut TokenGenerator<'_>) -> Result<(), CliError> {
        let _guard = interrupt::Uninterruptible::begin();
        if let Some(last) = self.positions.last(generator)? {
            self.recording.push(last)?;
        }
        self.recording.finish()
    }
}

/// Generates, and hands over all positions in order, each once its record is there.
pub(super) fn each(
    generator: &mut TokenGenerator<'_>,
    mut take: impl FnMut(Position) -> Result<(), CliError>,
) -> Result<GenerationStats, CliError> {
    drive::prefill(generator)?;
    for position in Positions::of_prompt(generator) {
        take(position)?;
    }
    let mut positions = Positions::default();
    while let Some(mut token) = drive::next(generator)? {
        let predicted_from = token.predicted_from.take();
        positions
            .next(token, predicted_from)
            .map_or(Ok(()), &mut take)?;
    }
    positions.last(generator)?.map_or(Ok(()), &mut take)?;
    Ok(generator.stats())
}

fn bare(id: u32) -> GeneratedToken {
    GeneratedToken {
        id,
        logprob: None,
        entropy: None,
        chain: None,
        top_logprobs: Vec::new(),
        predicted_from: None,
    }
}

/// Generates, and returns one record a token, the prompt's included.
pub(super) fn record(generator: &mut TokenGenerator<'_>) -> Result<Vec<PositionRecord>, CliError> {
    let mut records = Vec::new();
    each(generator, |position| {
        records.push(position.record);
        Ok(())
    })?;
    Ok(records)
}

/// The settings of a run, for its trace.
pub(super) fn settings(
    limits: &LimitArgs,
    is_raw: bool,
    options: &GenerateOptions,
    model: &GptOss,
) -> Value {
    json!({
        "sampling": options.sampling,
        "max_tokens": options.max_tokens,
        "stop_tokens": options.stop_tokens,
        "prefill_chunk_tokens": options.prefill_chunk_tokens,
        "kv_bits": limits.kv_bits.as_ref().map(|_| 8),
        "device": model.loaded().device.name(),
        "dtype": model.loaded().dtype_name(),
        "layout": model.loaded().layout.map(gptoss::checkpoint::Layout::as_str),
        "raw": is_raw,
    })
}
