//! What comes out: lines of spans, each with its role, its width and the source it shows.

use super::role::Role;
use std::ops::Range;

/// One row of the screen.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RenderedLine {
    /// From left to right; together never wider than the width asked for.
    pub spans: Vec<RenderedSpan>,
    /// Number of the top-level block that this row belongs to, from 0.
    pub block: usize,
    /// What kind of row it is.
    pub kind: LineKind,
}

impl RenderedLine {
    /// Returns the columns that the row takes.
    pub fn width(&self) -> usize {
        self.spans.iter().map(|span| usize::from(span.width)).sum()
    }

    /// Returns the row's text without roles.
    pub fn text(&self) -> String {
        self.spans.iter().map(|span| &*span.text).collect()
    }

    /// Returns the bytes of the source from the first to the last that the row shows.
    pub fn source(&self) -> Option<Range<usize>> {
        let mut shown = self.spans.iter().filter_map(|span| span.source.clone());
        let first = shown.next()?;
        Some(shown.fold(first, |all, next| {
            all.start.min(next.start)..all.end.max(next.end)
        }))
    }
}

/// Text of one role.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RenderedSpan {
    /// What to print: inert, in NFC, without tabs and line feeds.
    pub text: Box<str>,
    /// What it is.
    pub role: Role,
    /// Columns: the sum over its graphemes, as a terminal with a cell per grapheme counts.
    pub width: u16,
    /// Bytes of the Markdown source that it shows. `None` for marks of our own.
    pub source: Option<Range<usize>>,
}

impl RenderedSpan {
    /// A mark of our own; `text` must be of narrow characters.
    pub(super) fn mark(text: impl Into<Box<str>>, role: Role) -> Self {
        let text = text.into();
        Self {
            width: text.chars().count() as u16,
            text,
            role,
            source: None,
        }
    }
}

/// What kind of row a [`RenderedLine`] is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum LineKind {
    /// Running text.
    #[default]
    Normal,
    /// The row above a code block.
    CodeTop {
        /// As written after the fence, first word.
        language: Option<Box<str>>,
    },
    /// A row of code.
    Code,
    /// The row below a code block that is closed.
    CodeBottom,
    /// A row of a table.
    Table,
    /// Nothing: the space between blocks.
    Blank,
}

/// A code block of the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeBlock {
    /// As written after the fence, first word.
    pub language: Option<String>,
    /// Bytes of its content, without the fences. In quotes and lists the marks before each line
    /// are part of it.
    pub source: Range<usize>,
    /// Whether the closing fence has been seen; indented code is closed by what follows.
    pub closed: bool,
}

/// Where the characters of a text stand in the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// Nowhere.
    None,
    /// Byte for byte from this place on.
    Exact(usize),
    /// Somewhere in here, such as a character that was written as an entity.
    Within(Range<usize>),
}

impl Source {
    /// The source of a part of the text.
    pub(super) fn part(&self, part: Range<usize>) -> Option<Range<usize>> {
        match self {
            Self::None => None,
            Self::Exact(start) => Some(start + part.start..start + part.end),
            Self::Within(range) => Some(range.clone()),
        }
    }
}

/// A row that is being filled; neighbors of one role become one span.
#[derive(Debug, Clone, Default)]
pub(super) struct LineBuilder {
    spans: Vec<SpanBuilder>,
    width: usize,
}

#[derive(Debug, Clone)]
struct SpanBuilder {
    text: String,
    role: Role,
    width: u16,
    source: Option<Range<usize>>,
}

impl LineBuilder {
    pub(super) fn width(&self) -> usize {
        self.width
    }

    pub(super) fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    pub(super) fn push(
        &mut self,
        text: &str,
        role: Role,
        width: u16,
        source: Option<Range<usize>>,
    ) {
        self.width += usize::from(width);
        if let Some(last) = self.spans.last_mut()
            && last.role == role
            && let Some(joined) = join(last.source.as_ref(), source.as_ref())
        {
            last.text.push_str(text);
            last.width += width;
            last.source = joined;
            return;
        }
        self.spans.push(SpanBuilder {
            text: text.to_owned(),
            role,
            width,
            source,
        });
    }

    pub(super) fn push_span(&mut self, span: &RenderedSpan) {
        self.push(&span.text, span.role, span.width, span.source.clone());
    }

    pub(super) fn push_spans(&mut self, spans: &[RenderedSpan]) {
        for span in spans {
            self.push_span(span);
        }
    }

    /// Takes the row's spans and leaves it empty.
    pub(super) fn take(&mut self) -> Vec<RenderedSpan> {
        self.width = 0;
        std::mem::take(&mut self.spans)
            .into_iter()
            .map(|span| RenderedSpan {
                text: span.text.into(),
                role: span.role,
                width: span.width,
                source: span.source,
            })
            .collect()
    }
}

/// The source of two spans in a row, if it is one range.
#[expect(
    clippy::option_option,
    reason = "no source is a source that can be joined"
)]
fn join(left: Option<&Range<usize>>, right: Option<&Range<usize>>) -> Option<Option<Range<usize>>> {
    match (left, right) {
        (None, None) => Some(None),
        (Some(left), Some(right)) if left.end == right.start => Some(Some(left.start..right.end)),
        (Some(left), Some(right)) if left == right => Some(Some(left.clone())),
        _ => None,
    }
}
