//! What stands before and between rows: a quote's bar, a list item's mark, the empty row before a block.

use super::super::line::{LineKind, RenderedLine, RenderedSpan};
use super::super::wrap::{Prefix, columns};
use super::BlockRenderer;

/// What stands around blocks: a quote's bar, a list item's mark.
#[derive(Debug)]
pub(super) struct Container {
    pub(super) first: RenderedSpan,
    pub(super) rest: RenderedSpan,
    pub(super) is_used: bool,
}

impl BlockRenderer<'_> {
    /// Leaves an empty row before a block where the source has one.
    pub(super) fn gap(&mut self, start: usize, soft: bool) {
        let at_top = self.containers.is_empty();
        let parts = at_top && !(soft && self.was_soft);
        if self.has_sibling && (parts || follows_blank(self.text.as_str(), start)) {
            let mut spans = self.margin_of_rest();
            while spans.last().is_some_and(|span| span.text.trim().is_empty()) {
                spans.pop();
            }
            self.out.lines.push(RenderedLine {
                spans,
                block: 0,
                kind: LineKind::Blank,
            });
        }
        self.has_sibling = true;
        self.was_soft = soft;
    }

    pub(super) fn push_rows(&mut self, rows: Vec<Vec<RenderedSpan>>) {
        let line = |spans| RenderedLine {
            spans,
            block: 0,
            kind: LineKind::Normal,
        };
        self.push_lines(rows.into_iter().map(line).collect());
    }

    pub(super) fn push_lines(&mut self, lines: Vec<RenderedLine>) {
        if lines.is_empty() {
            return;
        }
        for container in &mut self.containers {
            container.is_used = true;
        }
        self.out.lines.extend(lines);
    }

    pub(super) fn prefix(&self) -> Prefix {
        Prefix {
            first: self.margin(),
            rest: self.margin_of_rest(),
        }
    }

    /// What stands before the next row.
    pub(super) fn margin(&self) -> Vec<RenderedSpan> {
        let spans = self.containers.iter().map(|around| {
            let span = if around.is_used {
                &around.rest
            } else {
                &around.first
            };
            span.clone()
        });
        fit(spans.collect(), self.style.width)
    }

    /// What stands before the rows after that.
    pub(super) fn margin_of_rest(&self) -> Vec<RenderedSpan> {
        let spans = self.containers.iter().map(|around| around.rest.clone());
        fit(spans.collect(), self.style.width)
    }
}

/// Drops the outermost marks until enough room is left for text.
pub(super) fn fit(mut spans: Vec<RenderedSpan>, width: usize) -> Vec<RenderedSpan> {
    let most = (width / 2).max(width.saturating_sub(8));
    let mut total = columns(&spans);
    while total > most {
        total -= usize::from(spans.remove(0).width);
    }
    spans
}

/// Whether the line above the one at `start` is empty, apart from quote marks.
fn follows_blank(text: &str, start: usize) -> bool {
    let Some(line) = text[..start].rfind('\n') else {
        return false;
    };
    let above = text[..line].rfind('\n').map_or(0, |at| at + 1);
    text[above..line]
        .chars()
        .all(|c| c.is_whitespace() || c == '>')
}
