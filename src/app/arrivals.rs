//! Tokens on their way into the records: text appears with every frame, maps and figures change a few
//! times a second, or they could not be read.
//!
//! All of a token's record waits, so that panes never show figures of different moments. Whatever
//! else happens, a key or the answer's end, takes in what has waited.

use super::state::State;
use crate::engine::protocol::TokenEvent;

/// What has arrived and is not in the records yet.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Arrivals {
    /// The time between two changes of the records; 0 takes every token at once.
    pub interval_ms: u64,
    waiting: Vec<TokenEvent>,
    taken_ms: u64,
}

impl Arrivals {
    /// Nothing yet; the records change every `interval_ms` at most.
    pub fn every(interval_ms: u64) -> Self {
        Self {
            interval_ms,
            ..Self::default()
        }
    }

    /// When what waits is to be taken in.
    pub(super) fn due_ms(&self) -> Option<u64> {
        (!self.waiting.is_empty()).then_some(self.taken_ms + self.interval_ms)
    }
}

impl State {
    /// A token for the newest run's record.
    pub(super) fn arrived(&mut self, token: &TokenEvent) {
        self.arrivals.waiting.push(token.clone());
        if self.arrivals.due_ms().is_some_and(|due| due <= self.now_ms) {
            self.take_arrivals();
        }
    }

    /// Takes in what waits, now.
    pub(super) fn take_arrivals(&mut self) {
        if self.arrivals.waiting.is_empty() {
            return;
        }
        self.arrivals.taken_ms = self.now_ms;
        let waiting = std::mem::take(&mut self.arrivals.waiting);
        if let Some(run) = self.runs.latest_mut() {
            for token in &waiting {
                run.token(token);
            }
        }
    }
}
