//! Markdown that grows at its end, and the rows that show it.

mod open_code;

use self::open_code::OpenCode;
use super::block::{BlockRenderer, ListEnd, Rendered, RolesCache, Style};
use super::cut::{BLOCK_BYTES, Cut, PARAGRAPH_BYTES, find_cut, last_line};
use super::highlight::grammars;
use super::line::{CodeBlock, LineKind, RenderedLine};
use super::options::MarkdownOptions;
use super::scan::{Scanner, SegmentKind, Step};
use super::segment::{Lead, SegmentText};
use super::wrap::Wrapper;
use std::ops::Range;

/// Renders one message while it is written.
///
/// Finished blocks are parsed and wrapped once per width; each [`push`](Self::push) costs in
/// proportion to the block in hand, which is cut where it gets long. The rows depend on source,
/// width, options and loaded grammars alone, never on how the source came in.
#[derive(Debug)]
pub struct StreamingMarkdown {
    source: String,
    width: u16,
    options: MarkdownOptions,
    scanner: Scanner,
    /// Segments that are complete, in order.
    done: Vec<Segment>,
    open: Option<Segment>,
    lines: Vec<RenderedLine>,
    /// Rows that the open segment begins behind.
    frozen_lines: usize,
    code_blocks: Vec<CodeBlock>,
    frozen_code_blocks: usize,
    carry: Carry,
    open_code: Option<OpenCode>,
    roles: RolesCache,
    is_highlighted: bool,
}

#[derive(Debug, Clone)]
struct Segment {
    range: Range<usize>,
    kind: SegmentKind,
    lead: Lead,
    gap: bool,
    is_item: bool,
    block: usize,
    /// The block goes on in the next segment.
    goes_on: bool,
    /// Cuts that were looked for in vain.
    tries: u8,
}

/// What a finished segment leaves for the next.
#[derive(Debug, Default, Clone)]
struct Carry {
    list: Option<ListEnd>,
    paragraph: Option<Wrapper>,
}

impl StreamingMarkdown {
    /// Starts an empty message. A width of 0 counts as 1.
    pub fn new(width: u16, options: MarkdownOptions) -> Self {
        Self {
            source: String::new(),
            width: width.max(1),
            is_highlighted: options.highlight && grammars().is_some(),
            options,
            scanner: Scanner::new(),
            done: Vec::new(),
            open: None,
            lines: Vec::new(),
            frozen_lines: 0,
            code_blocks: Vec::new(),
            frozen_code_blocks: 0,
            carry: Carry::default(),
            open_code: None,
            roles: RolesCache::new(),
        }
    }

    /// Appends source.
    pub fn push(&mut self, text: &str) {
        self.refresh();
        if text.is_empty() {
            return;
        }
        self.source.push_str(text);
        self.advance();
    }

    /// Replaces the source; if it only grew, the same as [`push`](Self::push) of the rest.
    pub fn set_source(&mut self, source: &str) {
        if let Some(rest) = source.strip_prefix(self.source.as_str()) {
            self.push(rest);
            return;
        }
        *self = Self::new(self.width, self.options.clone());
        self.push(source);
    }

    /// Wraps for another width. A width of 0 counts as 1.
    pub fn set_width(&mut self, width: u16) {
        let is_new = self.width != width.max(1);
        self.width = width.max(1);
        if !self.refresh() && is_new {
            self.rebuild();
        }
    }

    /// Highlights what was drawn before the grammars were loaded; returns whether rows changed.
    pub fn refresh(&mut self) -> bool {
        let is_news = self.options.highlight && !self.is_highlighted && grammars().is_some();
        if is_news {
            self.is_highlighted = true;
            self.rebuild();
        }
        is_news
    }

    /// Returns the rows.
    pub fn lines(&self) -> &[RenderedLine] {
        &self.lines
    }

    /// Returns the code blocks in order of their beginning, the open one included.
    pub fn code_blocks(&self) -> Vec<CodeBlock> {
        self.code_blocks.clone()
    }

    /// Returns all that was pushed.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Returns the columns that rows may take.
    pub fn width(&self) -> u16 {
        self.width
    }

    /// Returns how many rows at the beginning no push can change at this width.
    pub fn frozen_lines(&self) -> usize {
        self.frozen_lines
    }

    fn advance(&mut self) {
        self.drop_tail();
        while let Some(step) = self.scanner.next(&self.source) {
            match step {
                Step::Open {
                    at,
                    kind,
                    gap,
                    is_item,
                } => {
                    self.close(at);
                    self.open_segment(at, kind, gap, is_item);
                }
                Step::Close { at } => self.close(at),
            }
        }
        self.cut(self.scanner.settled(&self.source));
        self.draw_tail();
    }

    fn rebuild(&mut self) {
        self.lines.clear();
        self.code_blocks.clear();
        self.frozen_lines = 0;
        self.frozen_code_blocks = 0;
        self.carry = Carry::default();
        self.open_code = None;
        let done = std::mem::take(&mut self.done);
        for segment in &done {
            self.freeze(segment);
        }
        self.done = done;
        self.draw_tail();
    }

    fn open_segment(&mut self, at: usize, kind: SegmentKind, gap: bool, is_item: bool) {
        self.open = Some(Segment {
            range: at..at,
            kind,
            lead: Lead::Nothing,
            gap,
            is_item,
            block: self.next_block(),
            goes_on: false,
            tries: 0,
        });
    }

    fn next_block(&self) -> usize {
        self.done.last().map_or(0, |segment| segment.block + 1)
    }

    /// Ends the open segment.
    fn close(&mut self, at: usize) {
        self.cut(at);
        if let Some(segment) = self.open.take() {
            self.finish(segment, at);
        }
    }

    fn finish(&mut self, mut segment: Segment, at: usize) {
        segment.range.end = at;
        self.lines.truncate(self.frozen_lines);
        self.open_code = None;
        self.freeze(&segment);
        self.done.push(segment);
    }

    /// Cuts the open segment as long as it has too many bytes before `end`.
    fn cut(&mut self, end: usize) {
        while let Some(segment) = &mut self.open {
            let is_last_try = segment.tries > 0;
            let limit = if is_last_try {
                BLOCK_BYTES
            } else {
                PARAGRAPH_BYTES
            };
            let is_code = matches!(segment.kind, SegmentKind::Code(_));
            let start = segment.range.start;
            if is_code || segment.tries > 1 || end < start + limit {
                return;
            }
            let range = start..self.source.floor_char_boundary(start + limit);
            let cut = if segment.kind == SegmentKind::Html {
                last_line(&self.source, &range)
                    .filter(|&at| at > start)
                    .map(|at| Cut {
                        at,
                        lead: Lead::Nothing,
                    })
            } else {
                find_cut(&self.source, range, &segment.lead, is_last_try)
            };
            match cut {
                Some(cut) => self.cut_at(cut),
                None => segment.tries += 1,
            }
        }
    }

    fn cut_at(&mut self, cut: Cut) {
        let Some(mut first) = self.open.take() else {
            return;
        };
        let rest = Segment {
            range: cut.at..cut.at,
            lead: cut.lead,
            gap: false,
            is_item: false,
            tries: 0,
            ..first.clone()
        };
        first.goes_on = true;
        self.finish(first, cut.at);
        self.open = Some(rest);
    }

    /// Draws a complete segment for good.
    fn freeze(&mut self, segment: &Segment) {
        let rendered = match &segment.kind {
            SegmentKind::Code(fence) => self.closed_code(fence, &segment.range),
            _ => self.render(segment),
        };
        self.carry = Carry {
            list: rendered.list_end,
            paragraph: rendered.paragraph.clone(),
        };
        self.append(rendered, segment.gap, segment.block);
        self.frozen_lines = self.lines.len();
        self.frozen_code_blocks = self.code_blocks.len();
    }

    fn append(&mut self, rendered: Rendered, gap: bool, block: usize) {
        if gap && !rendered.lines.is_empty() {
            self.lines.push(blank(block));
        }
        let lines = rendered.lines.into_iter();
        self.lines
            .extend(lines.map(|line| RenderedLine { block, ..line }));
        self.code_blocks.extend(rendered.code_blocks);
    }

    fn style(&self) -> Style<'_> {
        Style {
            width: usize::from(self.width),
            options: &self.options,
            grammars: if self.is_highlighted {
                grammars()
            } else {
                None
            },
        }
    }

    fn render(&mut self, segment: &Segment) -> Rendered {
        let mut roles = std::mem::take(&mut self.roles);
        let text = SegmentText::new(&self.source, segment.range.clone(), &segment.lead);
        let mut renderer = BlockRenderer::new(&text, self.style(), &mut roles);
        renderer.list = self.carry.list.filter(|_| segment.is_item);
        renderer.paragraph.clone_from(&self.carry.paragraph);
        renderer.keeps_paragraph = segment.goes_on;
        let rendered = if segment.kind == SegmentKind::Html {
            renderer.render_literal()
        } else {
            renderer.render()
        };
        self.roles = roles;
        rendered
    }

    fn drop_tail(&mut self) {
        let keep = self.open_code.map_or(self.frozen_lines, |code| code.lines);
        self.lines.truncate(keep);
        self.code_blocks.truncate(self.frozen_code_blocks);
    }

    /// Draws what is not complete.
    fn draw_tail(&mut self) {
        let end = self.source.len();
        let Some(mut segment) = self.open.clone() else {
            let (start, gap) = self.scanner.pending();
            let segment = Segment {
                range: start..end,
                kind: SegmentKind::Markdown,
                lead: Lead::Nothing,
                gap,
                is_item: true,
                block: self.next_block(),
                goes_on: false,
                tries: 0,
            };
            let rendered = self.render(&segment);
            self.append(rendered, gap, segment.block);
            return;
        };
        if let SegmentKind::Code(fence) = &segment.kind {
            self.draw_open_code(fence, &segment);
            return;
        }
        segment.range.end = self.without_held_back(end);
        let rendered = self.render(&segment);
        self.append(rendered, segment.gap, segment.block);
    }

    /// A few marks at the beginning of a line may yet become anything, such as the bullet of an
    /// item after a paragraph that they would underline: they are not shown before it is known.
    fn without_held_back(&self, end: usize) -> usize {
        let line = self.scanner.settled(&self.source);
        let text = self.source[line..].trim();
        let is_mark = |b: u8| {
            matches!(b, b'-' | b'=' | b'*' | b'+' | b'#' | b'.' | b')') || b.is_ascii_digit()
        };
        if text.len() <= 3 && text.bytes().all(is_mark) {
            line
        } else {
            end
        }
    }
}

fn blank(block: usize) -> RenderedLine {
    RenderedLine {
        spans: Vec::new(),
        block,
        kind: LineKind::Blank,
    }
}
