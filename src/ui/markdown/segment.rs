//! A segment of the source with what the parser has to see in front of it.

use super::line::Source;
use std::borrow::Cow;
use std::ops::Range;

/// What stands in front of a segment for the parser's sake.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Lead {
    #[default]
    Nothing,
    /// A letter that is not shown: the segment goes on in the middle of a paragraph.
    Sentinel,
    /// A table's head, which is shown again: these bytes of the source.
    TableHead(Range<usize>),
}

/// The text given to the parser; knows where each byte of it stands in the source.
#[derive(Debug)]
pub(super) struct SegmentText<'s> {
    text: Cow<'s, str>,
    lead: Lead,
    lead_bytes: usize,
    start: usize,
}

impl<'s> SegmentText<'s> {
    pub(super) fn new(source: &'s str, range: Range<usize>, lead: &Lead) -> Self {
        let start = range.start;
        let own = &source[range];
        let (text, lead_bytes) = match lead {
            Lead::Nothing => (Cow::Borrowed(own), 0),
            Lead::Sentinel => (Cow::Owned(format!("x{own}")), 1),
            Lead::TableHead(head) => {
                let text = format!("{}{own}", &source[head.clone()]);
                (Cow::Owned(text), head.len())
            }
        };
        Self {
            text,
            lead: lead.clone(),
            lead_bytes,
            start,
        }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// Place in the source of a byte of the text.
    pub(super) fn place(&self, at: usize) -> usize {
        match &self.lead {
            Lead::TableHead(head) if at < self.lead_bytes => head.start + at,
            _ => self.start + at.saturating_sub(self.lead_bytes),
        }
    }

    /// How many bytes at the beginning of a range are not to be shown.
    pub(super) fn sentinel_in(&self, range: &Range<usize>) -> usize {
        match self.lead {
            Lead::Sentinel => self.lead_bytes.saturating_sub(range.start).min(range.len()),
            _ => 0,
        }
    }

    /// Source of text that is written as it is shown from this byte on.
    pub(super) fn exact(&self, at: usize) -> Source {
        Source::Exact(self.place(at))
    }

    /// Source of text that is written otherwise.
    pub(super) fn within(&self, range: Range<usize>) -> Source {
        Source::Within(self.place(range.start)..self.place(range.end))
    }
}
