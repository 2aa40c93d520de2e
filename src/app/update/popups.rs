//! Lists, questions and texts over the screen.

mod chosen;
mod typed;

use tui_input::Input;

use super::super::action::{Action, Context, REGISTRY};
use super::super::effect::{Effect, SessionRequest};
use super::super::input;
use super::super::popup::{ListPopup, Popup, Question};
use super::super::replay;
use super::super::state::{Level, State};
use super::{ablate, inside, lab, profile, sampler, say};
pub(in crate::app) use chosen::take_code;
pub(in crate::app) use typed::{edit, input_changed};

/// Puts something over the screen.
pub(in crate::app) fn open(state: &mut State, make: impl FnOnce(&State) -> Popup) -> Vec<Effect> {
    let popup = make(state);
    state.popups.push(popup);
    Vec::new()
}

/// Asks for a text.
pub(in crate::app) fn ask(state: &mut State, question: Question, proposal: &str) -> Vec<Effect> {
    let input = Input::new(proposal.to_owned());
    open(state, |_| Popup::Ask { question, input })
}

/// All actions by name.
pub(in crate::app) fn palette(state: &mut State) -> Vec<Effect> {
    let actions = REGISTRY
        .iter()
        .map(|info| info.action)
        .filter(|action| is_for_palette(*action))
        .filter(|action| state.replay.is_none() || !replay::needs_a_model(*action))
        .filter(|action| state.replay.is_some() || !replay::needs_a_replay(*action));
    let figures = state.popups.last().map(Popup::context);
    let actions =
        actions.filter(|action| figures_of(*action).is_none_or(|context| figures == Some(context)));
    let actions = actions.collect();
    open(state, |_| Popup::Palette(ListPopup::new(actions)))
}

/// The figures over the screen that an action is about, where it is about nothing else.
fn figures_of(action: Action) -> Option<Context> {
    let contexts: Vec<Context> = action.info().keys.iter().map(|(place, _)| *place).collect();
    match contexts[..] {
        [only @ (Context::Inside | Context::Profile)] => Some(only),
        _ => None,
    }
}

/// Moving a cursor by name makes no sense.
fn is_for_palette(action: Action) -> bool {
    !matches!(
        action,
        Action::Palette
            | Action::Back
            | Action::Up
            | Action::Down
            | Action::Left
            | Action::Right
            | Action::Open
            | Action::Delete
            | Action::UndoDelete
            | Action::Rename
            | Action::CursorUp
            | Action::CursorDown
            | Action::CursorLeft
            | Action::CursorRight
            | Action::WordLeft
            | Action::WordRight
            | Action::LineStart
            | Action::LineEnd
            | Action::DeleteBack
            | Action::DeleteForward
            | Action::DeleteWord
            | Action::DeleteToEnd
            | Action::DeleteToStart
            | Action::Increase
            | Action::Decrease
            | Action::IncreaseMuch
            | Action::DecreaseMuch
            | Action::NextTab
            | Action::PreviousTab
    )
}

/// Does what the popup on top makes of an action; none where it leaves it to others.
pub(in crate::app) fn perform(state: &mut State, action: Action) -> Option<Vec<Effect>> {
    if state.focus == super::Focus::Sampler
        && state.popups.is_empty()
        && state.sampling.typing.is_some()
    {
        return sampler::perform_typing(state, action);
    }
    if matches!(state.popups.last(), Some(Popup::Inside | Popup::Profile)) {
        return figures(state, action);
    }
    let rows = i64::from(state.viewport.list_rows.max(1));
    let last = state.viewport.last_scroll;
    let popup = state.popups.last_mut()?;
    match action {
        Action::Back => {
            state.popups.pop();
        }
        Action::Up => scroll(popup, -1, last),
        Action::Down => scroll(popup, 1, last),
        Action::PageUp => scroll(popup, -rows, last),
        Action::PageDown => scroll(popup, rows, last),
        Action::Top => scroll(popup, i64::from(i32::MIN), last),
        Action::Bottom => scroll(popup, i64::from(i32::MAX), last),
        Action::Open => return Some(chosen::choose(state)),
        Action::Delete | Action::UndoDelete | Action::Rename => {
            return Some(change_listed(state, action));
        }
        // Stopping and leaving work everywhere; Ctrl+C closes a list before it arms leaving.
        Action::StopOrQuit if state.running.is_none() => {
            if let Some(effects) = ablate::stop(state).or_else(|| inside::stop(state)) {
                return Some(effects);
            }
            state.popups.pop();
        }
        Action::StopOrQuit | Action::Quit | Action::Redraw | Action::Suspend => return None,
        Action::Help | Action::Palette => {
            state.popups.pop();
            return None;
        }
        _ => {
            if let Some(request) = input::field_request(action) {
                edit(popup, request);
                return Some(input_changed(state));
            }
        }
    }
    Some(Vec::new())
}

/// Does what figures over the screen make of an action; none where they leave it to others.
fn figures(state: &mut State, action: Action) -> Option<Vec<Effect>> {
    let done = match state.popups.last() {
        Some(Popup::Inside) => inside::perform(state, action),
        _ => profile::perform(state, action),
    };
    let stays = matches!(
        action,
        Action::StopOrQuit
            | Action::Quit
            | Action::Redraw
            | Action::Suspend
            | Action::Help
            | Action::Palette
            | Action::LookInside
            | Action::OpenProfile
            | Action::ShowProfile
            | Action::ShareProfile
            | Action::ShareLens
            | Action::ShareSinks
            | Action::ShareAttention
            | Action::ShareNorms
    );
    // What belongs to the screen below is done there, in sight.
    if done.is_none() && !stays {
        state.popups.pop();
    }
    done
}

/// Turns the wheel over the popup on top.
pub(in crate::app) fn wheel(state: &mut State, lines: i64) {
    match state.popups.last_mut() {
        Some(Popup::Inside) => inside::step(state, lines.signum(), 0),
        Some(Popup::Profile) => profile::step(state, lines.signum(), 0),
        Some(popup) => scroll(popup, lines, state.viewport.last_scroll),
        None => {}
    }
}

/// How far a text can be scrolled before it is known how long it is.
const MOST_SCROLL: usize = 10_000;

/// Scrolls a text, at most to `last_scroll`, or moves a list's selection.
#[expect(
    clippy::match_same_arms,
    reason = "the arms bind lists of different types"
)]
fn scroll(popup: &mut Popup, by: i64, last_scroll: Option<usize>) {
    match popup {
        Popup::Palette(list) => list.step(by),
        Popup::Sessions(list) => list.step(by),
        Popup::Models(list) => list.step(by),
        Popup::Presets(list) => list.step(by),
        Popup::History(list) => list.step(by),
        Popup::Code { list, .. } => list.step(by),
        Popup::Tree(list) => list.step(by),
        Popup::Rules(list) => list.step(by),
        Popup::Traces { list, .. } => list.step(by),
        Popup::Help { scroll, .. }
        | Popup::HowTo { scroll }
        | Popup::Ablation { scroll }
        | Popup::Difference { scroll } => {
            let last = last_scroll.unwrap_or(MOST_SCROLL);
            let from = (*scroll).min(last) as i64;
            *scroll = from.saturating_add(by).clamp(0, last as i64) as usize;
        }
        Popup::Ask { .. } | Popup::Inside | Popup::Profile | Popup::Trouble { .. } => {}
    }
}

/// Changes a session on disk and lists those again that hold what was typed.
fn changed(state: &State, request: SessionRequest) -> Vec<Effect> {
    let mut effects = vec![Effect::Session(request)];
    effects.extend(listed_again(state));
    effects
}

/// Lists the sessions again where they are on the screen.
fn listed_again(state: &State) -> Option<Effect> {
    let Some(Popup::Sessions(list)) = state.popups.last() else {
        return None;
    };
    let query = list.input.value().to_owned();
    Some(Effect::Session(SessionRequest::List { query }))
}

/// Deletes, brings back or renames what is listed.
fn change_listed(state: &mut State, action: Action) -> Vec<Effect> {
    if let (Some(Popup::Rules(_)), Action::Delete) = (state.popups.last(), action) {
        return lab::remove_listed(state);
    }
    let Some(Popup::Sessions(list)) = state.popups.last() else {
        return Vec::new();
    };
    let chosen = list
        .chosen()
        .map(|info| (info.id.clone(), info.title.clone()));
    match (action, chosen) {
        (Action::UndoDelete, _) => changed(state, SessionRequest::UndoDelete),
        (Action::Delete, Some((id, _))) if state.session.id.as_ref() == Some(&id) => {
            say(
                state,
                Level::Warning,
                "this session is open; Ctrl+N begins another one first",
            );
            Vec::new()
        }
        (Action::Delete, Some((id, _))) => changed(state, SessionRequest::Delete(id)),
        (Action::Rename, Some((id, title))) if state.session.id.as_ref() == Some(&id) => {
            ask(state, Question::RenameSession, &title)
        }
        (Action::Rename, Some((id, title))) => ask(state, Question::RenameListed(id), &title),
        _ => Vec::new(),
    }
}
