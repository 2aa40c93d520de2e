//! A fingerprint of the vocabulary.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::Tokenizer;

impl Tokenizer {
    /// A hex digest of all tokens, for traces: equal where ids mean the same text.
    ///
    /// It is the SHA-256 over all ids from 0, of each: the length of its bytes as little-endian
    /// `u64`, 0 for an unused id, then the bytes. How text is cut into tokens does not enter.
    pub fn digest(&self) -> String {
        let mut hasher = Sha256::new();
        for id in (0_u32..).take(self.vocab_size()) {
            let bytes = self.token_bytes(id).unwrap_or_default();
            hasher.update((bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        }
        let digest = hasher.finalize();
        digest.iter().fold(String::new(), |mut hex, byte| {
            // Writing to a string cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }
}
