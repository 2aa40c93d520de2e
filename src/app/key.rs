//! A key press by its canonical name.

use std::fmt;

/// A key press: modifiers and base joined by `-`, such as `a`, `G`, `ctrl-p`, `shift-tab`, `esc`,
/// `space`, `alt-enter`, `f1`, `up`.
///
/// A printable character carries its own case and never `shift-`. Whoever reads keys from a
/// terminal or a file makes the canonical name; here names are only compared.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(Box<str>);

/// Modifiers in the order in which a canonical name has them.
const MODIFIERS: [&str; 3] = ["ctrl-", "alt-", "shift-"];

impl Key {
    /// The key with this canonical name.
    pub fn new(name: impl Into<Box<str>>) -> Self {
        Self(name.into())
    }

    /// The key of a plain character.
    pub fn from_char(character: char) -> Self {
        match character {
            ' ' => Self::new("space"),
            _ => Self::new(character.to_string()),
        }
    }

    /// The canonical name.
    pub fn name(&self) -> &str {
        &self.0
    }

    /// The character that the key types, if it types one.
    pub fn character(&self) -> Option<char> {
        if self.name() == "space" {
            return Some(' ');
        }
        let mut characters = self.0.chars();
        let first = characters.next()?;
        characters.next().is_none().then_some(first)
    }

    /// The name without modifiers.
    pub fn base(&self) -> &str {
        let mut base = self.name();
        for modifier in MODIFIERS {
            // A lone `-` is a key, and what remains of `ctrl--` is one too.
            base = match base.strip_prefix(modifier) {
                Some(rest) if !rest.is_empty() => rest,
                _ => base,
            };
        }
        base
    }
}

impl fmt::Display for Key {
    /// For people: `Ctrl+P`, `Shift+Tab`, `G`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let base = self.base();
        for modifier in MODIFIERS {
            if self.name().len() > base.len() && self.name().contains(modifier) {
                let word = modifier.trim_end_matches('-');
                write!(f, "{}{}+", word[..1].to_uppercase(), &word[1..])?;
            }
        }
        let with_modifier = self.name().len() > base.len();
        match base {
            "pageup" => f.write_str("PgUp"),
            "pagedown" => f.write_str("PgDn"),
            _ if base.chars().count() == 1 && !with_modifier => f.write_str(base),
            _ => {
                let mut characters = base.chars();
                let first = characters.next().into_iter().flat_map(char::to_uppercase);
                write!(f, "{}{}", first.collect::<String>(), characters.as_str())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_shown_as_people_write_them() {
        for (name, shown) in [
            ("a", "a"),
            ("G", "G"),
            ("ctrl-p", "Ctrl+P"),
            ("shift-tab", "Shift+Tab"),
            ("ctrl-alt-x", "Ctrl+Alt+X"),
            ("-", "-"),
            ("ctrl--", "Ctrl+-"),
            ("space", "Space"),
            ("pageup", "PgUp"),
            ("f1", "F1"),
        ] {
            assert_eq!(Key::new(name).to_string(), shown);
        }
    }

    #[test]
    fn only_plain_keys_type_a_character() {
        for (name, typed) in [
            ("a", Some('a')),
            ("space", Some(' ')),
            ("é", Some('é')),
            ("ctrl-a", None),
            ("enter", None),
        ] {
            assert_eq!(Key::new(name).character(), typed, "{name}");
        }
    }
}
