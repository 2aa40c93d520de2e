//! The line of a popup: what is typed filters the list below it.

use nucleo_matcher::pattern::{AtomKind, CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use tui_input::InputRequest;

use crate::app::action::Action;
use crate::app::effect::{Effect, SessionRequest};
use crate::app::popup::{ListPopup, Popup};
use crate::app::state::State;

/// Edits the popup's line.
#[expect(
    clippy::match_same_arms,
    reason = "the arms bind lists of different types"
)]
pub(in crate::app) fn edit(popup: &mut Popup, request: InputRequest) {
    let input = match popup {
        Popup::Palette(list) => &mut list.input,
        Popup::Sessions(list) => &mut list.input,
        Popup::Models(list) => &mut list.input,
        Popup::Presets(list) => &mut list.input,
        Popup::History(list) => &mut list.input,
        Popup::Code { list, .. } => &mut list.input,
        Popup::Tree(list) => &mut list.input,
        Popup::Rules(list) => &mut list.input,
        Popup::Traces { list, .. } => &mut list.input,
        Popup::Ask { input, .. } => input,
        Popup::Help { .. }
        | Popup::HowTo { .. }
        | Popup::Ablation { .. }
        | Popup::Difference { .. }
        | Popup::Inside
        | Popup::Profile
        | Popup::Trouble { .. } => return,
    };
    input.handle(request);
}

/// Filters the list on top anew.
#[expect(
    clippy::match_same_arms,
    reason = "the arms bind lists of different types"
)]
pub(in crate::app) fn input_changed(state: &mut State) -> Vec<Effect> {
    match state.popups.last_mut() {
        Some(Popup::Palette(list)) => filter_actions(list),
        Some(Popup::Models(list)) => filter(list, |model| model.name().to_owned()),
        Some(Popup::Presets(list)) => filter(list, Clone::clone),
        Some(Popup::History(list)) => filter(list, Clone::clone),
        Some(Popup::Code { list, .. }) => filter(list, |code| code.source.clone()),
        Some(Popup::Tree(list)) => filter(list, |row| row.text.clone()),
        Some(Popup::Rules(list)) => filter(list, ToString::to_string),
        Some(Popup::Traces { list, .. }) => filter(list, |trace| trace.name().to_owned()),
        // Sessions are searched by content, on disk.
        Some(Popup::Sessions(list)) => {
            let query = list.input.value().to_owned();
            return vec![Effect::Session(SessionRequest::List { query })];
        }
        _ => {}
    }
    Vec::new()
}

/// Actions whose name fits what was typed, the nearest first; then those whose help holds its words.
fn filter_actions(list: &mut ListPopup<Action>) {
    let query = list.input.value().to_owned();
    let by_name = Pattern::parse(&query, CaseMatching::Ignore, Normalization::Smart);
    let words = Pattern::new(
        &query,
        CaseMatching::Ignore,
        Normalization::Smart,
        AtomKind::Substring,
    );
    scored(list, |action, score| {
        let info = action.info();
        let spaced = info.name.replace('-', " ");
        let named = score(&by_name, info.name).max(score(&by_name, &spaced));
        // Letters that lie scattered over a sentence fit anything.
        named
            .map(|score| score.saturating_add(u32::from(u16::MAX)))
            .or_else(|| score(&words, info.help))
    });
}

fn filter<T>(list: &mut ListPopup<T>, text: impl Fn(&T) -> String) {
    let query = list.input.value().to_owned();
    let pattern = Pattern::parse(&query, CaseMatching::Ignore, Normalization::Smart);
    scored(list, |entry, score| score(&pattern, &text(entry)));
}

/// Shows the entries that have a score, the best first.
fn scored<T>(
    list: &mut ListPopup<T>,
    score_of: impl Fn(&T, &mut dyn FnMut(&Pattern, &str) -> Option<u32>) -> Option<u32>,
) {
    let mut matcher = Matcher::new(Config::DEFAULT);
    let mut buffer = Vec::new();
    let mut score = |pattern: &Pattern, text: &str| {
        pattern.score(Utf32Str::new(text, &mut buffer), &mut matcher)
    };
    let entries = list.entries.iter().enumerate();
    let mut scored: Vec<(usize, u32)> = entries
        .filter_map(|(index, entry)| Some((index, score_of(entry, &mut score)?)))
        .collect();
    scored.sort_by_key(|(index, score)| (std::cmp::Reverse(*score), *index));
    list.shown = scored.into_iter().map(|(index, _)| index).collect();
    list.selected = 0;
}
