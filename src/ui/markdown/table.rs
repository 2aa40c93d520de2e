//! Tables: columns as wide as they need to be, narrower if they must, and `head: cell` lines where
//! even that does not fit.

use super::glyph::text_width;
use super::inline::{Piece, feed};
use super::line::{LineBuilder, LineKind, RenderedLine, RenderedSpan, Source};
use super::role::Role;
use super::wrap::{Prefix, Wrapper, columns};
use pulldown_cmark::Alignment;

/// No column is made narrower than this, unless its text is.
const MIN_COLUMN: usize = 6;
const GAP: usize = 3;

/// A table's cells; the first row is the head.
#[derive(Debug, Default)]
pub(super) struct Table<'a> {
    pub(super) alignments: Vec<Alignment>,
    pub(super) rows: Vec<Vec<Vec<Piece<'a>>>>,
}

impl Table<'_> {
    /// Lays the table out; `margin` stands before every row.
    pub(super) fn layout(
        &self,
        width: usize,
        margin: &[RenderedSpan],
        plain: bool,
    ) -> Vec<RenderedLine> {
        let room = width.saturating_sub(columns(margin)).max(1);
        let rows = match self.column_widths(room) {
            Some(widths) => self.grid(&widths, plain),
            None => self.records(room),
        };
        rows.into_iter().map(|spans| line(margin, spans)).collect()
    }

    /// Widths that fit, or `None` if the table is too wide for columns.
    fn column_widths(&self, room: usize) -> Option<Vec<usize>> {
        let count = self.alignments.len();
        let room = room.checked_sub(GAP * count.saturating_sub(1))?;
        let mut widths = vec![1; count];
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(natural_width(cell));
            }
        }
        let least: usize = widths.iter().map(|&width| width.min(MIN_COLUMN)).sum();
        if least > room {
            return None;
        }
        shrink(&mut widths, room);
        Some(widths)
    }

    fn grid(&self, widths: &[usize], plain: bool) -> Vec<Vec<RenderedSpan>> {
        let (between, rule, cross) = if plain {
            (" | ", "-", "-|-")
        } else {
            (" │ ", "─", "─┼─")
        };
        let mut lines = Vec::new();
        for (index, row) in self.rows.iter().enumerate() {
            self.grid_row(row, widths, between, &mut lines);
            if index == 0 {
                let parts: Vec<String> = widths.iter().map(|&width| rule.repeat(width)).collect();
                lines.push(vec![RenderedSpan::mark(
                    parts.join(cross),
                    Role::TableBorder,
                )]);
            }
        }
        lines
    }

    fn grid_row(
        &self,
        row: &[Vec<Piece<'_>>],
        widths: &[usize],
        between: &str,
        lines: &mut Vec<Vec<RenderedSpan>>,
    ) {
        let cells: Vec<_> = widths
            .iter()
            .enumerate()
            .map(|(index, &width)| {
                row.get(index)
                    .map(|cell| wrap(cell, width))
                    .unwrap_or_default()
            })
            .collect();
        let height = cells.iter().map(Vec::len).max().unwrap_or(0).max(1);
        for at in 0..height {
            let mut builder = LineBuilder::default();
            for (index, (cell, &width)) in cells.iter().zip(widths).enumerate() {
                if index > 0 {
                    builder.push(between, Role::TableBorder, GAP as u16, None);
                }
                let spans = cell.get(at).map_or(&[][..], Vec::as_slice);
                self.push_aligned(&mut builder, spans, width, index);
            }
            lines.push(builder.take());
        }
    }

    fn push_aligned(
        &self,
        row: &mut LineBuilder,
        spans: &[RenderedSpan],
        width: usize,
        column: usize,
    ) {
        let free = width.saturating_sub(columns(spans));
        let left = match self.alignments.get(column) {
            Some(Alignment::Right) => free,
            Some(Alignment::Center) => free / 2,
            _ => 0,
        };
        pad(row, left);
        row.push_spans(spans);
        pad(row, free - left);
    }

    /// One line for each cell, with its column's head in front; an empty line between rows.
    fn records(&self, room: usize) -> Vec<Vec<RenderedSpan>> {
        let Some((head, body)) = self.rows.split_first() else {
            return Vec::new();
        };
        if body.is_empty() {
            return head.iter().flat_map(|cell| wrap(cell, room)).collect();
        }
        let mut lines = Vec::new();
        for (index, row) in body.iter().enumerate() {
            if index > 0 {
                lines.push(Vec::new());
            }
            for (head, cell) in head.iter().zip(row) {
                let mut wrapper = Wrapper::new(room, Prefix::default());
                feed(&mut wrapper, head);
                wrapper.text(": ", Role::TableHead, &Source::None);
                feed(&mut wrapper, cell);
                lines.extend(wrapper.finish());
            }
        }
        lines
    }
}

fn wrap(cell: &[Piece<'_>], width: usize) -> Vec<Vec<RenderedSpan>> {
    let mut wrapper = Wrapper::new(width, Prefix::default());
    feed(&mut wrapper, cell);
    wrapper.finish()
}

fn natural_width(cell: &[Piece<'_>]) -> usize {
    cell.iter()
        .map(|piece| match piece {
            Piece::Text { text, .. } => text_width(text),
            Piece::Break => 1,
        })
        .sum()
}

/// Takes columns from the widest until all fit.
fn shrink(widths: &mut [usize], room: usize) {
    let mut excess = widths.iter().sum::<usize>().saturating_sub(room);
    while excess > 0 {
        let Some(&widest) = widths.iter().max() else {
            return;
        };
        let second = widths.iter().copied().filter(|&width| width < widest).max();
        let count = widths.iter().filter(|&&width| width == widest).count();
        // Down to the next widest at once; the last step may take less than from each.
        let step = second
            .map_or(widest, |second| widest - second)
            .min(excess.div_ceil(count))
            .max(1);
        for width in widths.iter_mut().filter(|width| **width == widest) {
            let taken = step.min(excess);
            *width -= taken;
            excess -= taken;
        }
    }
}

fn pad(row: &mut LineBuilder, count: usize) {
    if count > 0 {
        row.push(&" ".repeat(count), Role::Text, count as u16, None);
    }
}

fn line(margin: &[RenderedSpan], spans: Vec<RenderedSpan>) -> RenderedLine {
    RenderedLine {
        spans: margin.iter().cloned().chain(spans).collect(),
        block: 0,
        kind: LineKind::Table,
    }
}
