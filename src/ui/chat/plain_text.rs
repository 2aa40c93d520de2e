//! Text that is no Markdown, wrapped at spaces; it may grow at its end.

use std::borrow::Cow;

use unicode_normalization::{UnicodeNormalization, is_nfc};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use crate::ui::markdown::{RenderedLine, RenderedSpan, Role};
use crate::ui::sanitize::sanitize;

/// Columns of a tab; there are no stops, for the text is running text.
const TAB: &str = "    ";

/// A text's rows for one width. Appending wraps the last row again and no other.
#[derive(Debug, Default)]
pub(super) struct PlainText {
    source: String,
    width: usize,
    rows: Vec<RenderedLine>,
    /// Where each row begins.
    starts: Vec<usize>,
}

impl PlainText {
    /// Takes the source over; where it only grew, the cost is that of the growth.
    pub(super) fn set(&mut self, source: &str, width: u16) {
        let width = usize::from(width.max(1));
        let grew = width == self.width && source.starts_with(&self.source);
        if grew && source.len() == self.source.len() && !self.rows.is_empty() {
            return;
        }
        if !grew {
            *self = Self {
                width,
                ..Self::default()
            };
        }
        self.source.push_str(&source[self.source.len()..]);
        self.wrap();
    }

    /// The rows.
    pub(super) fn lines(&self) -> &[RenderedLine] {
        &self.rows
    }

    fn wrap(&mut self) {
        self.rows.pop();
        let mut start = self.starts.pop().unwrap_or(0);
        loop {
            let (end, next) = row_end(&self.source, start, self.width);
            self.rows.push(row(&self.source, start, end));
            self.starts.push(start);
            match next {
                Some(next) => start = next,
                None => return,
            }
        }
    }
}

/// Where the row from `start` ends, and where the next one begins; none at the text's end.
fn row_end(source: &str, start: usize, width: usize) -> (usize, Option<usize>) {
    let mut columns = 0;
    let mut at_space = None;
    for (offset, grapheme) in source[start..].grapheme_indices(true) {
        let (at, after) = (start + offset, start + offset + grapheme.len());
        if matches!(grapheme, "\n" | "\r\n") {
            return (at, Some(after));
        }
        columns += shown(grapheme).width();
        if columns > width {
            return match at_space {
                _ if grapheme == " " => (at, Some(after)),
                Some((end, next)) => (end, Some(next)),
                None if at == start && after == source.len() => (after, None),
                None if at == start => (after, Some(after)),
                None => (at, Some(at)),
            };
        }
        if grapheme == " " {
            at_space = Some((at, after));
        }
    }
    (source.len(), None)
}

fn row(source: &str, start: usize, end: usize) -> RenderedLine {
    let text: String = source[start..end].graphemes(true).map(shown).collect();
    let text = if is_nfc(&text) {
        text
    } else {
        text.nfc().collect()
    };
    let mut line = RenderedLine::default();
    if start < end {
        line.spans.push(RenderedSpan {
            width: text.width() as u16,
            text: text.into(),
            role: Role::Text,
            source: Some(start..end),
        });
    }
    line
}

fn shown(grapheme: &str) -> Cow<'_, str> {
    if grapheme == "\t" {
        Cow::Borrowed(TAB)
    } else {
        sanitize(grapheme)
    }
}

/// A text in rows of at most `width` columns.
pub(in crate::ui) fn wrapped(text: &str, width: u16) -> Vec<String> {
    let mut plain = PlainText::default();
    plain.set(text, width);
    plain.lines().iter().map(RenderedLine::text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_break_at_spaces_and_long_words_at_the_edge() {
        for (text, width, expected) in [
            ("", 5, vec![""]),
            ("one two three", 7, vec!["one two", "three"]),
            ("abcdefgh", 3, vec!["abc", "def", "gh"]),
            ("a\n\nb", 5, vec!["a", "", "b"]),
            ("漢字漢字", 5, vec!["漢字", "漢字"]),
            ("漢", 1, vec!["漢"]),
            ("a\tb", 9, vec!["a    b"]),
            ("\u{1b}[1m", 9, vec!["\u{241b}[1m"]),
        ] {
            assert_eq!(wrapped(text, width), expected, "{text:?}");
        }
    }

    #[test]
    fn growing_gives_the_same_rows_as_the_whole() {
        let whole = "The quick brown fox jumps over the lazy dog.\nAnd supercalifragilistic words 漢字 too.  ";
        for width in 1..20 {
            let mut growing = PlainText::default();
            for (at, grapheme) in whole.grapheme_indices(true) {
                growing.set(&whole[..at + grapheme.len()], width);
            }
            let texts: Vec<String> = growing.lines().iter().map(RenderedLine::text).collect();
            assert_eq!(texts, wrapped(whole, width), "width {width}");
        }
    }
}
