//! Fields of a JSON value with errors that name the field by its path.

use serde_json::{Map, Value};

use super::MessagesError;

/// The result of reading a field.
pub(super) type Result<T> = std::result::Result<T, MessagesError>;

pub(super) fn optional<T>(
    fields: &Map<String, Value>,
    key: &str,
    path: &str,
    read: impl Fn(&Value, &str) -> Result<T>,
) -> Result<Option<T>> {
    let value = fields.get(key).filter(|value| !value.is_null());
    value
        .map(|value| read(value, &format!("{path}.{key}")))
        .transpose()
}

pub(super) fn array<'a>(value: &'a Value, path: &str) -> Result<&'a Vec<Value>> {
    value.as_array().ok_or_else(|| wrong(path, "a list", value))
}

pub(super) fn string(value: &Value, path: &str) -> Result<String> {
    value
        .as_str()
        .map(ToOwned::to_owned)
        .ok_or_else(|| wrong(path, "a string", value))
}

/// A header's word: white space inside would make another header of it.
pub(super) fn word(value: &Value, path: &str) -> Result<String> {
    let word = value
        .as_str()
        .filter(|word| !word.is_empty() && !word.contains(char::is_whitespace));
    word.map(ToOwned::to_owned)
        .ok_or_else(|| wrong(path, "a word without white space", value))
}

pub(super) fn line(value: &Value, path: &str) -> Result<String> {
    let line = value
        .as_str()
        .filter(|line| !line.is_empty() && !line.contains('\n'));
    line.map(ToOwned::to_owned)
        .ok_or_else(|| wrong(path, "a line of text", value))
}

pub(super) fn missing(field: &str, expected: &'static str) -> MessagesError {
    MessagesError::Field {
        field: field.to_owned(),
        expected,
        found: "nothing".to_owned(),
    }
}

pub(super) fn unknown_field(field: &str) -> MessagesError {
    MessagesError::Field {
        field: field.to_owned(),
        expected: "only known fields",
        found: "this one".to_owned(),
    }
}

pub(super) fn wrong(field: &str, expected: &'static str, found: &Value) -> MessagesError {
    const SHOWN_CHARS: usize = 60;
    let json = found.to_string();
    let mut shown: String = json.chars().take(SHOWN_CHARS).collect();
    if shown.len() < json.len() {
        shown.push('…');
    }
    MessagesError::Field {
        field: field.to_owned(),
        expected,
        found: shown,
    }
}
