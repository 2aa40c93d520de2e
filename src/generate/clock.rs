//! When things happened in one generation.

use std::time::{Duration, Instant};

use super::generation::PrefillProgress;
use super::outcome::GenerationStats;

/// The moments that [`GenerationStats`] is made from.
#[derive(Debug)]
pub(super) struct Clock {
    started: Instant,
    prefilled: Option<Instant>,
    first_token: Option<Instant>,
    last_token: Option<Instant>,
}

impl Clock {
    pub(super) fn start() -> Self {
        Self {
            started: Instant::now(),
            prefilled: None,
            first_token: None,
            last_token: None,
        }
    }

    /// The prompt is read.
    pub(super) fn prefilled(&mut self) {
        self.prefilled = Some(Instant::now());
    }

    /// A token was read.
    pub(super) fn token(&mut self) {
        let now = Instant::now();
        self.first_token.get_or_insert(now);
        self.last_token = Some(now);
    }

    pub(super) fn stats(
        &self,
        progress: PrefillProgress,
        generated_tokens: usize,
        peak_memory_bytes: u64,
    ) -> GenerationStats {
        let computed = progress.done_tokens - progress.reused_tokens;
        let prefill = self.prefilled.map(|end| end - self.started);
        let decode = self
            .first_token
            .zip(self.last_token)
            .map(|(first, last)| last - first);
        GenerationStats {
            prompt_tokens: progress.total_tokens,
            reused_tokens: progress.reused_tokens,
            prefill_tps: prefill.and_then(|time| rate(computed, time)),
            time_to_first_token_ms: self
                .first_token
                .map(|at| (at - self.started).as_secs_f64() * 1e3),
            generated_tokens,
            decode_tps: decode.and_then(|time| rate(generated_tokens.saturating_sub(1), time)),
            total_ms: self.started.elapsed().as_secs_f64() * 1e3,
            peak_memory_bytes,
        }
    }
}

/// Events a second; `None` where nothing was measured.
fn rate(count: usize, time: Duration) -> Option<f64> {
    (count > 0 && !time.is_zero()).then(|| count as f64 / time.as_secs_f64())
}
