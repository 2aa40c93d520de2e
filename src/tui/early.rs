//! What comes in while the terminal is asked about itself, told apart: its answers, and typed keys.
//!
//! Keys become the events that crossterm would have made of them, so that nobody sees who read them.
//! Nothing here reads or waits.

use crossterm::event as to;
use crossterm::event::Event as TerminalEvent;
use termina::escape::csi::{Csi, Device, Keyboard};
use termina::escape::osc::{ColorOrQuery, DynamicColorNumber, Osc};
use termina::style::RgbColor;
use termina::{Event, Parser, event as from};

use crate::ui::theme::Backdrop;

/// One thing that came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    /// The person typed, pasted or clicked.
    Key(TerminalEvent),
    /// The terminal's background.
    Backdrop(Backdrop),
    /// The terminal speaks the kitty keyboard protocol.
    KittyKeys,
    /// What the terminal answers last.
    Attributes,
}

/// Takes what comes in apart, however it was cut.
#[derive(Debug, Default)]
pub(super) struct Early {
    parser: Parser,
    paste: PasteMarks,
}

impl Early {
    /// Reads on; `is_more_there` where the rest of a sequence may be waiting.
    pub(super) fn read(
        &mut self,
        bytes: &[u8],
        is_more_there: bool,
    ) -> impl Iterator<Item = Said> + use<'_> {
        self.paste.read(bytes);
        self.parser.parse(bytes, is_more_there);
        std::iter::from_fn(|| self.parser.pop()).filter_map(said)
    }

    /// Whether a paste has begun and not ended.
    pub(super) fn is_in_paste(&self) -> bool {
        self.paste.is_open
    }
}

/// Follows the marks around pasted text.
#[derive(Debug, Default)]
struct PasteMarks {
    tail: Vec<u8>,
    is_open: bool,
}

impl PasteMarks {
    const BEGIN: &[u8] = b"\x1b[200~";
    const END: &[u8] = b"\x1b[201~";

    fn read(&mut self, bytes: &[u8]) {
        self.tail.extend_from_slice(bytes);
        for window in self.tail.windows(Self::BEGIN.len()) {
            match window {
                Self::BEGIN => self.is_open = true,
                Self::END => self.is_open = false,
                _ => {}
            }
        }
        // The beginning of a mark may be all that has come of it.
        let kept = self.tail.len().saturating_sub(Self::BEGIN.len() - 1);
        self.tail.drain(..kept);
    }
}

fn said(event: Event) -> Option<Said> {
    match event {
        Event::Key(key) => Some(Said::Key(TerminalEvent::Key(key_event(key)?))),
        Event::Paste(text) => Some(Said::Key(TerminalEvent::Paste(text))),
        Event::Mouse(mouse) => Some(Said::Key(TerminalEvent::Mouse(mouse_event(mouse)))),
        Event::Osc(Osc::ChangeDynamicColors(DynamicColorNumber::TextBackgroundColor, colors)) => {
            colors.into_iter().find_map(|color| match color {
                ColorOrQuery::Color(color) => Some(Said::Backdrop(backdrop(color))),
                ColorOrQuery::Query => None,
            })
        }
        Event::Csi(Csi::Keyboard(Keyboard::ReportFlags(_))) => Some(Said::KittyKeys),
        Event::Csi(Csi::Device(Device::DeviceAttributes(()))) => Some(Said::Attributes),
        _ => None,
    }
}

/// Light or dark, by the lightness that people see: half of it is 18 % of the light.
fn backdrop(color: RgbColor) -> Backdrop {
    let linear = |channel: u8| (f64::from(channel) / 255.0).powf(2.2);
    let luminance =
        0.2126 * linear(color.red) + 0.7152 * linear(color.green) + 0.0722 * linear(color.blue);
    if luminance > 0.18 {
        Backdrop::Light
    } else {
        Backdrop::Dark
    }
}

fn key_event(key: from::KeyEvent) -> Option<to::KeyEvent> {
    let kind = match key.kind {
        from::KeyEventKind::Press => to::KeyEventKind::Press,
        from::KeyEventKind::Repeat => to::KeyEventKind::Repeat,
        from::KeyEventKind::Release => to::KeyEventKind::Release,
    };
    let code = key_code(key.code)?;
    Some(to::KeyEvent::new_with_kind(
        code,
        modifiers(key.modifiers),
        kind,
    ))
}

/// The keys that have a meaning in this program.
fn key_code(code: from::KeyCode) -> Option<to::KeyCode> {
    use from::KeyCode as From;
    use to::KeyCode as To;
    Some(match code {
        From::Char(character) => To::Char(character),
        From::Enter => To::Enter,
        From::Backspace => To::Backspace,
        From::Tab => To::Tab,
        From::BackTab => To::BackTab,
        From::Escape => To::Esc,
        From::Left => To::Left,
        From::Right => To::Right,
        From::Up => To::Up,
        From::Down => To::Down,
        From::Home => To::Home,
        From::End => To::End,
        From::PageUp => To::PageUp,
        From::PageDown => To::PageDown,
        From::Insert => To::Insert,
        From::Delete => To::Delete,
        From::Function(number) => To::F(number),
        _ => return None,
    })
}

fn modifiers(held: from::Modifiers) -> to::KeyModifiers {
    let mut modifiers = to::KeyModifiers::NONE;
    for (from, to) in [
        (from::Modifiers::SHIFT, to::KeyModifiers::SHIFT),
        (from::Modifiers::ALT, to::KeyModifiers::ALT),
        (from::Modifiers::CONTROL, to::KeyModifiers::CONTROL),
        (from::Modifiers::SUPER, to::KeyModifiers::SUPER),
    ] {
        modifiers.set(to, held.contains(from));
    }
    modifiers
}

fn mouse_event(mouse: from::MouseEvent) -> to::MouseEvent {
    use from::MouseEventKind as From;
    use to::MouseEventKind as To;
    let kind = match mouse.kind {
        From::Down(button) => To::Down(mouse_button(button)),
        From::Up(button) => To::Up(mouse_button(button)),
        From::Drag(button) => To::Drag(mouse_button(button)),
        From::Moved => To::Moved,
        From::ScrollDown => To::ScrollDown,
        From::ScrollUp => To::ScrollUp,
        From::ScrollLeft => To::ScrollLeft,
        From::ScrollRight => To::ScrollRight,
    };
    to::MouseEvent {
        kind,
        column: mouse.column,
        row: mouse.row,
        modifiers: modifiers(mouse.modifiers),
    }
}

fn mouse_button(button: from::MouseButton) -> to::MouseButton {
    match button {
        from::MouseButton::Left => to::MouseButton::Left,
        from::MouseButton::Right => to::MouseButton::Right,
        from::MouseButton::Middle => to::MouseButton::Middle,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{Input, Key};
    use crate::tui::translate;

    const ANSWERS: &str = "\u{1b}]11;rgb:ffff/ffff/ffff\u{1b}\\\u{1b}[?1u\u{1b}[?62;22c";

    /// All that is said, read in pieces of `size` bytes.
    fn all(text: &str, size: usize) -> Vec<Said> {
        let mut early = Early::default();
        let mut all = Vec::new();
        for piece in text.as_bytes().chunks(size) {
            all.extend(early.read(piece, true));
        }
        all
    }

    /// The name that a typed key has in the program.
    fn name(said: &Said) -> Option<String> {
        match said {
            Said::Key(event) => match translate(event.clone())? {
                Input::Key(key) => Some(format!("{key}")),
                Input::Paste(text) => Some(format!("paste {text}")),
                Input::Mouse(mouse) => Some(format!("{:?}", mouse.kind)),
                Input::Resize { .. } => None,
            },
            _ => None,
        }
    }

    #[test]
    fn answers_and_keys_are_told_apart_however_they_are_cut() {
        let text = format!("h\u{e9}{ANSWERS}i\r");
        for size in [1, 2, 3, 5, 7, 1000] {
            let all = all(&text, size);
            let names: Vec<_> = all.iter().filter_map(name).collect();
            assert_eq!(names, ["h", "é", "i", "enter"], "pieces of {size}");
            for wanted in [
                Said::Backdrop(Backdrop::Light),
                Said::KittyKeys,
                Said::Attributes,
            ] {
                assert!(all.contains(&wanted), "{wanted:?}, pieces of {size}");
            }
        }
    }

    #[test]
    fn typed_keys_have_their_names() {
        for (typed, expected) in [
            ("G", "G"),
            ("漢", "漢"),
            ("\u{3}", "ctrl-c"),
            ("\u{1f}", "ctrl-_"),
            ("\u{7f}", "backspace"),
            ("\t", "tab"),
            ("\u{1b}[Z", "shift-tab"),
            ("\u{1b}x", "alt-x"),
            ("\u{1b}[A", "up"),
            ("\u{1b}[1;5D", "ctrl-left"),
            ("\u{1b}[5~", "pageup"),
            ("\u{1b}[3~", "delete"),
            ("\u{1b}OP", "f1"),
            ("\u{1b}[15~", "f5"),
            ("\u{1b}[200~two\nlines\u{1b}[201~", "paste two\nlines"),
            ("\u{1b}[<64;3;4M", "WheelUp"),
        ] {
            let names: Vec<_> = all(typed, 1000).iter().filter_map(name).collect();
            assert_eq!(names, [expected], "{typed:?}");
        }
        let mut early = Early::default();
        let escape: Vec<_> = early.read(b"\x1b", false).collect();
        assert_eq!(escape.iter().filter_map(name).collect::<Vec<_>>(), ["esc"]);
    }

    #[test]
    fn backgrounds_are_light_or_dark_as_people_see_them() {
        for (color, expected) in [
            ("0000/0000/0000", Backdrop::Dark),
            ("2828/2c2c/3434", Backdrop::Dark),
            ("0000/2b2b/3636", Backdrop::Dark),
            ("fdfd/f6f6/e3e3", Backdrop::Light),
            ("8080/8080/8080", Backdrop::Light),
            ("ffff/ffff/ffff", Backdrop::Light),
        ] {
            let answer = format!("\u{1b}]11;rgb:{color}\u{7}");
            assert_eq!(all(&answer, 1000), [Said::Backdrop(expected)], "{color}");
        }
    }

    #[test]
    fn a_paste_is_open_between_its_marks() {
        let mut early = Early::default();
        for (piece, is_open) in [
            ("a\u{1b}[20", false),
            ("0~text", true),
            ("more\u{1b}[201", true),
            ("~b", false),
        ] {
            let _ = early.read(piece.as_bytes(), true).count();
            assert_eq!(early.is_in_paste(), is_open, "{piece:?}");
        }
    }

    #[test]
    fn keys_are_not_taken_for_answers() {
        assert_eq!(
            all("c?u", 1000).iter().filter_map(name).collect::<Vec<_>>(),
            ["c", "?", "u"]
        );
        assert_eq!(Key::new("c").to_string(), "c");
    }
}
