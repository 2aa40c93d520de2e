//! Cuts blocks that grow without end, so that what is parsed again with each token stays small.
//!
//! A paragraph is cut between words, outside of markup; a table between rows, and its head is shown
//! again; quotes and HTML between lines. Where a cut falls depends only on the bytes before the
//! limit, so it falls there however the text arrives. What the reader may notice: markup that
//! reaches over [`PARAGRAPH_BYTES`] of one paragraph is shown as it is written, and the columns of
//! a very long table are fitted anew from one head to the next.
//!
//! Not cut: a single list item, and indented code. Those are parsed again whole while they grow.

use super::block::SYNTAX;
use super::segment::{Lead, SegmentText};
use pulldown_cmark::{Event, Parser, Tag};
use std::ops::Range;
use unicode_segmentation::UnicodeSegmentation;

/// Paragraphs are cut when they are longer.
pub(super) const PARAGRAPH_BYTES: usize = 4 * 1024;
/// Other blocks are cut when they are longer.
pub(super) const BLOCK_BYTES: usize = 8 * 1024;

/// Where a segment ends early, and how the next goes on.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Cut {
    pub(super) at: usize,
    pub(super) lead: Lead,
}

/// Returns where to cut the Markdown segment whose first bytes are `range`.
pub(super) fn find_cut(
    source: &str,
    range: Range<usize>,
    lead: &Lead,
    is_last_try: bool,
) -> Option<Cut> {
    let text = SegmentText::new(source, range.clone(), lead);
    let mut events = Parser::new_ext(text.as_str(), SYNTAX).into_offset_iter();
    match events.next()? {
        (Event::Start(Tag::Paragraph), block) if is_whole(&text, &block) => {
            let at = text.place(word_end(text.as_str(), events)?);
            let lead = Lead::Sentinel;
            (at > range.start && at < range.end).then_some(Cut { at, lead })
        }
        (Event::Start(Tag::Table(_)), block) if is_last_try => {
            let head = match lead {
                Lead::TableHead(head) => head.clone(),
                _ => table_head(source, &range)?,
            };
            let least = if head.start == range.start {
                head.end
            } else {
                range.start
            };
            let at = last_line(source, &range)?;
            let lead = Lead::TableHead(head);
            // The line that is not whole yet may be no row.
            (at > least && text.place(block.end) >= at).then_some(Cut { at, lead })
        }
        (Event::Start(Tag::BlockQuote(_)), block) if is_last_try => {
            let at = last_line(source, &range)?;
            let is_quote = source[at..].trim_start_matches(' ').starts_with('>');
            let lead = Lead::Nothing;
            (at > range.start && is_quote && text.place(block.end) >= at)
                .then_some(Cut { at, lead })
        }
        _ => None,
    }
}

/// Start of the last line that begins within a range.
pub(super) fn last_line(source: &str, range: &Range<usize>) -> Option<usize> {
    let before = &source[range.start..range.end.saturating_sub(1)];
    before.rfind('\n').map(|at| range.start + at + 1)
}

fn is_whole(text: &SegmentText<'_>, block: &Range<usize>) -> bool {
    text.as_str()[block.end..].trim().is_empty()
}

/// The first two lines.
fn table_head(source: &str, range: &Range<usize>) -> Option<Range<usize>> {
    let text = &source[range.clone()];
    let first = text.find('\n')? + 1;
    let second = text[first..].find('\n')? + 1;
    Some(range.start..range.start + first + second)
}

/// The last space outside of markup; failing that any space, failing that a grapheme's end.
fn word_end<'a>(
    text: &str,
    events: impl Iterator<Item = (Event<'a>, Range<usize>)>,
) -> Option<usize> {
    let mut depth = 0_usize;
    let mut safe = None;
    let mut opening = None;
    let mut any = None;
    for (event, range) in events {
        match event {
            Event::Start(_) => depth += 1,
            Event::End(_) => depth = depth.saturating_sub(1),
            Event::SoftBreak if depth == 0 && opening.is_none() => safe = Some(range.start),
            Event::Text(_) => {
                let part = &text[range.clone()];
                let last_space = part.rfind(' ').map(|at| range.start + at);
                any = last_space.or(any);
                if depth > 0 || opening.is_some() {
                    continue;
                }
                opening = may_open(text, &range);
                let end = opening.unwrap_or(range.end);
                safe = text[range.start..end]
                    .rfind(' ')
                    .map(|at| range.start + at)
                    .or(safe);
            }
            _ => {}
        }
    }
    // A mark near the beginning that nothing closes is a mark, not markup.
    safe.filter(|&at| at > text.len() / 4)
        .or(any.filter(|&at| at > text.len() / 4))
        .or_else(|| text.grapheme_indices(true).rev().nth(1).map(|(at, _)| at))
}

/// The first mark in a text that markup could begin with.
fn may_open(text: &str, range: &Range<usize>) -> Option<usize> {
    text[range.clone()].char_indices().find_map(|(at, c)| {
        let at = range.start + at;
        let next = text[at + c.len_utf8()..].chars().next();
        let before = text[..at].chars().next_back();
        let opens = match c {
            '*' | '~' => next.is_some_and(|next| !next.is_whitespace()),
            '_' => !before.is_some_and(char::is_alphanumeric),
            '<' => {
                next.is_some_and(|next| next.is_ascii_alphabetic() || next == '/' || next == '!')
            }
            '`' | '[' => true,
            _ => false,
        };
        opens.then_some(at)
    })
}
