//! Figures over the screen: a window with tabs, and a page of rows below them.

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;

use crate::ui::chat::wrapped;
use crate::ui::chrome::put;
use crate::ui::theme::{Theme, ThemeRole};
use crate::ui::widgets::{Popup as Window, Tab, Tabs, format};

/// Rows of a screen that are left around the figures.
const AROUND: u16 = 4;

/// The keys of the tabs, in their order.
const KEYS: [&str; 4] = ["1", "2", "3", "4"];

/// A window with tabs.
#[derive(Debug)]
pub(super) struct Tabbed<'a> {
    pub(super) title: &'a str,
    pub(super) footer: &'a str,
    /// Columns and rows that it wants at most.
    pub(super) most: (u16, u16),
    /// The tabs' names, and the place of the one that is shown.
    pub(super) tabs: (&'a [&'static str], usize),
}

/// Rows from the top of an area down.
pub(super) struct Page<'a> {
    pub(super) buf: &'a mut Buffer,
    pub(super) area: Rect,
    pub(super) y: u16,
    pub(super) theme: &'a Theme,
}

impl<'a> Page<'a> {
    /// Draws the window with its tabs; gives the page below them.
    pub(super) fn open(
        frame: &'a mut Frame<'_>,
        screen: Rect,
        tabbed: &Tabbed<'_>,
        theme: &'a Theme,
    ) -> Self {
        let window = Window {
            title: tabbed.title,
            footer: tabbed.footer,
            columns: tabbed.most.0,
            rows: tabbed
                .most
                .1
                .min(screen.height.saturating_sub(AROUND))
                .max(1),
            theme,
        };
        let area = window.inner(screen);
        let buf = frame.buffer_mut();
        (&window).render(screen, buf);
        let (names, selected) = tabbed.tabs;
        let tabs: Vec<Tab<'_>> = KEYS
            .iter()
            .zip(names)
            .map(|(key, name)| Tab { key, name })
            .collect();
        let tabs = Tabs {
            tabs: &tabs,
            selected,
            theme,
        };
        let row = Rect {
            height: area.height.min(1),
            ..area
        };
        (&tabs).render(row, buf);
        Self {
            buf,
            area,
            y: 1,
            theme,
        }
    }
}

impl Page<'_> {
    /// What is left of the area.
    pub(super) fn rest(&self) -> Rect {
        let used = self.y.min(self.area.height);
        Rect {
            y: self.area.y + used,
            height: self.area.height - used,
            ..self.area
        }
    }

    /// One row, cut at the edge.
    pub(super) fn row(&mut self, text: &str, role: ThemeRole) {
        let room = usize::from(self.area.width);
        let text = format::short_text(text, room, self.theme.glyph_set());
        let style = self.theme.style(role);
        put(self.buf, self.area, (0, self.y), &text, style);
        self.y += 1;
    }

    /// As many rows as the text needs.
    pub(super) fn text(&mut self, text: &str, role: ThemeRole) {
        for row in wrapped(text, self.area.width) {
            self.row(&row, role);
        }
    }

    pub(super) fn blank(&mut self) {
        self.y += 1;
    }
}

/// The first of `count` to show so that `cursor` is among the `room` shown.
pub(super) fn first_shown(cursor: usize, count: usize, room: usize) -> usize {
    cursor
        .saturating_sub(room / 2)
        .min(count.saturating_sub(room))
}
