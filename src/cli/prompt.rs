//! The prompt's tokens, from whatever the command line gave.

use gptoss::generate::SamplingParams;
use gptoss::{ModelConfig, ModelSource};

use super::args::PromptArgs;
use super::decode::Decoder;
use super::exit::CliError;

/// What the model reads, and how its answer is to be understood.
#[derive(Debug)]
pub(crate) struct Prompt {
    /// The tokens.
    pub(crate) ids: Vec<u32>,
}

impl Prompt {
    /// Reads and encodes the prompt; the model's weights are not needed.
    pub(crate) fn read(_source: &ModelSource, args: &PromptArgs) -> Result<Self, CliError> {
        match &args.source.tokens {
            Some(ids) => Ok(Self { ids: ids.clone() }),
            None => Err(CliError::failed("text is not supported yet")),
        }
    }

    /// Whether the prompt was given as ids, without any text.
    pub(crate) fn is_ids(&self) -> bool {
        true
    }

    /// Whether the model answers in a chat, and so knows when it is done.
    pub(crate) fn is_chat(&self) -> bool {
        false
    }

    /// Sets those sampling parameters that depend on the vocabulary.
    pub(crate) fn complete(&self, _sampling: &mut SamplingParams) {}

    /// The ids that end an answer.
    pub(crate) fn stop_tokens(&self, config: &ModelConfig) -> Vec<u32> {
        config.eos_token_ids.clone()
    }

    /// What turns the answer's tokens into text.
    pub(crate) fn decoder(&self) -> Decoder {
        Decoder::Ids
    }
}
