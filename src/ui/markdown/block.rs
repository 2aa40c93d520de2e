//! From parser events to rows: paragraphs, lists, quotes, tables, code, within one segment.

use super::code::{CodeLayout, CodeLine, RowStart};
use super::highlight::{Grammars, LineRoles};
use super::inline::{Inlines, Piece, feed};
use super::line::{CodeBlock, LineKind, RenderedLine, RenderedSpan, Source};
use super::line_start::language_of;
use super::options::MarkdownOptions;
use super::role::Role;
use super::segment::SegmentText;
use super::table::Table;
use super::wrap::{Prefix, Wrapper, columns};
use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

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

/// What stands around blocks: a quote's bar, a list item's mark.
#[derive(Debug)]
struct Container {
    first: RenderedSpan,
    rest: RenderedSpan,
    is_used: bool,
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

    fn code_block(
        &mut self,
        kind: &CodeBlockKind<'_>,
        range: Range<usize>,
        events: &mut Events<'a>,
    ) {
        let language = match kind {
            CodeBlockKind::Fenced(info) => language_of(info),
            CodeBlockKind::Indented => None,
        };
        let mut code = CodeText::default();
        for (event, range) in events.by_ref() {
            match event {
                Event::Text(text) => code.push(&text, &range, self.text),
                _ => break,
            }
        }
        let written = &self.text.as_str()[range.clone()];
        let closed = match kind {
            CodeBlockKind::Fenced(_) => is_closed(written),
            CodeBlockKind::Indented => true,
        };
        let content = code.content.clone().unwrap_or_else(|| {
            let first = written.find('\n').map_or(written.len(), |at| at + 1);
            let at = self.text.place(range.start + first);
            at..at
        });
        self.draw_code(&code, language.as_deref(), closed, &content);
        self.out.code_blocks.push(CodeBlock {
            language,
            source: content,
            closed,
        });
    }

    fn draw_code(
        &mut self,
        code: &CodeText,
        language: Option<&str>,
        closed: bool,
        content: &Range<usize>,
    ) {
        let lines = code.lines();
        let texts: Vec<&str> = lines.iter().map(|line| line.text).collect();
        let roles = roles_of(
            self.style,
            self.cache,
            language.filter(|_| closed),
            &texts,
            content,
        );
        let top_margin = self.margin();
        let layout = CodeLayout::new(self.style.width, self.style.options, self.margin_of_rest());
        let mut rows = vec![layout.top(language, &top_margin)];
        for (index, line) in lines.iter().enumerate() {
            let roles = (*roles).as_ref().and_then(|roles| roles.get(index));
            let line = CodeLine { roles, ..*line };
            rows.extend(
                layout
                    .rows(line, RowStart::default())
                    .into_iter()
                    .map(|(_, row)| row),
            );
        }
        if closed {
            rows.push(layout.bottom());
        }
        self.push_lines(rows);
    }

    /// Leaves an empty row before a block where the source has one.
    fn gap(&mut self, start: usize, soft: bool) {
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

    fn push_rows(&mut self, rows: Vec<Vec<RenderedSpan>>) {
        let line = |spans| RenderedLine {
            spans,
            block: 0,
            kind: LineKind::Normal,
        };
        self.push_lines(rows.into_iter().map(line).collect());
    }

    fn push_lines(&mut self, lines: Vec<RenderedLine>) {
        if lines.is_empty() {
            return;
        }
        for container in &mut self.containers {
            container.is_used = true;
        }
        self.out.lines.extend(lines);
    }

    fn prefix(&self) -> Prefix {
        Prefix {
            first: self.margin(),
            rest: self.margin_of_rest(),
        }
    }

    /// What stands before the next row.
    fn margin(&self) -> Vec<RenderedSpan> {
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
    fn margin_of_rest(&self) -> Vec<RenderedSpan> {
        let spans = self.containers.iter().map(|around| around.rest.clone());
        fit(spans.collect(), self.style.width)
    }
}

/// Returns the roles of a closed block's code, from the cache if it was seen before.
pub(super) fn roles_of(
    style: Style<'_>,
    cache: &mut RolesCache,
    language: Option<&str>,
    lines: &[&str],
    content: &Range<usize>,
) -> Arc<Option<Vec<LineRoles>>> {
    let (Some(grammars), Some(language)) = (style.grammars, language) else {
        return Arc::new(None);
    };
    cache
        .entry((content.start, content.end))
        .or_insert_with(|| Arc::new(grammars.highlight(language, lines)))
        .clone()
}

/// Drops the outermost marks until enough room is left for text.
fn fit(mut spans: Vec<RenderedSpan>, width: usize) -> Vec<RenderedSpan> {
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

/// Whether a fenced block's last line is a fence.
fn is_closed(written: &str) -> bool {
    let written = written.trim_end();
    let Some(last) = written.rfind('\n') else {
        return false;
    };
    let mark = written.trim_start().chars().next().unwrap_or('`');
    let opening = written
        .trim_start()
        .chars()
        .take_while(|&c| c == mark)
        .count();
    let last = written[last..].trim_start_matches(|c: char| c.is_whitespace() || c == '>');
    last.chars().count() >= opening && last.chars().all(|c| c == mark)
}

/// A code block's text, put together from events.
#[derive(Debug, Default)]
struct CodeText {
    text: String,
    /// Start of each line in `text`, and where it stands in the source.
    starts: Vec<(usize, Option<usize>)>,
    content: Option<Range<usize>>,
}

impl CodeText {
    fn push(&mut self, text: &str, range: &Range<usize>, of: &SegmentText<'_>) {
        let is_exact = of.as_str().get(range.clone()) == Some(text);
        let (start, end) = (of.place(range.start), of.place(range.end));
        let content = self.content.get_or_insert(start..end);
        content.end = content.end.max(end);
        let mut at = 0;
        for line in text.split_inclusive('\n') {
            if self.text.is_empty() || self.text.ends_with('\n') {
                self.starts
                    .push((self.text.len(), is_exact.then_some(start + at)));
            } else if let Some((begin, source)) = self.starts.last_mut() {
                // The rest of a line counts on from its beginning, or its place is unknown.
                let expected = source.map(|source| source + self.text.len() - *begin);
                if !is_exact || expected != Some(start + at) {
                    *source = None;
                }
            }
            self.text.push_str(line);
            at += line.len();
        }
    }

    fn lines(&self) -> Vec<CodeLine<'_>> {
        let ends = self.starts.iter().skip(1).map(|(start, _)| *start);
        self.starts
            .iter()
            .zip(ends.chain([self.text.len()]))
            .map(|(&(start, source), end)| CodeLine {
                text: self.text[start..end].trim_end_matches(['\n', '\r']),
                source,
                roles: None,
            })
            .collect()
    }
}
