//! Places in texts that are marked: matches of the search, the token under the token cursor.

use std::ops::Range;

use super::texts::{TextForm, TextKey};
use crate::app::map::TokenCursor;
use crate::app::run::Run;
use crate::app::state::State;
use crate::session::{NodeKind, Turn};
use crate::ui::theme::ThemeRole;

/// Ranges of a text's source with their roles; where they overlap the last one counts.
pub(super) fn of_text(state: &State, key: TextKey) -> Vec<(Range<usize>, ThemeRole)> {
    let mut marks = Vec::new();
    if key.form == TextForm::Raw {
        marks.extend(raw_token(state, key).map(|index| (index..index + 1, ThemeRole::Selection)));
        return marks;
    }
    if let Some(search) = &state.chat.search {
        for (index, found) in search.matches.iter().enumerate() {
            if found.node == key.node && found.part == key.part {
                let is_current = index == search.current;
                let role = if is_current {
                    ThemeRole::MatchCurrent
                } else {
                    ThemeRole::Match
                };
                marks.push((found.bytes.clone(), role));
            }
        }
    }
    marks.extend(token(state, key).map(|range| (range, ThemeRole::Selection)));
    marks
}

/// The answer's token under the token cursor, where one was chosen and it is of this message.
fn chosen(state: &State, key: TextKey) -> Option<(&Run, usize)> {
    let TokenCursor::At(_) = state.map.token else {
        return None;
    };
    let run = state.shown_run().filter(|run| run.node == key.node)?;
    Some((run, state.token_position()?.checked_sub(run.prompt.len())?))
}

fn raw_token(state: &State, key: TextKey) -> Option<usize> {
    chosen(state, key).map(|(_, index)| index)
}

fn token(state: &State, key: TextKey) -> Option<Range<usize>> {
    let (run, index) = chosen(state, key)?;
    let NodeKind::Assistant(turn) = &state.session.tree.node(key.node)?.kind else {
        return None;
    };
    bytes_of_token(turn, run, key.part, index)
}

/// The bytes of a part's text that the answer's token `index` wrote.
fn bytes_of_token(turn: &Turn, run: &Run, part: usize, index: usize) -> Option<Range<usize>> {
    let part = turn.parts.get(part)?;
    if !part.tokens.contains(&index) {
        return None;
    }
    let records = run.tokens.get(part.tokens.clone())?;
    // A header's tokens are no text.
    let header = records
        .iter()
        .position(|record| &*record.text == "<|message|>");
    let first = part.tokens.start + header.map_or(0, |place| place + 1);
    let is_text = |index: usize| {
        !turn
            .faults
            .iter()
            .any(|fault| fault.tokens.contains(&index))
    };
    if index < first || !is_text(index) {
        return None;
    }
    let before = (first..index).filter(|index| is_text(*index));
    let start: usize = before
        .filter_map(|index| run.tokens.get(index))
        .map(|record| record.text.len())
        .sum();
    let end = start + run.tokens.get(index)?.text.len();
    part.text.get(start..end).map(|_| start..end)
}
