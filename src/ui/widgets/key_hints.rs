//! Which keys do what, in one row.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;

use super::text::{put, width};
use crate::ui::theme::{Theme, ThemeRole};

/// Blank columns between two hints.
const GAP: u16 = 2;

/// A key and what it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyHint<'a> {
    /// The key.
    pub key: &'a str,
    /// What it does, in a word.
    pub word: &'a str,
}

/// Keys and what they do, the most important first; those that do not fit are left out whole.
#[derive(Debug, Clone)]
pub struct KeyHints<'a> {
    /// The hints.
    pub hints: &'a [KeyHint<'a>],
    /// The looks.
    pub theme: &'a Theme,
}

impl KeyHints<'_> {
    /// How many hints fit in so many columns.
    pub fn fitting(&self, columns: u16) -> usize {
        let mut used = 0;
        let mut fits = |hint: &&KeyHint<'_>| {
            used += width(hint.key) + 1 + width(hint.word);
            let fits = used <= columns;
            used += GAP;
            fits
        };
        self.hints.iter().take_while(|hint| fits(hint)).count()
    }
}

impl Widget for &KeyHints<'_> {
    fn render(self, area: Rect, buf: &mut Buffer) {
        let area = area.intersection(buf.area);
        let mut x = 0;
        for hint in &self.hints[..self.fitting(area.width)] {
            x = put(
                buf,
                area,
                (x, 0),
                hint.key,
                self.theme.style(ThemeRole::Key),
            ) + 1;
            x = put(
                buf,
                area,
                (x, 0),
                hint.word,
                self.theme.style(ThemeRole::KeyLabel),
            ) + GAP;
        }
    }
}
