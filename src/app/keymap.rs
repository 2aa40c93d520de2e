//! Which key asks for which action, by context.

use std::collections::BTreeMap;

use super::action::{Action, Context, REGISTRY};
use super::key::Key;

/// The bindings in force: the registry's, with the user's over them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keymap {
    bindings: BTreeMap<(Context, Key), Action>,
}

/// A user's binding that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeymapError {
    /// No such context.
    #[error(
        "there is no key context \"{0}\"; known: global, composer, panes, chat, experts, tokens, memory, log, sampler, inside, profile, list, field"
    )]
    Context(String),
    /// No such action.
    #[error(
        "keys.{context}: there is no action \"{action}\" for {key}; `gptoss-tui print-keys` lists them"
    )]
    Action {
        /// The context's name.
        context: String,
        /// The key.
        key: String,
        /// The action's name as written.
        action: String,
    },
}

impl Default for Keymap {
    fn default() -> Self {
        let mut bindings = BTreeMap::new();
        for info in REGISTRY {
            for (context, keys) in info.keys {
                for key in *keys {
                    bindings.insert((*context, Key::new(*key)), info.action);
                }
            }
        }
        Self { bindings }
    }
}

impl Keymap {
    /// Binds `key` to the action with the given name; `none` takes the key away.
    ///
    /// *Errors:* [`KeymapError`] where context or action do not exist.
    pub fn bind(&mut self, context: &str, key: Key, action: &str) -> Result<(), KeymapError> {
        let known = Context::ALL
            .into_iter()
            .find(|known| known.name() == context);
        let Some(known) = known else {
            return Err(KeymapError::Context(context.to_owned()));
        };
        if action == "none" {
            self.bindings.remove(&(known, key));
            return Ok(());
        }
        let Some(found) = Action::from_name(action) else {
            return Err(KeymapError::Action {
                context: context.to_owned(),
                key: key.name().to_owned(),
                action: action.to_owned(),
            });
        };
        self.bindings.insert((known, key), found);
        Ok(())
    }

    /// What `key` asks for in `context`.
    pub fn resolve(&self, context: Context, key: &Key) -> Option<Action> {
        // A plain character is text where text is written.
        if context.takes_text() && key.character().is_some() {
            return None;
        }
        context
            .chain()
            .iter()
            .find_map(|context| self.bindings.get(&(*context, key.clone())).copied())
    }

    /// The keys of an action that count in `context`, the most special context's first.
    pub fn keys(&self, context: Context, action: Action) -> Vec<&Key> {
        let mut keys: Vec<&Key> = Vec::new();
        for context in context.chain() {
            let bound = self
                .bindings
                .iter()
                .filter(|((place, _), bound)| place == context && **bound == action);
            keys.extend(bound.map(|((_, key), _)| key));
        }
        // The default's order is the table's: its first key is the one to show.
        let first = action
            .info()
            .keys
            .iter()
            .flat_map(|(_, keys)| keys.iter().copied())
            .collect::<Vec<_>>();
        keys.sort_by_key(|key| {
            first
                .iter()
                .position(|name| *name == key.name())
                .unwrap_or(usize::MAX)
        });
        keys
    }

    /// All bindings of a context.
    pub fn of_context(&self, context: Context) -> impl Iterator<Item = (&Key, Action)> {
        self.bindings
            .iter()
            .filter(move |((place, _), _)| *place == context)
            .map(|((_, key), action)| (key, *action))
    }

    /// All bindings as a Markdown table: place, keys, action, what it does.
    pub fn table(&self) -> String {
        let mut table =
            String::from("| where | keys | action | what it does |\n|---|---|---|---|\n");
        for context in Context::ALL {
            for info in REGISTRY {
                let keys: Vec<String> = self
                    .of_context(context)
                    .filter(|(_, action)| *action == info.action)
                    .map(|(key, _)| format!("`{}`", key.to_string().replace('|', "\\|")))
                    .collect();
                if !keys.is_empty() {
                    let row = format!(
                        "| {} | {} | `{}` | {} |\n",
                        context.title(),
                        keys.join(" "),
                        info.name,
                        info.help
                    );
                    table.push_str(&row);
                }
            }
        }
        table
    }

    /// The key to show for an action, wherever it is bound.
    pub fn first_key(&self, action: Action) -> Option<(Context, &Key)> {
        let bound = || {
            self.bindings
                .iter()
                .filter(move |(_, bound)| **bound == action)
        };
        for (context, keys) in action.info().keys {
            for name in *keys {
                let found =
                    bound().find(|((place, key), _)| place == context && key.name() == *name);
                if let Some(((place, key), _)) = found {
                    return Some((*place, key));
                }
            }
        }
        bound().next().map(|((place, key), _)| (*place, key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_action_has_one_row_with_name_and_help() {
        let mut names = BTreeSet::new();
        let mut actions = BTreeSet::new();
        for info in REGISTRY {
            assert!(names.insert(info.name), "{} twice", info.name);
            assert!(actions.insert(info.action), "{:?} twice", info.action);
            assert!(
                !info.help.is_empty() && !info.help.ends_with('.'),
                "{}",
                info.name
            );
            assert_eq!(info.action.info().name, info.name);
        }
    }

    #[test]
    fn no_context_binds_a_key_twice() {
        let mut bound = BTreeSet::new();
        for info in REGISTRY {
            for (context, keys) in info.keys {
                for key in *keys {
                    assert!(
                        bound.insert((context, key)),
                        "{context:?} binds {key} twice"
                    );
                }
            }
        }
    }

    #[test]
    fn where_text_is_written_characters_are_text() {
        let keymap = Keymap::default();
        assert_eq!(keymap.resolve(Context::Composer, &Key::new("q")), None);
        assert_eq!(
            keymap.resolve(Context::Chat, &Key::new("r")),
            Some(Action::Regenerate)
        );
        assert_eq!(
            keymap.resolve(Context::Composer, &Key::new("ctrl-p")),
            Some(Action::Palette)
        );
    }

    #[test]
    fn a_users_binding_wins_and_none_unbinds() {
        let mut keymap = Keymap::default();
        keymap.bind("chat", Key::new("X"), "regenerate").unwrap();
        keymap.bind("chat", Key::new("r"), "none").unwrap();
        assert_eq!(
            keymap.resolve(Context::Chat, &Key::new("X")),
            Some(Action::Regenerate)
        );
        assert_eq!(keymap.resolve(Context::Chat, &Key::new("r")), None);
        assert!(keymap.bind("chart", Key::new("x"), "quit").is_err());
        assert!(keymap.bind("chat", Key::new("x"), "quti").is_err());
    }

    #[test]
    fn nothing_depends_on_alt_alone() {
        for info in REGISTRY {
            let keys: Vec<&str> = info
                .keys
                .iter()
                .flat_map(|(_, keys)| keys.iter().copied())
                .collect();
            let only_alt = !keys.is_empty() && keys.iter().all(|key| key.starts_with("alt-"));
            assert!(!only_alt || info.action == Action::Redo, "{}", info.name);
        }
    }
}
