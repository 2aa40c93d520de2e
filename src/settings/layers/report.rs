//! Turns what serde says about a value into what a person needs.

use super::super::error::{Origin, SettingsError};
use super::positions::KeyPath;

/// The refusal of the value or key at `path`; `source` is its text, `message` serde's.
pub(super) fn refusal(
    origin: Origin,
    path: &[String],
    source: &str,
    message: &str,
) -> SettingsError {
    let message = message.trim();
    if let Some(rest) = message.strip_prefix("unknown field ") {
        return unknown_key(origin, path, rest);
    }
    let (found, expected) = match message.split_once(", expected ") {
        Some((what, expected)) => (found(what, source), expected_words(expected)),
        // The only keys that are numbers.
        None if path.iter().any(|key| key == "logit_bias") => {
            (shown(source), "a token id before the value".to_owned())
        }
        None => (shown(source), message.to_owned()),
    };
    SettingsError::Value {
        origin,
        key: join(path),
        found,
        expected,
    }
}

/// A key's path with dots, quoted where a part holds something else than letters.
pub(super) fn join(path: &[String]) -> String {
    let is_bare = |part: &str| {
        !part.is_empty()
            && part
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
    };
    let parts: Vec<String> = path
        .iter()
        .map(|part| {
            if is_bare(part) {
                part.clone()
            } else {
                format!("{part:?}")
            }
        })
        .collect();
    parts.join(".")
}

fn unknown_key(origin: Origin, path: &[String], rest: &str) -> SettingsError {
    let (name, expected) = rest.split_once(", expected ").unwrap_or((rest, ""));
    let name = name.trim_matches('`');
    let permitted = backticked(expected);
    let suggestion = nearest(name, &permitted);
    let mut full: KeyPath = path.to_vec();
    if full.last().is_none_or(|last| last != name) {
        full.push(name.to_owned());
    }
    SettingsError::UnknownKey {
        origin,
        key: join(&full),
        suggestion,
        permitted,
    }
}

fn backticked(text: &str) -> Vec<String> {
    let parts = text.split('`').skip(1).step_by(2);
    parts.map(str::to_owned).collect()
}

/// The name that is reached with the fewest changed letters, if they are few.
pub fn nearest(name: &str, names: &[String]) -> Option<String> {
    let limit = (name.chars().count() / 3).clamp(1, 3);
    names
        .iter()
        .map(|candidate| (edit_distance(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate.clone())
}

/// Levenshtein's distance.
fn edit_distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in right.iter().enumerate() {
            let changed = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[right.len()]
}

fn found(what: &str, source: &str) -> String {
    for prefix in ["invalid type: ", "invalid value: "] {
        if let Some(rest) = what.strip_prefix(prefix) {
            return match rest {
                "map" => "a table".to_owned(),
                "sequence" => "a list".to_owned(),
                other => plain(other),
            };
        }
    }
    if let Some(rest) = what.strip_prefix("unknown variant ") {
        return format!("{:?}", rest.trim_matches('`'));
    }
    shown(source)
}

/// `string "x"` and the like without the kind, which the value shows itself.
fn plain(value: &str) -> String {
    let kinds = ["string ", "integer ", "floating point ", "boolean "];
    let bare = kinds.iter().find_map(|kind| value.strip_prefix(kind));
    bare.unwrap_or(value).replace('`', "")
}

fn shown(source: &str) -> String {
    const MOST_CHARS: usize = 60;
    let mut text: String = source.chars().take(MOST_CHARS).collect();
    if source.chars().count() > MOST_CHARS {
        text.push_str("...");
    }
    text
}

fn expected_words(expected: &str) -> String {
    let words = match expected {
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "usize" | "u64" => "a whole number from 0",
        "f32" | "f64" => "a number",
        "a boolean" => "true or false",
        "a string" => "a text in quotation marks",
        "a sequence" => "a list",
        "a map" => "a table",
        "path string" => "a path in quotation marks",
        other if other.starts_with("struct ") => "a table",
        other => return listed(other),
    };
    words.to_owned()
}

/// Names in backticks as a list of quoted words, which is how they are written.
fn listed(expected: &str) -> String {
    let names = backticked(expected);
    if names.is_empty() {
        return expected.to_owned();
    }
    let quoted: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_levenshtein_s() {
        for (left, right, distance) in [
            ("", "abc", 3),
            ("theme", "theme", 0),
            ("thme", "theme", 1),
            ("max_fsp", "max_fps", 2),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(edit_distance(left, right), distance, "{left} {right}");
        }
    }

    #[test]
    fn only_near_names_are_suggested() {
        let names = ["theme".to_owned(), "color".to_owned()];
        assert_eq!(nearest("colour", &names).as_deref(), Some("color"));
        assert_eq!(nearest("size", &names), None);
    }
}
