//! What the beginning of a line says about it: `CommonMark`'s block starts.

use super::html::{HtmlEnd, html_start};
use super::scan::Fence;

/// Lines whose kind shows only at their end count as text from here on.
const MAX_UNDECIDED_BYTES: usize = 1024;

/// What a line could begin at the top level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Start {
    Text,
    /// Four columns or more.
    Indented,
    Quote,
    Heading,
    Break,
    List {
        /// Column where the item's content begins.
        content: usize,
    },
    Fence(Fence),
    Html {
        end: HtmlEnd,
    },
}

/// A line's beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LineStart {
    pub(super) indent: usize,
    pub(super) start: Start,
    /// Makes a heading of the paragraph above.
    pub(super) is_underline: bool,
    /// May stand right below a paragraph.
    pub(super) interrupts_paragraph: bool,
    /// May stand right below a quote or a list item that it is not part of.
    pub(super) interrupts_container: bool,
}

/// Returns what a line that is not blank begins, or `None` if that takes more of the line.
/// The answer for a part of a line is the answer for the line.
pub(super) fn line_start(line: &str, is_complete: bool) -> Option<LineStart> {
    let mut is_complete = is_complete;
    let mut line = line;
    if line.len() > MAX_UNDECIDED_BYTES {
        line = &line[..line.floor_char_boundary(MAX_UNDECIDED_BYTES)];
        is_complete = true;
    }
    let (indent, rest) = indent_of(line);
    if indent >= 4 {
        return Some(plain(indent, Start::Indented));
    }
    let text = Rest {
        text: rest.trim_end_matches(['\r', '\n']),
        is_complete,
    };
    let start = match text.text.bytes().next()? {
        b'>' => Start::Quote,
        b'#' => return heading(indent, &text),
        b'`' | b'~' => return fence(indent, &text),
        b'-' | b'*' | b'+' | b'_' => return mark(indent, &text),
        b'0'..=b'9' => return number(indent, &text),
        b'=' => return underline(indent, &text),
        b'<' => return html(indent, &text),
        _ => return Some(plain(indent, Start::Text)),
    };
    Some(interrupting(indent, start))
}

/// Columns of white space before a line's text, and the text.
pub(super) fn indent_of(line: &str) -> (usize, &str) {
    let mut columns = 0;
    for (at, byte) in line.bytes().enumerate() {
        match byte {
            b' ' => columns += 1,
            b'\t' => columns += 4 - columns % 4,
            _ => return (columns, &line[at..]),
        }
    }
    (columns, "")
}

struct Rest<'a> {
    text: &'a str,
    is_complete: bool,
}

impl Rest<'_> {
    /// An answer that only the whole line allows.
    fn at_end(&self, answer: impl FnOnce() -> LineStart) -> Option<LineStart> {
        self.is_complete.then(answer)
    }
}

fn plain(indent: usize, start: Start) -> LineStart {
    LineStart {
        indent,
        start,
        is_underline: false,
        interrupts_paragraph: false,
        interrupts_container: false,
    }
}

fn interrupting(indent: usize, start: Start) -> LineStart {
    LineStart {
        interrupts_paragraph: true,
        interrupts_container: true,
        ..plain(indent, start)
    }
}

fn text_or(indent: usize, is_other: bool, other: Start) -> LineStart {
    if is_other {
        interrupting(indent, other)
    } else {
        plain(indent, Start::Text)
    }
}

fn heading(indent: usize, line: &Rest<'_>) -> Option<LineStart> {
    let marks = line.text.bytes().take_while(|&b| b == b'#').count();
    match line.text.as_bytes().get(marks) {
        None if marks <= 6 => line.at_end(|| interrupting(indent, Start::Heading)),
        next => {
            let is_heading = marks <= 6 && matches!(next, Some(b' ' | b'\t'));
            Some(text_or(indent, is_heading, Start::Heading))
        }
    }
}

fn fence(indent: usize, line: &Rest<'_>) -> Option<LineStart> {
    let mark = line.text.as_bytes()[0];
    let count = line.text.bytes().take_while(|&b| b == mark).count();
    let info = &line.text[count..];
    if count < 3 && !info.is_empty() {
        return Some(plain(indent, Start::Text));
    }
    line.at_end(|| {
        let is_fence = count >= 3 && !(mark == b'`' && info.contains('`'));
        let language = language_of(info);
        let fence = Fence {
            mark,
            count,
            indent,
            language,
        };
        text_or(indent, is_fence, Start::Fence(fence))
    })
}

/// The language that the text after a fence names: its first word, without braces and options.
pub(super) fn language_of(info: &str) -> Option<String> {
    let word = info.split_whitespace().next()?;
    let word = word.trim_start_matches(['{', '.']);
    let word = word.split([',', '}', '{', ':']).next()?;
    (!word.is_empty()).then(|| word.to_owned())
}

/// Bullets, breaks and underlines.
fn mark(indent: usize, line: &Rest<'_>) -> Option<LineStart> {
    let mark = line.text.as_bytes()[0];
    let only_marks = line
        .text
        .bytes()
        .all(|b| b == mark || b == b' ' || b == b'\t');
    if only_marks {
        // A break, an underline or an empty item, or the beginning of anything.
        return line.at_end(|| only_of(indent, line.text, mark));
    }
    let is_item = mark != b'_' && matches!(line.text.as_bytes()[1], b' ' | b'\t');
    Some(text_or(
        indent,
        is_item,
        list_item(indent, 1, &line.text[1..]),
    ))
}

fn only_of(indent: usize, text: &str, mark: u8) -> LineStart {
    let marks = text.bytes().filter(|&b| b == mark).count();
    let in_a_row = text.trim_end().len() == marks;
    let is_underline = mark == b'-' && in_a_row;
    let start = if marks >= 3 && mark != b'+' {
        interrupting(indent, Start::Break)
    } else if mark != b'_' && (marks == 1 || !in_a_row) && text.len() > 1
        || text == "-"
        || text == "+"
        || text == "*"
    {
        let is_empty = marks == 1;
        LineStart {
            interrupts_paragraph: !is_empty,
            ..interrupting(indent, list_item(indent, 1, &text[1..]))
        }
    } else {
        plain(indent, Start::Text)
    };
    LineStart {
        is_underline,
        ..start
    }
}

/// `after` is what follows the bullet or number, which is `marker` columns wide.
fn list_item(indent: usize, marker: usize, after: &str) -> Start {
    let (spaces, content) = indent_of(after);
    let spaces = if content.is_empty() || spaces > 4 {
        1
    } else {
        spaces
    };
    Start::List {
        content: indent + marker + spaces,
    }
}

fn number(indent: usize, line: &Rest<'_>) -> Option<LineStart> {
    let digits = line.text.bytes().take_while(u8::is_ascii_digit).count();
    let after = &line.text[digits..];
    if digits > 9 || !(after.is_empty() || after.starts_with(['.', ')'])) {
        return Some(plain(indent, Start::Text));
    }
    let content = after.get(1..).unwrap_or("");
    let is_item = !after.is_empty() && (content.is_empty() || content.starts_with([' ', '\t']));
    if is_item && content.trim().is_empty() || after.is_empty() {
        return line.at_end(|| LineStart {
            interrupts_paragraph: false,
            ..text_or(indent, is_item, list_item(indent, digits + 1, content))
        });
    }
    Some(LineStart {
        interrupts_paragraph: is_item && line.text[..digits].parse() == Ok(1),
        ..text_or(indent, is_item, list_item(indent, digits + 1, content))
    })
}

fn underline(indent: usize, line: &Rest<'_>) -> Option<LineStart> {
    if line.text.trim_end().bytes().any(|b| b != b'=') {
        return Some(plain(indent, Start::Text));
    }
    line.at_end(|| LineStart {
        is_underline: true,
        ..plain(indent, Start::Text)
    })
}

fn html(indent: usize, line: &Rest<'_>) -> Option<LineStart> {
    line.at_end(|| match html_start(line.text) {
        Some((end, interrupts)) => LineStart {
            interrupts_paragraph: interrupts,
            ..interrupting(indent, Start::Html { end })
        },
        None => plain(indent, Start::Text),
    })
}
