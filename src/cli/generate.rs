//! `generate`: one prompt, one answer.

use gptoss::generate::CachedPositions;
use gptoss::generate::RecordOptions;
use gptoss::{GenerateOptions, GptOss};

use super::answer::{Answer, Format};
use super::args::GenerateArgs;
use super::exit::CliError;
use super::force::Forced;
use super::predict::Prediction;
use super::prompt::Prompt;
use super::trace::recording::Recording;
use super::trace::{self, Tracing};
use super::writable::{self, Existing};
use super::{drive, model};

/// Generated at most where nothing says when to end: plain continuations often never do.
const MAX_TOKENS_WITHOUT_CHAT: usize = 256;

/// Answers the prompt.
pub(crate) fn run(args: &GenerateArgs) -> Result<(), CliError> {
    let mut sampling = args.sampling.params()?;
    let prompt = Prompt::read(&args.model.source(), &args.prompt)?;
    prompt.complete(&mut sampling);
    if args.dry_run {
        return dry_run(args, &prompt);
    }
    let existing = Existing::of(args.force);
    if let Some(path) = &args.trace {
        writable::check_new_file(path, existing)?;
    }
    let forced = Forced::open(&args.follow)?;
    let mut answer = Answer::new(prompt.decoder()?, &args.stop, format(args))?;
    let model = model::load(&args.model, &args.limits)?;
    let forced_routing = match &forced {
        Some(forced) => Some(forced.routing(&model, &args.model.weights_digest()?)?),
        None => None,
    };
    let options = GenerateOptions {
        max_tokens: max_tokens(args, &prompt, &model),
        sampling,
        interventions: args.experts.interventions(),
        forced_routing,
        stop_tokens: prompt.stop_tokens(model.config(), args.eos),
        record: RecordOptions {
            top_logprobs: args.logprobs,
            routing: args.trace.is_some(),
            ..RecordOptions::default()
        },
        cached_positions: CachedPositions::Recompute,
        prefill_chunk_tokens: args.limits.prefill_chunk_tokens(),
        kv_precision: args.limits.kv_precision(),
        memory_limit_bytes: args.limits.memory_limit_bytes(),
        ..GenerateOptions::default()
    };
    let mut tracing = match &args.trace {
        Some(path) => {
            let digest = args.model.weights_digest()?;
            let settings = trace::settings(&args.limits, args.prompt.raw, &options, &model);
            let header =
                trace::recording::header(&model, digest, &options, settings, forced.as_ref());
            let (output, decoder) = ((path.as_path(), existing), prompt.decoder()?);
            let recording = Recording::new(output, header, &model, decoder, options.record);
            Some(Tracing::new(recording))
        }
        None => None,
    };
    let mut generator = model.generate(&prompt.ids, options)?;
    answer.start(&model, prompt.ids.len())?;
    let outcome = drive::answer(&mut generator, &mut answer, tracing.as_mut());
    if let (Some(path), Some(tracing)) = (&args.trace, tracing)
        && matches!(outcome, Ok(()) | Err(CliError::Interrupted { .. }))
    {
        tracing.finish(&mut generator)?;
        trace::tell(path, generator.tokens().len(), prompt.ids.len());
    }
    outcome?;
    if let Some(forced) = &forced {
        forced.tell(&model, generator.tokens());
    }
    Ok(())
}

fn format(args: &GenerateArgs) -> Format {
    match (args.json, args.show_analysis) {
        (true, _) => Format::Json,
        (false, true) => Format::LabelledText,
        (false, false) => Format::Text,
    }
}

/// How many tokens may follow: as said, else what context and memory hold.
fn max_tokens(args: &GenerateArgs, prompt: &Prompt, model: &GptOss) -> Option<usize> {
    if args.max_tokens.is_some() {
        return args.max_tokens;
    }
    if !prompt.is_chat() {
        return Some(MAX_TOKENS_WITHOUT_CHAT);
    }
    model::fitting_tokens(model, &args.limits, prompt.ids.len())
}

fn dry_run(args: &GenerateArgs, prompt: &Prompt) -> Result<(), CliError> {
    let checkpoint = gptoss::open(&args.model.source())?;
    let prediction = Prediction::of_checkpoint(&checkpoint, args.model.options(), &args.limits)?;
    let room = checkpoint
        .config()
        .max_position_embeddings
        .saturating_sub(prompt.ids.len());
    let default_tokens = if prompt.is_chat() {
        prediction.largest_context_tokens().map_or(room, |tokens| {
            tokens.saturating_sub(prompt.ids.len()).max(1)
        })
    } else {
        MAX_TOKENS_WITHOUT_CHAT
    };
    let generated = args.max_tokens.unwrap_or(default_tokens).min(room);
    prediction.dry_run(prompt.ids.len() + generated, args.json)
}
