//! Texts from the command line, stdin and files, and the tokenizer that encodes them.

use std::io::Read;
use std::path::Path;

use gptoss::ModelSource;
use gptoss::generate::DryParams;
use gptoss::tokenizer::{Tokenizer, TokenizerError};

use super::exit::CliError;
use super::interrupt;

/// The text itself, or all of stdin (without its last line break) where it is `-`.
pub(crate) fn prompt(text: &str) -> Result<String, CliError> {
    if text != "-" {
        return Ok(text.to_owned());
    }
    let mut bytes = Vec::new();
    interrupt::while_waiting(|| std::io::stdin().lock().read_to_end(&mut bytes))
        .map_err(|error| CliError::failed(format!("cannot read stdin: {error}")))?;
    let text = String::from_utf8(bytes)
        .map_err(|error| CliError::usage(format!("stdin is not UTF-8: {error}")))?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}

/// A file named by a flag.
pub(crate) fn file(path: &Path) -> Result<String, CliError> {
    std::fs::read_to_string(path)
        .map_err(|error| CliError::usage(format!("cannot read {}: {error}", path.display())))
}

/// The tokenizer of a model whose files are all right so far.
pub(crate) fn tokenizer(source: &ModelSource) -> Result<Tokenizer, CliError> {
    let vocab_size = gptoss::open(source)?.config().vocab_size;
    gptoss::open_tokenizer(source, vocab_size).map_err(|error| {
        let is_foreign = matches!(error, TokenizerError::TooManyIds { .. });
        let error = CliError::from(error);
        if is_foreign {
            error.hint("put the model's tokenizer.json beside its config.json, or give --tokens")
        } else {
            error
        }
    })
}

/// The tokens at which DRY takes a sequence to end, unless told otherwise.
pub(crate) fn sequence_breakers(tokenizer: &Tokenizer) -> Vec<u32> {
    tokenizer.single_token_ids(&DryParams::SEQUENCE_BREAKERS)
}
