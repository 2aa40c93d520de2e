//! docs/TROUBLESHOOTING.md has each message of an error that the sources can print, and no other.
//!
//! Most messages stand in enums of errors, all over the library. The program and its set-up write some
//! where they arise: every text that becomes a [`CliError`], an `Err` or an error's line on the screen.
#![expect(clippy::unwrap_used, reason = "an unreadable source fails the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

mod sources;

/// Where messages may be written without an enum.
const WRITTEN_IN_PLACE: &[&str] = &["src/cli", "src/main.rs", "src/tui", "src/app", "xtask/src"];

/// What a text becomes a message by.
const MAKERS: &[&str] = &[
    "Err(",
    "ok_or(",
    "ok_or_else(||",
    "map_err(",
    "Failed(",
    "Level::Error,",
    "CliError::usage(",
    "CliError::failed(",
    "CliError::memory(",
    "Self::usage(",
    "Self::failed(",
    "Self::memory(",
    "bail!(",
    "anyhow!(",
    ".context(",
    "with_context(||",
];

#[test]
fn every_message_of_an_error_is_explained_and_no_other() {
    let mut messages = BTreeMap::new();
    for (path, text) in sources::below(&["src", "xtask/src"]) {
        if path.contains("/tests") {
            continue;
        }
        for message in messages_of(&text) {
            messages.insert(message, path.clone());
        }
        if WRITTEN_IN_PLACE.iter().any(|place| path.starts_with(place)) {
            for message in written_in_place(&text) {
                messages.insert(message, path.clone());
            }
        }
    }
    assert!(
        messages.len() > 100,
        "{}: are these the sources?",
        messages.len()
    );
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/TROUBLESHOOTING.md");
    let page = fs::read_to_string(page).unwrap();
    let explained: BTreeSet<String> = page.lines().filter_map(entry).collect();
    let missing: Vec<_> = messages
        .iter()
        .filter(|(message, _)| !explained.contains(*message))
        .collect();
    assert!(
        missing.is_empty(),
        "not in docs/TROUBLESHOOTING.md: {missing:#?}"
    );
    // The published crate has no set-up, but this page.
    if !fs::exists(concat!(env!("CARGO_MANIFEST_DIR"), "/xtask")).unwrap() {
        return;
    }
    let old: Vec<_> = explained
        .iter()
        .filter(|message| !messages.contains_key(*message))
        .collect();
    assert!(
        old.is_empty(),
        "in docs/TROUBLESHOOTING.md, but nowhere in the sources: {old:#?}"
    );
}

#[test]
fn messages_are_read_over_several_lines_with_their_placeholders() {
    let source = r#"
        #[error("one {name}, {0:?}")]
        #[error(
            "two \
             parts: {reason}",
            reason = self.why(1, "x")
        )]
        #[error("\"{text}\" {{literally}}")]
        #[error(transparent)]
        #[error("{0}: {1}")]
    "#;
    let expected = ["one …, …", "two parts: …", "\"…\" {literally}"];
    assert_eq!(messages_of(source), expected);
}

#[test]
fn messages_without_an_enum_are_read_where_they_are_made() {
    let source = r#"
        return Err(CliError::usage(format!("no {thing}")).hint("not this"));
        let text = read(path).map_err(|error| {
            CliError::failed(format!(
                "cannot read {}: {error}", path.display()
            ))
        })?;
        found.map_err(|_| "not UTF-8".to_owned())?;
        found.map_err(CliError::usage)?;
        .ok_or_else(|| format!("a \n  b"))?
        .ok_or_else(|| {
            let folder = path.display();
            format!("nothing in {folder}")
        })?
        say(state, Level::Error, "it failed");
        say(state, Level::Info, "all is well");
        bail!("{name} failed:\n{}", stderr)
        Err(error)
    "#;
    let expected = [
        "no …",
        "cannot read …: …",
        "not UTF-8",
        "a b",
        "nothing in …",
        "it failed",
        "… failed: …",
    ];
    assert_eq!(written_in_place(source), expected);
}

#[test]
fn what_becomes_an_error_of_the_program_is_a_text_or_an_error_with_its_own() {
    let mut unread = Vec::new();
    for (path, text) in sources::below(&["src/cli"]) {
        for maker in ["CliError::usage(", "CliError::failed(", "CliError::memory("] {
            for part in without_unit_tests(&text).split(maker).skip(1) {
                let part = part.trim_start();
                let is_read = [
                    "\"",
                    "format!(",
                    "error)",
                    "error.to_string())",
                    "error.what())",
                ]
                .iter()
                .any(|start| part.starts_with(start));
                if !is_read {
                    unread.push(format!("{path}: {maker}{}", part.lines().next().unwrap()));
                }
            }
        }
    }
    assert!(unread.is_empty(), "{unread:#?}");
}

/// The messages of a source's enums, but those that are made of other ones alone.
fn messages_of(source: &str) -> Vec<String> {
    let parts = without_unit_tests(source).split("#[error(").skip(1);
    parts.filter_map(message_at).collect()
}

/// The messages that a source writes where they arise.
fn written_in_place(source: &str) -> Vec<String> {
    let source = without_unit_tests(source);
    let mut found = BTreeMap::new();
    for maker in MAKERS {
        for (at, _) in source.match_indices(maker) {
            let begin = at + maker.len();
            let argument = &source[begin..begin + length_of_argument(&source[begin..])];
            let trimmed = argument.trim_start();
            // Of a closure every text that it puts together; of anything else what it begins with.
            let texts: Vec<usize> = if trimmed.starts_with('|') || maker.ends_with("||") {
                let body = argument.rfind('|').map_or(0, |end| end + 1);
                let literal = argument[body..].trim_start().trim_start_matches('{');
                let first = argument.len() - literal.trim_start().len();
                let put_together = argument.match_indices("format!(");
                put_together
                    .map(|(place, word)| place + word.len())
                    .chain([first])
                    .collect()
            } else {
                let start = argument.len() - trimmed.len();
                let word = "format!(";
                vec![start + trimmed.strip_prefix(word).map_or(0, |_| word.len())]
            };
            for place in texts {
                let text = argument[place..].trim_start();
                if let Some(message) = message_at(text) {
                    found.insert(begin + argument.len() - text.len(), message);
                }
            }
        }
    }
    found.into_values().collect()
}

/// Bytes up to the comma or parenthesis that ends the argument which a text begins with.
fn length_of_argument(text: &str) -> usize {
    let (mut depth, mut is_literal, mut is_escaped) = (0_usize, false, false);
    for (at, character) in text.char_indices() {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = is_literal,
            // A quote that is a character of its own opens nothing.
            '"' if !is_literal && text[..at].ends_with('\'') => {}
            '"' => is_literal = !is_literal,
            _ if is_literal => {}
            '(' | '{' | '[' => depth += 1,
            ')' | '}' | ']' if depth == 0 => return at,
            ')' | '}' | ']' => depth -= 1,
            _ => {}
        }
    }
    text.len()
}

/// What unit tests make up nobody is shown.
fn without_unit_tests(source: &str) -> &str {
    let end = source.find("#[cfg(test)]\nmod tests {");
    &source[..end.unwrap_or(source.len())]
}

/// The message whose literal a text begins with, if words are in it.
fn message_at(text: &str) -> Option<String> {
    let message = normalized(text.trim_start().strip_prefix('"')?);
    message.chars().any(char::is_alphabetic).then_some(message)
}

/// A string literal up to its closing quote: escapes undone, placeholders as `…`, on one line.
fn normalized(literal: &str) -> String {
    let mut message = String::new();
    let mut rest = literal.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '"' => break,
            '\\' => match rest.next() {
                // A continued line begins after its indentation.
                Some('\n') => while rest.next_if(|next| next.is_whitespace()).is_some() {},
                Some('n') => message.push(' '),
                Some(escaped) => message.push(escaped),
                None => {}
            },
            '{' | '}' if rest.next_if_eq(&character).is_some() => message.push(character),
            '{' => {
                while rest.next().is_some_and(|inside| inside != '}') {}
                message.push('…');
            }
            other => message.push(other),
        }
    }
    let words: Vec<_> = message.split_whitespace().collect();
    words.join(" ")
}

/// The message that a line of the page explains.
fn entry(line: &str) -> Option<String> {
    let (message, advice) = line.strip_prefix("- `` ")?.split_once(" ``<br>")?;
    (!advice.trim().is_empty()).then(|| message.to_owned())
}
