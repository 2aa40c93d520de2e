//! The program's own clock: milliseconds since it began.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Milliseconds since the program began; never goes back.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// A clock that was 0 at `start`.
    pub fn since(start: Instant) -> Self {
        Self { start }
    }

    /// The time now.
    pub fn now_ms(self) -> u64 {
        self.start.elapsed().as_millis() as u64
    }

    /// The moment of a time.
    pub fn instant(self, ms: u64) -> Instant {
        self.start + Duration::from_millis(ms)
    }

    /// The wall clock when this one was 0, in milliseconds since 1970.
    pub fn start_wall_ms(self) -> u64 {
        let wall = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        wall.saturating_sub(self.start.elapsed()).as_millis() as u64
    }
}
