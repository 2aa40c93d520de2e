//! Rows of code: never reflowed, split where they are wider than the screen, with a mark before
//! each row that goes on.

use super::glyph::for_each_glyph;
use super::highlight::LineRoles;
use super::line::{LineBuilder, LineKind, RenderedLine, RenderedSpan};
use super::options::MarkdownOptions;
use super::role::{CodeRole, Role};
use super::wrap::columns;
use std::ops::Range;

/// Below this many columns code has no bar in front.
const MIN_WIDTH_FOR_BAR: usize = 8;

/// One line of code; `source` is where its first byte stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct CodeLine<'a> {
    pub(super) text: &'a str,
    pub(super) source: Option<usize>,
    pub(super) roles: Option<&'a LineRoles>,
}

/// Where a row begins within its line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct RowStart {
    /// Byte of the line.
    pub(super) at: usize,
    /// Column of the line, for tabs.
    pub(super) column: usize,
    /// How much of the character there is on the row above, in cells: a name such as <U+202E> may be
    /// split.
    pub(super) shown_cells: usize,
    /// Whether it goes on from the row above.
    pub(super) goes_on: bool,
}

/// How a code block is drawn: width and what stands before its rows.
#[derive(Debug, Clone)]
pub(super) struct CodeLayout<'o> {
    width: usize,
    options: &'o MarkdownOptions,
    margin: Vec<RenderedSpan>,
}

struct Cell {
    text: Range<usize>,
    width: u16,
    role: Role,
    source: Option<Range<usize>>,
    start: RowStart,
}

impl<'o> CodeLayout<'o> {
    /// `margin` stands before every row and is narrower than `width`.
    pub(super) fn new(
        width: usize,
        options: &'o MarkdownOptions,
        margin: Vec<RenderedSpan>,
    ) -> Self {
        Self {
            width: width.max(1),
            options,
            margin,
        }
    }

    /// All rows of a block; `top_margin` stands before the first one.
    pub(super) fn block(
        &self,
        language: Option<&str>,
        top_margin: &[RenderedSpan],
        lines: &[CodeLine<'_>],
        roles: Option<&[LineRoles]>,
        closed: bool,
    ) -> Vec<RenderedLine> {
        let mut rows = vec![self.top(language, top_margin)];
        for (index, line) in lines.iter().enumerate() {
            let roles = roles.and_then(|roles| roles.get(index));
            let line = CodeLine { roles, ..*line };
            let drawn = self.rows(line, RowStart::default());
            rows.extend(drawn.into_iter().map(|(_, row)| row));
        }
        if closed {
            rows.push(self.bottom());
        }
        rows
    }

    /// The row above a block; `margin` is used in place of the usual one.
    pub(super) fn top(&self, language: Option<&str>, margin: &[RenderedSpan]) -> RenderedLine {
        let mut row = LineBuilder::default();
        row.push_spans(margin);
        let label = language.unwrap_or("");
        if self.options.plain {
            self.clip(&mut row, &format!("```{label}"));
        } else if label.is_empty() {
            self.clip(&mut row, "┌");
            self.fill(&mut row);
        } else {
            self.clip(&mut row, &format!("┌─ {label} "));
            self.fill(&mut row);
        }
        RenderedLine {
            spans: row.take(),
            block: 0,
            kind: LineKind::CodeTop {
                language: language.map(Into::into),
            },
        }
    }

    /// The row below a block.
    fn bottom(&self) -> RenderedLine {
        let mut row = LineBuilder::default();
        row.push_spans(&self.margin);
        if self.options.plain {
            self.clip(&mut row, "```");
        } else {
            self.clip(&mut row, "└");
            self.fill(&mut row);
        }
        RenderedLine {
            spans: row.take(),
            block: 0,
            kind: LineKind::CodeBottom,
        }
    }

    /// Splits a line from `from` on into rows, each with its start.
    pub(super) fn rows(&self, line: CodeLine<'_>, from: RowStart) -> Vec<(RowStart, RenderedLine)> {
        let (text, cells) = self.cells(line, from);
        let room = self
            .width
            .saturating_sub(columns(&self.margin) + self.bar(false).width())
            .max(1);
        let mut rows = Vec::new();
        let mut begin = 0;
        loop {
            let end = self.row_end(&text, &cells, begin, room);
            let start = cells.get(begin).map_or(from, |cell| cell.start);
            let goes_on = begin > 0 || from.goes_on;
            let row = self.row(&text, &cells[begin..end], goes_on, room);
            rows.push((RowStart { goes_on, ..start }, row));
            begin = end;
            if begin >= cells.len() {
                return rows;
            }
        }
    }

    fn row(&self, text: &str, cells: &[Cell], goes_on: bool, room: usize) -> RenderedLine {
        let mut row = LineBuilder::default();
        row.push_spans(&self.margin);
        let bar = self.bar(goes_on);
        bar.push_to(&mut row);
        for cell in cells {
            let (shown, width) = if usize::from(cell.width) > room {
                ("\u{fffd}", 1)
            } else {
                (&text[cell.text.clone()], cell.width)
            };
            row.push(shown, cell.role, width, cell.source.clone());
        }
        RenderedLine {
            spans: row.take(),
            block: 0,
            kind: LineKind::Code,
        }
    }

    /// Index behind the last cell of the row that begins at `begin`.
    fn row_end(&self, text: &str, cells: &[Cell], begin: usize, room: usize) -> usize {
        let mut width = 0;
        let mut end = begin;
        while let Some(cell) = cells.get(end) {
            width += usize::from(cell.width);
            if width > room && end > begin {
                break;
            }
            end += 1;
        }
        if self.options.wrap_code && end < cells.len() {
            let after_space = (begin + 1..end)
                .rev()
                .find(|&at| &text[cells[at - 1].text.clone()] == " ");
            return after_space.unwrap_or(end);
        }
        end
    }

    fn cells(&self, line: CodeLine<'_>, from: RowStart) -> (String, Vec<Cell>) {
        let tab = usize::from(self.options.tab_width.max(1));
        let mut text = String::new();
        let mut cells: Vec<Cell> = Vec::new();
        let mut column = from.column;
        let mut roles = line.roles.map(|roles| roles.iter().peekable());
        let mut add = |glyph: &str, width: u16, range: Range<usize>, (column, shown_cells)| {
            let role = roles.as_mut().map_or(CodeRole::Plain, |roles| {
                while roles.next_if(|(of, _)| of.end <= range.start).is_some() {}
                match roles.peek() {
                    Some((of, role)) if of.start <= range.start => *role,
                    _ => CodeRole::Plain,
                }
            });
            let begin = text.len();
            text.push_str(glyph);
            cells.push(Cell {
                text: begin..text.len(),
                width,
                role: Role::Code(role),
                source: line
                    .source
                    .map(|start| start + range.start..start + range.end),
                start: RowStart {
                    at: range.start,
                    column,
                    shown_cells,
                    goes_on: true,
                },
            });
        };
        let mut at = from.at;
        let mut shown = (from.at, 0);
        for (index, part) in line.text[from.at..].split('\t').enumerate() {
            if index > 0 {
                for _ in 0..tab - column % tab {
                    add(" ", 1, at..at + 1, (column, 0));
                    column += 1;
                }
                at += 1;
            }
            for_each_glyph(part, |glyph| {
                let range = at + glyph.range.start..at + glyph.range.end;
                if shown.0 != range.start {
                    shown = (range.start, 0);
                }
                if range.start > from.at || shown.1 >= from.shown_cells {
                    add(glyph.text, glyph.width, range, (column, shown.1));
                    column += usize::from(glyph.width);
                }
                shown.1 += 1;
            });
            at += part.len();
        }
        (text, cells)
    }

    fn bar(&self, goes_on: bool) -> Bar {
        let wide_enough = self.width >= MIN_WIDTH_FOR_BAR + columns(&self.margin);
        match (self.options.plain || !wide_enough, goes_on) {
            (true, _) => Bar(""),
            (false, false) => Bar("│ "),
            (false, true) => Bar("┆ "),
        }
    }

    fn clip(&self, row: &mut LineBuilder, text: &str) {
        for_each_glyph(text, |glyph| {
            if row.width() + usize::from(glyph.width) <= self.width {
                row.push(glyph.text, Role::CodeFrame, glyph.width, None);
            }
        });
    }

    fn fill(&self, row: &mut LineBuilder) {
        let missing = self.width.saturating_sub(row.width());
        if missing > 0 {
            row.push(&"─".repeat(missing), Role::CodeFrame, missing as u16, None);
        }
    }
}

struct Bar(&'static str);

impl Bar {
    fn width(&self) -> usize {
        self.0.chars().count()
    }

    fn push_to(&self, row: &mut LineBuilder) {
        if !self.0.is_empty() {
            row.push(self.0, Role::CodeFrame, self.width() as u16, None);
        }
    }
}
