//! A model, a cache and a generation tied together as an iterator.

use super::error::GenerateError;
use super::generation::{GeneratedToken, Generation, PrefillProgress};
use super::options::{GenerateOptions, PositionRecord};
use super::outcome::{FinishReason, GenerationStats};
use super::params::SamplingParams;
use super::prompt_cache::PromptCache;
use crate::model::gpt_oss::Transformer;

/// Yields the tokens of one answer; fused after the end or the first error.
///
/// Dropping it cancels. The cache stays valid at every point and can be continued.
#[derive(Debug)]
pub struct TokenGenerator<'a> {
    model: &'a Transformer,
    cache: CacheSlot<'a>,
    generation: Generation,
    failed: bool,
}

#[derive(Debug)]
enum CacheSlot<'a> {
    Owned(Box<PromptCache>),
    Borrowed(&'a mut PromptCache),
}

impl CacheSlot<'_> {
    fn get_mut(&mut self) -> &mut PromptCache {
        match self {
            Self::Owned(cache) => cache,
            Self::Borrowed(cache) => cache,
        }
    }
}

impl<'a> TokenGenerator<'a> {
    /// Prepares to continue `prompt` with a cache of its own.
    ///
    /// # Errors
    /// As [`Generation::start`].
    pub fn new(
        model: &'a Transformer,
        prompt: &[u32],
        options: GenerateOptions,
    ) -> Result<Self, GenerateError> {
        let cache = Box::new(PromptCache::new(model, options.kv_precision));
        Self::start(model, CacheSlot::Owned(cache), prompt, options)
    }

    /// The same with a conversation's cache: what it shares with `prompt` is not read again, unless
    /// positions are recorded.
    pub fn with_cache(
        model: &'a Transformer,
        cache: &'a mut PromptCache,
        prompt: &[u32],
        options: GenerateOptions,
    ) -> Result<Self, GenerateError> {
        Self::start(model, CacheSlot::Borrowed(cache), prompt, options)
    }

    fn start(
        model: &'a Transformer,
        mut cache: CacheSlot<'a>,
        prompt: &[u32],
        options: GenerateOptions,
    ) -> Result<Self, GenerateError> {
        let generation = Generation::start(model, cache.get_mut(), prompt, options)?;
        Ok(Self {
            model,
            cache,
            generation,
            failed: false,
        })
    }

    /// Reads the next chunk of the prompt; [`Iterator::next`] reads all that is left.
    ///
    /// Call it in a loop to show progress and to be able to stop in between.
    pub fn prefill_step(&mut self) -> Result<PrefillProgress, GenerateError> {
        self.generation
            .prefill_step(self.model, self.cache.get_mut())
    }

    /// Computes and returns the record of the newest token's own position, which no later token
    /// carries; for traces, at the end.
    pub fn record_of_last_token(&mut self) -> Result<Option<PositionRecord>, GenerateError> {
        self.generation
            .record_of_last_token(self.model, self.cache.get_mut())
    }

    /// What was recorded of the prompt's positions, as far as it is read.
    pub fn prompt_records(&self) -> &[PositionRecord] {
        self.generation.prompt_records()
    }

    /// Changes how tokens are drawn; see [`Generation::set_sampling`].
    ///
    /// # Errors
    /// When a parameter is out of range; the old ones stay then.
    pub fn set_sampling(&mut self, sampling: SamplingParams) -> Result<usize, GenerateError> {
        self.generation.set_sampling(sampling)
    }

    /// Ends the answer here; nothing more is yielded.
    pub fn cancel(&mut self) {
        self.generation.cancel();
    }

    /// Why the answer ended, once it has.
    pub fn finish_reason(&self) -> Option<FinishReason> {
        self.generation.finish_reason()
    }

    /// Prompt and generated tokens in order.
    pub fn tokens(&self) -> &[u32] {
        self.generation.tokens()
    }

    /// What the cache holds.
    pub fn cache(&self) -> &PromptCache {
        match &self.cache {
            CacheSlot::Owned(cache) => cache,
            CacheSlot::Borrowed(cache) => cache,
        }
    }

    /// Counts and rates so far.
    pub fn stats(&self) -> GenerationStats {
        self.generation.stats()
    }
}

impl Iterator for TokenGenerator<'_> {
    type Item = Result<GeneratedToken, GenerateError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let item = self
            .generation
            .step(self.model, self.cache.get_mut())
            .transpose();
        self.failed = matches!(item, Some(Err(_)));
        item
    }
}
