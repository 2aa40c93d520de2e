//! Text as a terminal's cells take it: inert graphemes in NFC with their widths.

use crate::ui::sanitize::inert_grapheme;
use std::ops::Range;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// Base of a mark that has no letter before it; alone it would land on the cell to its left.
const DOTTED_CIRCLE: char = '\u{25cc}';

/// One grapheme, ready for a cell.
#[derive(Debug)]
pub(super) struct Glyph<'a> {
    pub(super) text: &'a str,
    /// Columns, at least 1.
    pub(super) width: u16,
    /// Bytes of the text that it was made from.
    pub(super) range: Range<usize>,
}

/// Calls `each` for every glyph of `text`, in order.
///
/// NFC is formed within graphemes, so each glyph still knows its bytes: no composition reaches
/// over a grapheme's end.
pub(super) fn for_each_glyph(text: &str, mut each: impl FnMut(Glyph<'_>)) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        // A letter of ASCII before another one is a grapheme: most text never meets the tables.
        let next = bytes.get(at + 1).copied().unwrap_or(b' ');
        if is_printable(bytes[at]) && next.is_ascii() {
            each(Glyph {
                text: &text[at..=at],
                width: 1,
                range: at..at + 1,
            });
            at += 1;
            continue;
        }
        let Some(grapheme) = text[at..].graphemes(true).next() else {
            return;
        };
        complex_glyph(grapheme, at..at + grapheme.len(), &mut each);
        at += grapheme.len();
    }
}

/// The columns of a text.
pub(super) fn text_width(text: &str) -> usize {
    let mut width = 0;
    for_each_glyph(text, |glyph| width += usize::from(glyph.width));
    width
}

fn complex_glyph(grapheme: &str, range: Range<usize>, each: &mut impl FnMut(Glyph<'_>)) {
    let inert = inert_grapheme(grapheme);
    if inert != grapheme && inert.starts_with('<') {
        // A name such as <U+202E> may be split like any word.
        for (index, c) in inert.char_indices() {
            let text = &inert[index..index + c.len_utf8()];
            let width = text.width().max(1) as u16;
            let range = range.clone();
            each(Glyph { text, width, range });
        }
        return;
    }
    if inert.is_empty() {
        return;
    }
    let normal = match is_nfc_quick(inert.chars()) {
        IsNormalized::Yes => inert,
        _ => inert.nfc().collect::<String>().into(),
    };
    match normal.width() {
        0 => {
            let text = format!("{DOTTED_CIRCLE}{normal}");
            let width = 1;
            each(Glyph {
                text: &text,
                width,
                range,
            });
        }
        width => each(Glyph {
            text: &normal,
            width: width as u16,
            range,
        }),
    }
}

fn is_printable(byte: u8) -> bool {
    matches!(byte, 0x20..=0x7e)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn glyphs(text: &str) -> Vec<(String, u16, Range<usize>)> {
        let mut all = Vec::new();
        for_each_glyph(text, |glyph| {
            all.push((glyph.text.to_owned(), glyph.width, glyph.range));
        });
        all
    }

    #[test]
    fn graphemes_keep_their_bytes_and_get_their_widths() {
        for (text, expected) in [
            ("ab", vec![("a", 1, 0..1), ("b", 1, 1..2)]),
            ("漢a", vec![("漢", 2, 0..3), ("a", 1, 3..4)]),
            ("e\u{301}x", vec![("é", 1, 0..3), ("x", 1, 3..4)]),
            ("\u{1112}\u{1161}\u{11ab}", vec![("한", 2, 0..9)]),
            ("🇯🇵!", vec![("🇯🇵", 2, 0..8), ("!", 1, 8..9)]),
            ("\u{301}", vec![("\u{25cc}\u{301}", 1, 0..2)]),
            ("\u{1b}[", vec![("␛", 1, 0..1), ("[", 1, 1..2)]),
            ("👩\u{200d}👧", vec![("👩\u{200d}👧", 2, 0..11)]),
        ] {
            let found = glyphs(text);
            let found: Vec<_> = found
                .iter()
                .map(|(t, w, r)| (&**t, *w, r.clone()))
                .collect();
            assert_eq!(found, expected, "{text:?}");
        }
    }

    #[test]
    fn a_named_character_can_be_split() {
        let found = glyphs("\u{202e}");
        assert_eq!(found.len(), 8);
        assert!(
            found
                .iter()
                .all(|(_, width, range)| *width == 1 && *range == (0..3))
        );
    }
}
