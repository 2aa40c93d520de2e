//! An answer in harmony, token by token and message by message.

use std::collections::VecDeque;

use crate::generate::{
    FinishReason, GenerateError, GenerateOptions, GeneratedToken, GenerationStats, PromptCache,
    TokenGenerator,
};
use crate::gptoss::GptOss;
use crate::harmony::{
    Conversation, HarmonyEvent, ParseStart, RenderError, Renderer, Role, StreamParser,
};
use crate::tokenizer::TokenizerError;

/// Why a conversation could not be continued.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChatError {
    /// The tokenizer cannot be used.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// The conversation cannot be written in harmony.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// The generation failed.
    #[error(transparent)]
    Generate(#[from] GenerateError),
}

/// One thing that happened while an answer was generated.
#[derive(Debug, Clone, PartialEq)]
pub enum ChatEvent {
    /// A token, before what it means.
    Token(GeneratedToken),
    /// What the tokens so far mean.
    Harmony(HarmonyEvent),
}

/// Yields the events of one answer; fused after the end or the first error.
#[derive(Debug)]
pub struct ChatStream<'a> {
    generator: TokenGenerator<'a>,
    parser: StreamParser,
    waiting: VecDeque<ChatEvent>,
    is_over: bool,
}

impl GptOss {
    /// The token ids that ask for the next answer in `conversation`.
    ///
    /// # Errors
    /// When there is no fitting tokenizer, or a message cannot be written.
    pub fn prompt(&self, conversation: &Conversation) -> Result<Vec<u32>, ChatError> {
        Ok(Renderer::new(self.tokenizer()?)?.completion(conversation)?)
    }

    /// Answers `conversation`, reusing what `cache` holds of it.
    ///
    /// The ids that end an answer ([`GptOss::stop_tokens`]) are added to those in `options`.
    ///
    /// # Errors
    /// As [`GptOss::prompt`] and [`crate::generate::Generation::start`].
    pub fn chat<'a>(
        &'a self,
        cache: &'a mut PromptCache,
        conversation: &Conversation,
        mut options: GenerateOptions,
    ) -> Result<ChatStream<'a>, ChatError> {
        let prompt = self.prompt(conversation)?;
        options.stop_tokens.extend(self.stop_tokens());
        let start = ParseStart::AfterRole(Role::Assistant);
        Ok(ChatStream {
            parser: StreamParser::new(self.tokenizer()?, start)?,
            generator: self.generate_with(cache, &prompt, options)?,
            waiting: VecDeque::new(),
            is_over: false,
        })
    }
}

impl<'a> ChatStream<'a> {
    /// The generator below, for progress, changes of sampling, and recordings.
    pub fn generator(&mut self) -> &mut TokenGenerator<'a> {
        &mut self.generator
    }

    /// Why the answer ended, once it has.
    pub fn finish_reason(&self) -> Option<FinishReason> {
        self.generator.finish_reason()
    }

    /// Counts and rates so far.
    pub fn stats(&self) -> GenerationStats {
        self.generator.stats()
    }

    fn advance(&mut self) -> Result<(), GenerateError> {
        let Some(token) = self.generator.next().transpose()? else {
            self.is_over = true;
            let rest = self.parser.finish();
            self.waiting
                .extend(rest.into_iter().map(ChatEvent::Harmony));
            return Ok(());
        };
        let events = self.parser.push(token.id);
        self.waiting.push_back(ChatEvent::Token(token));
        self.waiting
            .extend(events.into_iter().map(ChatEvent::Harmony));
        Ok(())
    }
}

impl Iterator for ChatStream<'_> {
    type Item = Result<ChatEvent, ChatError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.waiting.is_empty() && !self.is_over {
            if let Err(error) = self.advance() {
                self.is_over = true;
                return Some(Err(error.into()));
            }
        }
        self.waiting.pop_front().map(Ok)
    }
}
