//! The embedded o200k vocabulary, for checkpoints without a `tokenizer.json`.

use std::fmt;

use tiktoken_rs::CoreBPE;

use super::TokenizerError;
use super::vocabulary::Vocabulary;

/// Ids below this are ordinary tokens; the special ones follow without a gap.
const FIRST_SPECIAL: u32 = 199_998;
/// `<|reserved_201087|>`.
const LAST_SPECIAL: u32 = 201_087;

/// The encoder; it is shared by every tokenizer of the process.
pub(super) struct O200k {
    bpe: &'static CoreBPE,
}

impl fmt::Debug for O200k {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("O200k").finish_non_exhaustive()
    }
}

/// Unpacks the vocabulary (once per process) and tabulates its bytes.
pub(super) fn load() -> Result<(O200k, Vocabulary), TokenizerError> {
    let bpe = tiktoken_rs::o200k_harmony_singleton();
    let mut vocabulary = Vocabulary::default();
    for id in 0..=LAST_SPECIAL {
        let bytes = bpe.decode_bytes(&[id]).map_err(embedded)?;
        let is_new = if id < FIRST_SPECIAL {
            vocabulary.add_ordinary(id, &bytes)
        } else {
            vocabulary.add_special(id, std::str::from_utf8(&bytes).map_err(embedded)?)
        };
        if !is_new {
            return Err(embedded(format!("token {id} occurs twice")));
        }
    }
    Ok((O200k { bpe }, vocabulary))
}

impl O200k {
    pub(super) fn encode_into(&self, text: &str, ids: &mut Vec<u32>) {
        ids.extend(self.bpe.encode_ordinary(text));
    }
}

fn embedded(reason: impl fmt::Display) -> TokenizerError {
    TokenizerError::Embedded {
        reason: reason.to_string(),
    }
}
