//! Rates of one generation, from the times at which things happened.

use std::collections::VecDeque;
use std::time::Duration;

use crate::engine::protocol::{EnginePhase, SpeedSnapshot};
use crate::generate::GenerationStats;

/// The span over which the present decoding rate is taken.
const RATE_WINDOW: Duration = Duration::from_secs(1);

/// Measures one generation. All times are on one clock that does not run backwards.
#[derive(Debug, Clone, Default)]
pub struct SpeedMeter {
    begun: Duration,
    prompt_tokens: usize,
    reused_tokens: usize,
    prefill_done_tokens: usize,
    prefill_ended: Duration,
    first_token: Option<Duration>,
    latest_token: Duration,
    generated_tokens: usize,
    recent: VecDeque<Moment>,
}

/// A token of the last second.
#[derive(Debug, Clone, Copy)]
struct Moment {
    time: Duration,
    /// Spent on recording in this generation up to the token.
    captured: Option<Duration>,
}

impl SpeedMeter {
    /// A generation was taken up.
    pub fn begin(now: Duration) -> Self {
        Self {
            begun: now,
            prefill_ended: now,
            ..Self::default()
        }
    }

    /// The prompt's length and reusable part are known.
    pub fn prompt(&mut self, prompt_tokens: usize, reused_tokens: usize) {
        self.prompt_tokens = prompt_tokens;
        self.reused_tokens = reused_tokens;
        self.prefill_done_tokens = reused_tokens;
    }

    /// A chunk of the prompt is done, so that `done_tokens` are in the cache.
    pub fn prefilled(&mut self, now: Duration, done_tokens: usize) {
        self.prefill_done_tokens = done_tokens;
        self.prefill_ended = now;
    }

    /// A token was generated; `captured` is the time that went into recording since the generation
    /// began, if that is measured.
    pub fn token(&mut self, now: Duration, captured: Option<Duration>) {
        self.first_token.get_or_insert(now);
        self.latest_token = now;
        self.generated_tokens += 1;
        self.recent.push_back(Moment {
            time: now,
            captured,
        });
        while self
            .recent
            .front()
            .is_some_and(|oldest| now.saturating_sub(oldest.time) > RATE_WINDOW)
        {
            self.recent.pop_front();
        }
    }

    /// The present figures.
    pub fn snapshot(&self, phase: EnginePhase) -> SpeedSnapshot {
        SpeedSnapshot {
            phase,
            prefill_done_tokens: self.prefill_done_tokens,
            prompt_tokens: self.prompt_tokens,
            prefill_tps: self.prefill_tps(),
            time_to_first_token_ms: self.time_to_first_token_ms(),
            generated_tokens: self.generated_tokens,
            decode_tps: self.recent_tps(),
            capture_share: self.capture_share(),
        }
    }

    /// The final figures of a generation that ends at `now`.
    pub fn stats(&self, now: Duration, peak_memory_bytes: u64) -> GenerationStats {
        let decoded = self.generated_tokens.saturating_sub(1);
        let first = self.first_token.unwrap_or_default();
        GenerationStats {
            prompt_tokens: self.prompt_tokens,
            reused_tokens: self.reused_tokens,
            prefill_tps: self.prefill_tps(),
            time_to_first_token_ms: self.time_to_first_token_ms(),
            generated_tokens: self.generated_tokens,
            decode_tps: rate(decoded, self.latest_token.saturating_sub(first)),
            total_ms: milliseconds(now.saturating_sub(self.begun)),
            peak_memory_bytes,
        }
    }

    fn prefill_tps(&self) -> Option<f64> {
        let computed = self.prefill_done_tokens.saturating_sub(self.reused_tokens);
        rate(computed, self.prefill_ended.saturating_sub(self.begun))
    }

    fn time_to_first_token_ms(&self) -> Option<f64> {
        self.first_token
            .map(|first| milliseconds(first.saturating_sub(self.begun)))
    }

    fn recent_tps(&self) -> Option<f64> {
        let (first, last) = (self.recent.front()?, self.recent.back()?);
        // A single token within the window means a rate below one a second: take the long run's.
        if self.recent.len() < 2 {
            let begun = self.first_token?;
            return rate(
                self.generated_tokens - 1,
                self.latest_token.saturating_sub(begun),
            );
        }
        rate(self.recent.len() - 1, last.time.saturating_sub(first.time))
    }

    fn capture_share(&self) -> Option<f64> {
        let (first, last) = (self.recent.front()?, self.recent.back()?);
        let span = last.time.saturating_sub(first.time);
        let captured = last.captured?.saturating_sub(first.captured?);
        (!span.is_zero()).then(|| captured.as_secs_f64() / span.as_secs_f64())
    }
}

/// Tokens a second; none where nothing was done or no time passed.
fn rate(tokens: usize, span: Duration) -> Option<f64> {
    (tokens > 0 && !span.is_zero()).then(|| tokens as f64 / span.as_secs_f64())
}

fn milliseconds(span: Duration) -> f64 {
    span.as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn figures_of_a_generation_follow_from_its_times() {
        let mut meter = SpeedMeter::begin(ms(1000));
        meter.prompt(100, 20);
        meter.prefilled(ms(1200), 60);
        meter.prefilled(ms(1400), 100);
        for token in 0..5 {
            meter.token(ms(1500 + 50 * token), None);
        }
        let stats = meter.stats(ms(1800), 7);
        assert_eq!(stats.prefill_tps, Some(200.0));
        assert_eq!(stats.time_to_first_token_ms, Some(500.0));
        assert_eq!(stats.decode_tps, Some(20.0));
        assert_eq!((stats.generated_tokens, stats.peak_memory_bytes), (5, 7));
        assert!((stats.total_ms - 800.0).abs() < 1e-9, "{}", stats.total_ms);
    }

    #[test]
    fn the_shown_rate_covers_the_last_second_only() {
        let mut meter = SpeedMeter::begin(ms(0));
        for token in 0..100 {
            meter.token(ms(10 * token), None);
        }
        for token in 0..=10 {
            meter.token(ms(5000 + 100 * token), None);
        }
        assert_eq!(meter.snapshot(EnginePhase::Decode).decode_tps, Some(10.0));
    }

    #[test]
    fn slow_tokens_still_have_a_rate() {
        let mut meter = SpeedMeter::begin(ms(0));
        meter.token(ms(1000), None);
        meter.token(ms(6000), None);
        assert_eq!(meter.snapshot(EnginePhase::Decode).decode_tps, Some(0.2));
    }

    #[test]
    fn the_share_of_recording_covers_the_last_second_only() {
        let mut meter = SpeedMeter::begin(ms(0));
        meter.token(ms(0), Some(ms(0)));
        assert_eq!(meter.snapshot(EnginePhase::Decode).capture_share, None);
        // A slow start that is out of sight later.
        for (time, captured) in [(100, 100), (5000, 200), (5500, 205), (6000, 210)] {
            meter.token(ms(time), Some(ms(captured)));
        }
        let share = meter.snapshot(EnginePhase::Decode).capture_share;
        assert_eq!(share, Some(0.01));
    }

    #[test]
    fn nothing_measured_is_no_rate() {
        let mut meter = SpeedMeter::begin(ms(0));
        meter.prompt(10, 10);
        meter.token(ms(0), None);
        let stats = meter.stats(ms(0), 0);
        assert_eq!((stats.prefill_tps, stats.decode_tps), (None, None));
        assert_eq!(stats.time_to_first_token_ms, Some(0.0));
    }
}
