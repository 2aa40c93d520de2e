//! `chat`: every line of stdin is a message, and the answers go to stdout.

use std::io::{BufRead, IsTerminal};

use gptoss::generate::PromptCache;
use gptoss::harmony::{Conversation, Message, ParseStart, Role, parse};
use gptoss::tokenizer::Tokenizer;
use gptoss::{GenerateOptions, GptOss};

use super::answer::{Answer, Format};
use super::args::ChatArgs;
use super::decode::Decoder;
use super::exit::CliError;
use super::{conversation, drive, interrupt, model, output, text};

/// Talks until stdin ends.
pub(crate) fn run(args: &ChatArgs) -> Result<(), CliError> {
    let mut sampling = args.sampling.params()?;
    let tokenizer = text::tokenizer(&args.model.source())?;
    sampling.dry.sequence_breakers = text::sequence_breakers(&tokenizer);
    let model = model::load(&args.model, &args.limits)?;
    let mut stop_tokens = model.config().eos_token_ids.clone();
    stop_tokens.extend(tokenizer.end_of_answer_ids());
    let mut chat = Chat {
        args,
        tokenizer: &tokenizer,
        cache: model.new_cache(args.limits.kv_precision()),
        conversation: conversation::framed(&args.framing),
        options: GenerateOptions {
            sampling,
            interventions: args.experts.interventions(),
            stop_tokens,
            prefill_chunk_tokens: args.limits.prefill_chunk_tokens(),
            kv_precision: args.limits.kv_precision(),
            memory_limit_bytes: args.limits.memory_limit_bytes(),
            ..GenerateOptions::default()
        },
        model: &model,
    };
    if std::io::stdin().is_terminal() {
        output::note(&format!(
            "{}; an empty line or Ctrl+D ends the chat",
            model.loaded().name
        ));
    }
    while let Some(line) = next_line()? {
        chat.turn(line)?;
    }
    Ok(())
}

/// The next message; `None` at the end of stdin, and where a person enters nothing.
fn next_line() -> Result<Option<String>, CliError> {
    let is_person = std::io::stdin().is_terminal();
    loop {
        if is_person {
            output::aside("> ");
        }
        let mut line = String::new();
        let read = interrupt::while_waiting(|| std::io::stdin().lock().read_line(&mut line));
        let bytes = read.map_err(|error| match error.kind() {
            std::io::ErrorKind::InvalidData => CliError::usage("stdin is not UTF-8"),
            _ => CliError::failed(format!("cannot read stdin: {error}")),
        })?;
        let line = line.trim();
        if bytes == 0 || (is_person && line.is_empty()) {
            return Ok(None);
        }
        if !line.is_empty() {
            return Ok(Some(line.to_owned()));
        }
    }
}

/// A conversation with its model and cache.
struct Chat<'a> {
    args: &'a ChatArgs,
    model: &'a GptOss,
    tokenizer: &'a Tokenizer,
    cache: PromptCache,
    conversation: Conversation,
    options: GenerateOptions,
}

impl Chat<'_> {
    /// Answers one message; both become part of the conversation.
    fn turn(&mut self, line: String) -> Result<(), CliError> {
        self.conversation.messages.push(Message::user(line));
        let prompt = conversation::render(&self.conversation, self.tokenizer)?;
        let format = if self.args.show_analysis {
            Format::LabelledText
        } else {
            Format::Text
        };
        let decoder = Decoder::harmony(self.tokenizer)?;
        let mut answer = Answer::new(decoder, &self.args.stop, format)?;
        let fitting = || model::fitting_tokens(self.model, &self.args.limits, prompt.len());
        let options = GenerateOptions {
            max_tokens: self.args.max_tokens.or_else(fitting),
            ..self.options.clone()
        };
        let mut generator = self
            .model
            .generate_with(&mut self.cache, &prompt, options)?;
        drive::answer(&mut generator, &mut answer, None)?;
        output::flush()?;
        let start = ParseStart::AfterRole(Role::Assistant);
        let parsed = parse(self.tokenizer, start, answer.ids())?;
        self.conversation.messages.extend(parsed.into_messages());
        Ok(())
    }
}
