//! Painting the map's cells.

use std::ops::Range;

use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::widgets::Widget;

use super::footer::braille;
use super::{Encoding, Heatmap, MapLayout};
use crate::ui::theme::{ThemeRole, ink_on};

/// Quarter blocks by their bits: upper left 1, upper right 2, lower left 4, lower right 8.
const QUARTERS: [&str; 16] = [
    " ", "▘", "▝", "▀", "▖", "▌", "▞", "▛", "▗", "▚", "▐", "▜", "▄", "▙", "▟", "█",
];

impl Widget for &Heatmap<'_> {
    fn render(self, area: Rect, buf: &mut Buffer) {
        let area = area.intersection(buf.area);
        if area.is_empty() || self.frame.num_layers == 0 || self.frame.num_experts == 0 {
            return;
        }
        let layout = self.layout(area);
        self.draw_axis(&layout, buf);
        self.draw_labels(&layout, buf);
        self.draw_right(&layout, buf);
        self.draw_footer(&layout, buf);
        for row in 0..layout.map.height {
            for column in 0..layout.map.width {
                let cell = &mut buf[(layout.map.x + column, layout.map.y + row)];
                self.draw_cell(&layout, column, row, cell);
            }
        }
    }
}

impl Widget for Heatmap<'_> {
    fn render(self, area: Rect, buf: &mut Buffer) {
        (&self).render(area, buf);
    }
}

impl Heatmap<'_> {
    fn draw_cell(&self, layout: &MapLayout, column: u16, row: u16, cell: &mut Cell) {
        let layers = layout.layers_of_row(row);
        let experts = layout.experts_of_column(column);
        let is_marked = self.is_marked(layers.clone(), &experts);
        let cursor = self
            .frame
            .cursor
            .filter(|at| layers.contains(&at.layer) && experts.contains(&at.expert));
        match layout.fit.encoding {
            Encoding::HalfBlock => {
                let color = |layer: usize| self.half_color(layer, &experts);
                let lower = layers.clone().nth(1).and_then(color);
                halves(cell, color(layers.start), lower);
                // Both halves are taken: the mark stands on the color of the cursor's own layer.
                let mark = cursor.and_then(|at| Some((at, color_mark(layout, column)?)));
                if let Some((at, mark)) = mark {
                    write_on(cell, color(at.layer), mark);
                }
            }
            Encoding::FullBlock => {
                let color = self.ramp().color(self.value(layers, experts));
                if let Some(color) = color {
                    cell.set_symbol(" ").set_bg(color);
                }
                let mark = cursor.and_then(|_| color_mark(layout, column));
                if is_marked {
                    cell.set_symbol("x").set_style(self.mark_style());
                    underline(cell, cursor.is_some());
                } else if let Some(mark) = mark {
                    write_on(cell, color, mark);
                }
            }
            Encoding::Glyph => {
                let (glyph, style) =
                    (self.ramp()).glyph(self.value(layers, experts), self.theme.glyphs());
                cell.set_symbol(glyph).set_style(style);
                if is_marked {
                    cell.set_symbol("x").set_style(self.mark_style());
                }
                if let Some(mark) = cursor.and_then(|_| glyph_mark(layout, column)) {
                    cell.reset();
                    cell.set_symbol(mark);
                }
                underline(cell, cursor.is_some());
            }
            Encoding::Quadrant | Encoding::Braille => {
                self.draw_dots(layout.fit.encoding, layers, experts, cell);
                if is_marked {
                    cell.set_style(self.mark_style());
                }
                underline(cell, cursor.is_some());
            }
        }
    }

    /// The color of a half of a cell.
    fn half_color(&self, layer: usize, experts: &Range<usize>) -> Option<Color> {
        let layers = layer..layer + 1;
        if self.is_marked(layers.clone(), experts) {
            return self.mark_style().fg;
        }
        self.ramp().color(self.value(layers, experts.clone()))
    }

    fn is_marked(&self, layers: Range<usize>, experts: &Range<usize>) -> bool {
        self.marked
            .iter()
            .any(|at| layers.contains(&at.layer) && experts.contains(&at.expert))
    }

    fn mark_style(&self) -> Style {
        self.theme.style(ThemeRole::Danger)
    }

    /// One dot for each expert that has a value above zero.
    fn draw_dots(
        &self,
        encoding: Encoding,
        layers: Range<usize>,
        experts: Range<usize>,
        cell: &mut Cell,
    ) {
        let mut dots = Vec::new();
        for (y, layer) in layers.clone().enumerate() {
            for (x, expert) in experts.clone().enumerate() {
                if self.value(layer..layer + 1, expert..expert + 1) > 0.0 {
                    dots.push((x, y));
                }
            }
        }
        let (_, style) = self.ramp().glyph(1.0, self.theme.glyphs());
        cell.set_style(style);
        if encoding == Encoding::Quadrant {
            let bits = dots.iter().fold(0, |bits, (x, y)| bits | 1 << (x + 2 * y));
            cell.set_symbol(QUARTERS[bits]);
        } else if dots.is_empty() {
            cell.set_symbol(" ");
        } else {
            cell.set_char(braille(dots));
        }
    }

    /// The greatest value of a block, of differences the one farthest from none; NaN without data.
    fn value(&self, layers: Range<usize>, experts: Range<usize>) -> f32 {
        let strength = |value: f32| {
            if self.diverging {
                (value - 0.5).abs()
            } else {
                value
            }
        };
        layers
            .flat_map(|layer| {
                let row = layer * self.frame.num_experts;
                self.values
                    .get(row + experts.start..row + experts.end)
                    .unwrap_or_default()
            })
            .copied()
            .filter(|value| !value.is_nan())
            .fold(f32::NAN, |best, value| {
                if best.is_nan() || strength(value) > strength(best) {
                    value
                } else {
                    best
                }
            })
    }
}

/// Two colors in one cell; without a color the terminal's own shows.
fn halves(cell: &mut Cell, upper: Option<Color>, lower: Option<Color>) {
    match (upper, lower) {
        (Some(upper), Some(lower)) => cell.set_symbol("▀").set_fg(upper).set_bg(lower),
        (Some(upper), None) => cell.set_symbol("▀").set_fg(upper),
        (None, Some(lower)) => cell.set_symbol("▄").set_fg(lower),
        (None, None) => cell.set_symbol(" "),
    };
}

/// What marks the cursor's columns where their color is the value: brackets, or a cross in one column.
fn color_mark(layout: &MapLayout, column: u16) -> Option<&'static str> {
    let columns = layout.fit.columns_per_expert;
    match usize::from(column) % columns {
        _ if columns == 1 => Some("+"),
        0 => Some("["),
        place if place + 1 == columns => Some("]"),
        _ => None,
    }
}

/// The same where a character is the value: one column at least keeps it.
fn glyph_mark(layout: &MapLayout, column: u16) -> Option<&'static str> {
    let columns = layout.fit.columns_per_expert;
    color_mark(layout, column).filter(|mark| match *mark {
        "]" => true,
        "[" => columns > 2,
        _ => false,
    })
}

/// Writes a mark on a color, which stays to be seen.
fn write_on(cell: &mut Cell, color: Option<Color>, mark: &'static str) {
    let color = color.unwrap_or(Color::Reset);
    let style = Style::new().bg(color).fg(ink_on(color));
    cell.set_symbol(mark)
        .set_style(style.add_modifier(Modifier::BOLD));
}

/// Marks the cursor where neither color nor character may change: reversed it would look like the
/// highest value.
fn underline(cell: &mut Cell, is_cursor: bool) {
    if is_cursor {
        cell.set_style(Style::new().add_modifier(Modifier::UNDERLINED | Modifier::BOLD));
    }
}
