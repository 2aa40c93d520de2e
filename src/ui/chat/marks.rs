//! Places in texts that are marked: matches of the search, the token under the token cursor, and
//! tokens by their probability or entropy.

use std::ops::Range;

use ratatui::style::Style;

use super::texts::{TextForm, TextKey};
use crate::app::map::TokenCursor;
use crate::app::run::Run;
use crate::app::state::State;
use crate::app::token_lab::Tint;
use crate::session::{NodeKind, Turn};
use crate::ui::markdown::RenderedLine;
use crate::ui::theme::{Theme, ThemeRole};
use crate::ui::tint;

/// How a marked place looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// As the theme has it.
    Role(ThemeRole),
    /// As a token of this level.
    Tint(usize),
}

impl Mark {
    /// The looks, to be laid over the text's own.
    pub(super) fn style(self, theme: &Theme) -> Style {
        match self {
            Self::Role(role) => theme.style(role),
            Self::Tint(level) => tint::style(level, theme),
        }
    }
}

/// Ranges of a text's source that are marked on a line; where they overlap the last one counts.
pub(super) fn of_line(
    state: &State,
    key: TextKey,
    line: &RenderedLine,
) -> Vec<(Range<usize>, Mark)> {
    let sources = || line.spans.iter().filter_map(|span| span.source.clone());
    let start = sources().map(|source| source.start).min().unwrap_or(0);
    let end = sources().map(|source| source.end).max().unwrap_or(0);
    let mut marks = tints(state, key, start..end);
    let others = of_text(state, key).into_iter();
    marks.extend(others.map(|(range, role)| (range, Mark::Role(role))));
    marks
}

/// The levels of a line's tokens, where they are colored and the answer's record is kept.
fn tints(state: &State, key: TextKey, line: Range<usize>) -> Vec<(Range<usize>, Mark)> {
    let measure = state.token_lab.tint;
    if measure == Tint::Off {
        return Vec::new();
    }
    let (Some(run), Some(turn)) = (state.runs.get(key.node), state.session.tree.turn(key.node))
    else {
        return Vec::new();
    };
    let level = |index: usize| Some(Mark::Tint(measure.level(run.tokens.get(index)?)?));
    let on_line = |bytes: &Range<usize>| bytes.start < line.end && line.start < bytes.end;
    if key.form == TextForm::Raw {
        let tokens = line.filter_map(|index| Some((index..index + 1, level(index)?)));
        return tokens.collect();
    }
    text_tokens(turn, run, key.part)
        .skip_while(|(_, bytes)| bytes.end <= line.start)
        .take_while(|(_, bytes)| on_line(bytes) || bytes.is_empty())
        .filter_map(|(index, bytes)| Some((bytes, level(index)?)))
        .collect()
}

fn of_text(state: &State, key: TextKey) -> Vec<(Range<usize>, ThemeRole)> {
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
    let mut tokens = text_tokens(turn, run, part);
    let (_, bytes) = tokens.find(|(other, _)| *other == index)?;
    let text = &turn.parts.get(part)?.text;
    text.get(bytes.clone()).map(|_| bytes)
}

/// The answer's tokens that wrote a part's text, with their bytes in it; its header's tokens are
/// no text, and those that fit no message neither.
fn text_tokens(turn: &Turn, run: &Run, part: usize) -> impl Iterator<Item = (usize, Range<usize>)> {
    let tokens = turn.parts.get(part).map(|part| part.tokens.clone());
    let tokens = tokens.unwrap_or(0..0);
    let records = run.tokens.get(tokens.clone()).unwrap_or_default();
    let header = records
        .iter()
        .position(|record| &*record.text == "<|message|>");
    let first = tokens.start + header.map_or(0, |place| place + 1);
    let is_text = |index: &usize| {
        let mut faults = turn.faults.iter();
        !faults.any(|fault| fault.tokens.contains(index))
    };
    let mut end = 0;
    (first..tokens.end.min(tokens.start + records.len()))
        .filter(is_text)
        .map(move |index| {
            let start = end;
            end += run.tokens[index].text.len();
            (index, start..end)
        })
}
