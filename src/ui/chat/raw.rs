//! The harmony tokens as they are, control tokens told apart.

use std::borrow::Cow;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use crate::ui::markdown::{RenderedLine, RenderedSpan, Role};
use crate::ui::sanitize::sanitize;

/// A token's text.
#[derive(Debug, Clone)]
pub(super) struct RawToken<'a> {
    pub(super) text: Cow<'a, str>,
}

impl<'a> RawToken<'a> {
    pub(super) fn new(text: impl Into<Cow<'a, str>>) -> Self {
        Self { text: text.into() }
    }

    fn is_control(&self) -> bool {
        self.text.starts_with("<|") && self.text.ends_with("|>")
    }
}

/// Tokens in rows, broken at the edge. Control tokens are the spans without a source; the others'
/// source is the token's number.
#[derive(Debug, Default)]
pub(super) struct RawText {
    width: usize,
    num_tokens: usize,
    rows: Vec<RenderedLine>,
    columns: usize,
}

impl RawText {
    /// Takes tokens over; where there are only more of them, the cost is that of the new ones.
    pub(super) fn set<'a>(
        &mut self,
        tokens: impl ExactSizeIterator<Item = RawToken<'a>>,
        width: u16,
    ) {
        let width = usize::from(width.max(1));
        if width != self.width || tokens.len() < self.num_tokens {
            *self = Self {
                width,
                rows: vec![RenderedLine::default()],
                ..Self::default()
            };
        }
        for token in tokens.skip(self.num_tokens) {
            self.push(&token);
        }
    }

    pub(super) fn lines(&self) -> &[RenderedLine] {
        &self.rows
    }

    fn push(&mut self, token: &RawToken<'_>) {
        let source = (!token.is_control()).then_some(self.num_tokens..self.num_tokens + 1);
        let mut piece = String::new();
        let mut piece_width = 0;
        for grapheme in token.text.graphemes(true) {
            if grapheme == "\n" {
                self.place(&mut piece, &mut piece_width, source.clone());
                self.break_row();
                continue;
            }
            let shown = if grapheme == "\t" {
                Cow::Borrowed("    ")
            } else {
                sanitize(grapheme)
            };
            if self.columns + piece_width + shown.width() > self.width {
                self.place(&mut piece, &mut piece_width, source.clone());
                self.break_row();
            }
            piece_width += shown.width();
            piece.push_str(&shown);
        }
        self.place(&mut piece, &mut piece_width, source);
        self.num_tokens += 1;
    }

    fn place(
        &mut self,
        piece: &mut String,
        width: &mut usize,
        source: Option<std::ops::Range<usize>>,
    ) {
        if let (false, Some(row)) = (piece.is_empty(), self.rows.last_mut()) {
            row.spans.push(RenderedSpan {
                text: std::mem::take(piece).into(),
                role: Role::Text,
                width: *width as u16,
                source,
            });
            self.columns += *width;
        }
        *width = 0;
    }

    fn break_row(&mut self) {
        self.rows.push(RenderedLine::default());
        self.columns = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_fill_rows_and_growing_gives_the_same() {
        let tokens = [
            "<|channel|>",
            "final",
            "<|message|>",
            "Hello,",
            " you\nthere",
        ];
        let raw = || tokens.iter().map(|text| RawToken::new(*text));
        let mut whole = RawText::default();
        whole.set(raw(), 12);
        let mut growing = RawText::default();
        for count in 0..=tokens.len() {
            growing.set(tokens[..count].iter().map(|text| RawToken::new(*text)), 12);
        }
        let texts = |raw: &RawText| {
            raw.lines()
                .iter()
                .map(RenderedLine::text)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            texts(&whole),
            ["<|channel|>f", "inal<|messag", "e|>Hello, yo", "u", "there"]
        );
        assert_eq!(texts(&growing), texts(&whole));
        assert!(
            whole.lines()[0].spans[0].source.is_none(),
            "a control token"
        );
    }
}
