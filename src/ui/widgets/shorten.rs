//! Texts that are too long for their columns: cut between items or words, never within one where that
//! can be helped.

use std::borrow::Cow;

use unicode_width::UnicodeWidthStr;

use super::format::short_text;
use crate::ui::theme::GlyphSet;

/// What stands between the items of a line.
const SEPARATORS: [&str; 6] = ["  ", " \u{b7} ", " - ", " | ", ", ", "; "];

/// The first items of a line, as many as fit whole into `width` columns; what is in parentheses is
/// one. The first item is cut between words where even that does not fit.
pub fn short_items(text: &str, width: usize, glyphs: GlyphSet) -> Cow<'_, str> {
    if text.width() <= width {
        return Cow::Borrowed(text);
    }
    let ends = SEPARATORS
        .iter()
        .flat_map(|separator| text.match_indices(separator))
        .map(|(at, _)| at);
    let is_whole = |end: &usize| {
        let kept = &text[..*end];
        kept.width() <= width && kept.matches('(').count() == kept.matches(')').count()
    };
    match ends.filter(is_whole).max() {
        Some(end) if end > 0 => Cow::Borrowed(text[..end].trim_end()),
        _ => short_words(text, width, glyphs),
    }
}

/// At most `width` columns of a text, cut between words, with a mark where it was cut; a word that is
/// too long itself is cut between graphemes.
pub fn short_words(text: &str, width: usize, glyphs: GlyphSet) -> Cow<'_, str> {
    let cut = short_text(text, width, glyphs);
    let ellipsis = glyphs.glyphs().ellipsis;
    let Cow::Owned(cut) = cut else { return cut };
    let kept = cut.strip_suffix(ellipsis).unwrap_or(&cut);
    let is_between = text[kept.len()..].starts_with(' ');
    let end = if is_between {
        Some(kept.len())
    } else {
        kept.rfind(' ')
    };
    match end {
        Some(end) if end > 0 => {
            let kept = kept[..end].trim_end_matches([' ', ',', ';', ':']);
            Cow::Owned(format!("{kept}{ellipsis}"))
        }
        _ => Cow::Owned(cut),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_between_their_items() {
        for (text, width, expected) in [
            ("one, two three", 14, "one, two three"),
            ("one, two three", 13, "one"),
            (
                "cv 0.85  gini 0.43  dead 2 of 192",
                22,
                "cv 0.85  gini 0.43",
            ),
            ("one two, three", 6, "one\u{2026}"),
            ("", 0, ""),
            ("a model (b, c), d", 14, "a model (b, c)"),
            ("a model (b, c), d", 13, "a model (b\u{2026}"),
        ] {
            assert_eq!(short_items(text, width, GlyphSet::Unicode), expected);
        }
    }

    #[test]
    fn texts_are_cut_between_their_words() {
        for (text, width, unicode, ascii) in [
            ("short", 5, "short", "short"),
            ("one two three", 8, "one two\u{2026}", "one.."),
            ("one two three", 7, "one\u{2026}", "one.."),
            ("longest word", 5, "long\u{2026}", "lon.."),
            ("ab", 0, "", ""),
        ] {
            assert_eq!(short_words(text, width, GlyphSet::Unicode), unicode);
            assert_eq!(short_words(text, width, GlyphSet::Ascii), ascii);
        }
    }
}
