//! Which part of the screen goes where: a pure function of the size and the state.
//!
//! ```text
//! narrow (below 100 columns)      split and wide
//! header, tabs                    header, tabs
//! chat or the view's pane         chat            │ experts
//! strip of the experts            sampler         │ token
//! composer                        composer        │ memory
//! keys, status                    keys, status
//! ```
//!
//! Invariants: no two parts overlap, and all lie within the screen; below 60 × 16 there is the chat
//! alone.

use ratatui::layout::Rect;

use crate::app::state::{Focus, State, View};
use crate::app::viewport::SMALLEST_PANES;

/// Columns from which two columns of panes fit.
const SPLIT_COLUMNS: u16 = 100;
/// Columns from which the map gets one column an expert.
const WIDE_COLUMNS: u16 = 160;
/// Columns that a map of 128 experts takes with its axis, and with the figures beside it or without.
const MAP_COLUMNS: [u16; 2] = [137, 133];
/// Columns of a chat beside such a map, at the least and at the most.
const BESIDE_MAP: (u16, u16) = (60, 100);

/// How many columns of panes there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum LayoutPreference {
    /// As the screen's width suggests.
    #[default]
    Auto,
    /// One pane at a time.
    Narrow,
    /// Two columns.
    Split,
    /// Two columns with the map as wide as it needs.
    Wide,
}

/// The parts of the screen; absent ones are not drawn.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Screen {
    /// The first row, with the tabs.
    pub header: Rect,
    /// The transcript, its first row included.
    pub chat: Option<Rect>,
    /// Panes of figures, the sampling panel among them.
    pub panes: Vec<(Focus, Rect)>,
    /// The experts in two rows, where the map is not on screen.
    pub strip: Option<Rect>,
    /// The text being written, with its rule.
    pub composer: Option<Rect>,
    /// The rule between the columns.
    pub divider: Option<Rect>,
    /// Keys and status.
    pub footer: Rect,
}

impl Screen {
    /// Divides `area`; the composer wants so many rows of text.
    pub fn of(area: Rect, state: &State, preference: LayoutPreference, composer_rows: u16) -> Self {
        let (header, body, footer) = frame_of(area);
        let mut screen = Self {
            header,
            footer,
            ..Self::default()
        };
        let composer = (composer_rows + u16::from(body.height >= 4)).min(body.height);
        if area.width < SMALLEST_PANES.0 || area.height < SMALLEST_PANES.1 {
            let (chat, composer) = split_below(body, composer);
            screen.chat = Some(chat);
            screen.composer = Some(composer);
            return screen;
        }
        if state.is_zoomed && !matches!(state.focus, Focus::Composer | Focus::Chat) {
            screen.panes.push((state.focus, body));
            return screen;
        }
        match columns(area.width, preference) {
            _ if state.is_zoomed => screen.chat_column(body, state, composer),
            None => screen.narrow(body, state, composer),
            Some(left) => screen.split(body, state, composer, left),
        }
        screen
    }

    /// Columns that the composer has on such a screen.
    pub fn composer_columns(area: Rect, state: &State, preference: LayoutPreference) -> u16 {
        let composer = Self::of(area, state, preference, 1).composer;
        composer.map_or(area.width, |composer| composer.width)
    }

    fn narrow(&mut self, body: Rect, state: &State, composer: u16) {
        if state.view == View::Chat {
            self.chat_column(body, state, composer);
            let has_routing = state.runs.latest().is_some();
            if let Some(chat) = self.chat.filter(|chat| has_routing && chat.height >= 10) {
                let (chat, strip) = split_below(chat, 2);
                self.chat = Some(chat);
                self.strip = Some(strip);
            }
            return;
        }
        let mut body = body;
        if state.focus == Focus::Composer {
            let (rest, composer) = split_below(body, composer);
            self.composer = Some(composer);
            body = rest;
        }
        if state.is_sampler_open {
            let (rest, panel) = split_below(body, (body.height / 3).max(6));
            self.panes.push((Focus::Sampler, panel));
            body = rest;
        }
        self.panes.push((state.view.focus(), body));
    }

    fn split(&mut self, body: Rect, state: &State, composer: u16, left: u16) {
        let chat = Rect {
            width: left,
            ..body
        };
        self.chat_column(chat, state, composer);
        self.divider = Some(Rect {
            x: body.x + left,
            width: 1,
            ..body
        });
        let right = Rect {
            x: body.x + left + 1,
            width: body.width - left - 1,
            ..body
        };
        if state.view != View::Chat {
            self.panes.push((state.view.focus(), right));
            return;
        }
        let (tokens, memory) = figures_rows(right.height);
        let (rest, memory) = split_below(right, memory);
        let (experts, tokens) = split_below(rest, tokens);
        for (focus, area) in [
            (Focus::Experts, experts),
            (Focus::Tokens, tokens),
            (Focus::Memory, memory),
        ] {
            if area.height > 0 {
                self.panes.push((focus, area));
            }
        }
    }

    fn chat_column(&mut self, body: Rect, state: &State, composer: u16) {
        let (mut rest, composer) = split_below(body, composer);
        self.composer = Some(composer);
        if state.is_sampler_open && rest.height >= 8 {
            let rows = (rest.height / 2).clamp(4, 20);
            let (above, panel) = split_below(rest, rows);
            self.panes.push((Focus::Sampler, panel));
            rest = above;
        }
        self.chat = Some(rest);
    }
}

/// The header's row, the rows between, and those at the bottom.
fn frame_of(area: Rect) -> (Rect, Rect, Rect) {
    let footer_rows = match area.height {
        0..4 => 0,
        4..16 => 1,
        _ => 3,
    };
    let header_rows = u16::from(area.height >= 8);
    let (rest, footer) = split_below(area, footer_rows);
    let header = Rect {
        height: header_rows,
        ..rest
    };
    let body = Rect {
        y: rest.y + header_rows,
        height: rest.height - header_rows,
        ..rest
    };
    (header, body, footer)
}

/// The left column's width; none where there is one column only.
fn columns(width: u16, preference: LayoutPreference) -> Option<u16> {
    let (is_split, is_wide) = match preference {
        LayoutPreference::Auto => (width >= SPLIT_COLUMNS, width >= WIDE_COLUMNS),
        LayoutPreference::Narrow => (false, false),
        LayoutPreference::Split => (true, false),
        LayoutPreference::Wide => (true, true),
    };
    if !is_split {
        return None;
    }
    let share = u32::from(width) * 43 / 100;
    let left = share as u16;
    let beside_map = MAP_COLUMNS.map(|map| width.saturating_sub(map + 1));
    let mut fitting = beside_map.into_iter();
    match fitting.find(|beside| *beside >= BESIDE_MAP.0) {
        Some(beside) if is_wide => Some(beside.min(BESIDE_MAP.1)),
        _ => Some(left),
    }
}

/// Rows of the token pane and of the memory pane below a map.
fn figures_rows(height: u16) -> (u16, u16) {
    match height {
        0..20 => (0, 0),
        20..30 => (8, 0),
        30..44 => (8, 8),
        _ => (14, 12),
    }
}

/// The upper part, and `rows` at the bottom.
fn split_below(area: Rect, rows: u16) -> (Rect, Rect) {
    let rows = rows.min(area.height);
    let above = Rect {
        height: area.height - rows,
        ..area
    };
    let below = Rect {
        y: area.y + area.height - rows,
        height: rows,
        ..area
    };
    (above, below)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(screen: &Screen) -> Vec<Rect> {
        let panes = screen.panes.iter().map(|(_, area)| *area);
        let single = [screen.chat, screen.strip, screen.composer, screen.divider];
        let ends = [screen.header, screen.footer];
        panes
            .chain(single.into_iter().flatten())
            .chain(ends)
            .collect()
    }

    #[test]
    fn parts_lie_within_the_screen_and_apart() {
        let mut state = State::default();
        for view in View::ALL {
            for (is_zoomed, is_sampler_open) in [(false, false), (true, false), (false, true)] {
                state.view = view;
                state.focus = view.focus();
                state.is_zoomed = is_zoomed;
                state.is_sampler_open = is_sampler_open;
                for (width, height) in [
                    (0, 0),
                    (1, 1),
                    (20, 5),
                    (59, 40),
                    (80, 24),
                    (120, 40),
                    (200, 60),
                ] {
                    let area = Rect::new(0, 0, width, height);
                    let screen = Screen::of(area, &state, LayoutPreference::Auto, 3);
                    let parts = parts(&screen);
                    for (index, part) in parts.iter().enumerate() {
                        assert_eq!(part.intersection(area), *part, "{width}x{height} {part:?}");
                        for other in &parts[index + 1..] {
                            assert!(
                                part.intersection(*other).is_empty(),
                                "{width}x{height} {screen:?}"
                            );
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn the_width_decides_how_many_columns_there_are() {
        let state = State::default();
        let panes = |width, height, preference| {
            let screen = Screen::of(Rect::new(0, 0, width, height), &state, preference, 1);
            screen
                .panes
                .iter()
                .map(|(focus, _)| *focus)
                .collect::<Vec<_>>()
        };
        let all = [Focus::Experts, Focus::Tokens, Focus::Memory];
        assert_eq!(panes(80, 24, LayoutPreference::Auto), []);
        assert_eq!(panes(120, 40, LayoutPreference::Auto), all);
        assert_eq!(panes(120, 40, LayoutPreference::Narrow), []);
        assert_eq!(panes(80, 40, LayoutPreference::Split), all);
        assert_eq!(panes(59, 40, LayoutPreference::Split), []);
    }

    #[test]
    fn a_wide_screen_gives_the_map_a_column_an_expert() {
        let screen = Screen::of(
            Rect::new(0, 0, 200, 60),
            &State::default(),
            LayoutPreference::Auto,
            3,
        );
        assert_eq!(screen.panes[0].1.width, MAP_COLUMNS[0]);
    }
}
