//! From an answer's tokens to its pieces of text.

/// How tokens become text.
#[derive(Debug)]
pub(crate) enum Decoder {
    /// Not at all: there is no tokenizer.
    Ids,
}

/// Text that a token completed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    /// The channel it belongs to; `None` without harmony.
    pub(crate) channel: Option<String>,
    /// The text.
    pub(crate) text: String,
}

impl Decoder {
    /// Whether tokens become text.
    pub(crate) fn has_text(&self) -> bool {
        !matches!(self, Self::Ids)
    }

    /// Takes the next token.
    pub(crate) fn push(&mut self, _id: u32) -> Vec<Piece> {
        Vec::new()
    }

    /// What was waiting for more.
    pub(crate) fn finish(&mut self) -> Vec<Piece> {
        Vec::new()
    }
}
