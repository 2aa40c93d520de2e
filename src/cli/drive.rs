//! Runs a generator step by step, with a bar and with an eye on Ctrl+C.

use gptoss::TokenGenerator;
use gptoss::generate::{FinishReason, GeneratedToken};

use super::answer::Answer;
use super::exit::CliError;
use super::trace::Tracing;
use super::{interrupt, progress};

/// Prompts above this many tokens get a bar.
const BAR_FROM_TOKENS: usize = 512;

/// Generates the whole answer; after Ctrl+C what there is of it is shown before the error.
pub(crate) fn answer(
    generator: &mut TokenGenerator<'_>,
    answer: &mut Answer,
    tracing: Option<&mut Tracing<'_>>,
) -> Result<(), CliError> {
    let outcome = tokens(generator, answer, tracing);
    let reason = match outcome {
        Ok(reason) => reason,
        Err(CliError::Interrupted { .. }) => FinishReason::Cancelled,
        Err(error) => return Err(error),
    };
    answer.finish(reason, generator.stats())?;
    outcome.map(|_| ())
}

fn tokens(
    generator: &mut TokenGenerator<'_>,
    answer: &mut Answer,
    mut tracing: Option<&mut Tracing<'_>>,
) -> Result<FinishReason, CliError> {
    prefill(generator)?;
    if let Some(tracing) = &mut tracing {
        tracing.prompt(generator)?;
    }
    while let Some(mut token) = next(generator)? {
        if let Some(tracing) = &mut tracing {
            tracing.token(&mut token)?;
        }
        if answer.token(&token)?.is_break() {
            return Ok(FinishReason::Stop);
        }
    }
    Ok(generator.finish_reason().unwrap_or(FinishReason::Length))
}

/// Reads the whole prompt.
pub(crate) fn prefill(generator: &mut TokenGenerator<'_>) -> Result<(), CliError> {
    let total = generator.tokens().len();
    let bar = (total > BAR_FROM_TOKENS)
        .then(|| progress::bar("reading the prompt", total as u64, progress::Unit::Items));
    loop {
        interrupt::check()?;
        let progress = generator.prefill_step()?;
        if let Some(bar) = &bar {
            bar.set(progress.done_tokens as u64, progress.total_tokens as u64);
        }
        if progress.is_done() {
            return Ok(());
        }
    }
}

/// The next token; `None` after the last, and an error on Ctrl+C.
pub(crate) fn next(generator: &mut TokenGenerator<'_>) -> Result<Option<GeneratedToken>, CliError> {
    if interrupt::requested() {
        generator.cancel();
        return Err(interrupt::error());
    }
    Ok(generator.next().transpose()?)
}
