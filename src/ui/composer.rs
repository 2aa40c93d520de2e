//! The text being written, under a rule that says what becomes of it.

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Text};
use ratatui::widgets::Widget;

use super::chat::{tokens, wrapped};
use super::chrome::{put, titled_rule, width};
use super::is_focused;
use super::sanitize::sanitize;
use super::theme::{Theme, ThemeRole};
use super::widgets::format;
use super::widgets::shorten::short_items;
use crate::app::composer::{Target, steps};
use crate::app::state::Focus;
use crate::app::viewport::ComposerViewport;
use crate::app::{Action, State};
use crate::harmony::ReasoningEffort;

/// Columns that the note keeps beside the effort, for its first item.
const LEAST_NOTE: u16 = 14;

/// Columns left of the text.
const INDENT: u16 = 2;

/// Rows that the text wants in a composer of so many columns: at most a third of the screen's.
pub(super) fn wanted_rows(state: &State, columns: u16, screen_rows: u16) -> u16 {
    let most = (screen_rows / 3).max(1);
    // Only a drawn text knows where it wraps.
    let row = Rect::new(0, 0, columns.saturating_sub(INDENT).max(1), 1);
    let text = state.composer.area_at_end();
    (&text).render(row, &mut Buffer::empty(row));
    let rows = text.screen_cursor().row + 1;
    let least = if screen_rows >= 20 { 2 } else { 1 };
    (rows.min(usize::from(u16::MAX)) as u16).clamp(least.min(most), most)
}

/// Draws rule and text.
pub(super) fn draw(
    frame: &mut Frame<'_>,
    area: Rect,
    state: &State,
    theme: &Theme,
) -> ComposerViewport {
    let focused = is_focused(state, Focus::Composer);
    let text = if area.height > 1 {
        rule(frame, area, state, focused, theme)
    } else {
        area
    };
    let inner = Rect {
        x: text.x + INDENT.min(text.width),
        width: text.width.saturating_sub(INDENT),
        ..text
    };
    let mut composer = state.composer.area().clone();
    composer.set_style(theme.style(ThemeRole::Text));
    composer.set_cursor_line_style(theme.style(ThemeRole::Text));
    composer.set_selection_style(theme.style(ThemeRole::Selection));
    // The cursor stands before the first word.
    let words = wrapped(placeholder(state, focused), inner.width.saturating_sub(1));
    let words: Text<'_> = words.into_iter().map(Line::from).collect();
    composer.set_styled_placeholder(words.style(theme.style(ThemeRole::Faint)));
    let cursor = if focused {
        ThemeRole::Cursor
    } else {
        ThemeRole::Text
    };
    composer.set_cursor_style(theme.style(cursor));
    (&composer).render(inner, frame.buffer_mut());
    steps(composer)
}

/// What stands in place of a text.
fn placeholder(state: &State, is_focused: bool) -> &'static str {
    if state.replay.is_some() {
        "A replay can only be looked at"
    } else if state
        .prediction
        .is_some_and(|prediction| !prediction.fits())
    {
        if state.is_usable(Action::DropOldestTurns) {
            "No room for more in this conversation: Ctrl+P make room, or Ctrl+N, a new session"
        } else {
            "No room for more in this conversation: e in the chat edits, Ctrl+N begins a new session"
        }
    } else if is_focused {
        "Write a message"
    } else {
        "i writes a message"
    }
}

/// Draws the rule with what becomes of the text, the effort, and what sending would take; gives the
/// area below it.
fn rule(frame: &mut Frame<'_>, area: Rect, state: &State, is_focused: bool, theme: &Theme) -> Rect {
    let glyphs = theme.glyph_set();
    let title = title(state.composer.target());
    let title = short_items(&title, usize::from(area.width.saturating_sub(4)), glyphs);
    // The title's mark and a blank at either side, and the rule's last column.
    let room = area.width.saturating_sub(width(&title) + 6);
    let note = note(state);
    let effort = if state.replay.is_some() {
        Vec::new()
    } else {
        effort(state.preferences.effort, room, width(&note), theme)
    };
    let taken: u16 = effort.iter().map(|(word, _)| width(word) + 1).sum();
    // The effort is kept before the note's last items.
    let left = usize::from(room.saturating_sub(taken + 3));
    let note = short_items(&note, left, glyphs);
    let below = titled_rule(frame.buffer_mut(), area, (&title, &note), is_focused, theme);
    let mut x = width(&title) + 4;
    for (word, style) in effort {
        let word = format!(" {word} ");
        // One blank between two words.
        x = put(frame.buffer_mut(), area, (x, 0), &word, style) - 1;
    }
    below
}

fn title(target: &Target) -> String {
    match target {
        Target::Message => "message".to_owned(),
        Target::EditUser(_) => "another message in its place, Esc gives up".to_owned(),
        Target::EditAnswer(_) => "the answer as you would have it, Esc gives up".to_owned(),
        Target::ToolResult { name, .. } => {
            format!("what {} answers, Esc gives up", sanitize(name))
        }
        Target::Identity => "system message: who the model is, Esc gives up".to_owned(),
        Target::Summary => "summary of the oldest turns, Esc gives up".to_owned(),
        Target::Instructions => "developer message: instructions, Esc gives up".to_owned(),
    }
}

/// What sending the draft would take.
fn note(state: &State) -> String {
    let Some(prediction) = state.prediction else {
        return String::new();
    };
    let peak = format::bytes(prediction.peak_bytes);
    if prediction.fits() {
        return format!("{}, {peak} at peak", tokens(prediction.prompt_tokens));
    }
    let excess = prediction.excess_words();
    let most = format::count(prediction.largest_prompt_tokens as u64);
    if state.composer.is_blank() {
        format!("context full, {excess}, {most} fit")
    } else {
        format!("{excess}, {most} fit, {peak} at peak")
    }
}

/// The efforts with the next answer's marked: all where they fit beside the note, else that one, with
/// what is left of the note.
fn effort(
    chosen: ReasoningEffort,
    room: u16,
    note_columns: u16,
    theme: &Theme,
) -> Vec<(String, Style)> {
    let word = |effort: ReasoningEffort| {
        if effort == chosen {
            (format!("[{effort}]"), theme.style(ThemeRole::Accent))
        } else {
            (effort.to_string(), theme.style(ThemeRole::Faint))
        }
    };
    let all = [
        ReasoningEffort::Low,
        ReasoningEffort::Medium,
        ReasoningEffort::High,
    ];
    let all: Vec<_> = all.into_iter().map(word).collect();
    let one = vec![(format!("effort [{chosen}]"), theme.style(ThemeRole::Accent))];
    let short = vec![word(chosen)];
    let fits = |words: &Vec<(String, Style)>, note_columns: u16| {
        let columns: u16 = words.iter().map(|(word, _)| width(word) + 1).sum();
        columns + note_columns + 3 <= room
    };
    let least = [(short.clone(), note_columns.min(LEAST_NOTE))];
    let forms = [all, one, short].into_iter();
    let mut forms = forms.map(|words| (words, note_columns)).chain(least);
    let found = forms.find(|(words, note_columns)| fits(words, *note_columns));
    found.map_or_else(Vec::new, |(words, _)| words)
}
