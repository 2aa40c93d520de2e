//! `generate`: one prompt, one answer.

mod answer;

use gptoss::generate::{FinishReason, RecordOptions};
use gptoss::{GenerateOptions, GptOss};

use super::args::GenerateArgs;
use super::exit::CliError;
use super::predict::Prediction;
use super::prompt::Prompt;
use super::{drive, model};
use answer::Answer;

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
    let mut answer = Answer::new(args, &prompt)?;
    let model = model::load(&args.model, &args.limits)?;
    let options = GenerateOptions {
        max_tokens: max_tokens(args, &prompt, &model),
        sampling,
        stop_tokens: if args.ignore_eos {
            Vec::new()
        } else {
            prompt.stop_tokens(model.config())
        },
        record: RecordOptions {
            top_logprobs: args.logprobs,
            ..RecordOptions::default()
        },
        prefill_chunk_tokens: args.limits.prefill_chunk as usize,
        kv_precision: args.limits.kv_precision(),
        memory_limit_bytes: args.limits.memory_limit_bytes(),
    };
    let mut generator = model.generate(&prompt.ids, options)?;
    answer.start(&model, &prompt)?;
    let outcome = drive::prefill(&mut generator).and_then(|()| {
        while let Some(token) = drive::next(&mut generator)? {
            if answer.token(&token)?.is_break() {
                return Ok(FinishReason::Stop);
            }
        }
        Ok(generator.finish_reason().unwrap_or(FinishReason::Length))
    });
    let reason = match &outcome {
        Ok(reason) => *reason,
        Err(CliError::Interrupted) => FinishReason::Cancelled,
        Err(_) => return outcome.map(|_| ()),
    };
    answer.finish(reason, generator.stats())?;
    outcome.map(|_| ())
}

/// How many tokens may follow: as said, else what context and memory hold.
fn max_tokens(args: &GenerateArgs, prompt: &Prompt, model: &GptOss) -> Option<usize> {
    if args.max_tokens.is_some() {
        return args.max_tokens;
    }
    if !prompt.is_chat() {
        return Some(MAX_TOKENS_WITHOUT_CHAT);
    }
    let limit = args
        .limits
        .memory_limit_bytes()
        .or(model.default_memory_limit_bytes())?;
    let memory = gptoss::generate::MemoryModel::new(
        model.model(),
        args.limits.kv_precision(),
        args.limits.prefill_chunk as usize,
    );
    let fitting = memory.largest_context_tokens(limit);
    // A prompt that does not fit at all is refused with the numbers when it is taken up.
    Some(fitting.saturating_sub(prompt.ids.len()).max(1))
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
