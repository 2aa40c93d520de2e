//! The prompt's tokens, from whatever the command line gave.

use gptoss::generate::SamplingParams;
use gptoss::tokenizer::Tokenizer;
use gptoss::{ModelConfig, ModelSource};

use super::args::{EosArg, PromptArgs};
use super::decode::Decoder;
use super::exit::CliError;
use super::{conversation, text};

/// What the model reads, and how its answer is to be understood.
#[derive(Debug)]
pub(crate) struct Prompt {
    /// The tokens.
    pub(crate) ids: Vec<u32>,
    form: Form,
    /// Always there unless the prompt is ids.
    tokenizer: Option<Tokenizer>,
}

/// What kind of text the tokens are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Whatever the user has put together.
    Ids,
    /// Text to be continued.
    Raw,
    /// A chat in harmony.
    Chat,
}

impl Prompt {
    /// Reads and encodes the prompt; the model's weights are not needed.
    pub(crate) fn read(source: &ModelSource, args: &PromptArgs) -> Result<Self, CliError> {
        if let Some(ids) = &args.source.tokens {
            return Ok(Self {
                ids: ids.clone(),
                form: Form::Ids,
                // Only to show text; ids do without.
                tokenizer: text::tokenizer(source).ok(),
            });
        }
        let messages = args.source.messages.as_deref();
        let chat = match (messages, &args.source.prompt) {
            (Some(path), _) => conversation::of_file(path, &args.framing)?,
            (None, Some(given)) => {
                let given = text::prompt(given)?;
                if args.raw {
                    return Self::raw(source, &given);
                }
                conversation::of_text(given, &args.framing)
            }
            (None, None) => return Err(CliError::usage("there is no prompt")),
        };
        let tokenizer = text::tokenizer(source)?;
        Ok(Self {
            ids: conversation::render(&chat, &tokenizer)?,
            form: Form::Chat,
            tokenizer: Some(tokenizer),
        })
    }

    fn raw(source: &ModelSource, given: &str) -> Result<Self, CliError> {
        let tokenizer = text::tokenizer(source)?;
        Ok(Self {
            ids: tokenizer.encode_ordinary(given),
            form: Form::Raw,
            tokenizer: Some(tokenizer),
        })
    }

    /// Whether the prompt was given as ids, without any text.
    pub(crate) fn is_ids(&self) -> bool {
        self.form == Form::Ids
    }

    /// Whether the model answers in a chat, and so knows when it is done.
    pub(crate) fn is_chat(&self) -> bool {
        self.form == Form::Chat
    }

    /// Sets those sampling parameters that depend on the vocabulary.
    pub(crate) fn complete(&self, sampling: &mut SamplingParams) {
        if let Some(tokenizer) = &self.tokenizer {
            sampling.dry.sequence_breakers = text::sequence_breakers(tokenizer);
        }
    }

    /// The ids that end an answer; none after ids, which nothing is read into unless asked for.
    pub(crate) fn stop_tokens(&self, config: &ModelConfig, eos: Option<EosArg>) -> Vec<u32> {
        let default = if self.is_ids() {
            EosArg::Ignore
        } else {
            EosArg::Stop
        };
        if eos.unwrap_or(default) == EosArg::Ignore {
            return Vec::new();
        }
        let mut ids = config.eos_token_ids.clone();
        ids.extend(self.tokenizer.iter().flat_map(Tokenizer::end_of_answer_ids));
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// What turns the answer's tokens into text.
    pub(crate) fn decoder(&self) -> Result<Decoder, CliError> {
        match (&self.tokenizer, self.form) {
            (None, _) => Ok(Decoder::Ids),
            (Some(tokenizer), Form::Chat) => Decoder::harmony(tokenizer),
            (Some(tokenizer), Form::Ids | Form::Raw) => Ok(Decoder::raw(tokenizer)),
        }
    }
}
