//! Token bytes in, whole UTF-8 text out.

/// Holds back the bytes of a character until all of them have come.
///
/// Bytes that can never become UTF-8 turn into U+FFFD, one for each maximal broken part, exactly
/// as [`String::from_utf8_lossy`] does with the whole text: how the bytes are cut into pushes
/// makes no difference to the text.
///
/// ```
/// use gptoss::tokenizer::TextStream;
///
/// let mut stream = TextStream::new();
/// assert_eq!(stream.push("né".as_bytes().split_last().unwrap().1), "n");
/// assert_eq!(stream.push(&[0xA9]), "é");
/// assert_eq!(stream.finish(), "");
/// ```
#[derive(Debug, Clone, Default)]
pub struct TextStream {
    /// The beginning of a character: at most three bytes between pushes.
    held: Vec<u8>,
}

impl TextStream {
    /// An empty stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds bytes and returns the text that is complete by now.
    pub fn push(&mut self, bytes: &[u8]) -> String {
        if self.held.is_empty()
            && let Ok(text) = std::str::from_utf8(bytes)
        {
            return text.to_owned();
        }
        self.held.extend_from_slice(bytes);
        let keep = incomplete_tail(&self.held);
        let tail = self.held.split_off(self.held.len() - keep);
        let whole = std::mem::replace(&mut self.held, tail);
        String::from_utf8_lossy(&whole).into_owned()
    }

    /// Whether a character is waiting for its remaining bytes.
    pub fn is_pending(&self) -> bool {
        !self.held.is_empty()
    }

    /// Returns what is held as U+FFFD and starts afresh.
    pub fn finish(&mut self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.held)).into_owned()
    }
}

/// The length of the last character if more bytes could still complete it, else 0.
fn incomplete_tail(bytes: &[u8]) -> usize {
    // A character's first byte is at most three before the end of its incomplete part.
    for length in 1..=bytes.len().min(3) {
        let tail = &bytes[bytes.len() - length..];
        if tail[0] & 0b1100_0000 == 0b1000_0000 {
            continue;
        }
        return match std::str::from_utf8(tail) {
            Err(error) if error.valid_up_to() == 0 && error.error_len().is_none() => length,
            _ => 0,
        };
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_chunks(bytes: &[u8], size: usize) -> String {
        let mut stream = TextStream::new();
        let mut text = String::new();
        for chunk in bytes.chunks(size) {
            text += &stream.push(chunk);
        }
        text + &stream.finish()
    }

    #[test]
    fn text_does_not_depend_on_the_cuts() {
        let cases: [&[u8]; 8] = [
            "plain".as_bytes(),
            "né 你好 👩‍👩‍👧 🏳️‍🌈".as_bytes(),
            b"\xFF\xFEab",
            b"\xE4\xBD",
            b"\xE4\xBDx\xA0",
            b"\xF0\x9F\x91\xF0\x9F\x91\xA9",
            b"\xF8\x88\x80\x80\x80",
            b"\xED\xA0\x80\xC0\x80",
        ];
        for bytes in cases {
            for size in 1..=5 {
                assert_eq!(
                    in_chunks(bytes, size),
                    String::from_utf8_lossy(bytes),
                    "{bytes:x?} by {size}"
                );
            }
        }
    }

    #[test]
    fn an_incomplete_character_is_held_until_the_end() {
        let mut stream = TextStream::new();
        assert_eq!(stream.push(b"a\xF0\x9F\x91"), "a");
        assert!(stream.is_pending());
        assert_eq!(stream.finish(), "\u{FFFD}");
        assert!(!stream.is_pending());
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_by_any_cut_equal_the_lossy_whole(
            bytes in proptest::collection::vec(
                proptest::prelude::prop_oneof![
                    proptest::prelude::any::<u8>(), 0x80..0xC0_u8, 0xE0..0xF5_u8
                ], 0..40),
            size in 1..6_usize,
        ) {
            proptest::prop_assert_eq!(in_chunks(&bytes, size), String::from_utf8_lossy(&bytes));
        }
    }
}
