//! From terminal events to [`crate::app::Input`], and from chords in settings to [`crate::app::Key`]s.
//!
//! Both go through [`name`], so that a chord in a settings file and the key press that it means
//! always have the same name, whichever way the terminal encodes it.

use crossterm::event::{
    Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEventKind,
};

use crate::app::{Input, Key, MouseInput, MouseKind};

/// What the program makes of a terminal's event; none where it has no meaning here.
pub fn translate(event: Event) -> Option<Input> {
    match event {
        Event::Key(key) => press(key).map(Input::Key),
        Event::Paste(text) => Some(Input::Paste(text)),
        Event::Mouse(mouse) => {
            let kind = match mouse.kind {
                MouseEventKind::Down(MouseButton::Left) => MouseKind::Press,
                MouseEventKind::Drag(MouseButton::Left) => MouseKind::Drag,
                MouseEventKind::ScrollUp => MouseKind::WheelUp,
                MouseEventKind::ScrollDown => MouseKind::WheelDown,
                _ => return None,
            };
            Some(Input::Mouse(MouseInput {
                kind,
                x: mouse.column,
                y: mouse.row,
            }))
        }
        Event::Resize(columns, rows) => Some(Input::Resize { columns, rows }),
        Event::FocusGained | Event::FocusLost => None,
    }
}

/// The key of a press or a repeat.
fn press(event: KeyEvent) -> Option<Key> {
    match event.kind {
        KeyEventKind::Press | KeyEventKind::Repeat => name(event.code, event.modifiers),
        KeyEventKind::Release => None,
    }
}

/// A chord that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChordError {
    /// It is not understood.
    #[error(
        "keys.{context}.\"{chord}\": this is no key; write for example \"ctrl-p\", \"shift-tab\", \"f2\", \"G\""
    )]
    Unknown {
        /// The table in which it stands.
        context: String,
        /// The chord as written.
        chord: String,
    },
    /// It is several keys at once, or one that no terminal reports.
    #[error("keys.{context}.\"{chord}\": terminals do not report this key")]
    Unreportable {
        /// The table in which it stands.
        context: String,
        /// The chord as written.
        chord: String,
    },
}

/// The key that a chord of the settings means; `context` is named in errors.
pub fn canonical(context: &str, chord: &str) -> Result<Key, ChordError> {
    let unknown = || ChordError::Unknown {
        context: context.to_owned(),
        chord: chord.to_owned(),
    };
    let unreportable = || ChordError::Unreportable {
        context: context.to_owned(),
        chord: chord.to_owned(),
    };
    // The chord parser folds the case and knows ASCII alone; a lone character is itself.
    if let Some(character) = lone(chord) {
        return name(KeyCode::Char(character), KeyModifiers::NONE).ok_or_else(unreportable);
    }
    let parsed = crokey::parse(chord).map_err(|_| unknown())?;
    let crokey::OneToThree::One(mut code) = parsed.codes else {
        return Err(unreportable());
    };
    // `alt-G` means the capital letter.
    if let (KeyCode::Char(_), Some(written)) = (code, last_of(chord))
        && written.is_uppercase()
    {
        code = KeyCode::Char(written);
    }
    name(code, parsed.modifiers).ok_or_else(unreportable)
}

fn lone(text: &str) -> Option<char> {
    let mut characters = text.chars();
    let first = characters.next()?;
    characters.next().is_none().then_some(first)
}

/// The character after the last modifier.
fn last_of(chord: &str) -> Option<char> {
    let (_, base) = chord.rsplit_once('-')?;
    lone(base)
}

/// The canonical key; none for keys without a name, such as media keys.
fn name(code: KeyCode, modifiers: KeyModifiers) -> Option<Key> {
    let ctrl = modifiers.contains(KeyModifiers::CONTROL);
    let alt = modifiers.contains(KeyModifiers::ALT);
    let mut shift = modifiers.contains(KeyModifiers::SHIFT);
    let base = match code {
        KeyCode::Char(character) => {
            let character = character_of(character, ctrl, shift);
            // The character carries its own case.
            shift = shift && character == ' ' && (ctrl || alt);
            character_name(character)?
        }
        KeyCode::BackTab => {
            shift = true;
            "tab".to_owned()
        }
        other => named(other)?,
    };
    let mut name = String::new();
    for (held, prefix) in [(ctrl, "ctrl-"), (alt, "alt-"), (shift, "shift-")] {
        if held {
            name.push_str(prefix);
        }
    }
    Some(Key::new(name + &base))
}

/// With Ctrl, letters have no case: terminals without the kitty protocol send none.
fn character_of(character: char, ctrl: bool, shift: bool) -> char {
    match character {
        // What terminals send for Ctrl+_ and Ctrl+/ is one code, which crossterm calls 7.
        '7' if ctrl => '_',
        _ if ctrl => character.to_ascii_lowercase(),
        _ if shift => upper(character),
        _ => character,
    }
}

fn upper(character: char) -> char {
    let mut upper = character.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(one), None) => one,
        _ => character,
    }
}

fn character_name(character: char) -> Option<String> {
    match character {
        ' ' => Some("space".to_owned()),
        character if character.is_control() => None,
        character => Some(character.to_string()),
    }
}

fn named(code: KeyCode) -> Option<String> {
    Some(match code {
        KeyCode::Enter => "enter".to_owned(),
        KeyCode::Tab => "tab".to_owned(),
        KeyCode::Backspace => "backspace".to_owned(),
        KeyCode::Delete => "delete".to_owned(),
        KeyCode::Insert => "insert".to_owned(),
        KeyCode::Esc => "esc".to_owned(),
        KeyCode::Left => "left".to_owned(),
        KeyCode::Right => "right".to_owned(),
        KeyCode::Up => "up".to_owned(),
        KeyCode::Down => "down".to_owned(),
        KeyCode::Home => "home".to_owned(),
        KeyCode::End => "end".to_owned(),
        KeyCode::PageUp => "pageup".to_owned(),
        KeyCode::PageDown => "pagedown".to_owned(),
        KeyCode::F(number) => format!("f{number}"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::action::REGISTRY;

    fn event(code: KeyCode, modifiers: KeyModifiers) -> Event {
        Event::Key(KeyEvent::new(code, modifiers))
    }

    #[test]
    fn presses_have_canonical_names() {
        use KeyModifiers as M;
        for (code, modifiers, name) in [
            (KeyCode::Char('p'), M::CONTROL, "ctrl-p"),
            (KeyCode::Char('P'), M::CONTROL | M::SHIFT, "ctrl-p"),
            (KeyCode::Char('G'), M::SHIFT, "G"),
            (KeyCode::Char('g'), M::SHIFT, "G"),
            (KeyCode::Char('?'), M::SHIFT, "?"),
            (KeyCode::Char(' '), M::NONE, "space"),
            (KeyCode::Char('é'), M::NONE, "é"),
            (KeyCode::Char('ß'), M::SHIFT, "ß"),
            (KeyCode::BackTab, M::SHIFT, "shift-tab"),
            (KeyCode::BackTab, M::NONE, "shift-tab"),
            (KeyCode::Tab, M::SHIFT, "shift-tab"),
            (KeyCode::Enter, M::ALT, "alt-enter"),
            (KeyCode::Enter, M::SHIFT, "shift-enter"),
            (KeyCode::Backspace, M::NONE, "backspace"),
            (KeyCode::Char('h'), M::CONTROL, "ctrl-h"),
            (KeyCode::Char('7'), M::CONTROL, "ctrl-_"),
            (KeyCode::Char('-'), M::CONTROL, "ctrl--"),
            (KeyCode::Left, M::CONTROL, "ctrl-left"),
            (KeyCode::Right, M::SHIFT, "shift-right"),
            (KeyCode::PageUp, M::NONE, "pageup"),
            (KeyCode::F(4), M::NONE, "f4"),
        ] {
            let input = translate(event(code, modifiers));
            assert_eq!(
                input,
                Some(Input::Key(Key::new(name))),
                "{code:?} {modifiers:?}"
            );
        }
    }

    #[test]
    fn releases_and_nameless_keys_mean_nothing() {
        let mut release = KeyEvent::new(KeyCode::Char('a'), KeyModifiers::NONE);
        release.kind = KeyEventKind::Release;
        assert_eq!(translate(Event::Key(release)), None);
        assert_eq!(
            translate(event(KeyCode::CapsLock, KeyModifiers::NONE)),
            None
        );
        assert_eq!(translate(Event::FocusGained), None);
    }

    #[test]
    fn chords_and_presses_agree() {
        for (chord, name) in [
            ("ctrl-p", "ctrl-p"),
            ("Ctrl-P", "ctrl-p"),
            ("G", "G"),
            ("g", "g"),
            ("shift-g", "G"),
            ("alt-G", "alt-G"),
            ("alt-shift-g", "alt-G"),
            ("backtab", "shift-tab"),
            ("shift-tab", "shift-tab"),
            ("space", "space"),
            (" ", "space"),
            ("del", "delete"),
            ("-", "-"),
            ("ctrl-_", "ctrl-_"),
            ("ä", "ä"),
            ("pgup", ""),
            ("hyper-x", ""),
            ("a-b", ""),
            ("", ""),
        ] {
            let key = canonical("chat", chord);
            match (name, key) {
                ("", Err(error)) => {
                    assert!(
                        error
                            .to_string()
                            .starts_with(&format!("keys.chat.\"{chord}\": ")),
                        "{error}"
                    );
                }
                (name, key) => assert_eq!(key, Ok(Key::new(name)), "{chord}"),
            }
        }
    }

    #[test]
    fn all_default_keys_are_canonical() {
        for info in REGISTRY {
            for (context, keys) in info.keys {
                for key in *keys {
                    assert_eq!(canonical(context.name(), key), Ok(Key::new(*key)));
                }
            }
        }
    }
}
