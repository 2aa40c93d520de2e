//! The panes of figures: what the engine recorded, as maps, bars and meters.
//!
//! Each draws a rule with its title and then as much as there is room for, the most important first.
//! Figures come from the state's queries and from `analytics`; nothing is computed here but places.

mod card;
mod experts;
mod figures;
mod log;
mod memory;
mod readout;
mod sampler;
mod tokens;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;

use super::chat::wrapped;
use super::chrome::{put, titled_rule, width};
use super::is_focused;
use super::theme::{Theme, ThemeRole};
use super::widgets::{Strip, format};
use crate::app::State;
use crate::app::state::Focus;
use crate::app::viewport::Viewport;

/// Draws the pane that `focus` is for; nothing where that is the chat or the composer.
pub fn draw(
    frame: &mut Frame<'_>,
    area: Rect,
    focus: Focus,
    state: &State,
    theme: &Theme,
    viewport: &mut Viewport,
) {
    let buf = frame.buffer_mut();
    let focused = is_focused(state, focus);
    let (title, note) = match focus {
        Focus::Experts => ("experts", experts::note(state)),
        Focus::Tokens => ("token", tokens::note(state)),
        Focus::Memory => ("memory and speed", memory::note(state)),
        Focus::Sampler => ("sampler", sampler::note(state)),
        Focus::Log => ("log", log::note(state)),
        Focus::Chat | Focus::Composer => return,
    };
    let inner = titled_rule(buf, area, (title, &note), focused, theme);
    match focus {
        Focus::Experts => experts::draw(buf, inner, state, theme, viewport),
        Focus::Tokens => tokens::draw(buf, inner, state, theme),
        Focus::Memory => memory::draw(buf, inner, state, theme),
        Focus::Sampler => sampler::draw(buf, inner, state, theme),
        Focus::Log => log::draw(buf, inner, state, theme),
        Focus::Chat | Focus::Composer => {}
    }
}

/// The experts in two rows: the balance as words, then each layer's entropy as a column.
pub(super) fn strip(frame: &mut Frame<'_>, area: Rect, state: &State, theme: &Theme) {
    let buf = frame.buffer_mut();
    let title = format!("H of the chosen by layer, {}", state.selection_name());
    // The mark before the title, and the blanks and rules around both.
    let room = area.width.saturating_sub(width(&title) + 9);
    let note = readout::balance_words(state, room);
    let inner = titled_rule(buf, area, (&title, &note), false, theme);
    let values = readout::chosen_entropies(state);
    (&Strip {
        values: &values,
        cursor: None,
        columns: None,
        theme,
    })
        .render(inner, buf);
}

/// Lines of text from the top, with an ellipsis where one is too long; gives the rows used.
fn lines(buf: &mut Buffer, area: Rect, lines: &[(String, ThemeRole)], theme: &Theme) -> u16 {
    let room = usize::from(area.width.saturating_sub(1));
    for (y, (text, role)) in (0..area.height).zip(lines) {
        let text = format::short_text(text, room, theme.glyph_set());
        put(buf, area, (1, y), &text, theme.style(*role));
    }
    (lines.len() as u16).min(area.height)
}

/// The part of an area below its first rows.
fn below(area: Rect, rows: u16) -> Rect {
    let rows = rows.min(area.height);
    Rect {
        y: area.y + rows,
        height: area.height - rows,
        ..area
    }
}

/// Items side by side, on as many lines as they need; lines after the first are indented, and an
/// item that is too long for any line is broken between words.
fn flow(items: &[String], columns: u16) -> Vec<String> {
    let room = columns.saturating_sub(2);
    let mut lines: Vec<String> = Vec::new();
    for item in items.iter().filter(|item| !item.is_empty()) {
        match lines.last_mut() {
            Some(line) if width(line) + 2 + width(item) <= room => {
                line.push_str("  ");
                line.push_str(item);
            }
            _ => {
                for part in wrapped(item, room.saturating_sub(2)) {
                    let indent = if lines.is_empty() { "" } else { "  " };
                    lines.push(format!("{indent}{part}"));
                }
            }
        }
    }
    lines
}

/// [`flow`] with a role for all lines.
fn flowing(items: &[String], columns: u16, role: ThemeRole) -> Vec<(String, ThemeRole)> {
    let lines = flow(items, columns).into_iter();
    lines.map(|line| (line, role)).collect()
}

/// A token's text on one line, in quotes, control characters spelled.
pub(super) fn quoted(text: &str) -> String {
    let text = super::sanitize::sanitize(text);
    format!("'{}'", text.replace('\n', "\\n").replace('\t', "\\t"))
}
