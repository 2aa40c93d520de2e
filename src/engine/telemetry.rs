//! Makes snapshots out of what happens, and limits their rate.
//!
//! It knows neither a screen nor a clock: times come in as arguments. Caches and memory come from
//! the backend as they are.

mod routing;
mod speed;

use std::time::Duration;

use super::backend::Usage;
use super::protocol::{EnginePhase, RequestId, Telemetry};
use crate::sync::watch;

pub use routing::{RoutingAggregator, RoutingMismatch, RoutingSpan};
pub use speed::SpeedMeter;

/// Lets an action pass at most so often.
#[derive(Debug, Clone, Copy)]
pub struct RateLimiter {
    interval: Duration,
    last: Option<Duration>,
}

impl RateLimiter {
    /// A limiter for `max_hz` actions a second; 0 lets only the first one pass.
    pub fn new(max_hz: u32) -> Self {
        let interval = Duration::from_secs(1)
            .checked_div(max_hz)
            .unwrap_or(Duration::MAX);
        Self {
            interval,
            last: None,
        }
    }

    /// Whether the action may pass at `now`, which must not run backwards. If so it counts as done.
    pub fn pass(&mut self, now: Duration) -> bool {
        let due = self
            .last
            .is_none_or(|last| now.saturating_sub(last) >= self.interval);
        if due {
            self.last = Some(now);
        }
        due
    }
}

/// Collects figures and sends snapshots on the newest-only lane.
#[derive(Debug)]
pub(super) struct Publisher {
    sender: watch::Sender<Telemetry>,
    limiter: RateLimiter,
    seq: u64,
    pub(super) request: Option<RequestId>,
    pub(super) phase: EnginePhase,
    pub(super) routing: RoutingAggregator,
    pub(super) speed: SpeedMeter,
}

impl Publisher {
    pub(super) fn new(sender: watch::Sender<Telemetry>, max_hz: u32) -> Self {
        Self {
            sender,
            limiter: RateLimiter::new(max_hz),
            seq: 0,
            request: None,
            phase: EnginePhase::Idle,
            routing: RoutingAggregator::default(),
            speed: SpeedMeter::default(),
        }
    }

    /// Publishes unless the last snapshot is too young; `usage` is asked for only if needed.
    pub(super) fn publish_if_due(&mut self, wall_time: Duration, usage: impl FnOnce() -> Usage) {
        if self.limiter.pass(wall_time) {
            self.publish(usage());
        }
    }

    /// Publishes a snapshot. The end of a request must show whatever the limiter held back.
    pub(super) fn publish(&mut self, usage: Usage) {
        self.seq += 1;
        self.sender.send_replace(Telemetry {
            seq: self.seq,
            request: self.request,
            routing: self.routing.snapshot(),
            cache: usage.cache,
            memory: usage.memory,
            speed: self.speed.snapshot(self.phase),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limiter_passes_once_an_interval() {
        let mut limiter = RateLimiter::new(10);
        let passed: Vec<u64> = (0..=350)
            .step_by(25)
            .filter(|ms| limiter.pass(Duration::from_millis(*ms)))
            .collect();
        assert_eq!(passed, [0, 100, 200, 300]);
    }

    #[test]
    fn limiter_of_zero_hertz_passes_once() {
        let mut limiter = RateLimiter::new(0);
        assert!(limiter.pass(Duration::ZERO));
        assert!(!limiter.pass(Duration::from_secs(1_000_000)));
    }
}
