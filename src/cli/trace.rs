//! `trace`: what every token's routers chose, as a file.
//!
//! [`each`] hands over a run's positions while they are made; the file's recorder appends them at
//! once, so that a run that is killed leaves what it had.

mod recording;

use gptoss::generate::{
    CachedPositions, GeneratedToken, GenerationStats, PositionRecord, RecordOptions,
};
use gptoss::{GenerateOptions, GptOss, TokenGenerator};
use serde_json::{Value, json};

use super::args::TraceArgs;
use super::exit::CliError;
use super::force::Forced;
use super::prompt::Prompt;
use super::{drive, interrupt, model, output, writable};
use recording::Recording;

/// Generated after prompts of text, unless told otherwise.
const MAX_TOKENS: usize = 256;

/// Writes the trace.
pub(crate) fn run(args: &TraceArgs) -> Result<(), CliError> {
    let mut sampling = args.sampling.params()?;
    writable::check_file(&args.output)?;
    let prompt = Prompt::read(&args.model.source(), &args.prompt)?;
    prompt.complete(&mut sampling);
    let forced = Forced::open(&args.force)?;
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
        prefill_chunk_tokens: args.limits.prefill_chunk as usize,
        kv_precision: args.limits.kv_precision(),
        memory_limit_bytes: args.limits.memory_limit_bytes(),
        ..GenerateOptions::default()
    };
    let mut header = recording::header(
        &model,
        weights_digest,
        &options,
        settings(args, &options, &model),
    );
    if let (Some(forced), Some(rules)) = (&forced, header.interventions.as_array_mut()) {
        rules.push(forced.rule().into());
    }
    let decoder = prompt.decoder()?;
    let mut recording = Recording::new(&args.output, header, &model, decoder, options.record);
    let mut generator = model.generate(&prompt.ids, options)?;
    let outcome = each(&mut generator, |position| recording.push(position));
    let ids = generator.tokens().to_vec();
    let (tokens, prompt_tokens) = (ids.len(), prompt.ids.len());
    finish(recording, outcome.and_then(|_| interrupt::check()))?;
    output::note(&format!(
        "wrote {}: {tokens} tokens, of which {prompt_tokens} are the prompt's",
        args.output.display(),
    ));
    if let Some(forced) = &forced {
        forced.tell(&model, &ids);
    }
    Ok(())
}

/// Whoever interrupts wants no file; after another failure what there is stays, to be recovered.
fn finish(recording: Recording<'_>, outcome: Result<(), CliError>) -> Result<(), CliError> {
    let _guard = interrupt::Uninterruptible::begin();
    match outcome {
        Ok(()) => recording.finish(),
        Err(CliError::Interrupted) => {
            recording.discard();
            Err(CliError::Interrupted)
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

/// Generates, and hands over all positions in order, each once its record is there.
pub(super) fn each(
    generator: &mut TokenGenerator<'_>,
    mut take: impl FnMut(Position) -> Result<(), CliError>,
) -> Result<GenerationStats, CliError> {
    drive::prefill(generator)?;
    let prompt = generator.tokens().to_vec();
    let records = generator.prompt_records().to_vec();
    for (id, record) in prompt.into_iter().zip(records) {
        take(Position {
            is_prompt: true,
            token: bare(id),
            record,
        })?;
    }
    let mut take = |token, record| {
        take(Position {
            is_prompt: false,
            token,
            record,
        })
    };
    let mut newest: Option<GeneratedToken> = None;
    while let Some(mut token) = drive::next(generator)? {
        let predicted_from = token.predicted_from.take();
        // What predicted the first token is the prompt's last position, which is there already.
        if let (Some(token), Some(record)) = (newest.replace(token), predicted_from) {
            take(token, record)?;
        }
    }
    if let (Some(token), Some(record)) = (newest, generator.record_of_last_token()?) {
        take(token, record)?;
    }
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

fn settings(args: &TraceArgs, options: &GenerateOptions, model: &GptOss) -> Value {
    json!({
        "sampling": options.sampling,
        "max_tokens": options.max_tokens,
        "stop_tokens": options.stop_tokens,
        "prefill_chunk_tokens": options.prefill_chunk_tokens,
        "kv_bits": args.limits.kv_bits.as_ref().map(|_| 8),
        "device": model.loaded().device.name(),
        "dtype": model.loaded().dtype_name(),
        "layout": model.loaded().layout.map(gptoss::checkpoint::Layout::as_str),
        "raw": args.prompt.raw,
    })
}
