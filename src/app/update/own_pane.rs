//! Actions that belong to one pane, asked for by name from elsewhere.

use super::{chat, compose, focus, map, sampler, show};
use crate::app::action::Action;
use crate::app::effect::Effect;
use crate::app::state::{Focus, State, View};

/// Goes where an action belongs and does it there: it was asked for by name from elsewhere.
pub(super) fn perform(state: &mut State, action: Action) -> Vec<Effect> {
    match action {
        Action::PageLeft
        | Action::PageRight
        | Action::ZoomIn
        | Action::ZoomOut
        | Action::MapSource
        | Action::MapSourceBack
        | Action::MapMeasure
        | Action::MapScale
        | Action::MapFigure
        | Action::NextChoice
        | Action::PreviousChoice
        | Action::ExpertCard => on_the_map(state, action),
        Action::ResetValue
        | Action::ResetAll
        | Action::SeedLock
        | Action::NewSeed
        | Action::Presets
        | Action::SavePreset => in_the_sampler(state, action),
        Action::Send
        | Action::Newline
        | Action::Editor
        | Action::HistorySearch
        | Action::Undo
        | Action::Redo => in_the_composer(state, action),
        _ => chat::perform(state, action),
    }
}

/// Does it in the composer.
fn in_the_composer(state: &mut State, action: Action) -> Vec<Effect> {
    let mut effects = focus(state, Focus::Composer);
    effects.extend(compose::perform(state, action).unwrap_or_default());
    effects
}

/// Does it on the map.
fn on_the_map(state: &mut State, action: Action) -> Vec<Effect> {
    let is_shown = |(pane, _): &(Focus, _)| *pane == Focus::Experts;
    if state.viewport.panes.iter().any(is_shown) {
        state.focus = Focus::Experts;
    } else {
        show(state, View::Experts);
    }
    let done = (state.focus == Focus::Experts).then(|| map::perform(state, action));
    done.flatten().unwrap_or_default()
}

/// Does it in the sampling panel.
fn in_the_sampler(state: &mut State, action: Action) -> Vec<Effect> {
    state.is_sampler_open = true;
    state.focus = Focus::Sampler;
    sampler::perform(state, action).unwrap_or_default()
}
