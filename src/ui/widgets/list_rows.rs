//! A list with a selected row.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;
use ratatui::widgets::Widget;

use super::text::{put, put_right};
use crate::ui::theme::{Theme, ThemeRole};

/// A list of lines, scrolled so that the selected one is visible, with a thumb where it is long.
#[derive(Debug, Clone)]
pub struct ListRows<'a> {
    /// The rows.
    pub rows: &'a [Line<'a>],
    /// The selected one.
    pub selected: Option<usize>,
    /// The topmost row at the last drawing; it moves no more than it has to.
    pub first: usize,
    /// The looks.
    pub theme: &'a Theme,
}

impl ListRows<'_> {
    /// The topmost row in an area of this height.
    pub fn first_visible(&self, height: u16) -> usize {
        let height = usize::from(height);
        let mut first = self.first;
        if let Some(selected) = self.selected.filter(|_| height > 0) {
            first = first.clamp((selected + 1).saturating_sub(height), selected);
        }
        first.min(self.rows.len().saturating_sub(height))
    }

    /// Tells that a row goes on beyond its end; the colors stay.
    fn mark_cut(&self, row: Rect, buf: &mut Buffer) {
        let mark = self.theme.glyphs().ellipsis;
        put_right(buf, row, (0, 0), mark, Style::new());
    }

    fn draw_thumb(&self, area: Rect, first: usize, buf: &mut Buffer) {
        let (height, all) = (usize::from(area.height), self.rows.len());
        let size = (height * height / all).max(1);
        let span = all - height;
        let start = (first * (height - size)).checked_div(span).unwrap_or(0);
        let glyphs = self.theme.glyphs();
        for y in 0..height {
            let inside = (start..start + size).contains(&y);
            let (glyph, role) = if inside {
                (glyphs.thumb, ThemeRole::Faint)
            } else {
                (glyphs.vertical, ThemeRole::Border)
            };
            put(
                buf,
                area,
                (area.width - 1, y as u16),
                glyph,
                self.theme.style(role),
            );
        }
    }
}

impl Widget for &ListRows<'_> {
    fn render(self, area: Rect, buf: &mut Buffer) {
        let area = area.intersection(buf.area);
        if area.is_empty() {
            return;
        }
        let first = self.first_visible(area.height);
        let scrolls = self.rows.len() > usize::from(area.height) && area.width > 3;
        let text = Rect {
            width: area.width - u16::from(scrolls),
            ..area
        };
        let shown = self
            .rows
            .iter()
            .enumerate()
            .skip(first)
            .take(usize::from(area.height));
        for ((index, line), y) in shown.zip(0..) {
            let (row, indent) = (
                Rect {
                    y: area.y + y,
                    height: 1,
                    ..text
                },
                2.min(text.width),
            );
            let content = Rect {
                x: row.x + indent,
                width: row.width - indent,
                ..row
            };
            if self.selected == Some(index) {
                buf.set_style(row, self.theme.style(ThemeRole::Selection));
                put(
                    buf,
                    row,
                    (0, 0),
                    self.theme.glyphs().selected,
                    self.theme.style(ThemeRole::Selection),
                );
                // The spans keep their attributes, the selection its colors.
                let plain: Vec<_> = line
                    .spans
                    .iter()
                    .map(|span| span.content.as_ref())
                    .collect();
                let style = self
                    .theme
                    .style(ThemeRole::Selection)
                    .add_modifier(line.style.add_modifier);
                put(buf, content, (0, 0), &plain.concat(), style);
            } else {
                line.render(content, buf);
            }
            if line.width() > usize::from(content.width) {
                self.mark_cut(content, buf);
            }
        }
        if scrolls {
            self.draw_thumb(area, first, buf);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::theme::{Backdrop, PaletteName, ThemeSpec};

    #[test]
    fn a_row_that_is_cut_says_so() {
        let theme = Theme::new(&ThemeSpec::embedded(PaletteName::Dark, Backdrop::Dark));
        let rows = [Line::from("fits"), Line::from("does not fit")];
        for selected in [None, Some(1)] {
            let list = ListRows {
                rows: &rows,
                selected,
                first: 0,
                theme: &theme,
            };
            let mut buf = Buffer::empty(Rect::new(0, 0, 8, 2));
            (&list).render(buf.area, &mut buf);
            let row = |y: u16| -> String { (2..8).map(|x| buf[(x, y)].symbol()).collect() };
            assert_eq!(row(0), "fits  ");
            assert_eq!(row(1), "does …", "{selected:?}");
        }
    }
}
