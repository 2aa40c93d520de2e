//! What can go wrong when a tokenizer is read or a stop string is given.

use std::path::PathBuf;

/// Why a tokenizer could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenizerError {
    /// `tokenizer.json` is there but cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// The file is not JSON of the shape of a `tokenizer.json`.
    #[error("tokenizer.json is not a valid tokenizer description: {source}")]
    Json {
        /// Where and what, as the JSON reader says it.
        #[source]
        source: serde_json::Error,
    },
    /// The file describes a tokenizer that this program does not compute.
    #[error("tokenizer.json: `{field}` is {found}, expected {expected}")]
    Unsupported {
        /// The field's path inside the file.
        field: String,
        /// What the field holds.
        found: String,
        /// What a gpt-oss tokenizer holds there.
        expected: &'static str,
    },
    /// The entries contradict each other.
    #[error("tokenizer.json: {what}")]
    Inconsistent {
        /// Which entries, and how.
        what: String,
    },
    /// The tokenizer knows ids that the model has no embedding for.
    #[error("{origin} has {num_ids} ids, but the model's vocabulary has {vocab_size}")]
    TooManyIds {
        /// Where the tokenizer comes from, in words.
        origin: &'static str,
        /// The tokenizer's ids.
        num_ids: usize,
        /// The model's.
        vocab_size: usize,
    },
    /// The embedded vocabulary cannot be unpacked, so the program's own file is damaged.
    #[error("the embedded o200k_harmony vocabulary cannot be read: {reason}")]
    Embedded {
        /// The reason given by its reader.
        reason: String,
    },
}

/// Why a list of stop strings is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StopStringsError {
    /// An empty stop string would stop before the first character.
    #[error("stop string {index} is empty, expected at least one character")]
    Empty {
        /// Its place in the list, from 0.
        index: usize,
    },
}
