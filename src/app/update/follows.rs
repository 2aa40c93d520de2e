//! What follows from a change, at once or when something has rested for a while.

use super::{inside, map, traces};
use crate::app::effect::Effect;
use crate::app::state::State;
use crate::app::{prediction, recording};
use crate::session::TreeOp;

/// How long the draft has to rest before it is predicted and saved.
pub(in crate::app) const DRAFT_REST_MS: u64 = 400;

/// What follows from whatever has changed: the draft is predicted and saved once it rests.
pub(in crate::app) fn after(state: &mut State) -> Vec<Effect> {
    if state
        .notice
        .as_ref()
        .is_some_and(|notice| notice.until_ms <= state.now_ms)
    {
        state.notice = None;
    }
    if state
        .quit_armed_until_ms
        .is_some_and(|until| until < state.now_ms)
    {
        state.quit_armed_until_ms = None;
    }
    let draft = state.composer.draft();
    let prediction = prediction::predict(state);
    let mut effects = Vec::new();
    if draft != state.session.tree.draft() && rests(state, &draft) {
        effects = state.change(vec![TreeOp::SetDraft { text: draft }]);
    }
    effects.extend(prediction);
    effects.extend(recording::follow(state));
    traces::follow_to_the_end(state);
    map::place_cursor(state);
    effects.extend(inside::ask_again(state));
    effects
}

/// Whether the draft has been the same for a while.
fn rests(state: &mut State, draft: &str) -> bool {
    if state.resting.0 != draft {
        state.resting = (draft.to_owned(), state.now_ms);
    }
    state.resting.1 + DRAFT_REST_MS <= state.now_ms
}

impl State {
    /// When something changes without an input: a notice ends, a draft has rested.
    pub fn next_deadline_ms(&self) -> Option<u64> {
        let notice = self.notice.as_ref().map(|notice| notice.until_ms);
        let armed = self.quit_armed_until_ms.map(|until| until + 1);
        let draft = self.composer.draft();
        let resting =
            (draft != self.session.tree.draft()).then_some(self.resting.1 + DRAFT_REST_MS);
        let predicting = self.prediction_due_ms();
        let cost = self.inside.as_ref().and_then(|view| view.cost_again_ms);
        let arrivals = self.arrivals.due_ms();
        let behind = self.behind.as_ref();
        let behind = behind.and_then(|behind| behind.next_deadline_ms());
        [notice, armed, resting, predicting, cost, arrivals, behind]
            .into_iter()
            .flatten()
            .min()
    }
}
