//! Figures over time, for the graphs.

use std::collections::VecDeque;

use super::state::State;
use crate::engine::protocol::{EnginePhase, Telemetry};
use crate::meters::GpuReading;

/// How far back the graphs look.
pub const HISTORY_MS: u64 = 60_000;

/// The least time between two samples of one graph.
const SAMPLE_MS: u64 = 250;

/// The time over which power and speed are put together.
const ENERGY_MS: u64 = 5_000;

/// A figure at a time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// When, on the program's clock.
    pub at_ms: u64,
    /// The figure.
    pub value: f64,
}

/// One figure over the last minute.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Series(VecDeque<Sample>);

impl Series {
    /// Adds a figure; within a quarter of a second of the latest it replaces that one.
    pub fn push(&mut self, at_ms: u64, value: f64) {
        let replaces = |samples: &VecDeque<Sample>| {
            let before = samples
                .len()
                .checked_sub(2)
                .and_then(|index| samples.get(index));
            before.is_some_and(|before| at_ms <= before.at_ms.saturating_add(SAMPLE_MS))
        };
        if replaces(&self.0) {
            self.0.pop_back();
        }
        self.0.push_back(Sample { at_ms, value });
        while self
            .0
            .front()
            .is_some_and(|first| first.at_ms + HISTORY_MS < at_ms)
        {
            self.0.pop_front();
        }
    }

    /// The samples, the oldest first.
    pub fn samples(&self) -> impl DoubleEndedIterator<Item = Sample> + '_ {
        self.0.iter().copied()
    }

    /// The newest figure.
    pub fn latest(&self) -> Option<f64> {
        self.0.back().map(|sample| sample.value)
    }

    /// The mean of the figures in a span of time, its ends included.
    fn mean(&self, span: std::ops::RangeInclusive<u64>) -> Option<f64> {
        let inside = self.0.iter().filter(|sample| span.contains(&sample.at_ms));
        let (sum, count) = inside.fold((0.0, 0u32), |(sum, count), sample| {
            (sum + sample.value, count + 1)
        });
        (count > 0).then(|| sum / f64::from(count))
    }

    /// The highest figure.
    pub fn max(&self) -> Option<f64> {
        self.0.iter().map(|sample| sample.value).reduce(f64::max)
    }
}

/// All graphs' figures.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Meters {
    /// Generated tokens a second.
    pub decode_tps: Series,
    /// Prompt tokens a second.
    pub prefill_tps: Series,
    /// Bytes of memory in use.
    pub active_bytes: Series,
    /// The first GPU's load, from 0 to 1.
    pub gpu_load: Series,
    /// The first GPU's power.
    pub gpu_watts: Series,
    /// The GPUs' latest figures; empty where the platform gives none.
    pub gpus: Vec<GpuReading>,
    /// What the latest frames cost, in microseconds.
    pub frame_micros: Series,
}

impl Meters {
    /// Takes a snapshot's figures over.
    pub fn telemetry(&mut self, telemetry: &Telemetry, now_ms: u64) {
        let speed = &telemetry.speed;
        match speed.phase {
            EnginePhase::Decode => {
                if let Some(rate) = speed.decode_tps {
                    self.decode_tps.push(now_ms, rate);
                }
            }
            EnginePhase::Prefill => {
                if let Some(rate) = speed.prefill_tps {
                    self.prefill_tps.push(now_ms, rate);
                }
            }
            EnginePhase::Idle | EnginePhase::Loading | EnginePhase::Inspecting => {}
        }
        if telemetry.memory.active_bytes > 0 {
            self.active_bytes
                .push(now_ms, telemetry.memory.active_bytes as f64);
        }
    }

    /// Takes the GPUs' figures over.
    pub fn gpu(&mut self, readings: Vec<GpuReading>, now_ms: u64) {
        if let Some(first) = readings.first() {
            if let Some(load) = first.load {
                self.gpu_load.push(now_ms, f64::from(load));
            }
            if let Some(watts) = first.power_watts {
                self.gpu_watts.push(now_ms, f64::from(watts));
            }
        }
        self.gpus = readings;
    }

    /// When the last answer's speeds were measured last; without any, when anything was.
    fn last_ms(&self) -> Option<u64> {
        let newest = |series: &[&Series]| {
            let samples = series.iter().filter_map(|series| series.0.back());
            samples.map(|sample| sample.at_ms).max()
        };
        newest(&[&self.decode_tps, &self.prefill_tps])
            .or_else(|| newest(&[&self.active_bytes, &self.gpu_load, &self.gpu_watts]))
    }

    /// Joules for each generated token, where power and rate are known of the same time: the last
    /// seconds in which tokens were generated. What an idle GPU draws later has no part in it.
    pub fn joules_per_token(&self) -> Option<f64> {
        let end_ms = self.decode_tps.0.back()?.at_ms;
        let span = end_ms.saturating_sub(ENERGY_MS)..=end_ms;
        let rate = self
            .decode_tps
            .mean(span.clone())
            .filter(|rate| *rate > 0.0)?;
        Some(self.gpu_watts.mean(span)? / rate)
    }
}

impl State {
    /// Whether the engine does something, so that the graphs go on.
    pub fn is_measuring(&self) -> bool {
        self.running.is_some() || self.telemetry.speed.phase != EnginePhase::Idle
    }

    /// Whether speeds and graphs are those of an answer that is finished.
    pub fn shows_last_answer(&self) -> bool {
        self.telemetry.speed.prompt_tokens > 0 && !self.is_measuring()
    }

    /// Where the graphs end: now, or where the last answer did. An idle program draws nothing, so
    /// that an axis that ends now would soon be wrong, and the figures out of sight with the next key.
    pub fn graphs_end_ms(&self) -> u64 {
        let last = self.meters.last_ms().filter(|_| !self.is_measuring());
        last.unwrap_or(self.now_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_spaced_and_old_ones_leave() {
        let mut series = Series::default();
        for at_ms in (0..120_000).step_by(50) {
            series.push(at_ms, at_ms as f64);
        }
        let count = series.samples().count() as u64;
        assert!(count <= HISTORY_MS / SAMPLE_MS + 2, "{count} samples");
        assert!(count >= HISTORY_MS / 400, "{count} samples");
        assert_eq!(series.latest(), Some(119_950.0));
        assert!(
            series
                .samples()
                .next()
                .is_some_and(|first| first.at_ms + HISTORY_MS >= 119_950)
        );
    }

    #[test]
    fn joules_are_watts_by_rate() {
        let mut meters = Meters::default();
        assert_eq!(meters.joules_per_token(), None);
        meters.decode_tps.push(0, 50.0);
        meters.gpu_watts.push(0, 40.0);
        assert_eq!(meters.joules_per_token(), Some(0.8));
        // Of the same time only: neither before nor while the GPU idles.
        meters.gpu_watts.push(1000, 60.0);
        assert_eq!(meters.joules_per_token(), Some(0.8));
        meters.decode_tps.push(10_000, 50.0);
        assert_eq!(meters.joules_per_token(), None);
        meters.gpu_watts.push(9_000, 20.0);
        assert_eq!(meters.joules_per_token(), Some(0.4));
    }
}
