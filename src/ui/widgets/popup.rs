//! A frame above the other panes.

use ratatui::buffer::Buffer;
use ratatui::layout::{Margin, Rect};
use ratatui::widgets::{Clear, Widget};

use super::format::short_text;
use super::text::{fill, put};
use crate::ui::theme::{Theme, ThemeRole};

/// A frame in the middle of the screen, with a title; what is behind it is cleared.
#[derive(Debug, Clone)]
pub struct Popup<'a> {
    /// The title.
    pub title: &'a str,
    /// What its bottom rule says, such as the keys; may be empty.
    pub footer: &'a str,
    /// Columns inside of the frame, if the screen has them.
    pub columns: u16,
    /// Rows inside of the frame, if the screen has them.
    pub rows: u16,
    /// The looks.
    pub theme: &'a Theme,
}

impl Popup<'_> {
    /// The frame's place on a screen.
    pub fn area(&self, screen: Rect) -> Rect {
        let width = self.columns.saturating_add(4).min(screen.width);
        let height = self.rows.saturating_add(2).min(screen.height);
        Rect {
            x: screen.x + (screen.width - width) / 2,
            y: screen.y + (screen.height - height) / 2,
            width,
            height,
        }
    }

    /// The place of the content: inside of the rules, with a blank column at each side.
    pub fn inner(&self, screen: Rect) -> Rect {
        let area = self.area(screen);
        if area.width < 5 || area.height < 3 {
            // No room for a frame: the content is worth more.
            return area;
        }
        area.inner(Margin::new(2, 1))
    }

    fn draw_rule(&self, area: Rect, y: u16, (left, right): (&str, &str), buf: &mut Buffer) {
        let style = self.theme.style(ThemeRole::BorderFocused);
        let line = self.theme.glyphs().horizontal;
        put(buf, area, (0, y), left, style);
        fill(buf, area, (1, y), area.width - 2, line, style);
        put(buf, area, (area.width - 1, y), right, style);
    }

    fn draw_text(&self, area: Rect, y: u16, text: &str, role: ThemeRole, buf: &mut Buffer) {
        let room = usize::from(area.width.saturating_sub(6));
        if text.is_empty() || room == 0 {
            return;
        }
        let text = short_text(text, room, self.theme.glyph_set());
        put(
            buf,
            area,
            (2, y),
            &format!(" {text} "),
            self.theme.style(role),
        );
    }
}

impl Widget for &Popup<'_> {
    /// Draws the frame; `screen` is what it is centered in.
    fn render(self, screen: Rect, buf: &mut Buffer) {
        let screen = screen.intersection(buf.area);
        let area = self.area(screen);
        Clear.render(area, buf);
        if area.width < 5 || area.height < 3 {
            return;
        }
        let glyphs = self.theme.glyphs();
        let [top_left, top_right, bottom_left, bottom_right] = glyphs.corners;
        let last = area.height - 1;
        self.draw_rule(area, 0, (top_left, top_right), buf);
        self.draw_rule(area, last, (bottom_left, bottom_right), buf);
        let style = self.theme.style(ThemeRole::BorderFocused);
        for y in 1..last {
            put(buf, area, (0, y), glyphs.vertical, style);
            put(buf, area, (area.width - 1, y), glyphs.vertical, style);
        }
        self.draw_text(area, 0, self.title, ThemeRole::Title, buf);
        self.draw_text(area, last, self.footer, ThemeRole::Faint, buf);
    }
}
