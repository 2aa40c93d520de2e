//! Code blocks at the top of a message: closed ones whole, the open one line by line.

use super::super::block::{Rendered, roles_of};
use super::super::code::{CodeLayout, CodeLine, RowStart};
use super::super::line::{CodeBlock, RenderedLine};
use super::super::scan::Fence;
use super::{Segment, StreamingMarkdown, blank};
use std::ops::Range;

/// How far an open code block is drawn for good.
#[derive(Debug, Clone, Copy)]
pub(super) struct OpenCode {
    /// Rows that stay.
    pub(super) lines: usize,
    /// Start of the first line that is not complete.
    line: usize,
    /// Where in that line the rows that stay end.
    row: RowStart,
    content: usize,
}

impl StreamingMarkdown {
    pub(super) fn closed_code(&mut self, fence: &Fence, range: &Range<usize>) -> Rendered {
        let text = &self.source[range.clone()];
        let content = range.start + text.find('\n').map_or(text.len(), |at| at + 1);
        let closing = text
            .trim_end_matches('\n')
            .rfind('\n')
            .map_or(0, |at| at + 1);
        let content = content..(range.start + closing).max(content);
        let lines = code_lines(&self.source, &content, fence.indent);
        let texts: Vec<&str> = lines.iter().map(|line| line.text).collect();
        let mut cache = std::mem::take(&mut self.roles);
        let style = self.style();
        let roles = roles_of(
            style,
            &mut cache,
            fence.language.as_deref(),
            &texts,
            &content,
        );
        let layout = CodeLayout::new(style.width, style.options, Vec::new());
        let language = fence.language.as_deref();
        let rows = layout.block(language, &[], &lines, (*roles).as_deref(), true);
        self.roles = cache;
        Rendered {
            lines: rows,
            code_blocks: vec![CodeBlock {
                language: fence.language.clone(),
                source: content,
                closed: true,
            }],
            ..Rendered::default()
        }
    }

    /// Goes on with an open code block where the last push left it.
    pub(super) fn draw_open_code(&mut self, fence: &Fence, segment: &Segment) {
        let block = segment.block;
        let layout_options = self.options.clone();
        let layout = CodeLayout::new(usize::from(self.width), &layout_options, Vec::new());
        let mut code = match self.open_code {
            Some(code) => code,
            None => self.begin_code(fence, segment, &layout),
        };
        while let Some(end) = self.source[code.line..].find('\n') {
            let line = code_line(&self.source, code.line..code.line + end, fence.indent);
            let rows = layout.rows(line, code.row).into_iter();
            self.lines
                .extend(rows.map(|(_, row)| RenderedLine { block, ..row }));
            code.line += end + 1;
            code.row = RowStart::default();
            code.lines = self.lines.len();
        }
        let line = code_line(&self.source, code.line..self.source.len(), fence.indent);
        if !line.text.is_empty() && !begins_fence(fence, line.text) {
            let rows = layout.rows(line, code.row);
            code.lines += rows.len() - 1;
            code.row = rows.last().map_or(code.row, |(start, _)| *start);
            let rows = rows.into_iter();
            self.lines
                .extend(rows.map(|(_, row)| RenderedLine { block, ..row }));
        }
        self.open_code = Some(code);
        self.code_blocks.push(CodeBlock {
            language: fence.language.clone(),
            source: code.content..self.source.len(),
            closed: false,
        });
    }

    fn begin_code(
        &mut self,
        fence: &Fence,
        segment: &Segment,
        layout: &CodeLayout<'_>,
    ) -> OpenCode {
        let block = segment.block;
        if segment.gap {
            self.lines.push(blank(block));
        }
        let top = layout.top(fence.language.as_deref(), &[]);
        self.lines.push(RenderedLine { block, ..top });
        let rest = &self.source[segment.range.start..];
        let content = segment.range.start + rest.find('\n').map_or(rest.len(), |at| at + 1);
        OpenCode {
            lines: self.lines.len(),
            line: content,
            row: RowStart::default(),
            content,
        }
    }
}

fn code_lines<'s>(source: &'s str, content: &Range<usize>, indent: usize) -> Vec<CodeLine<'s>> {
    let mut at = content.start;
    source[content.clone()]
        .split_inclusive('\n')
        .map(|line| {
            let start = at;
            at += line.len();
            code_line(source, start..at, indent)
        })
        .collect()
}

/// A line of code without its end and the fence's indent.
fn code_line(source: &str, range: Range<usize>, indent: usize) -> CodeLine<'_> {
    let text = source[range.clone()].trim_end_matches(['\n', '\r']);
    let spaces = text.bytes().take(indent).take_while(|&b| b == b' ').count();
    CodeLine {
        text: &text[spaces..],
        source: Some(range.start + spaces),
        roles: None,
    }
}

/// Whether an unfinished line may become the closing fence.
fn begins_fence(fence: &Fence, text: &str) -> bool {
    let text = text.trim();
    !text.is_empty() && text.bytes().all(|b| b == fence.mark)
}
