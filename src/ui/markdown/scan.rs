//! Finds where top-level blocks begin and end, line by line, looking at each byte once.
//!
//! Every decision depends only on the source up to it and is taken as soon as no further text
//! could change it. That is why streaming in any pieces and rendering at once give the same
//! segments, and so the same lines. A boundary that is missed costs time, never correctness: the
//! parser sees the segment whole. So wherever the rules are unsure, there is none.

use super::block::SYNTAX;
use super::html::HtmlEnd;
use super::line_start::{LineStart, Start, indent_of, line_start};
use pulldown_cmark::{Event, Parser, TagEnd};

/// What a segment of the source is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SegmentKind {
    /// Blocks for the Markdown parser.
    Markdown,
    /// A fenced code block.
    Code(Fence),
    /// A block of HTML, shown as it is.
    Html,
}

/// The line that opens a fenced code block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fence {
    /// `` ` `` or `~`.
    pub(super) mark: u8,
    /// How many of them.
    pub(super) count: usize,
    /// Spaces before it; as many are taken from each line of the content.
    pub(super) indent: usize,
    /// First word after it.
    pub(super) language: Option<String>,
}

impl Fence {
    /// Whether a whole line closes the block.
    pub(super) fn is_closed_by(&self, line: &str) -> bool {
        let (indent, rest) = indent_of(line);
        let marks = rest.bytes().take_while(|&b| b == self.mark).count();
        indent < 4 && marks >= self.count && rest[marks..].trim().is_empty()
    }
}

/// What the scanner found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// A segment begins at this byte; one that is open ends here.
    Open {
        at: usize,
        kind: SegmentKind,
        /// An empty row stands before it.
        gap: bool,
        /// It may belong to the same list as the segment before.
        is_item: bool,
    },
    /// The open segment ends at this byte.
    Close { at: usize },
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// No segment is open.
    Between,
    Paragraph {
        /// The line in hand is not its first.
        has_text: bool,
        /// It may be a table, which nothing underlines.
        has_pipe: bool,
    },
    /// A heading or a break: ends with its line.
    Single,
    Quote,
    Indented,
    List {
        content: usize,
        /// The line in hand is its first.
        opens: bool,
        /// Nothing but the mark so far.
        is_empty: bool,
    },
    Fence {
        fence: Fence,
        /// The line in hand is the one that opens it.
        opens: bool,
    },
    Html(HtmlEnd),
}

/// What the last segment was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    Nothing,
    /// Text, which more text may follow without a gap.
    Soft,
    Hard,
}

/// Reads the source from front to back.
#[derive(Debug, Clone)]
pub(super) struct Scanner {
    /// Start of the line in hand.
    line: usize,
    /// Whether the line's place is settled, and only its end is missing.
    is_settled: bool,
    /// Bytes from `line` on that hold no line feed.
    searched: usize,
    state: State,
    saw_blank: bool,
    before: Before,
    /// Start of the last segment.
    start: usize,
}

impl Scanner {
    pub(super) fn new() -> Self {
        Self {
            line: 0,
            is_settled: false,
            searched: 0,
            state: State::Between,
            saw_blank: false,
            before: Before::Nothing,
            start: 0,
        }
    }

    /// Returns the next step, or `None` if it takes more text to know.
    pub(super) fn next(&mut self, source: &str) -> Option<Step> {
        loop {
            let rest = &source[self.line..];
            let end = rest[self.searched..]
                .find('\n')
                .map(|at| self.searched + at + 1);
            let line = &rest[..end.unwrap_or(rest.len())];
            if !self.is_settled {
                if line.is_empty() {
                    return None;
                }
                let step = self.settle(source, line, end.is_some())?;
                self.is_settled = true;
                if step.is_some() {
                    return step;
                }
            }
            let Some(end) = end else {
                self.searched = rest.len();
                return None;
            };
            let closes = self.end_line(&rest[..end], &source[self.start..self.line + end]);
            self.line += end;
            self.is_settled = false;
            self.searched = 0;
            if closes {
                self.state = State::Between;
                return Some(Step::Close { at: self.line });
            }
        }
    }

    /// Start of the last line that belongs to the open segment for sure, or of the next one.
    pub(super) fn settled(&self, source: &str) -> usize {
        if self.is_settled {
            source.len()
        } else {
            self.line
        }
    }

    /// Start of text that no segment has yet, and whether an empty row stands before it.
    pub(super) fn pending(&self) -> (usize, bool) {
        (self.line, self.before != Before::Nothing)
    }

    /// Decides where a line belongs: `None` if that is open, `Some(None)` if to what is open.
    #[expect(
        clippy::option_option,
        reason = "not yet known, and known to be nothing, differ"
    )]
    fn settle(&mut self, source: &str, line: &str, is_complete: bool) -> Option<Option<Step>> {
        if matches!(
            self.state,
            State::Fence { .. } | State::Html(HtmlEnd::Contains(_))
        ) {
            return Some(None);
        }
        if line.trim().is_empty() {
            return is_complete.then_some(None);
        }
        if matches!(self.state, State::Html(_)) {
            return Some(None);
        }
        let start = line_start(line, is_complete)?;
        if self.continues(&start) && !self.is_after_container(&start, line, source) {
            self.saw_blank = false;
            return Some(None);
        }
        let is_item = matches!(start.start, Start::List { .. });
        let kind = match &start.start {
            Start::Fence(fence) => SegmentKind::Code(fence.clone()),
            Start::Html { .. } => SegmentKind::Html,
            _ => SegmentKind::Markdown,
        };
        self.state = state_after(start);
        let now = nature(&self.state);
        let gap = match self.before {
            Before::Nothing => false,
            Before::Soft => self.saw_blank || now == Before::Hard,
            Before::Hard => true,
        };
        self.before = now;
        self.start = self.line;
        self.saw_blank = false;
        Some(Some(Step::Open {
            at: self.line,
            kind,
            gap,
            is_item,
        }))
    }

    /// Whether a line belongs to the open segment.
    fn continues(&self, line: &LineStart) -> bool {
        let is_text = matches!(line.start, Start::Text | Start::Indented);
        match &self.state {
            State::Between | State::Single => false,
            State::Fence { .. } | State::Html(_) => true,
            State::Indented => line.start == Start::Indented,
            State::Paragraph { .. } => is_text || line.is_underline || !line.interrupts_paragraph,
            State::Quote => is_text || line.start == Start::Quote || !line.interrupts_container,
            State::List { content, .. } => {
                line.indent >= *content
                    || (!self.saw_blank && (is_text || !line.interrupts_container))
            }
        }
    }

    /// Whether text below a quote or a list item is a block of its own. It goes on with the
    /// container's paragraph if one is open there, and only the parser knows.
    fn is_after_container(&self, start: &LineStart, line: &str, source: &str) -> bool {
        let is_outside = match &self.state {
            State::Quote => start.start != Start::Quote,
            State::List { content, .. } => start.indent < *content,
            _ => false,
        };
        let is_text = matches!(start.start, Start::Text | Start::Indented);
        let above = &source[self.start..self.line];
        // What may not interrupt a paragraph may follow a table.
        let below_table = matches!(self.state, State::Paragraph { has_pipe: true, .. })
            && start.interrupts_container;
        let text = if below_table {
            format!("{above}{line}\n")
        } else if is_outside && is_text {
            format!("{above}{}x\n", " ".repeat(start.indent))
        } else {
            return false;
        };
        let mut depth = 0_usize;
        let mut last_start = 0;
        for (event, range) in Parser::new_ext(&text, SYNTAX).into_offset_iter() {
            match event {
                Event::Start(_) => {
                    if depth == 0 {
                        last_start = range.start;
                    }
                    depth += 1;
                }
                Event::End(_) => depth -= 1,
                _ => {}
            }
        }
        last_start >= self.line - self.start
    }

    /// Takes note of a whole line; returns whether it ends the segment.
    fn end_line(&mut self, line: &str, segment: &str) -> bool {
        let is_blank = line.trim().is_empty();
        self.saw_blank |= is_blank;
        match &mut self.state {
            State::Between | State::Indented => false,
            State::List {
                opens, is_empty, ..
            } => {
                let first = std::mem::replace(opens, false);
                let was_empty =
                    std::mem::replace(is_empty, first && line.split_whitespace().count() == 1);
                // An item that begins with two empty lines ends there.
                was_empty && is_blank
            }
            State::Single => true,
            State::Quote | State::Html(HtmlEnd::Blank) => is_blank,
            State::Paragraph { has_text, has_pipe } => {
                *has_pipe |= line.contains('|');
                let had_text = std::mem::replace(has_text, true);
                let is_underlined = had_text
                    && line_start(line, true).is_some_and(|start| start.is_underline)
                    && (!*has_pipe || ends_in_heading(segment));
                if is_underlined {
                    self.before = Before::Hard;
                }
                is_blank || is_underlined
            }
            State::Fence { fence, opens } => {
                self.saw_blank = false;
                // The opening line would close the block it opens.
                !std::mem::replace(opens, false) && fence.is_closed_by(line)
            }
            State::Html(HtmlEnd::Contains(end)) => {
                self.saw_blank = false;
                line.to_ascii_lowercase().contains(*end)
            }
        }
    }
}

fn state_after(line: LineStart) -> State {
    match line.start {
        Start::Text => State::Paragraph {
            has_text: false,
            has_pipe: false,
        },
        Start::Indented => State::Indented,
        Start::Quote => State::Quote,
        Start::Heading | Start::Break => State::Single,
        Start::List { content } => State::List {
            content,
            opens: true,
            is_empty: false,
        },
        Start::Fence(fence) => State::Fence { fence, opens: true },
        Start::Html { end } => State::Html(end),
    }
}

/// What the parser makes of an underline below what may be a table.
fn ends_in_heading(segment: &str) -> bool {
    let last = Parser::new_ext(segment, SYNTAX).last();
    matches!(last, Some(Event::End(TagEnd::Heading(_))))
}

fn nature(state: &State) -> Before {
    match state {
        State::Paragraph { .. } | State::List { .. } | State::Quote => Before::Soft,
        _ => Before::Hard,
    }
}
