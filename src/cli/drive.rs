//! Runs a generator step by step, with a bar and with an eye on Ctrl+C.

use gptoss::TokenGenerator;
use gptoss::generate::GeneratedToken;

use super::exit::CliError;
use super::{interrupt, progress};

/// Prompts above this many tokens get a bar.
const BAR_FROM_TOKENS: usize = 512;

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
        return Err(CliError::Interrupted);
    }
    Ok(generator.next().transpose()?)
}
