//! A setting with a range.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::widgets::Widget;

use super::format::short_text;
use super::text::{fill, put, put_right, width};
use crate::ui::theme::{Theme, ThemeRole};

/// The least columns of a track.
const LEAST_TRACK: u16 = 3;

/// A setting with a range: label, value, track with knob.
#[derive(Debug, Clone)]
pub struct Slider<'a> {
    /// What is set.
    pub label: &'a str,
    /// Its value as text; `off` or the like where it has no effect. One wider than its columns has
    /// the track's room, too.
    pub value: &'a str,
    /// The knob's place, from 0 to 1; none where the setting is off.
    pub place: Option<f64>,
    /// Whether it has the keys.
    pub is_focused: bool,
    /// Whether it differs from the default or preset.
    pub is_changed: bool,
    /// Columns of the label, with the blank after it.
    pub label_columns: u16,
    /// Columns of the value.
    pub value_columns: u16,
    /// The looks.
    pub theme: &'a Theme,
}

impl Slider<'_> {
    /// Draws a value that is wider than its columns in the track's room, too.
    fn draw_long(&self, area: Rect, style: Style, buf: &mut Buffer) {
        if self.is_changed {
            let accent = self.theme.style(ThemeRole::Accent);
            put(buf, area, (self.label_columns, 0), "*", accent);
        }
        let x = self.label_columns + 1;
        let room = usize::from(area.width.saturating_sub(x));
        let value = short_text(self.value, room, self.theme.glyph_set());
        put(buf, area, (x, 0), &value, style);
    }

    /// The track's place in a row of this area.
    fn track(&self, area: Rect) -> Rect {
        // Mark, label, value, sign of change, blank.
        let before = (self.label_columns + self.value_columns + 3).min(area.width);
        Rect {
            x: area.x + before,
            width: area.width - before,
            height: area.height.min(1),
            ..area
        }
    }
}

impl Widget for &Slider<'_> {
    fn render(self, area: Rect, buf: &mut Buffer) {
        let area = area.intersection(buf.area);
        if area.is_empty() {
            return;
        }
        let glyphs = self.theme.glyphs();
        let (label_role, value_role) = match (self.is_focused, self.place) {
            (true, _) => (ThemeRole::TitleFocused, ThemeRole::Strong),
            (false, Some(_)) => (ThemeRole::Text, ThemeRole::Text),
            (false, None) => (ThemeRole::Faint, ThemeRole::Faint),
        };
        if self.is_focused {
            put(
                buf,
                area,
                (0, 0),
                glyphs.selected,
                self.theme.style(ThemeRole::Accent),
            );
        }
        let room = usize::from(self.label_columns).saturating_sub(1);
        let label = short_text(self.label, room, self.theme.glyph_set());
        put(buf, area, (1, 0), &label, self.theme.style(label_role));
        let left = Rect {
            width: (1 + self.label_columns + self.value_columns).min(area.width),
            ..area
        };
        let value_style = self.theme.style(value_role);
        if width(self.value) > self.value_columns {
            self.draw_long(area, value_style, buf);
            return;
        }
        put_right(buf, left, (0, 0), self.value, value_style);
        if self.is_changed {
            put(
                buf,
                area,
                (left.width, 0),
                "*",
                self.theme.style(ThemeRole::Accent),
            );
        }
        let track = self.track(area);
        if track.width < LEAST_TRACK {
            return;
        }
        let rest = self.theme.style(ThemeRole::Border);
        fill(buf, track, (0, 0), track.width, glyphs.track, rest);
        if let Some(place) = self.place.filter(|place| place.is_finite()) {
            let knob = (place.clamp(0.0, 1.0) * f64::from(track.width - 1)).round() as u16;
            let accent = self.theme.style(ThemeRole::Accent);
            fill(buf, track, (0, 0), knob, glyphs.track, accent);
            put(buf, track, (knob, 0), glyphs.knob, accent);
        }
    }
}
