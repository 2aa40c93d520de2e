//! The first row: the program, the model, the session, the views.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;

use super::chat::{origin, source_name};
use super::chrome::{dot, put, put_all, width};
use super::theme::{Theme, ThemeRole};
use super::widgets::shorten::short_items;
use super::widgets::{Tab, Tabs};
use crate::app::State;
use crate::app::state::{ModelFailure, ModelStatus, View};
use crate::app::viewport::Viewport;

const TABS: [Tab<'static>; 5] = [
    Tab {
        key: "1",
        name: "Chat",
    },
    Tab {
        key: "2",
        name: "Experts",
    },
    Tab {
        key: "3",
        name: "Tokens",
    },
    Tab {
        key: "4",
        name: "Memory",
    },
    Tab {
        key: "5",
        name: "Log",
    },
];

/// Columns that the model's name keeps beside the tabs.
const LEAST_NAME: u16 = 24;

/// Draws the row and tells where the views' tabs are.
pub(super) fn draw(
    buf: &mut Buffer,
    area: Rect,
    state: &State,
    theme: &Theme,
    viewport: &mut Viewport,
) {
    if area.height == 0 || area.width == 0 {
        return;
    }
    let selected = View::ALL
        .iter()
        .position(|view| *view == state.view)
        .unwrap_or(0);
    let tabs = Tabs {
        tabs: &TABS,
        selected,
        theme,
    };
    let tabs_width = tabs.full_width().min(area.width.saturating_sub(LEAST_NAME));
    let tabs_area = Rect {
        x: area.right() - tabs_width,
        width: tabs_width,
        ..area
    };
    (&tabs).render(tabs_area, buf);
    let ranges = tabs.ranges(tabs_area).into_iter();
    viewport.tabs = ranges
        .map(|(index, columns)| (View::ALL[index], columns))
        .collect();

    let left = Rect {
        width: area.width - tabs_width,
        ..area
    };
    let end = put_all(
        buf,
        left,
        (1, 0),
        &[
            ("gptoss", theme.style(ThemeRole::Title)),
            ("  ", theme.style(ThemeRole::Text)),
        ],
    );
    let room = usize::from(left.width.saturating_sub(end + 1));
    let (text, role) = model(state, room, theme);
    let end = put(
        buf,
        left,
        (end, 0),
        &short_items(&text, room, theme.glyph_set()),
        theme.style(role),
    );
    let session = session(state, theme);
    if end + width(&session) < left.width {
        put(buf, left, (end, 0), &session, theme.style(ThemeRole::Faint));
    }
}

/// The model, and whether it is one, in so many columns.
fn model(state: &State, room: usize, theme: &Theme) -> (String, ThemeRole) {
    match &state.model {
        ModelStatus::None => ("no model".to_owned(), ThemeRole::Warning),
        ModelStatus::Loading { source, .. } => (
            format!("loading {}", source_name(source)),
            ThemeRole::Accent,
        ),
        ModelStatus::Failed { failure, .. } => {
            let full = format!("no model: it {}", failure.words());
            let short = match failure {
                ModelFailure::Load => "no model",
                ModelFailure::Crash => "model crashed",
            };
            let fits = usize::from(width(&full)) <= room;
            (
                if fits { full } else { short.to_owned() },
                ThemeRole::Danger,
            )
        }
        ModelStatus::Ready(model) => {
            if let Some(word) = origin(model.origin) {
                (format!("{} ({word})", model.name), ThemeRole::Warning)
            } else {
                let dot = dot(theme);
                (
                    format!("{}{dot}{}{dot}{}", model.name, model.dtype, model.device),
                    ThemeRole::Text,
                )
            }
        }
    }
}

fn session(state: &State, theme: &Theme) -> String {
    let tree = &state.session.tree;
    if tree.is_empty() {
        return String::new();
    }
    let branches = match tree.num_branches() {
        0 | 1 => String::new(),
        count => format!(" ({count} branches)"),
    };
    format!("{}{}{branches}", dot(theme), tree.title_or_beginning())
}
