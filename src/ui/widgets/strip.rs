//! One row of bars: all layers, or the experts of one.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;

use super::heatmap::expert_axis;
use super::text::{put, row};
use crate::ui::theme::{Glyphs, Theme, ThemeRole};

/// One bar for each value, in one row; a second row, where there is one, numbers them.
#[derive(Debug, Clone)]
pub struct Strip<'a> {
    /// From 0 to 1; NaN is no data.
    pub values: &'a [f32],
    /// The cursor's place among them.
    pub cursor: Option<usize>,
    /// Columns of each value, where they have to stand under others; none takes at most 2, so that
    /// the strip stays one thing.
    pub columns: Option<u16>,
    /// The looks.
    pub theme: &'a Theme,
}

impl Strip<'_> {
    fn columns_per_value(&self, width: u16) -> u16 {
        let fitting = usize::from(width) / self.values.len().max(1);
        self.columns.unwrap_or(fitting.clamp(1, 2) as u16).max(1)
    }
}

impl Widget for &Strip<'_> {
    fn render(self, area: Rect, buf: &mut Buffer) {
        let area = area.intersection(buf.area);
        let columns = self.columns_per_value(area.width);
        for (place, value) in self.values.iter().enumerate() {
            let x = (place * usize::from(columns)).min(usize::from(u16::MAX)) as u16;
            let role = if self.cursor == Some(place) {
                ThemeRole::Accent
            } else {
                ThemeRole::Series1
            };
            // A gap between bars, where one column can be spared.
            let glyph = bar(*value, self.theme.glyphs()).repeat(usize::from(columns.max(2) - 1));
            put(buf, area, (x, 0), &glyph, self.theme.style(role));
        }
        if area.height > 1 {
            let shown = usize::from(area.width / columns).min(self.values.len());
            let per = (usize::from(columns), 1);
            expert_axis(buf, row(area, 1), self.theme, 0..shown, per, self.cursor);
        }
    }
}

/// A value as a bar of one cell; nothing for no data.
pub(super) fn bar(value: f32, glyphs: &Glyphs) -> &'static str {
    if value.is_nan() {
        return " ";
    }
    let last = glyphs.bars.len() - 1;
    glyphs.bars[(value.clamp(0.0, 1.0) * last as f32).round() as usize]
}
