//! Code blocks among other blocks, where their text has to be put together from events.

use super::super::code::{CodeLayout, CodeLine};
use super::super::highlight::LineRoles;
use super::super::line::CodeBlock;
use super::super::line_start::language_of;
use super::super::segment::SegmentText;
use super::{BlockRenderer, Events, RolesCache, Style};
use pulldown_cmark::{CodeBlockKind, Event};
use std::ops::Range;
use std::sync::Arc;

impl<'a> BlockRenderer<'a> {
    pub(super) fn code_block(
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
        let rows = layout.block(language, &top_margin, &lines, (*roles).as_deref(), closed);
        self.push_lines(rows);
    }
}

/// Returns the roles of a closed block's code, from the cache if it was seen before.
pub(in super::super) fn roles_of(
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
