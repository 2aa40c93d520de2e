//! Opening a profile, moving in it, and going from it to an expert.

use std::path::PathBuf;

use super::super::action::Action;
use super::super::effect::Effect;
use super::super::map::moved;
use super::super::popup::{Popup, Question};
use super::super::profile::{ProfileTab, ProfileView};
use super::super::state::{Level, State, View};
use super::{map, popups, say};
use crate::analytics::ProfileFile;

/// Shows the open profile; asks for a file where there is none.
pub(in crate::app) fn show(state: &mut State) -> Vec<Effect> {
    if state.profile.is_none() {
        return popups::ask(state, Question::Profile, "");
    }
    if matches!(state.popups.last(), Some(Popup::Profile)) {
        return Vec::new();
    }
    popups::open(state, |_| Popup::Profile)
}

/// Takes the path typed.
pub(in crate::app) fn typed(text: &str) -> Vec<Effect> {
    vec![Effect::ReadProfile(PathBuf::from(text))]
}

/// Takes a file's text.
pub(in crate::app) fn read(
    state: &mut State,
    name: String,
    text: Result<String, String>,
) -> Vec<Effect> {
    let file = text.and_then(|text| ProfileFile::read(&text).map_err(|error| error.to_string()));
    match file {
        Ok(file) => {
            state.profile = Some(ProfileView::new(name, file));
            show(state)
        }
        Err(problem) => {
            let title = "The profile cannot be opened".to_owned();
            let lines = vec![
                format!("{name}: {problem}"),
                "`gptoss-tui profile FILE.jsonl --output OUT.json` writes one.".to_owned(),
            ];
            popups::open(state, |_| Popup::Trouble {
                title,
                lines,
                remedy: None,
            })
        }
    }
}

/// Does what the profile makes of an action; none where it leaves it to others.
pub(in crate::app) fn perform(state: &mut State, action: Action) -> Option<Vec<Effect>> {
    let page = i64::from(state.viewport.list_rows.max(1));
    match action {
        Action::Back => {
            state.popups.pop();
        }
        Action::StopOrQuit if state.running.is_none() => {
            state.popups.pop();
        }
        Action::Open => return Some(card(state)),
        Action::ProfileSpecialists => tab(state, |_| ProfileTab::Specialists),
        Action::ProfileMap => tab(state, |_| ProfileTab::Map),
        Action::ProfileComparison => tab(state, |_| ProfileTab::Comparison),
        Action::NextTab => tab(state, |tab| tab.step(true)),
        Action::PreviousTab => tab(state, |tab| tab.step(false)),
        Action::ProfileDomain => domain(state),
        Action::Up => step(state, -1, 0),
        Action::Down => step(state, 1, 0),
        Action::Left => step(state, 0, -1),
        Action::Right => step(state, 0, 1),
        Action::Top => step(state, -1_000_000, 0),
        Action::Bottom => step(state, 1_000_000, 0),
        Action::PageUp => step(state, -page, 0),
        Action::PageDown => step(state, page, 0),
        _ => return None,
    }
    Some(Vec::new())
}

fn tab(state: &mut State, to: impl FnOnce(ProfileTab) -> ProfileTab) {
    if let Some(view) = &mut state.profile {
        view.tab = to(view.tab);
    }
}

/// The next domain alone, and at last all again.
fn domain(state: &mut State) {
    if let Some(view) = &mut state.profile {
        let count = view.file.profile.domains.len();
        view.domain = match view.domain {
            None => Some(0),
            Some(last) if last + 1 >= count => None,
            Some(other) => Some(other + 1),
        };
        view.selected = 0;
        view.tab = ProfileTab::Specialists;
    }
}

/// Moves the selection, or the map's cursor.
pub(in crate::app) fn step(state: &mut State, rows: i64, columns: i64) {
    let Some(view) = &mut state.profile else {
        return;
    };
    if view.tab == ProfileTab::Map {
        let (layers, experts) = view.file.shape();
        view.cursor.layer = moved(view.cursor.layer, rows, layers);
        view.cursor.expert = moved(view.cursor.expert, columns, experts);
        return;
    }
    view.selected = moved(view.selected, rows, view.rows().len());
}

/// Goes to the card of the selected expert.
fn card(state: &mut State) -> Vec<Effect> {
    let Some((view, cell)) = state
        .profile
        .as_ref()
        .and_then(|view| Some((view, view.chosen()?)))
    else {
        return Vec::new();
    };
    if state.map_size() != Some(view.file.shape()) {
        let (layers, experts) = view.file.shape();
        let problem = format!(
            "the profile is of {} with {layers} layers of {experts} experts, not of this model",
            view.file.model
        );
        say(state, Level::Warning, problem);
        return Vec::new();
    }
    state.popups.pop();
    state.map.point_at(cell);
    map::open_card(state);
    super::show(state, View::Experts)
}
