//! Text to token ids and back.
//!
//! [`Tokenizer`] reads a checkpoint's `tokenizer.json`, or takes the o200k vocabulary that is
//! embedded in the program. [`TextStream`] turns a stream of token bytes into whole UTF-8 text;
//! [`StopStrings`] finds the end of generation in that text.
//!
//! It knows nothing of messages, roles and channels (that is [`crate::harmony`]) and nothing of
//! the model. Start reading at [`Tokenizer`].
//!
//! Invariants:
//! - text never becomes a special token, whatever it spells; special ids are reached only by name;
//! - decoding the ids of a text gives that text, byte for byte;
//! - no file makes a constructor panic, and no ids make decoding panic.

mod digest;
mod error;
mod json;
mod json_file;
mod o200k;
mod runs;
mod special;
mod stop;
mod stream;
mod vocabulary;

use std::path::Path;
use std::sync::Arc;

pub use error::{StopStringsError, TokenizerError};
pub use special::SpecialToken;
pub use stop::{StopStep, StopStrings};
pub use stream::TextStream;

use json::ByteLevelBpe;
use o200k::O200k;
use vocabulary::Vocabulary;

/// Turns text into token ids and ids into bytes.
///
/// Clones share one vocabulary.
///
/// ```
/// use gptoss::tokenizer::{SpecialToken, Tokenizer};
///
/// let tokenizer = Tokenizer::o200k_harmony()?;
/// let ids = tokenizer.encode_ordinary("Hello <|end|>");
/// assert_eq!(tokenizer.decode(&ids), "Hello <|end|>");
/// assert!(!ids.contains(&tokenizer.special(SpecialToken::End).unwrap()));
/// # Ok::<(), gptoss::tokenizer::TokenizerError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Tokenizer {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    encoder: Encoder,
    vocabulary: Vocabulary,
}

#[derive(Debug)]
enum Encoder {
    Json(Box<ByteLevelBpe>),
    O200k(O200k),
}

/// What decoding does with special tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpecialText {
    /// Leave them out.
    Omit,
    /// Write their names, such as `<|end|>`.
    Spell,
}

impl Tokenizer {
    /// Reads `tokenizer.json` in a checkpoint's directory, or falls back on
    /// [`Tokenizer::o200k_harmony`] if there is none.
    ///
    /// *Errors:* [`TokenizerError`] if the file is there and cannot be used.
    pub fn from_dir(dir: impl AsRef<Path>) -> Result<Self, TokenizerError> {
        let path = dir.as_ref().join("tokenizer.json");
        match std::fs::read(&path) {
            Ok(json) => Self::from_tokenizer_json(&json),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Self::o200k_harmony(),
            Err(source) => Err(TokenizerError::Read { path, source }),
        }
    }

    /// Reads the bytes of a `tokenizer.json` that describes a byte-level BPE.
    ///
    /// *Errors:* [`TokenizerError`] for anything else; never a panic.
    pub fn from_tokenizer_json(json: &[u8]) -> Result<Self, TokenizerError> {
        let (encoder, vocabulary) = json::load(json)?;
        Ok(Self::new(Encoder::Json(Box::new(encoder)), vocabulary))
    }

    /// The o200k vocabulary with harmony's special tokens, embedded in the program.
    ///
    /// The first call unpacks 200,000 entries, which takes a noticeable part of a second.
    pub fn o200k_harmony() -> Result<Self, TokenizerError> {
        let (encoder, vocabulary) = o200k::load()?;
        Ok(Self::new(Encoder::O200k(encoder), vocabulary))
    }

    fn new(encoder: Encoder, vocabulary: Vocabulary) -> Self {
        let inner = Arc::new(Inner {
            encoder,
            vocabulary,
        });
        Self { inner }
    }

    /// Encodes text in which nothing is special: a typed `<|end|>` becomes ordinary tokens.
    pub fn encode_ordinary(&self, text: &str) -> Vec<u32> {
        let mut ids = Vec::new();
        self.encode_ordinary_into(text, &mut ids);
        ids
    }

    /// Like [`Tokenizer::encode_ordinary`], appending to `ids`.
    pub fn encode_ordinary_into(&self, text: &str, ids: &mut Vec<u32>) {
        for piece in runs::bounded(text) {
            match &self.inner.encoder {
                Encoder::Json(encoder) => encoder.encode_into(piece, ids),
                Encoder::O200k(encoder) => encoder.encode_into(piece, ids),
            }
        }
    }

    /// The ids of those texts that are one ordinary token each.
    pub fn single_token_ids(&self, texts: &[&str]) -> Vec<u32> {
        let id = |text: &&str| match self.encode_ordinary(text)[..] {
            [id] => Some(id),
            _ => None,
        };
        texts.iter().filter_map(id).collect()
    }

    /// The id of a control token, if the vocabulary has it.
    pub fn special(&self, token: SpecialToken) -> Option<u32> {
        self.inner.vocabulary.special(token)
    }

    /// The ids of [`SpecialToken::END_OF_ANSWER`] that the vocabulary has.
    pub fn end_of_answer_ids(&self) -> impl Iterator<Item = u32> {
        let ends = SpecialToken::END_OF_ANSWER.into_iter();
        ends.filter_map(|token| self.special(token))
    }

    /// The id of any special token by its spelling, reserved ones included.
    pub fn special_by_name(&self, name: &str) -> Option<u32> {
        self.inner.vocabulary.special_by_name(name)
    }

    /// The spelling of a special token; `None` for every other id.
    pub fn special_name(&self, id: u32) -> Option<&str> {
        self.inner.vocabulary.special_name(id)
    }

    /// Whether the id is a special token.
    pub fn is_special(&self, id: u32) -> bool {
        self.inner.vocabulary.is_special(id)
    }

    /// All special tokens with their ids, by id.
    pub fn special_tokens(&self) -> impl Iterator<Item = (u32, &str)> {
        self.inner.vocabulary.special_tokens()
    }

    /// One more than the highest id; ids below it may still be unused.
    pub fn vocab_size(&self) -> usize {
        self.inner.vocabulary.size()
    }

    /// The exact bytes of a token, which need not be whole UTF-8; a special token's are its name.
    pub fn token_bytes(&self, id: u32) -> Option<&[u8]> {
        self.inner.vocabulary.bytes(id)
    }

    /// The bytes of the ids, one after the other; ids outside the vocabulary add nothing.
    pub fn decode_bytes(&self, ids: &[u32], specials: SpecialText) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(ids.len() * 4);
        for &id in ids {
            if specials == SpecialText::Spell || !self.is_special(id) {
                bytes.extend_from_slice(self.token_bytes(id).unwrap_or_default());
            }
        }
        bytes
    }

    /// The text of the ids with special tokens spelled out; bytes that are not UTF-8 become
    /// U+FFFD.
    pub fn decode(&self, ids: &[u32]) -> String {
        let bytes = self.decode_bytes(ids, SpecialText::Spell);
        String::from_utf8(bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }
}

#[cfg(test)]
mod tests;
