//! A place where a scripted backend waits for its test.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Holds the engine thread at each `pause` of a script until it is let through.
///
/// With it, tests bring the engine to an exact place instead of sleeping. Clones are the same gate.
#[derive(Debug, Clone, Default)]
pub struct Gate {
    shared: Arc<(Mutex<State>, Condvar)>,
}

#[derive(Debug, Default)]
struct State {
    arrivals: usize,
    passes: usize,
    open: bool,
}

impl Gate {
    /// Waits until the engine has come to a pause `count` times, counted from the beginning.
    pub fn wait_for_arrivals(&self, count: usize) {
        drop(self.wait_while(|state| state.arrivals < count));
    }

    /// Lets the engine through one pause, now or when it comes there.
    pub fn let_one_pass(&self) {
        self.change(|state| state.passes += 1);
    }

    /// Lets the engine through all pauses from now on.
    pub fn open(&self) {
        self.change(|state| state.open = true);
    }

    /// The engine's side: arrives and waits.
    pub(super) fn enter(&self) {
        self.change(|state| state.arrivals += 1);
        let mut state = self.wait_while(|state| state.passes == 0 && !state.open);
        state.passes = state.passes.saturating_sub(1);
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let (state, changed) = &*self.shared;
        change(&mut state.lock().unwrap_or_else(PoisonError::into_inner));
        changed.notify_all();
    }

    fn wait_while(&self, condition: impl Fn(&State) -> bool) -> MutexGuard<'_, State> {
        let (state, changed) = &*self.shared;
        let state = state.lock().unwrap_or_else(PoisonError::into_inner);
        changed
            .wait_while(state, |state| condition(state))
            .unwrap_or_else(PoisonError::into_inner)
    }
}
