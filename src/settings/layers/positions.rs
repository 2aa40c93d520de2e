//! Where in a TOML text each key and value stands.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

/// A key with those of its tables, outermost first.
pub(super) type KeyPath = Vec<String>;

/// The places of all keys in a text.
#[derive(Debug, Default)]
pub(super) struct Positions {
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    path: KeyPath,
    key: Range<usize>,
    /// A table's own span is its header, unless it is written in line.
    value: Range<usize>,
}

impl Positions {
    /// Reads the keys of `text`.
    pub(super) fn parse(text: &str) -> Result<Self, toml::de::Error> {
        let mut positions = Self::default();
        let table = DeTable::parse(text)?;
        positions.collect(&mut Vec::new(), table.get_ref());
        Ok(positions)
    }

    fn collect(&mut self, path: &mut KeyPath, table: &DeTable<'_>) {
        for (key, value) in table {
            path.push(key.get_ref().to_string());
            self.entries.push(Entry {
                path: path.clone(),
                key: key.span(),
                value: value.span(),
            });
            if let DeValue::Table(inner) = value.get_ref() {
                self.collect(path, inner);
            }
            path.pop();
        }
    }

    /// Where the key `path` begins.
    pub(super) fn offset(&self, path: &[String]) -> Option<usize> {
        let entry = self.entries.iter().find(|entry| entry.path == path)?;
        Some(entry.key.start)
    }

    /// The innermost key that holds the byte at `offset`, itself or in its value.
    pub(super) fn key_at(&self, offset: usize) -> Option<&[String]> {
        self.entries
            .iter()
            .filter(|entry| entry.key.contains(&offset) || entry.value.contains(&offset))
            .max_by_key(|entry| entry.path.len())
            .map(|entry| entry.path.as_slice())
    }
}

/// Line and column of a byte, both from 1; columns count characters.
pub(super) fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    (line, before[line_start..].chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "[ui]\ntheme = \"dark\"\n[keys.chat]\n\"ctrl-.\" = \"x\"\nG = \"y\"\n";

    fn path(keys: &[&str]) -> KeyPath {
        keys.iter().map(|&key| key.to_owned()).collect()
    }

    #[test]
    fn keys_are_found_by_path_and_by_place() {
        let positions = Positions::parse(TEXT).unwrap();
        let theme = path(&["ui", "theme"]);
        let offset = positions.offset(&theme).unwrap();
        assert_eq!(line_and_column(TEXT, offset), (2, 1));
        let dark = TEXT.find("dark").unwrap();
        assert_eq!(positions.key_at(dark), Some(theme.as_slice()));
        let chord = path(&["keys", "chat", "ctrl-."]);
        assert_eq!(
            line_and_column(TEXT, positions.offset(&chord).unwrap()),
            (4, 1)
        );
        assert_eq!(positions.offset(&path(&["keys", "chat", "g"])), None);
    }

    #[test]
    fn columns_count_characters() {
        assert_eq!(line_and_column("a\n\u{e9}\u{e9}x", 6), (2, 3));
    }
}
