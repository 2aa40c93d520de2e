//! One layer's experts as bars.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;

use super::heatmap::expert_axis;
use super::strip::bar;
use super::text::{put, row, width};
use crate::ui::theme::{Theme, ThemeRole};

/// One layer's experts as bars, over several lines if they do not fit in one.
///
/// Each line has its bars, then the experts' numbers, then the figures, as far as there are rows.
#[derive(Debug, Clone)]
pub struct BarsRow<'a> {
    /// By expert, from 0 to 1; NaN is no data.
    pub values: &'a [f32],
    /// The figures by expert as text, drawn where columns are wide enough; may be empty.
    pub numbers: &'a [String],
    /// The cursor's expert.
    pub cursor: Option<usize>,
    /// The looks.
    pub theme: &'a Theme,
}

/// How the bars are put into an area.
#[derive(Debug, Clone, Copy)]
struct Lines {
    experts_per_line: usize,
    columns_per_expert: usize,
    count: usize,
    bar_rows: u16,
    axis: bool,
    numbers: bool,
}

impl Lines {
    fn height(&self) -> u16 {
        self.bar_rows + u16::from(self.axis) + u16::from(self.numbers)
    }
}

impl BarsRow<'_> {
    /// Figures under the bars are worth more lines, where all lines fit with their experts' numbers.
    fn lines(&self, area: Rect) -> Lines {
        let columns = usize::from(area.width) / self.values.len().max(1);
        let widest = self.numbers.iter().map(|text| width(text)).max();
        let with_figures = widest.filter(|widest| *widest > 0).and_then(|widest| {
            let needed = usize::from(widest) + 1;
            let fits = |lines: &Lines| {
                needed <= usize::from(area.width) && lines.count * 3 <= usize::from(area.height)
            };
            let candidates = [8, 4, 1].map(|unit| self.divided(area, columns.max(needed), unit));
            candidates.into_iter().find(fits)
        });
        let without = || self.divided(area, columns.clamp(1, 4), 8);
        let mut lines = with_figures.unwrap_or_else(without);
        let rows = (usize::from(area.height) / lines.count).max(1) as u16;
        lines.numbers = with_figures.is_some();
        lines.axis = rows >= 2;
        let below = u16::from(lines.axis) + u16::from(lines.numbers);
        lines.bar_rows = rows.saturating_sub(below).clamp(1, 8);
        lines
    }

    /// All experts in lines, each expert in so many columns. Multiples of eight a line, or of another
    /// `unit`, are easier to find one's way in.
    fn divided(&self, area: Rect, columns_per_expert: usize, unit: usize) -> Lines {
        let experts = self.values.len().max(1);
        let fitting = (usize::from(area.width) / columns_per_expert).clamp(1, experts);
        let experts_per_line = if fitting >= unit && fitting < experts {
            fitting / unit * unit
        } else {
            fitting
        };
        Lines {
            experts_per_line,
            columns_per_expert,
            count: experts.div_ceil(experts_per_line),
            bar_rows: 1,
            axis: false,
            numbers: false,
        }
    }

    fn draw_line(
        &self,
        lines: &Lines,
        experts: std::ops::Range<usize>,
        area: Rect,
        buf: &mut Buffer,
    ) {
        let per = (lines.columns_per_expert, 1);
        for (place, expert) in experts.clone().enumerate() {
            let x = (place * lines.columns_per_expert) as u16;
            // A gap between bars, where one column can be spared.
            let columns = (lines.columns_per_expert as u16)
                .saturating_sub(1)
                .clamp(1, 6);
            let marked = self.cursor == Some(expert);
            let role = if marked {
                ThemeRole::Accent
            } else {
                ThemeRole::Series1
            };
            self.draw_bar(
                self.values[expert],
                role,
                Rect {
                    x: area.x + x,
                    width: columns,
                    height: lines.bar_rows,
                    ..area
                },
                buf,
            );
            if let Some(number) = self.numbers.get(expert).filter(|_| lines.numbers) {
                let y = lines.bar_rows + u16::from(lines.axis);
                put(buf, area, (x, y), number, self.theme.style(ThemeRole::Text));
            }
        }
        if lines.axis {
            let axis = row(area, lines.bar_rows);
            expert_axis(buf, axis, self.theme, experts, per, self.cursor);
        }
    }

    /// A bar over several rows, from the bottom up; the lowest cell is never empty.
    fn draw_bar(&self, value: f32, role: ThemeRole, area: Rect, buf: &mut Buffer) {
        if value.is_nan() {
            return;
        }
        let filled = value.clamp(0.0, 1.0) * f32::from(area.height);
        for level in 0..area.height {
            let part = filled - f32::from(level);
            if part <= 0.0 && level > 0 {
                break;
            }
            let glyph = bar(part, self.theme.glyphs());
            for x in 0..area.width {
                put(
                    buf,
                    area,
                    (x, area.height - 1 - level),
                    glyph,
                    self.theme.style(role),
                );
            }
        }
    }
}

impl Widget for &BarsRow<'_> {
    fn render(self, area: Rect, buf: &mut Buffer) {
        let area = area.intersection(buf.area);
        if area.is_empty() || self.values.is_empty() {
            return;
        }
        let lines = self.lines(area);
        for line in 0..lines.count {
            let y = line * usize::from(lines.height());
            if y >= usize::from(area.height) {
                break;
            }
            let first = line * lines.experts_per_line;
            let last = (first + lines.experts_per_line).min(self.values.len());
            let rows = Rect {
                y: area.y + y as u16,
                height: lines.height(),
                ..area
            };
            self.draw_line(&lines, first..last, rows.intersection(area), buf);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(experts: usize, (width, height): (u16, u16)) -> Lines {
        let (values, numbers) = (vec![0.5; experts], vec!["0.43".to_owned(); experts]);
        let bars = BarsRow {
            values: &values,
            numbers: &numbers,
            cursor: None,
            theme: &Theme::default(),
        };
        bars.lines(Rect::new(0, 0, width, height))
    }

    #[test]
    fn figures_never_stand_without_their_experts_numbers_or_push_lines_out() {
        for experts in [1, 8, 32, 128] {
            for size in (1..=140).flat_map(|width| (1..=60).map(move |height| (width, height))) {
                let lines = lines(experts, size);
                assert!(lines.experts_per_line * lines.count >= experts, "{lines:?}");
                if lines.numbers {
                    assert!(lines.axis, "{size:?} {lines:?}");
                    let rows = lines.count * usize::from(lines.height());
                    assert!(rows <= usize::from(size.1), "{size:?} {lines:?}");
                }
            }
        }
        assert!(lines(128, (68, 30)).numbers, "thirteen a line fit");
        assert!(!lines(128, (68, 29)).numbers);
    }
}
