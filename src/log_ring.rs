//! The latest events of the log, kept in memory for a view of them.
//!
//! Knows nothing of who writes events; the program's logging pushes, a view reads.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::settings::LogLevel;

/// How many events are kept.
pub const MAX_LINES: usize = 1000;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// How important it is.
    pub level: LogLevel,
    /// The module that tells it.
    pub target: String,
    /// What it tells, fields included.
    pub message: String,
}

/// The latest [`MAX_LINES`] events; clones share them.
#[derive(Debug, Clone, Default)]
pub struct LogRing {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    lines: VecDeque<LogLine>,
    pushed: u64,
}

impl LogRing {
    /// Adds an event; the oldest one makes room.
    pub fn push(&self, line: LogLine) {
        let mut inner = self.lock();
        if inner.lines.len() == MAX_LINES {
            inner.lines.pop_front();
        }
        inner.lines.push_back(line);
        inner.pushed += 1;
    }

    /// All events that are kept, oldest first.
    pub fn recent(&self) -> Vec<LogLine> {
        self.lock().lines.iter().cloned().collect()
    }

    /// How many events there were in all; it tells whether a view is out of date.
    pub fn pushed(&self) -> u64 {
        self.lock().pushed
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_events_are_kept_in_order() {
        let ring = LogRing::default();
        let reader = ring.clone();
        for at_ms in 0..MAX_LINES as u64 + 5 {
            ring.push(LogLine {
                at_ms,
                level: LogLevel::Info,
                target: "test".to_owned(),
                message: String::new(),
            });
        }
        let lines = reader.recent();
        assert_eq!((lines.len(), reader.pushed()), (MAX_LINES, 1005));
        assert_eq!((lines[0].at_ms, lines[999].at_ms), (5, 1004));
    }
}
