//! Whether an answer from a file agrees with itself.

use super::node::{BeforeEnd, Turn};

impl Turn {
    /// Whether its tokens' texts and its state before the end fit its content. Answers that were
    /// made here do; a file can say anything.
    pub(super) fn is_sound(&self) -> bool {
        self.has_sound_tokens() && self.before_end.as_ref().is_none_or(|end| self.fits(end))
    }

    fn has_sound_tokens(&self) -> bool {
        let mut start = 0;
        let ascends = self.token_ends.iter().all(|end| {
            let fits = *end >= start && self.raw_text.is_char_boundary(*end);
            start = *end;
            fits
        });
        ascends && start == self.raw_text.len() && self.token_ends.len() == self.ids.len()
    }

    fn fits(&self, end: &BeforeEnd) -> bool {
        let last = end.parts.checked_sub(1).map(|last| self.parts.get(last));
        let fits_last = match (last, end.last) {
            (None, None) => true,
            (Some(Some(part)), Some((bytes, _, _))) => part.text.is_char_boundary(bytes),
            _ => false,
        };
        fits_last && end.faults <= self.faults.len()
    }
}
