//! The transcript: messages of the branch shown, laid out as far as the screen needs them.
//!
//! `message` turns a message into blocks of rows, `texts` keeps wrapped texts from frame to frame,
//! `transcript` finds the topmost row, and this file draws.
//!
//! Invariants: what comes never moves a screen that was scrolled up; a frame wraps what is on
//! screen, and of a growing text only its end.

mod empty;
mod marks;
mod message;
mod notes;
mod plain_text;
mod raw;
mod raw_tokens;
mod row;
mod texts;
mod transcript;
mod words;

pub(in crate::ui) use empty::source_name;
pub(in crate::ui) use notes::origin;
pub(in crate::ui) use plain_text::wrapped;
pub(in crate::ui) use texts::TextCache;
pub(in crate::ui) use words::{ending, sampling, tokens};

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::cache::Cache;
use super::chrome;
use super::theme::{Theme, ThemeRole};
use super::tint;
use crate::app::Anchor;
use crate::app::chat::Scroll;
use crate::app::state::{Focus, State};
use crate::app::viewport::Viewport;
use crate::session::NodeId;
use message::Builder;
use transcript::{MAX_COUNTED_ROWS, Top, Transcript};

/// Rows from which the pane has a title.
const TITLED_ROWS: u16 = 8;
/// Columns left of texts, for marks.
const GUTTER: u16 = 2;

/// Draws the pane.
pub(super) fn draw(
    buf: &mut Buffer,
    area: Rect,
    state: &State,
    theme: &Theme,
    cache: &mut Cache,
    viewport: &mut Viewport,
) {
    let is_focused = super::is_focused(state, Focus::Chat);
    let has_title = area.height >= TITLED_ROWS;
    let rows = if has_title {
        Rect {
            y: area.y + 1,
            height: area.height - 1,
            ..area
        }
    } else {
        area
    };
    cache.texts.begin_frame();
    let path = state.session.tree.path();
    viewport.chat.height = rows.height;
    let width = rows.width.saturating_sub(GUTTER + 1);
    let note = if path.is_empty() {
        empty::draw(buf, rows, state, theme);
        String::new()
    } else if width < 3 || rows.height == 0 {
        String::new()
    } else {
        let builder = Builder {
            state,
            theme,
            texts: &mut cache.texts,
            width,
        };
        transcript(buf, rows, builder, path, viewport);
        for (_, shown) in &mut viewport.chat.messages {
            *shown = shown.start + rows.y - area.y..shown.end + rows.y - area.y;
        }
        below(viewport.chat.lines_below)
    };
    if has_title {
        let title = if state.chat.is_raw {
            "chat, harmony tokens"
        } else {
            "chat"
        };
        chrome::titled_rule(buf, area, (title, &note), is_focused, theme);
        let at = (chrome::width(title) + 3, 0);
        let left = chrome::width(&note) + 4;
        let room = Rect {
            width: area.width.saturating_sub(left),
            ..area
        };
        tint::legend(buf, room, at, state.token_lab.tint, theme);
    } else if !note.is_empty() {
        let text = format!(" {note} ");
        let at = (
            area.width.saturating_sub(chrome::width(&text)),
            area.height.saturating_sub(1),
        );
        chrome::put(buf, area, at, &text, theme.style(ThemeRole::Selection));
    }
}

fn below(lines: usize) -> String {
    match lines {
        0 => String::new(),
        1 => "1 line below".to_owned(),
        MAX_COUNTED_ROWS.. => format!("{MAX_COUNTED_ROWS} lines or more below"),
        _ => format!("{lines} lines below"),
    }
}

fn transcript(
    buf: &mut Buffer,
    area: Rect,
    builder: Builder<'_>,
    path: Vec<NodeId>,
    viewport: &mut Viewport,
) {
    let state = builder.state;
    let height = usize::from(area.height);
    let mut transcript = Transcript::new(builder, path);
    let sought = state.chat.search.as_ref().filter(|search| search.is_sought);
    let scroll = sought
        .and_then(|search| transcript.scroll_to(search.matches.get(search.current)?, height))
        .unwrap_or(state.chat.scroll);
    let (top, is_at_end) = transcript.resolve(scroll, height);
    let counted = transcript.rows_from(top, height + MAX_COUNTED_ROWS);
    let first = transcript.message(top.index).map(|message| message.node);
    let anchor = first.map(|node| Anchor {
        node,
        line: top.row as i64,
    });
    viewport.chat.top = anchor;
    viewport.chat.scroll = match anchor {
        Some(anchor) if !is_at_end => Scroll::At(anchor),
        _ => Scroll::Follow,
    };
    viewport.chat.lines_below = if is_at_end {
        0
    } else {
        counted.saturating_sub(height)
    };
    draw_rows(buf, area, transcript, top, viewport);
}

fn draw_rows(
    buf: &mut Buffer,
    area: Rect,
    mut transcript: Transcript<'_>,
    top: Top,
    viewport: &mut Viewport,
) {
    let mut y = 0;
    let mut index = top.index;
    let mut shown = Vec::new();
    while y < area.height {
        let Some(message) = transcript.message(index) else {
            break;
        };
        let skipped = if index == top.index { top.row } else { 0 };
        let rows = message
            .num_rows
            .saturating_sub(skipped)
            .min(usize::from(area.height - y)) as u16;
        viewport.chat.messages.push((message.node, y..y + rows));
        shown.push((index, skipped, y));
        y += rows;
        index += 1;
    }
    let (builder, messages) = transcript.into_builder();
    let selected = builder.state.selected_message();
    for (index, skipped, y) in shown {
        if let Some(message) = messages.get(&index) {
            let painter = row::Painter {
                area,
                builder: &builder,
                is_selected: selected == Some(message.node),
            };
            painter.message(buf, message, skipped, y);
        }
    }
}
