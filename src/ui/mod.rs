//! Draws the application's state: panes, widgets, and text on its way to cells.
//!
//! Start at [`draw`]; [`layout`] says what goes where, then one module a part: the header, the chat,
//! the composer, the status, the popups, and [`panes`] for the figures. [`plain`] tells the same
//! state as linear text.
//!
//! It knows no keys' meanings (the registry has them), no clock and no terminal. What drawing finds
//! out about sizes goes back as a [`Viewport`].
//!
//! Invariants: drawing changes nothing; a [`Cache`] holds derived data only, so that forgetting it
//! changes no cell; every size draws without a panic; what a color says, a glyph or a word says too.

mod cache;
pub mod chat;
mod chrome;
mod composer;
mod header;
pub mod layout;
pub mod markdown;
pub mod panes;
pub mod plain;
mod popup;
pub mod sanitize;
mod status;
pub mod theme;
mod tint;
pub mod widgets;

pub use cache::{Cache, Options};
pub use layout::{LayoutPreference, Screen};

use ratatui::Frame;
use ratatui::layout::Rect;

use crate::app::state::{Focus, State};
use crate::app::viewport::{Area, Viewport};
use theme::{Theme, ThemeRole};

/// Draws everything and tells what was drawn where.
pub fn draw(frame: &mut Frame<'_>, state: &State, theme: &Theme, cache: &mut Cache) -> Viewport {
    let area = frame.area();
    let mut viewport = Viewport::default();
    let columns = Screen::composer_columns(area, state, cache.options.layout);
    let wanted = composer::wanted_rows(state, columns, area.height);
    let screen = Screen::of(area, state, cache.options.layout, wanted);
    header::draw(
        frame.buffer_mut(),
        screen.header,
        state,
        theme,
        &mut viewport,
    );
    if let Some(rule) = screen.divider {
        chrome::vertical_rule(frame.buffer_mut(), rule, theme);
    }
    if let Some(chat) = screen.chat {
        viewport.panes.push((Focus::Chat, area_of(chat)));
        chat::draw(frame.buffer_mut(), chat, state, theme, cache, &mut viewport);
    }
    for (focus, area) in &screen.panes {
        viewport.panes.push((*focus, area_of(*area)));
        panes::draw(frame, *area, *focus, state, theme, &mut viewport);
    }
    if let Some(strip) = screen.strip {
        panes::strip(frame, strip, state, theme);
    }
    if let Some(composer) = screen.composer {
        viewport.panes.push((Focus::Composer, area_of(composer)));
        viewport.composer = Some(composer::draw(frame, composer, state, theme));
    }
    status::draw(frame.buffer_mut(), screen.footer, state, &viewport, theme);
    if let Some(popup) = state.popups.last() {
        let above = popup_area(area);
        popup::draw(frame, above, popup, state, theme, &mut viewport);
    }
    viewport
}

/// Rows from which a popup leaves the last one, where notices stand.
const NOTICED_ROWS: u16 = 12;

/// The part of the screen that a popup may cover.
fn popup_area(screen: Rect) -> Rect {
    let kept = u16::from(screen.height >= NOTICED_ROWS);
    Rect {
        height: screen.height - kept,
        ..screen
    }
}

fn area_of(rect: Rect) -> Area {
    Area {
        x: rect.x,
        y: rect.y,
        width: rect.width,
        height: rect.height,
    }
}

/// Whether a pane has the keys, below popups.
fn is_focused(state: &State, focus: Focus) -> bool {
    state.focus == focus && state.popups.is_empty()
}

/// The roles of a pane's title and rule.
fn title_roles(is_focused: bool) -> (ThemeRole, ThemeRole) {
    if is_focused {
        (ThemeRole::TitleFocused, ThemeRole::BorderFocused)
    } else {
        (ThemeRole::Title, ThemeRole::Border)
    }
}
