//! From parser events to rows: paragraphs, lists, quotes, tables, code, within one segment.

mod code_block;
mod margin;

use self::margin::{Container, fit};
use super::highlight::{Grammars, LineRoles};
use super::inline::{Inlines, Piece, feed};
use super::line::{CodeBlock, RenderedLine, RenderedSpan, Source};
use super::options::MarkdownOptions;
use super::role::Role;
use super::segment::SegmentText;
use super::table::Table;
use super::wrap::{Wrapper, columns};
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

pub(super) use self::code_block::roles_of;

/// The Markdown that is understood: `CommonMark` with tables, strikethrough and task lists.
pub(super) const SYNTAX: Options = Options::ENABLE_TABLES
    .union(Options::ENABLE_STRIKETHROUGH)
    .union(Options::ENABLE_TASKLISTS);

/// Roles of code that were found before, by the code's place in the source.
pub(super) type RolesCache = HashMap<(usize, usize), Arc<Option<Vec<LineRoles>>>>;

/// How to draw.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style<'o> {
    pub(super) width: usize,
    pub(super) options: &'o MarkdownOptions,
    pub(super) grammars: Option<&'static Grammars>,
}

/// Where an ordered list stands at its end, for items that follow in the next segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ListEnd {
    /// `.` or `)`.
    delimiter: u8,
    next: u64,
}

/// What one segment leaves for the next, and what it made.
#[derive(Debug, Default)]
pub(super) struct Rendered {
    pub(super) lines: Vec<RenderedLine>,
    pub(super) code_blocks: Vec<CodeBlock>,
    pub(super) list_end: Option<ListEnd>,
    /// The paragraph that goes on in the next segment.
    pub(super) paragraph: Option<Wrapper>,
}

/// Draws one segment.
#[derive(Debug)]
pub(super) struct BlockRenderer<'a> {
    pub(super) text: &'a SegmentText<'a>,
    pub(super) style: Style<'a>,
    pub(super) cache: &'a mut RolesCache,
    /// The list that may go on here.
    pub(super) list: Option<ListEnd>,
    /// The paragraph that goes on here.
    pub(super) paragraph: Option<Wrapper>,
    /// Whether the last paragraph goes on in the next segment.
    pub(super) keeps_paragraph: bool,
    out: Rendered,
    containers: Vec<Container>,
    /// Whether the container in hand has had a block.
    has_sibling: bool,
    was_soft: bool,
}

type Events<'a> = std::iter::Peekable<std::vec::IntoIter<(Event<'a>, Range<usize>)>>;

impl<'a> BlockRenderer<'a> {
    pub(super) fn new(
        text: &'a SegmentText<'a>,
        style: Style<'a>,
        cache: &'a mut RolesCache,
    ) -> Self {
        Self {
            text,
            style,
            cache,
            list: None,
            paragraph: None,
            keeps_paragraph: false,
            out: Rendered::default(),
            containers: Vec::new(),
            has_sibling: false,
            was_soft: true,
        }
    }

    pub(super) fn render(mut self) -> Rendered {
        let parser = Parser::new_ext(self.text.as_str(), SYNTAX);
        let mut definitions: Vec<Range<usize>> = parser
            .reference_definitions()
            .iter()
            .map(|(_, definition)| definition.span.clone())
            .collect();
        definitions.sort_by_key(|span| span.start);
        let events: Vec<_> = parser.into_offset_iter().collect();
        self.blocks(&mut events.into_iter().peekable());
        for span in definitions {
            self.definition(span);
        }
        if let Some(wrapper) = self.paragraph.take() {
            self.end_paragraph(wrapper);
        }
        self.out
    }

    /// Draws the segment as it is written.
    pub(super) fn render_literal(mut self) -> Rendered {
        let text = self.text;
        self.literal(text.as_str(), 0);
        self.out
    }

    /// Draws blocks until the end of the container.
    fn blocks(&mut self, events: &mut Events<'a>) {
        while let Some((event, range)) = events.peek() {
            if Inlines::takes(event) {
                let start = range.start;
                self.gap(start, true);
                let pieces = self.inlines(events, self.base_role());
                self.paragraph(&pieces);
                continue;
            }
            let Some((event, range)) = events.next() else {
                return;
            };
            match event {
                Event::Start(tag) => self.block(tag, range, events),
                Event::Rule => {
                    self.gap(range.start, false);
                    self.rule();
                }
                Event::Html(html) => self.html(&html, range.start),
                _ => return,
            }
        }
    }

    fn block(&mut self, tag: Tag<'a>, range: Range<usize>, events: &mut Events<'a>) {
        let soft = matches!(
            tag,
            Tag::Paragraph | Tag::List(_) | Tag::BlockQuote(_) | Tag::Item
        );
        self.gap(range.start, soft);
        match tag {
            Tag::Heading { level, .. } => self.heading(level as u8, events),
            Tag::BlockQuote(_) => self.quote(events),
            Tag::CodeBlock(kind) => self.code_block(&kind, range, events),
            Tag::List(start) => self.list(start, &range, events),
            Tag::Table(alignments) => self.table(alignments, events),
            Tag::Paragraph => {
                let pieces = self.inlines(events, self.base_role());
                events.next();
                self.paragraph(&pieces);
            }
            _ => self.blocks(events),
        }
    }

    /// Inline events up to the next of a block.
    fn inlines(&self, events: &mut Events<'a>, base: Role) -> Vec<Piece<'a>> {
        let mut inlines = Inlines::new(self.text, base);
        while let Some((event, range)) = events.next_if(|(event, _)| Inlines::takes(event)) {
            inlines.event(event, range);
        }
        inlines.finish()
    }

    fn base_role(&self) -> Role {
        if self
            .containers
            .iter()
            .any(|around| around.rest.role == Role::Quote)
        {
            Role::Quote
        } else {
            Role::Text
        }
    }

    fn paragraph(&mut self, pieces: &[Piece<'_>]) {
        let mut wrapper = match self.paragraph.take() {
            Some(going_on) => going_on,
            None => Wrapper::new(self.style.width, self.prefix()),
        };
        feed(&mut wrapper, pieces);
        if self.keeps_paragraph && self.containers.is_empty() {
            self.push_rows(wrapper.take_rows());
            self.out.paragraph = Some(wrapper);
        } else {
            self.end_paragraph(wrapper);
        }
    }

    fn end_paragraph(&mut self, wrapper: Wrapper) {
        self.push_rows(wrapper.finish());
    }

    fn heading(&mut self, level: u8, events: &mut Events<'a>) {
        let pieces = self.inlines(events, Role::Heading(level));
        events.next();
        let mut wrapper = Wrapper::new(self.style.width, self.prefix());
        if self.style.options.plain {
            let marks = format!("{} ", "#".repeat(usize::from(level)));
            wrapper.text(&marks, Role::Heading(level), &Source::None);
        }
        feed(&mut wrapper, &pieces);
        self.push_rows(wrapper.finish());
    }

    fn rule(&mut self) {
        let margin = self.margin();
        let width = self.style.width.saturating_sub(columns(&margin)).max(1);
        let glyph = if self.style.options.plain { "-" } else { "─" };
        let mut spans = margin;
        spans.push(RenderedSpan::mark(glyph.repeat(width), Role::Rule));
        self.push_rows(vec![spans]);
    }

    fn html(&mut self, html: &str, start: usize) {
        self.literal(html, start);
    }

    fn definition(&mut self, span: Range<usize>) {
        self.gap(span.start, true);
        let text = self.text;
        self.literal(&text.as_str()[span.clone()], span.start);
    }

    /// Text as it is written, in rows of its own.
    fn literal(&mut self, text: &str, start: usize) {
        let mut at = start;
        for line in text.split_inclusive('\n') {
            let mut wrapper = Wrapper::new(self.style.width, self.prefix());
            wrapper.text(line, Role::Faint, &self.text.exact(at));
            self.push_rows(wrapper.finish());
            at += line.len();
        }
    }

    fn quote(&mut self, events: &mut Events<'a>) {
        let bar = if self.style.options.plain {
            "> "
        } else {
            "│ "
        };
        let bar = RenderedSpan::mark(bar, Role::Quote);
        self.inside(bar.clone(), bar, events);
    }

    fn list(&mut self, start: Option<u64>, range: &Range<usize>, events: &mut Events<'a>) {
        let delimiter = self.delimiter(range.start);
        let going_on = self.list.take().filter(|list| {
            self.containers.is_empty() && start.is_some() && list.delimiter == delimiter
        });
        let mut number = going_on.map_or(start, |list| Some(list.next));
        while let Some((Event::Start(Tag::Item), range)) =
            events.next_if(|(event, _)| matches!(event, Event::Start(Tag::Item)))
        {
            self.gap(range.start, true);
            let mark = match &mut number {
                Some(number) => {
                    let mark = format!("{number}{} ", char::from(delimiter));
                    *number = number.saturating_add(1);
                    mark
                }
                None => "- ".to_owned(),
            };
            let rest = " ".repeat(mark.len());
            let before = self.out.lines.len();
            let mark = RenderedSpan::mark(mark, Role::ListMark);
            self.inside(mark.clone(), RenderedSpan::mark(rest, Role::Text), events);
            if self.out.lines.len() == before {
                let mut spans = self.margin();
                spans.extend(fit(vec![mark], self.style.width));
                self.push_rows(vec![spans]);
            }
        }
        events.next();
        self.out.list_end = match number {
            Some(next) if self.containers.is_empty() => Some(ListEnd { delimiter, next }),
            _ => None,
        };
    }

    /// What follows the first number of a list.
    fn delimiter(&self, start: usize) -> u8 {
        let rest = self.text.as_str()[start..].trim_start();
        let mut after = rest.bytes().skip_while(u8::is_ascii_digit);
        after.next().filter(|&b| b == b')').unwrap_or(b'.')
    }

    /// Draws what a container holds, up to and with its end.
    fn inside(&mut self, first: RenderedSpan, rest: RenderedSpan, events: &mut Events<'a>) {
        let outer = (self.has_sibling, self.was_soft);
        self.has_sibling = false;
        self.containers.push(Container {
            first,
            rest,
            is_used: false,
        });
        self.blocks(events);
        self.containers.pop();
        (self.has_sibling, self.was_soft) = outer;
    }

    fn table(&mut self, alignments: Vec<pulldown_cmark::Alignment>, events: &mut Events<'a>) {
        let mut table = Table {
            alignments,
            rows: Vec::new(),
        };
        let mut role = Role::TableHead;
        while let Some((event, _)) = events.next() {
            match event {
                Event::Start(Tag::TableHead | Tag::TableRow) => table.rows.push(Vec::new()),
                Event::Start(Tag::TableCell) => {
                    let pieces = self.inlines(events, role);
                    if let Some(row) = table.rows.last_mut() {
                        row.push(pieces);
                    }
                }
                Event::End(TagEnd::TableHead) => role = self.base_role(),
                Event::End(TagEnd::Table) => break,
                _ => {}
            }
        }
        let margin = self.margin();
        let lines = table.layout(self.style.width, &margin, self.style.options.plain);
        self.push_lines(lines);
    }
}
