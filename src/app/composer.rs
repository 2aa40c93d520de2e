//! The text being written: a message, an edit, or one of the framing messages.
//!
//! The one place of `app` that names a terminal crate: the text area brings wrapping, undo and
//! grapheme-wise movement, and it is a plain value (docs/decisions/0010).

use std::ops::Range;

use ratatui_textarea::{CursorMove, TextArea, WrapMode};

use super::action::Action;
use super::viewport::ComposerViewport;
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
    /// What is sent in place of the oldest turns.
    Summary,
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

    /// The area with its cursor at the end.
    pub fn area_at_end(&self) -> TextArea<'static> {
        let mut area = self.area.clone();
        area.move_cursor(CursorMove::Bottom);
        area.move_cursor(CursorMove::End);
        area
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

    /// Empties the text; undoing brings it back, pastes included.
    pub fn clear(&mut self) {
        self.area.select_all();
        self.area.cut();
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

    /// The cursor's line and column.
    pub fn cursor(&self) -> (usize, usize) {
        let cursor = self.area.cursor();
        (cursor.0, cursor.1)
    }

    /// Characters of the cursor's line.
    pub fn line_len(&self) -> usize {
        line_len(&self.area)
    }

    /// Moves the cursor to a line and a column.
    pub fn go_to(&mut self, (row, column): (usize, usize)) {
        let [row, column] = [row, column].map(|place| u16::try_from(place).unwrap_or(u16::MAX));
        self.area.move_cursor(CursorMove::Jump(row, column));
        self.leave_chip();
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
        match action {
            Action::DeleteBack | Action::DeleteWord if self.cut_chip(Side::Before) => return true,
            Action::DeleteForward if self.cut_chip(Side::After) => return true,
            Action::CursorLeft | Action::WordLeft if self.pass_chip(Side::Before) => return true,
            Action::CursorRight | Action::WordRight if self.pass_chip(Side::After) => return true,
            _ => {}
        }
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
        self.leave_chip();
        true
    }

    /// The chips in the cursor's line, as columns.
    fn chips_here(&self) -> Vec<Range<usize>> {
        let line = self.area.lines().get(self.area.cursor().0);
        let chips = self.pastes.iter().filter_map(move |paste| {
            let start = line?[..line?.find(&paste.chip)?].chars().count();
            Some(start..start + paste.chip.chars().count())
        });
        chips.collect()
    }

    /// The chip that ends or begins at the cursor.
    fn chip_beside(&self, side: Side) -> Option<Range<usize>> {
        let column = self.area.cursor().1;
        self.chips_here().into_iter().find(|chip| match side {
            Side::Before => chip.end == column,
            Side::After => chip.start == column,
        })
    }

    /// Deletes a whole chip beside the cursor: half of one would stand for nothing.
    fn cut_chip(&mut self, side: Side) -> bool {
        let Some(chip) = self.chip_beside(side) else {
            return false;
        };
        self.go_to((self.area.cursor().0, chip.start));
        self.area.delete_str(chip.len())
    }

    /// Moves over a whole chip beside the cursor.
    fn pass_chip(&mut self, side: Side) -> bool {
        let Some(chip) = self.chip_beside(side) else {
            return false;
        };
        let column = match side {
            Side::Before => chip.start,
            Side::After => chip.end,
        };
        self.go_to((self.area.cursor().0, column));
        true
    }

    /// Moves behind the chip that the cursor is within.
    fn leave_chip(&mut self) {
        let column = self.area.cursor().1;
        let within = |chip: &Range<usize>| chip.start < column && column < chip.end;
        if let Some(chip) = self.chips_here().into_iter().find(within) {
            self.go_to((self.area.cursor().0, chip.end));
        }
    }
}

/// A side of the cursor.
#[derive(Debug, Clone, Copy)]
enum Side {
    Before,
    After,
}

/// Where a row up and a row down lie in an area that was drawn.
pub fn steps(mut area: TextArea<'static>) -> ComposerViewport {
    let line_len = line_len(&area);
    let cursor = area.cursor();
    let mut step = |to, back| {
        area.move_cursor(to);
        let found = area.cursor();
        area.move_cursor(back);
        (found != cursor).then_some((found.0, found.1))
    };
    ComposerViewport {
        cursor: (cursor.0, cursor.1),
        line_len,
        up: step(
            CursorMove::Up,
            CursorMove::Jump(cursor.0 as u16, cursor.1 as u16),
        ),
        down: step(
            CursorMove::Down,
            CursorMove::Jump(cursor.0 as u16, cursor.1 as u16),
        ),
    }
}

fn line_len(area: &TextArea<'static>) -> usize {
    let line = area.lines().get(area.cursor().0);
    line.map_or(0, |line| line.chars().count())
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
    fn a_chip_is_deleted_and_passed_as_a_whole() {
        let mut composer = Composer::default();
        let long = "line\n".repeat(20);
        composer.insert('x');
        composer.paste(&long);
        composer.insert('y');
        composer.edit(Action::CursorLeft);
        composer.edit(Action::CursorLeft);
        composer.insert('z');
        assert_eq!(composer.text(), format!("xz{long}y"));
        composer.edit(Action::CursorRight);
        composer.edit(Action::DeleteBack);
        assert_eq!(composer.text(), "xzy");
        composer.edit(Action::Undo);
        assert_eq!(composer.text(), format!("xz{long}y"));
        composer.edit(Action::LineStart);
        composer.edit(Action::CursorRight);
        composer.edit(Action::CursorRight);
        composer.edit(Action::DeleteForward);
        assert_eq!(composer.text(), "xzy");
    }

    #[test]
    fn what_was_cleared_comes_back() {
        let mut composer = Composer::default();
        let long = "line\n".repeat(20);
        composer.insert('x');
        composer.paste(&long);
        composer.clear();
        assert!(composer.is_blank() && composer.text().is_empty());
        composer.edit(Action::Undo);
        assert_eq!(composer.text(), format!("x{long}"));
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
