//! docs/TROUBLESHOOTING.md has each message of an error that the sources can print, and no other.
#![expect(clippy::unwrap_used, reason = "an unreadable source fails the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

mod sources;

#[test]
fn every_message_of_an_error_is_explained_and_no_other() {
    let mut messages = BTreeMap::new();
    for (path, text) in sources::below(&["src"]) {
        for message in messages_of(&text) {
            messages.insert(message, path.clone());
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

/// The messages of a source, but those that are made of other ones alone.
fn messages_of(source: &str) -> Vec<String> {
    let mut messages = Vec::new();
    // What unit tests make up nobody is shown.
    let source = source
        .split("#[cfg(test)]\nmod tests {")
        .next()
        .unwrap_or(source);
    for part in source.split("#[error(").skip(1) {
        let Some(literal) = part.trim_start().strip_prefix('"') else {
            continue;
        };
        let message = normalized(literal);
        if message.chars().any(char::is_alphabetic) {
            messages.push(message);
        }
    }
    messages
}

/// A string literal up to its closing quote: escapes undone, placeholders as `…`.
fn normalized(literal: &str) -> String {
    let mut message = String::new();
    let mut rest = literal.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '"' => break,
            '\\' => match rest.next() {
                // A continued line begins after its indentation.
                Some('\n') => while rest.next_if(|next| next.is_whitespace()).is_some() {},
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
    message
}

/// The message that a line of the page explains.
fn entry(line: &str) -> Option<String> {
    let (message, advice) = line.strip_prefix("- `` ")?.split_once(" ``<br>")?;
    (!advice.trim().is_empty()).then(|| message.to_owned())
}
