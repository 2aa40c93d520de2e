//! Stopping what runs, and leaving the program.

use super::{ablate, generate, ghost, inside, say, summary};
use crate::app::action::{Action, Context};
use crate::app::effect::Effect;
use crate::app::state::{Level, ModelStatus, State};

/// How long a first Ctrl+C waits for a second.
const QUIT_ARMED_MS: u64 = 2_000;

/// Stops what runs, or clears the draft; where there is neither, the second time leaves the program.
pub(super) fn stop_or_quit(state: &mut State) -> Vec<Effect> {
    if state.running.is_some() {
        return generate::stop(state);
    }
    let stopped = ghost::stop(state)
        .or_else(|| ablate::stop(state))
        .or_else(|| summary::stop(state))
        .or_else(|| inside::stop(state));
    if let Some(effects) = stopped {
        return effects;
    }
    if let ModelStatus::Loading { request, .. } = state.model {
        say(state, Level::Info, "stopping the load");
        return vec![Effect::Cancel(request)];
    }
    if !state.composer.is_blank() {
        state.composer.clear();
        let undo = state.keymap.keys(Context::Composer, Action::Undo);
        let text = match undo.first() {
            Some(key) => format!("draft cleared; {key} brings it back"),
            None => "draft cleared".to_owned(),
        };
        say(state, Level::Info, text);
        return Vec::new();
    }
    if state
        .quit_armed_until_ms
        .is_some_and(|until| state.now_ms <= until)
    {
        return vec![Effect::Quit];
    }
    state.quit_armed_until_ms = Some(state.now_ms + QUIT_ARMED_MS);
    say(state, Level::Info, "press Ctrl+C again to leave");
    Vec::new()
}

/// Leaves the program, whatever runs.
pub(super) fn quit(state: &mut State) -> Vec<Effect> {
    let mut effects = Vec::new();
    if let Some(running) = &state.running {
        effects.push(Effect::Cancel(running.request));
    }
    effects.push(Effect::Quit);
    effects
}
