//! Texts of strangers within a Markdown document.

use pulldown_cmark::{Event, Options, Parser, Tag};

/// How often escaped HTML may turn out to hide other HTML before the text is fenced.
const ROUNDS: usize = 4;

/// A text whose Markdown stays, whose HTML is shown as text, and which ends where it ends: neither a
/// fence nor a comment of it is open behind it. A text that cannot be tamed is fenced as a whole.
pub(super) fn safe(text: &str) -> String {
    let printable = printable(text);
    let mut safe = printable.trim().to_owned();
    for _ in 0..ROUNDS {
        if !escape_html(&mut safe) {
            break;
        }
    }
    if is_contained(&safe) {
        safe
    } else {
        fenced(text)
    }
}

/// Escapes the first character of each `<` that begins or is within HTML; whether there was any.
fn escape_html(text: &mut String) -> bool {
    let mut places: Vec<usize> = Vec::new();
    for (event, range) in Parser::new_ext(text, Options::all()).into_offset_iter() {
        if matches!(event, Event::Html(_) | Event::InlineHtml(_)) {
            let found = text[range.clone()].match_indices('<');
            places.extend(found.map(|(at, _)| range.start + at));
        }
    }
    for place in places.iter().rev() {
        text.replace_range(*place..=*place, "&lt;");
    }
    !places.is_empty()
}

/// Whether the text has no HTML, and a paragraph below it would be one.
fn is_contained(text: &str) -> bool {
    const NEXT: &str = "next";
    let document = format!("{text}\n\n{NEXT}\n");
    let next = document.len() - NEXT.len() - 1;
    let mut depth = 0_usize;
    let mut is_next_free = false;
    for (event, range) in Parser::new_ext(&document, Options::all()).into_offset_iter() {
        match event {
            Event::Html(_) | Event::InlineHtml(_) => return false,
            Event::Start(Tag::Paragraph) if depth == 0 && range.start == next => {
                is_next_free = true;
                depth += 1;
            }
            Event::Start(_) => depth += 1,
            Event::End(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    is_next_free
}

/// A fence that is longer than any inside.
pub(super) fn fenced(text: &str) -> String {
    let text = printable(text);
    let longest = text
        .split(|character| character != '`')
        .map(str::len)
        .max()
        .unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}text\n{}\n{fence}", text.trim_end())
}

/// A text within a heading or a summary.
pub(super) fn one_line(text: &str) -> String {
    let text = printable(text).replace(['<', '>'], " ");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Without control characters but line breaks and tabs: a terminal that shows the document would
/// obey them.
fn printable(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    let is_kept = |character: &char| !character.is_control() || matches!(character, '\n' | '\t');
    text.chars().filter(is_kept).collect()
}
