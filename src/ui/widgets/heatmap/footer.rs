//! The row under the map: what the colors mean, and which part a window shows.

use ratatui::buffer::Buffer;
use ratatui::style::Style;

use super::super::text::{put, put_right, width};
use super::{Encoding, Heatmap, Legend, MapLayout};
use crate::ui::theme::{GlyphSet, ThemeRole};

/// Cells of the legend's ramp.
const RAMP_COLUMNS: u16 = 10;
/// Rows of the ramp where the legend stands beside the map.
const SIDE_RAMP_ROWS: u16 = 6;
/// Cells of the little picture of the whole; in braille each has two columns and four rows.
const MINIMAP_COLUMNS: u16 = 12;

impl Heatmap<'_> {
    pub(super) fn draw_footer(&self, layout: &MapLayout, buf: &mut Buffer) {
        if layout.footer.is_empty() {
            self.draw_side(layout, buf);
            return;
        }
        let mut used = 0;
        if !layout.fit.is_whole {
            used = self.draw_window(layout, buf) + 2;
        }
        let used = self.draw_legend(layout, used, buf);
        let note = match (layout.fit.layers_per_row, layout.fit.experts_per_column) {
            _ if !layout.fit.merges() => return,
            (2, 2) if layout.fit.encoding != Encoding::HalfBlock => {
                "2 layers x 2 experts a cell, by maximum"
            }
            (_, 2) => "2 experts a column, by maximum",
            _ => "2 layers a row, by maximum",
        };
        if used + 2 + width(note) <= layout.footer.width {
            put_right(
                buf,
                layout.footer,
                (0, 0),
                note,
                self.theme.style(ThemeRole::Faint),
            );
        }
    }

    /// Whether the legend stands beside the map, since it has no row.
    pub fn has_side_legend(&self, layout: &MapLayout) -> bool {
        let fits = |legend: Legend<'_>| {
            let columns = width(legend.min_label).max(width(legend.max_label));
            columns <= layout.side.width && layout.side.height >= SIDE_RAMP_ROWS + 2
        };
        let has_colors = !matches!(layout.fit.encoding, Encoding::Quadrant | Encoding::Braille);
        has_colors && layout.footer.is_empty() && self.legend.is_some_and(fits)
    }

    /// Highest figure, ramp, lowest figure, from the top down.
    fn draw_side(&self, layout: &MapLayout, buf: &mut Buffer) {
        let Some(legend) = self.legend.filter(|_| self.has_side_legend(layout)) else {
            return;
        };
        let text = self.theme.style(ThemeRole::Text);
        put(buf, layout.side, (0, 0), legend.max_label, text);
        for row in 0..SIDE_RAMP_ROWS {
            let value = 1.0 - f32::from(row) / f32::from(SIDE_RAMP_ROWS - 1);
            let (glyph, style) = self.legend_cell(layout.fit.encoding, value);
            put(buf, layout.side, (0, row + 1), &glyph.repeat(2), style);
        }
        let last = SIDE_RAMP_ROWS + 1;
        put(buf, layout.side, (0, last), legend.min_label, text);
    }

    /// Title, lowest figure, ramp, highest figure; gives the column after them.
    fn draw_legend(&self, layout: &MapLayout, x: u16, buf: &mut Buffer) -> u16 {
        let Some(legend) = self.legend else {
            return x;
        };
        let (text, faint) = (
            self.theme.style(ThemeRole::Text),
            self.theme.style(ThemeRole::Faint),
        );
        let chosen = matches!(layout.fit.encoding, Encoding::Quadrant | Encoding::Braille);
        let figures = width(legend.min_label) + width(legend.max_label) + RAMP_COLUMNS + 2;
        let titled = x + width(legend.title) + 1 + figures <= layout.footer.width;
        let mut x = x;
        if titled || chosen {
            x = put(buf, layout.footer, (x, 0), legend.title, faint) + 1;
        }
        if chosen || x + figures > layout.footer.width {
            return x;
        }
        x = put(buf, layout.footer, (x, 0), legend.min_label, text) + 1;
        for step in 0..RAMP_COLUMNS {
            let value = f32::from(step) / f32::from(RAMP_COLUMNS - 1);
            let (glyph, style) = self.legend_cell(layout.fit.encoding, value);
            put(buf, layout.footer, (x + step, 0), glyph, style);
        }
        put(
            buf,
            layout.footer,
            (x + RAMP_COLUMNS + 1, 0),
            legend.max_label,
            text,
        )
    }

    fn legend_cell(&self, encoding: Encoding, value: f32) -> (&'static str, Style) {
        match (encoding, self.ramp().color(value)) {
            (Encoding::HalfBlock | Encoding::FullBlock, Some(color)) => {
                (" ", Style::new().bg(color))
            }
            _ => self.ramp().glyph(value, self.theme.glyphs()),
        }
    }

    /// The window in the whole, as a picture and in numbers; gives the column after them.
    fn draw_window(&self, layout: &MapLayout, buf: &mut Buffer) -> u16 {
        let accent = self.theme.style(ThemeRole::Accent);
        let mut x = 0;
        if layout.footer.width >= MINIMAP_COLUMNS + 24 {
            for column in 0..MINIMAP_COLUMNS {
                let glyph = self.minimap_glyph(layout, column);
                put(
                    buf,
                    layout.footer,
                    (column, 0),
                    glyph.encode_utf8(&mut [0; 4]),
                    accent,
                );
            }
            x = MINIMAP_COLUMNS + 1;
        }
        let (layers, experts) = (layout.layers(), layout.experts());
        let text = format!(
            "L{}-{} E{}-{} of {} x {}",
            layers.start,
            layers.end.saturating_sub(1),
            experts.start,
            experts.end.saturating_sub(1),
            layout.num_layers,
            layout.num_experts
        );
        put(
            buf,
            layout.footer,
            (x, 0),
            &text,
            self.theme.style(ThemeRole::Text),
        )
    }

    /// A cell of the picture: dots inside of the window; in ASCII the experts alone.
    fn minimap_glyph(&self, layout: &MapLayout, column: u16) -> char {
        let inside = |place: usize, places: usize, all: usize, shown: &std::ops::Range<usize>| {
            let from = place * all / places;
            let to = ((place + 1) * all).div_ceil(places).max(from + 1);
            from < shown.end && shown.start < to
        };
        let (layers, experts) = (layout.layers(), layout.experts());
        if self.theme.glyph_set() == GlyphSet::Ascii {
            let columns = usize::from(MINIMAP_COLUMNS);
            let inside = inside(usize::from(column), columns, layout.num_experts, &experts);
            return if inside { '#' } else { '.' };
        }
        let mut dots = Vec::new();
        for (x, y) in (0..2).flat_map(|x| (0..4).map(move |y| (x, y))) {
            let place = usize::from(column) * 2 + x;
            let across = inside(
                place,
                usize::from(MINIMAP_COLUMNS) * 2,
                layout.num_experts,
                &experts,
            );
            if across && inside(y, 4, layout.num_layers, &layers) {
                dots.push((x, y));
            }
        }
        // The whole's extent stays visible outside of the window.
        if dots.is_empty() { '·' } else { braille(dots) }
    }
}

/// The braille character of dots at columns 0 and 1, rows 0 to 3.
pub(in super::super) fn braille(dots: impl IntoIterator<Item = (usize, usize)>) -> char {
    const BITS: [[u32; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];
    let bits = dots.into_iter().fold(0, |bits, (x, y)| bits | BITS[x][y]);
    char::from_u32(0x2800 + bits).unwrap_or(' ')
}
