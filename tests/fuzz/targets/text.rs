//! Text that may be shown, and text that a terminal would act upon.

/// Whether a character moves the cursor, begins a sequence, reorders letters or hides.
pub(super) fn is_active(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'
        )
}

/// The bytes as text, cut to `limit_bytes`.
pub(super) fn lossy(bytes: &[u8], limit_bytes: usize) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(limit_bytes)]).into_owned()
}
