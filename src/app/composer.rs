//! The text being written: a message, an edit, or one of the framing messages.
//!
//! The one place of `app` that names a terminal crate: the text area brings wrapping, undo and
//! grapheme-wise movement, and it is a plain value (docs/decisions/0010).

use ratatui_textarea::{CursorMove, TextArea, WrapMode};

use super::action::Action;
use crate::session::NodeId;

/// Pastes from this many lines or characters on are shown as one chip.
const CHIP_LINES: usize = 12;
const CHIP_CHARACTERS: usize = 2000;

/// What becomes of the text when it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Target {
    /// A new message at the end.
    #[default]
    Message,
    /// Another message beside an earlier one of the user's.
    EditUser(NodeId),
    /// Another answer beside an earlier one, with this text.
    EditAnswer(NodeId),
    /// The result of a tool that the model called.
    ToolResult {
        /// The answer that called.
        call: NodeId,
        /// The tool's full name.
        name: String,
    },
    /// The system message's first line.
    Identity,
    /// The developer message's instructions.
    Instructions,
}

/// A text area with a target.
#[derive(Debug, Clone)]
pub struct Composer {
    area: TextArea<'static>,
    target: Target,
    /// Large pastes, in the order of their chips.
    pastes: Vec<Paste>,
    /// The message's draft while something else is being edited.
    put_aside: Option<String>,
}

#[derive(Debug, Clone)]
struct Paste {
    chip: String,
    text: String,
}

impl Default for Composer {
    fn default() -> Self {
        Self {
            area: new_area(""),
            target: Target::Message,
            pastes: Vec::new(),
            put_aside: None,
        }
    }
}

impl Composer {
    /// What the text is for.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The area, for drawing.
    pub fn area(&self) -> &TextArea<'static> {
        &self.area
    }

    /// The whole text, with pastes in place of their chips.
    pub fn text(&self) -> String {
        let mut text = self.area.lines().join("\n");
        for paste in &self.pastes {
            text = text.replacen(&paste.chip, &paste.text, 1);
        }
        text
    }

    /// Whether there is nothing but white space.
    pub fn is_blank(&self) -> bool {
        self.area.lines().iter().all(|line| line.trim().is_empty())
    }

    /// The number of lines, chips counted as one.
    pub fn num_lines(&self) -> usize {
        self.area.lines().len()
    }

    /// Puts `text` in place of what is there, with the cursor at its end.
    pub fn set_text(&mut self, text: &str) {
        self.pastes.clear();
        self.area = new_area(text);
        self.area.move_cursor(CursorMove::Bottom);
        self.area.move_cursor(CursorMove::End);
    }

    /// Takes the text away.
    pub fn take(&mut self) -> String {
        let text = self.text();
        self.set_text("");
        text
    }

    /// Begins to write for another target; the message's draft is put aside.
    pub fn begin(&mut self, target: Target, text: &str) {
        if self.target == Target::Message && target != Target::Message {
            self.put_aside = Some(self.text());
        }
        self.target = target;
        self.set_text(text);
    }

    /// Ends writing for another target and brings the message's draft back.
    pub fn end(&mut self) {
        self.target = Target::Message;
        let draft = self.put_aside.take().unwrap_or_default();
        self.set_text(&draft);
    }

    /// The message's draft, also while something else is being edited.
    pub fn draft(&self) -> String {
        match &self.put_aside {
            Some(draft) => draft.clone(),
            None => self.text(),
        }
    }

    /// Inserts typed text.
    pub fn insert(&mut self, character: char) {
        self.area.insert_char(character);
    }

    /// Inserts pasted text; a long one becomes a chip.
    pub fn paste(&mut self, text: &str) {
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        let lines = text.lines().count();
        if lines < CHIP_LINES && text.len() < CHIP_CHARACTERS {
            self.area.insert_str(&text);
            return;
        }
        let number = self.pastes.len() + 1;
        let chip = format!(
            "[paste {number}: {lines} lines, {} characters]",
            text.chars().count()
        );
        self.area.insert_str(&chip);
        self.pastes.push(Paste { chip, text });
    }

    /// Whether the cursor is in the first line.
    pub fn is_at_first_line(&self) -> bool {
        self.area.cursor().0 == 0
    }

    /// Whether the cursor is in the last line.
    pub fn is_at_last_line(&self) -> bool {
        self.area.cursor().0 + 1 >= self.area.lines().len()
    }

    /// Edits or moves as the action says; false where it is no editing action.
    pub fn edit(&mut self, action: Action) -> bool {
        let area = &mut self.area;
        let mut go = |to| area.move_cursor(to);
        match action {
            Action::CursorUp => go(CursorMove::Up),
            Action::CursorDown => go(CursorMove::Down),
            Action::CursorLeft => go(CursorMove::Back),
            Action::CursorRight => go(CursorMove::Forward),
            Action::WordLeft => go(CursorMove::WordBack),
            Action::WordRight => go(CursorMove::WordForward),
            Action::LineStart => go(CursorMove::Head),
            Action::LineEnd => go(CursorMove::End),
            Action::Newline => area.insert_newline(),
            Action::DeleteBack => drop(area.delete_char()),
            Action::DeleteForward => drop(area.delete_next_char()),
            Action::DeleteWord => drop(area.delete_word()),
            Action::DeleteToEnd => drop(area.delete_line_by_end()),
            Action::DeleteToStart => drop(area.delete_line_by_head()),
            Action::Undo => drop(area.undo()),
            Action::Redo => drop(area.redo()),
            _ => return false,
        }
        true
    }
}

fn new_area(text: &str) -> TextArea<'static> {
    let lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
    let mut area = TextArea::new(lines);
    area.set_wrap_mode(WrapMode::WordOrGlyph);
    area
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_paste_is_one_chip_and_is_sent_in_full() {
        let mut composer = Composer::default();
        let long = "line\n".repeat(500);
        composer.insert('x');
        composer.paste(&long);
        composer.insert('y');
        assert_eq!(composer.num_lines(), 1);
        assert_eq!(composer.take(), format!("x{long}y"));
        assert!(composer.is_blank());
    }

    #[test]
    fn an_edit_puts_the_draft_aside_and_brings_it_back() {
        let mut composer = Composer::default();
        composer.set_text("draft");
        composer.begin(Target::Instructions, "Talk like a pirate.");
        assert_eq!(
            (composer.text().as_str(), composer.draft().as_str()),
            ("Talk like a pirate.", "draft")
        );
        composer.end();
        assert_eq!(composer.text(), "draft");
    }

    #[test]
    fn editing_keys_keep_their_sense() {
        let mut composer = Composer::default();
        composer.set_text("two words");
        composer.edit(Action::DeleteWord);
        assert_eq!(composer.text(), "two ");
        composer.edit(Action::Undo);
        assert_eq!(composer.text(), "two words");
        composer.edit(Action::LineStart);
        composer.edit(Action::DeleteToEnd);
        assert!(composer.is_blank());
        assert!(!composer.edit(Action::Send));
    }
}
