//! The sampling panel: moving, changing, typing values, presets.

use tui_input::{Input, InputRequest};

use super::super::action::Action;
use super::super::effect::Effect;
use super::super::input;
use super::super::popup::{ListPopup, Popup, Question};
use super::super::sampling::{Knob, SamplingPanel};
use super::super::state::{Focus, Level, State};
use super::{popups, say};
use crate::engine::protocol::Command;
use crate::generate::SamplingParams;

/// Opens the panel, or closes it.
pub(in crate::app) fn toggle(state: &mut State) -> Vec<Effect> {
    state.is_sampler_open = !state.is_sampler_open;
    state.focus = if state.is_sampler_open {
        Focus::Sampler
    } else {
        Focus::Chat
    };
    Vec::new()
}

/// Does what concerns the panel alone.
pub(in crate::app) fn perform(state: &mut State, action: Action) -> Option<Vec<Effect>> {
    match action {
        Action::Up => select(state, -1),
        Action::Down => select(state, 1),
        Action::Top => select(state, -100),
        Action::Bottom => select(state, 100),
        Action::Increase => return Some(shift(state, 1.0)),
        Action::Decrease => return Some(shift(state, -1.0)),
        Action::IncreaseMuch => return Some(shift(state, 10.0)),
        Action::DecreaseMuch => return Some(shift(state, -10.0)),
        Action::ResetValue => return Some(reset(state, &[state.sampling.selected])),
        Action::ResetAll => return Some(reset(state, &Knob::ALL)),
        Action::SeedLock => {
            state.sampling.is_seed_locked = !state.sampling.is_seed_locked;
        }
        Action::NewSeed => {
            let seed = state.draw_seed();
            return Some(change(state, |panel| panel.params.seed = seed));
        }
        Action::Open => {
            let knob = state.sampling.selected;
            state.sampling.typing = Some(Input::new(state.sampling.typed(knob)));
        }
        Action::Presets => {
            let names = state
                .sampling
                .presets
                .iter()
                .map(|preset| preset.name.clone())
                .collect();
            return Some(popups::open(state, |_| {
                Popup::Presets(ListPopup::new(names))
            }));
        }
        Action::SavePreset => return Some(popups::ask(state, Question::PresetName, "")),
        Action::Back => {
            state.is_sampler_open = false;
            state.focus = Focus::Chat;
        }
        _ => return None,
    }
    Some(Vec::new())
}

/// What keys do while a value is typed.
pub(in crate::app) fn perform_typing(state: &mut State, action: Action) -> Option<Vec<Effect>> {
    match action {
        Action::Back => state.sampling.typing = None,
        Action::Open => return Some(take_typed(state)),
        _ => edit(state, input::field_request(action)?),
    }
    Some(Vec::new())
}

/// Edits the value being typed.
pub(in crate::app) fn edit(state: &mut State, request: InputRequest) {
    if let Some(typing) = &mut state.sampling.typing {
        typing.handle(request);
    }
}

/// Selects another setting.
pub(in crate::app) fn select(state: &mut State, by: i64) {
    let place = Knob::ALL
        .iter()
        .position(|knob| *knob == state.sampling.selected)
        .unwrap_or(0);
    let next = (place as i64 + by).clamp(0, Knob::ALL.len() as i64 - 1) as usize;
    state.sampling.selected = Knob::ALL[next];
}

fn shift(state: &mut State, steps: f64) -> Vec<Effect> {
    let knob = state.sampling.selected;
    if knob == Knob::Seed {
        return change(state, |panel| {
            panel.params.seed = panel.params.seed.saturating_add_signed(steps as i64);
        });
    }
    let (Some(track), Some(value)) = (knob.track(), state.sampling.number(knob)) else {
        say(state, Level::Info, "Enter types a value");
        return Vec::new();
    };
    // Whole steps, so that 0.05 twenty times is exactly 1.
    let step = (value / track.step).round() + steps;
    let value = (step * track.step).clamp(track.min, track.max);
    change(state, |panel| panel.set_number(knob, value))
}

fn reset(state: &mut State, knobs: &[Knob]) -> Vec<Effect> {
    let base = SamplingPanel::new(state.sampling.defaults.clone());
    let knobs: Vec<Knob> = knobs
        .iter()
        .copied()
        .filter(|knob| *knob != Knob::Seed)
        .collect();
    change(state, |panel| {
        for knob in knobs {
            panel.copy_from(&base, knob);
        }
    })
}

/// Takes a preset's values; the seed stays.
pub(in crate::app) fn take_preset(state: &mut State, name: &str) -> Vec<Effect> {
    let Some(preset) = state
        .sampling
        .presets
        .iter()
        .find(|preset| preset.name == name)
        .cloned()
    else {
        return Vec::new();
    };
    change(state, |panel| {
        let seed = panel.params.seed;
        panel.params = SamplingParams {
            seed,
            ..preset.sampling
        };
    })
}

/// Sets one value by the panel's label, as if it had been typed there.
///
/// *Errors:* what is wrong, for the person.
pub fn set(state: &mut State, label: &str, value: &str) -> Result<Vec<Effect>, String> {
    let Some(knob) = Knob::ALL.into_iter().find(|knob| knob.label() == label) else {
        let labels: Vec<&str> = Knob::ALL.iter().map(|knob| knob.label()).collect();
        return Err(format!(
            "there is no \"{label}\"; known: {}",
            labels.join(", ")
        ));
    };
    let mut changed = state.sampling.clone();
    changed.set_typed(knob, value)?;
    changed
        .params
        .validate()
        .map_err(|error| error.to_string())?;
    Ok(take(state, changed))
}

fn take(state: &mut State, changed: SamplingPanel) -> Vec<Effect> {
    change(state, |panel| {
        panel.params = changed.params;
        panel.max_tokens = changed.max_tokens;
        panel.stop = changed.stop;
    })
}

fn take_typed(state: &mut State) -> Vec<Effect> {
    let Some(typing) = state.sampling.typing.take() else {
        return Vec::new();
    };
    let knob = state.sampling.selected;
    let mut changed = state.sampling.clone();
    let taken = changed
        .set_typed(knob, typing.value())
        .and_then(|()| changed.params.validate().map_err(|error| error.to_string()));
    match taken {
        Ok(()) => take(state, changed),
        Err(message) => {
            say(state, Level::Error, message);
            state.sampling.typing = Some(typing);
            Vec::new()
        }
    }
}

/// Changes the panel; a running answer goes on with it from its next token.
fn change(state: &mut State, change: impl FnOnce(&mut SamplingPanel)) -> Vec<Effect> {
    let before = state.sampling.clone();
    change(&mut state.sampling);
    let panel = &state.sampling;
    let has_new_ends = (panel.max_tokens, &panel.stop) != (before.max_tokens, &before.stop);
    if has_new_ends && state.running.is_some() {
        let text = "max tokens and stop texts count from the next answer on";
        say(state, Level::Info, text);
    }
    if state.sampling.params == before.params {
        return Vec::new();
    }
    send(state)
}

/// Sends the panel's settings to the running answer.
fn send(state: &mut State) -> Vec<Effect> {
    state.sampling.is_unsent = false;
    let sampling = state.sampling.params.clone();
    let running = state.running.as_ref();
    let update = running.map(|running| Command::UpdateSampling {
        request: running.request,
        sampling,
    });
    update.map(Effect::Engine).into_iter().collect()
}

/// Sends the newest settings where the engine had no room for them: now it has taken something.
pub(in crate::app) fn send_again(state: &mut State) -> Vec<Effect> {
    if state.sampling.is_unsent {
        send(state)
    } else {
        Vec::new()
    }
}
