//! Makes text from a model, a file or a peer harmless to a terminal: what could move the cursor,
//! reorder letters or hide among them becomes visible text.
//!
//! Nothing is removed silently but zero-width joiners and spaces that have no effect on a cell.
//! Start at [`sanitize`]; the Markdown renderer goes through the same table, grapheme by grapheme.

use std::borrow::Cow;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthChar;

const ZERO_WIDTH_JOINER: char = '\u{200d}';
/// More marks on one letter than any language needs only serve to smear over neighboring rows.
const MAX_MARKS: usize = 8;
const MAX_EMOJI_CHARS: usize = 24;

/// Returns `text` with everything made visible that a terminal would act upon.
///
/// Kept: line feeds, tabs (expanded when they are drawn), joiners inside emoji, the tag letters of
/// flags. C0 controls become control pictures (ESC is `␛`), C1 and bidirectional controls and other
/// invisible characters become `<U+009B>`. Works on text of any length, in one pass; text that
/// arrives in pieces may be passed piece by piece.
pub fn sanitize(text: &str) -> Cow<'_, str> {
    if text.bytes().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for grapheme in text.graphemes(true) {
        match grapheme {
            "\n" | "\t" => out.push_str(grapheme),
            "\r\n" => out.push_str("\u{240d}\n"),
            _ => out.push_str(&inert_grapheme(grapheme)),
        }
    }
    if out == text {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(out)
    }
}

/// Returns one grapheme as it may be shown. Line feeds and tabs become pictures too: who lays out
/// lines has dealt with them before.
pub(super) fn inert_grapheme(grapheme: &str) -> Cow<'_, str> {
    let mut chars = grapheme.chars();
    if let (Some(only), None) = (chars.next(), chars.next())
        && is_harmless(only)
    {
        return Cow::Borrowed(grapheme);
    }
    let emoji = is_emoji(grapheme);
    let mut out = String::with_capacity(grapheme.len());
    let limit = if emoji { MAX_EMOJI_CHARS } else { MAX_MARKS };
    let all: Vec<char> = grapheme.chars().collect();
    for (index, &c) in all.iter().enumerate() {
        if index >= limit {
            break;
        }
        let next = all.get(index + 1);
        let joins = c == ZERO_WIDTH_JOINER
            && emoji
            && index > 0
            && next.is_some_and(|&next| is_harmless(next));
        let flag_tag = is_tag(c) && all[0] == '\u{1f3f4}';
        if joins || flag_tag {
            out.push(c);
        } else {
            push_inert(c, &mut out);
        }
    }
    Cow::Owned(out)
}

fn push_inert(c: char, out: &mut String) {
    use std::fmt::Write;
    match c {
        '\0'..='\u{1f}' => out.push(picture(c as u32)),
        '\u{7f}' => out.push('\u{2421}'),
        _ if is_dropped(c) => {}
        _ if is_named(c) => {
            // Writing into a String cannot fail.
            let _ = write!(out, "<U+{:04X}>", c as u32);
        }
        _ if c.width().is_none() => out.push(char::REPLACEMENT_CHARACTER),
        _ => out.push(c),
    }
}

/// The control picture of a C0 control.
fn picture(code: u32) -> char {
    char::from_u32(0x2400 + code).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// Characters without any shape that only steer line breaks or ligatures.
fn is_dropped(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{200b}' | '\u{200c}' | ZERO_WIDTH_JOINER | '\u{2060}'
            ..='\u{2064}' | '\u{180e}' | '\u{34f}'
    )
}

/// Invisible characters that reorder, end lines or smuggle text; they are shown by number.
fn is_named(c: char) -> bool {
    matches!(
        c,
        '\u{80}'..='\u{9f}'
            | '\u{61c}'
            | '\u{200e}' | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2065}'..='\u{206f}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{feff}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

fn is_tag(c: char) -> bool {
    matches!(c, '\u{e0020}'..='\u{e007f}')
}

fn is_harmless(c: char) -> bool {
    !c.is_control() && !is_dropped(c) && !is_named(c) && c.width().is_some()
}

/// Whether a grapheme is drawn as a picture: it starts with a symbol, never with a letter.
fn is_emoji(grapheme: &str) -> bool {
    grapheme.chars().next().is_some_and(|c| {
        matches!(c, '\u{2190}'..='\u{2bff}' | '\u{3030}' | '\u{303d}' | '\u{3297}' | '\u{3299}' | '\u{1f000}'..='\u{1faff}')
    })
}

fn is_plain(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\t' | 0x20..=0x7e)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hostile_text_becomes_visible() {
        for (text, expected) in [
            ("plain\n\ttext", "plain\n\ttext"),
            ("\u{1b}[31mred\u{1b}[0m", "␛[31mred␛[0m"),
            ("\u{1b}]52;c;AAAA\u{7}", "␛]52;c;AAAA␇"),
            ("a\u{9b}31m", "a<U+009B>31m"),
            ("bell\u{7}back\u{8}del\u{7f}", "bell␇back␈del␡"),
            ("over\rwrite\r\n", "over␍write␍\n"),
            ("user\u{202e}txt.exe", "user<U+202E>txt.exe"),
            ("\u{2066}a\u{2069}\u{61c}", "<U+2066>a<U+2069><U+061C>"),
            ("zero\u{200b}width\u{2060}", "zerowidth"),
            ("\u{feff}start", "<U+FEFF>start"),
            ("line\u{2028}end", "line<U+2028>end"),
            ("hi\u{e0041}", "hi<U+E0041>"),
            ("👩\u{200d}👩\u{200d}👧", "👩\u{200d}👩\u{200d}👧"),
            ("a\u{200d}b", "ab"),
            ("🇯🇵 e\u{301}", "🇯🇵 e\u{301}"),
        ] {
            assert_eq!(sanitize(text), expected, "{text:?}");
        }
    }

    #[test]
    fn harmless_text_is_not_copied() {
        for text in [
            "",
            "plain",
            "漢字 русский العربية",
            "👨\u{200d}👩\u{200d}👧",
        ] {
            assert!(matches!(sanitize(text), Cow::Borrowed(_)), "{text}");
        }
    }

    #[test]
    fn a_tower_of_marks_is_cut() {
        let tower = format!("a{}", "\u{301}".repeat(200));
        assert_eq!(sanitize(&tower).chars().count(), MAX_MARKS);
    }

    proptest! {
        #[test]
        fn nothing_raw_survives(text in any::<String>()) {
            for c in sanitize(&text).chars() {
                let raw = c.is_control() && c != '\n' && c != '\t';
                prop_assert!(!raw && !is_named(c) || is_tag(c), "{c:?}");
            }
        }
    }
}
