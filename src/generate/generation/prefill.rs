//! Reading the prompt, chunk by chunk, up to the draw of the first token.

use mlx_rs::{Array, transforms};

use super::Generation;
use super::drawn::Pass;
use crate::generate::error::GenerateError;
use crate::generate::outcome::FinishReason;
use crate::generate::prompt_cache::PromptCache;
use crate::generate::record;
use crate::mlx::ops;
use crate::model::gpt_oss::{LogitRows, Transformer};

/// Chunks between two snapshots of the rings during a long prefill.
const CHUNKS_PER_SNAPSHOT: usize = 4;

/// How far the prompt is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrefillProgress {
    /// Prompt tokens in the cache, reused ones included.
    pub done_tokens: usize,
    /// All of them.
    pub total_tokens: usize,
    /// Taken over from an earlier request.
    pub reused_tokens: usize,
}

impl PrefillProgress {
    /// Whether the first token can be drawn.
    pub fn is_done(&self) -> bool {
        self.done_tokens == self.total_tokens
    }
}

impl Generation {
    /// Reads the next chunk of the prompt; [`Self::step`] reads all that is left.
    ///
    /// Call it in a loop to show progress and to be able to stop in between. An error ends the answer
    /// and empties the cache.
    pub fn prefill_step(
        &mut self,
        model: &Transformer,
        cache: &mut PromptCache,
    ) -> Result<PrefillProgress, GenerateError> {
        let read = self.read_chunk(model, cache);
        self.settle(read, cache)
    }

    pub(super) fn read_chunk(
        &mut self,
        model: &Transformer,
        cache: &mut PromptCache,
    ) -> Result<PrefillProgress, GenerateError> {
        if self.progress.is_done() {
            return Ok(self.progress);
        }
        let start = self.progress.done_tokens;
        let end = (start + self.chunk_tokens()).min(self.progress.total_tokens);
        let is_last = end == self.progress.total_tokens;
        let chunk = self.history.tokens()[start..end].to_vec();
        let rows = match (self.options.record.logits, is_last) {
            (true, _) => LogitRows::All,
            (false, true) => LogitRows::Last,
            (false, false) => LogitRows::None,
        };
        let ids = Array::from_slice(&chunk, &[chunk.len() as i32]);
        let pass = self.forward(model, cache, &ids, rows)?;
        cache.appended(&chunk);
        // The named point of evaluation: the end of a chunk.
        transforms::eval(cache.arrays().into_iter().chain(pass.arrays()))?;
        if self.options.record.wants_positions() {
            let logits = pass.logits.as_ref().filter(|_| self.options.record.logits);
            let records = record::read(logits, pass.routing.as_ref(), chunk.len())?;
            self.prompt_records.extend(records);
        }
        self.progress.done_tokens = end;
        let chunks_done = (end - self.progress.reused_tokens) / self.chunk_tokens();
        if is_last || chunks_done.is_multiple_of(CHUNKS_PER_SNAPSHOT) {
            cache.take_snapshot();
        }
        if is_last {
            self.finish_prefill(pass)?;
        } else {
            mlx_rs::memory::clear_cache()?;
        }
        Ok(self.progress)
    }

    fn finish_prefill(&mut self, mut pass: Pass) -> Result<(), GenerateError> {
        self.clock.prefilled();
        if self.max_tokens == 0 {
            self.finish_reason = Some(FinishReason::Length);
            return Ok(());
        }
        if let Some(logits) = &pass.logits {
            let rows = logits.dim(0) as usize;
            pass.logits = Some(ops::slice(logits, 0, rows - 1, rows)?);
        }
        // Handed out with the prompt already.
        pass.routing = None;
        self.drawn = Some(self.draw(pass)?);
        Ok(())
    }

    fn chunk_tokens(&self) -> usize {
        self.options.prefill_chunk_tokens.max(1)
    }
}
