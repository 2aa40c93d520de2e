//! Breaks running text into rows: greedy, by words, between wide characters, and inside a word
//! only where it is wider than a row.
//!
//! A [`Wrapper`] never looks back beyond its last row and word, so a copy of it continues a
//! paragraph whose beginning is finished.

use super::glyph::{Glyph, for_each_glyph};
use super::line::{LineBuilder, RenderedSpan, Source};
use super::role::Role;
use std::ops::Range;

/// Marks that may not begin a row.
const NOT_FIRST: &str =
    "、。，．：；？！）］｝」』】〉》〕〗〙〛’”ー々ぁぃぅぇぉっゃゅょァィゥェォッャュョ";
/// Marks that may not end a row.
const NOT_LAST: &str = "（［｛「『【〈《〔〖〘〚‘“";
/// Stands for a character that is wider than the whole row.
const TOO_WIDE: &str = "\u{fffd}";

/// The marks in front of a paragraph's rows, already made to fit.
#[derive(Debug, Clone, Default)]
pub(super) struct Prefix {
    pub(super) first: Vec<RenderedSpan>,
    pub(super) rest: Vec<RenderedSpan>,
}

/// Fills rows of at most `width` columns.
#[derive(Debug, Clone)]
pub(super) struct Wrapper {
    width: usize,
    prefix: Prefix,
    rows: Vec<Vec<RenderedSpan>>,
    row: LineBuilder,
    /// Columns of the prefix in `row`.
    indent: usize,
    is_first: bool,
    space: Option<(Role, Option<Range<usize>>)>,
    word: Vec<Letter>,
    word_text: String,
    word_width: usize,
    /// The word ends in a mark that may not end a row.
    holds_next: bool,
    /// The word's beginning is in rows already.
    is_rest_of_word: bool,
}

#[derive(Debug, Clone)]
struct Letter {
    text: Range<usize>,
    width: u16,
    role: Role,
    source: Option<Range<usize>>,
}

impl Wrapper {
    /// Starts a paragraph. A width of 0 counts as 1.
    pub(super) fn new(width: usize, prefix: Prefix) -> Self {
        Self {
            width: width.max(1),
            prefix,
            rows: Vec::new(),
            row: LineBuilder::default(),
            indent: 0,
            is_first: true,
            space: None,
            word: Vec::new(),
            word_text: String::new(),
            word_width: 0,
            holds_next: false,
            is_rest_of_word: false,
        }
    }

    /// Adds text. Line feeds and tabs in it count as spaces, and spaces in a row as one.
    pub(super) fn text(&mut self, text: &str, role: Role, source: &Source) {
        for_each_glyph_or_space(text, |piece| match piece {
            Ok(glyph) => self.glyph(&glyph, role, source),
            Err(range) => self.space(role, source.part(range)),
        });
    }

    /// Ends the row.
    pub(super) fn hard_break(&mut self) {
        self.flush_word();
        self.space = None;
        if self.row.is_empty() {
            self.begin_row();
        }
        self.end_row();
    }

    /// Takes the rows that no further text can change.
    pub(super) fn take_rows(&mut self) -> Vec<Vec<RenderedSpan>> {
        std::mem::take(&mut self.rows)
    }

    /// Ends the paragraph and returns the remaining rows.
    pub(super) fn finish(mut self) -> Vec<Vec<RenderedSpan>> {
        self.flush_word();
        if !self.row.is_empty() {
            self.end_row();
        }
        self.rows
    }

    fn space(&mut self, role: Role, source: Option<Range<usize>>) {
        self.flush_word();
        self.space = Some(match (self.space.take(), source) {
            (Some((role, Some(old))), Some(new)) if old.end == new.start => {
                (role, Some(old.start..new.end))
            }
            (Some(old), _) => old,
            (None, source) => (role, source),
        });
    }

    fn glyph(&mut self, glyph: &Glyph<'_>, role: Role, source: &Source) {
        let wide = glyph.width > 1;
        let after_wide = self.word.last().is_some_and(|letter| letter.width > 1);
        let closes = after_wide && matches!(glyph.text, "," | "." | "!" | "?" | ":" | ";" | ")");
        let stays = self.holds_next || closes || is_in(glyph.text, NOT_FIRST);
        if (wide || after_wide) && !stays {
            self.flush_word();
        }
        let start = self.word_text.len();
        self.word_text.push_str(glyph.text);
        self.word_width += usize::from(glyph.width);
        self.word.push(Letter {
            text: start..self.word_text.len(),
            width: glyph.width,
            role,
            source: source.part(glyph.range.clone()),
        });
        self.holds_next = is_in(glyph.text, NOT_LAST);
        // A word without an end must not be kept whole: rows of it are final as they fill.
        if self.word_width > 2 * self.width + 2 {
            self.flush_part();
        }
    }

    /// Puts the beginning of a word that is wider than a row into rows.
    fn flush_part(&mut self) {
        self.start_word();
        self.place_letters();
        self.is_rest_of_word = true;
    }

    fn flush_word(&mut self) {
        self.holds_next = false;
        if !self.word.is_empty() {
            self.start_word();
            self.place_letters();
        }
        self.is_rest_of_word = false;
    }

    /// Makes room for the word: on this row after a space, or on the next.
    fn start_word(&mut self) {
        if self.row.is_empty() {
            self.space = None;
            self.begin_row();
            return;
        }
        if self.is_rest_of_word {
            return;
        }
        let space = self.space.take();
        let gap = usize::from(space.is_some());
        if self.row.width() + gap + self.word_width <= self.width {
            if let Some((role, source)) = space
                && self.row.width() > self.indent
            {
                self.row.push(" ", role, 1, source);
            }
        } else if self.row.width() > self.indent && (gap > 0 || self.fits_alone()) {
            self.end_row();
            self.begin_row();
        }
    }

    /// Whether the next row could take the whole word.
    fn fits_alone(&self) -> bool {
        self.word_width <= self.width - columns(&self.prefix.rest)
    }

    fn place_letters(&mut self) {
        let word = std::mem::take(&mut self.word);
        let text = std::mem::take(&mut self.word_text);
        self.word_width = 0;
        for letter in word {
            let mut width = usize::from(letter.width);
            if self.row.width() + width > self.width && self.row.width() > self.indent {
                self.end_row();
                self.begin_row();
            }
            let mut shown = &text[letter.text];
            if self.row.width() + width > self.width {
                shown = TOO_WIDE;
                width = 1;
            }
            self.row
                .push(shown, letter.role, width as u16, letter.source);
        }
    }

    fn begin_row(&mut self) {
        let prefix = if self.is_first {
            &self.prefix.first
        } else {
            &self.prefix.rest
        };
        for span in prefix {
            self.row.push_span(span);
        }
        self.indent = self.row.width();
        self.is_first = false;
    }

    fn end_row(&mut self) {
        self.rows.push(self.row.take());
    }
}

/// The columns of some spans.
pub(super) fn columns(spans: &[RenderedSpan]) -> usize {
    spans.iter().map(|span| usize::from(span.width)).sum()
}

fn is_in(glyph: &str, set: &str) -> bool {
    !glyph.is_ascii() && set.contains(glyph)
}

/// Splits text into glyphs (`Ok`) and runs of white space (`Err`).
fn for_each_glyph_or_space(text: &str, mut each: impl FnMut(Result<Glyph<'_>, Range<usize>>)) {
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let spaces = rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
        if spaces > 0 {
            each(Err(at..at + spaces));
            at += spaces;
            continue;
        }
        let end = rest.find([' ', '\t', '\n', '\r']).unwrap_or(rest.len());
        for_each_glyph(&rest[..end], |mut glyph| {
            glyph.range = at + glyph.range.start..at + glyph.range.end;
            each(Ok(glyph));
        });
        at += end;
    }
}
