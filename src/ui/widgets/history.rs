//! A figure over time, and the axis that stacked graphs share.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;

use super::format::{rate, short_text};
use super::heatmap::braille;
use super::strip::bar;
use super::text::{fill, put, width};
use crate::ui::theme::{GlyphSet, Theme, ThemeRole};

/// How long a figure holds where no newer one came.
const HOLD_MS: u64 = 1500;

/// A figure at a time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TimedValue {
    /// When, on the program's clock.
    pub at_ms: u64,
    /// The figure.
    pub value: f64,
}

/// The columns that stacked meters and graphs share, so that their edges align.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GraphColumns {
    /// Columns of the label, with the blank after it.
    pub label: u16,
    /// Columns of the text to the right, with the blank before it.
    pub text: u16,
}

impl GraphColumns {
    /// The graph's place in a row of this area.
    pub fn graph(&self, area: Rect) -> Rect {
        let label = self.label.min(area.width);
        let width = area.width.saturating_sub(label + self.text);
        Rect {
            x: area.x + label,
            width,
            ..area
        }
    }
}

/// The time that a graph spans.
#[derive(Debug, Clone, Copy)]
pub struct TimeAxis<'a> {
    /// From the left edge to the right one.
    pub seconds: u64,
    /// What the right edge is: `now`, or what was the last.
    pub end: &'a str,
    /// The columns that it shares with the graphs above it.
    pub columns: GraphColumns,
    /// The looks.
    pub theme: &'a Theme,
}

impl Widget for &TimeAxis<'_> {
    fn render(self, area: Rect, buf: &mut Buffer) {
        let graph = self.columns.graph(area.intersection(buf.area));
        let style = self.theme.style(ThemeRole::Faint);
        let end_columns = width(self.end) + 1;
        let (long, short) = (
            format!("{} s before", self.seconds),
            format!("-{} s", self.seconds),
        );
        let start = if width(&long) + end_columns + 4 <= graph.width {
            long
        } else {
            short
        };
        if width(&start) + end_columns + 1 > graph.width {
            return;
        }
        let from = put(buf, graph, (0, 0), &start, style) + 1;
        let to = graph.width - end_columns;
        let line = self.theme.glyphs().horizontal;
        fill(buf, graph, (from, 0), to.saturating_sub(from), line, style);
        put(buf, graph, (to + 1, 0), self.end, style);
    }
}

/// A figure over time: label, curve, and the newest figure with unit and highest one.
///
/// Two samples a column in braille, one as bars in ASCII. A sample's column follows from its time
/// alone, so that graphs one under the other align and a curve moves by whole columns.
#[derive(Debug, Clone)]
pub struct History<'a> {
    /// What is measured.
    pub label: &'a str,
    /// The samples, the oldest first.
    pub samples: &'a [TimedValue],
    /// The right edge.
    pub end_ms: u64,
    /// From the left edge to the right one.
    pub seconds: u64,
    /// The figure's unit.
    pub unit: &'a str,
    /// The figure at the top of the graph; none takes the highest sample.
    pub max: Option<f64>,
    /// Which curve's style.
    pub role: ThemeRole,
    /// The columns that it shares with its neighbors.
    pub columns: GraphColumns,
    /// The looks.
    pub theme: &'a Theme,
}

impl History<'_> {
    /// The figure of each of `slots` equal spans of time up to the right edge; none without data.
    fn slots(&self, slots: usize) -> Vec<Option<f64>> {
        let slot_ms = (self.seconds.max(1) * 1000 / slots.max(1) as u64).max(1);
        // Whole spans of the clock, so that samples keep their span while time passes.
        let newest = self.end_ms / slot_ms;
        let mut out = Vec::with_capacity(slots);
        let mut rest = self.samples;
        let mut held: Option<TimedValue> = None;
        for place in 0..slots as u64 {
            let back = slots as u64 - 1 - place;
            let Some(start) = newest.checked_sub(back).map(|slot| slot * slot_ms) else {
                out.push(None);
                continue;
            };
            let before = rest.partition_point(|sample| sample.at_ms < start);
            held = before.checked_sub(1).map(|last| rest[last]).or(held);
            rest = &rest[before..];
            let inside = rest.partition_point(|sample| sample.at_ms < start + slot_ms);
            let finite = rest[..inside]
                .iter()
                .map(|s| s.value)
                .filter(|v| v.is_finite());
            let (sum, count) = finite.fold((0.0, 0u32), |(sum, count), v| (sum + v, count + 1));
            out.push(if count > 0 {
                Some(sum / f64::from(count))
            } else {
                held.filter(|sample| start - sample.at_ms <= HOLD_MS && sample.value.is_finite())
                    .map(|sample| sample.value)
            });
        }
        out
    }

    /// The samples in view.
    fn shown(&self) -> impl Iterator<Item = &TimedValue> {
        let span = self.end_ms.saturating_sub(self.seconds * 1000)..=self.end_ms;
        let samples = self.samples.iter();
        samples.filter(move |sample| span.contains(&sample.at_ms))
    }

    /// The graph's top, which is never 0.
    fn top(&self) -> f64 {
        let highest = self.highest().unwrap_or(0.0);
        let top = self.max.unwrap_or(highest);
        if top > 0.0 { top } else { 1.0 }
    }

    /// The highest sample in view.
    fn highest(&self) -> Option<f64> {
        let shown = self.shown();
        shown
            .map(|sample| sample.value)
            .filter(|value| value.is_finite())
            .reduce(f64::max)
    }

    fn draw_braille(&self, area: Rect, buf: &mut Buffer) {
        let slots = self.slots(usize::from(area.width) * 2);
        let rows = usize::from(area.height) * 4;
        let top = self.top();
        let heights: Vec<usize> = slots
            .iter()
            .map(|value| value.map_or(0, |value| dots(value / top, rows)))
            .collect();
        for y in 0..area.height {
            // The dot rows of this cell, counted from the graph's bottom.
            let base = usize::from(area.height - 1 - y) * 4;
            for x in 0..area.width {
                let lit = (0..2).flat_map(|side| {
                    let height = heights[usize::from(x) * 2 + side]
                        .saturating_sub(base)
                        .min(4);
                    (4 - height..4).map(move |row| (side, row))
                });
                let glyph = braille(lit);
                if glyph != '\u{2800}' {
                    let style = self.theme.style(self.role);
                    put(buf, area, (x, y), glyph.encode_utf8(&mut [0; 4]), style);
                }
            }
        }
    }

    fn draw_bars(&self, area: Rect, buf: &mut Buffer) {
        let top = self.top();
        for (x, value) in self.slots(usize::from(area.width)).into_iter().enumerate() {
            let Some(value) = value else { continue };
            let filled = (value / top).clamp(0.0, 1.0) * f64::from(area.height);
            for level in 0..area.height {
                let part = filled - f64::from(level);
                if part <= 0.0 && level > 0 {
                    break;
                }
                let glyph = bar(part as f32, self.theme.glyphs());
                let place = (x as u16, area.height - 1 - level);
                put(buf, area, place, glyph, self.theme.style(self.role));
            }
        }
    }

    /// The newest figure, and the highest one where there is room.
    fn text(&self, room: usize) -> String {
        let newest = self.shown().last();
        let current = newest.map_or_else(|| "-".to_owned(), |sample| rate(sample.value));
        let current = format!("{current} {}", self.unit);
        let max = self.max.or_else(|| self.highest());
        let full = max.map(|max| format!("{} max {}", current.trim_end(), rate(max)));
        full.filter(|full| full.len() <= room).unwrap_or(current)
    }
}

impl Widget for &History<'_> {
    fn render(self, area: Rect, buf: &mut Buffer) {
        let area = area.intersection(buf.area);
        if area.is_empty() {
            return;
        }
        let graph = self.columns.graph(area);
        let set = self.theme.glyph_set();
        let room = usize::from(graph.x - area.x).saturating_sub(1);
        let label = short_text(self.label, room, set);
        let bottom = area.height - 1;
        put(
            buf,
            area,
            (0, bottom),
            &label,
            self.theme.style(ThemeRole::Faint),
        );
        match set {
            GlyphSet::Unicode => self.draw_braille(graph, buf),
            GlyphSet::Ascii => self.draw_bars(graph, buf),
        }
        let x = graph.right() - area.x + u16::from(graph.width > 0);
        let room = usize::from(area.width.saturating_sub(x));
        let text = self.text(room);
        let text = short_text(&text, room, set);
        put(
            buf,
            area,
            (x, bottom),
            &text,
            self.theme.style(ThemeRole::Text),
        );
    }
}

/// The lit dots of a column of `rows`: at least one for any figure, also 0, so that it is not
/// taken for no data.
fn dots(share: f64, rows: usize) -> usize {
    ((share.clamp(0.0, 1.0) * rows as f64).round() as usize).max(1)
}
