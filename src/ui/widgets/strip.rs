//! One row for all layers: a bar each.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;

use super::heatmap::expert_axis;
use super::text::{put, row};
use crate::ui::theme::{Glyphs, Theme, ThemeRole};

/// One bar for each layer, in one row; a second row, where there is one, numbers them.
#[derive(Debug, Clone)]
pub struct Strip<'a> {
    /// By layer, from 0 to 1; NaN is no data.
    pub values: &'a [f32],
    /// The cursor's layer.
    pub cursor: Option<usize>,
    /// The looks.
    pub theme: &'a Theme,
}

impl Strip<'_> {
    /// Columns that one layer takes in a width: at most 2, so that the strip stays one thing.
    pub fn columns_per_layer(&self, width: u16) -> u16 {
        let layers = self.values.len().max(1);
        (usize::from(width) / layers).clamp(1, 2) as u16
    }
}

impl Widget for &Strip<'_> {
    fn render(self, area: Rect, buf: &mut Buffer) {
        let area = area.intersection(buf.area);
        let columns = self.columns_per_layer(area.width);
        for (layer, value) in self.values.iter().enumerate() {
            let x = (layer * usize::from(columns)).min(usize::from(u16::MAX)) as u16;
            let role = if self.cursor == Some(layer) {
                ThemeRole::Accent
            } else {
                ThemeRole::Series1
            };
            let glyph = bar(*value, self.theme.glyphs());
            put(buf, area, (x, 0), glyph, self.theme.style(role));
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
