//! What can be wrong with a trace.

use std::path::PathBuf;

use crate::checkpoint::CheckpointError;

/// Why a trace could not be recorded, finished or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TraceError {
    /// The file is no safetensors file, or a broken one.
    #[error("{error}")]
    Container {
        /// The reason, which names the file.
        error: CheckpointError,
    },
    /// The file could not be read.
    #[error("cannot read {file}: {error}")]
    Io {
        /// The file.
        file: String,
        /// The system's reason.
        error: std::io::Error,
    },
    /// The file could not be written.
    #[error("cannot write {file}: {error}")]
    Write {
        /// The file.
        file: String,
        /// The system's reason.
        error: std::io::Error,
    },
    /// The header, or an entry of the metadata, is absent or malformed.
    #[error("{file}: {key:?} in the header: {reason}")]
    Header {
        /// The file.
        file: String,
        /// The entry.
        key: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// An array of a finished file is absent, unknown or misshapen.
    #[error("{file}: array {array:?}: {reason}")]
    Array {
        /// The file.
        file: String,
        /// The array.
        array: String,
        /// What was expected and what was found.
        reason: String,
    },
    /// A whole chunk of a journal holds something else than tokens.
    #[error("{file}: chunk {chunk}: {reason}")]
    Chunk {
        /// The file.
        file: String,
        /// Its number, from 0.
        chunk: usize,
        /// What was expected and what was found.
        reason: String,
    },
    /// A token's values are out of range.
    #[error("{file}: token {token}: {reason}")]
    Token {
        /// The file.
        file: String,
        /// Its position, from 0.
        token: usize,
        /// What is permitted and what was found.
        reason: String,
    },
    /// Nothing was recorded.
    #[error("{file} holds no token")]
    Empty {
        /// The file.
        file: String,
    },
    /// A recording under this name was left unfinished.
    #[error("{} is an unfinished recording; recover it, or remove it", journal.display())]
    Unfinished {
        /// The journal.
        journal: PathBuf,
    },
    /// Another program is recording.
    #[error("{} is still being recorded", journal.display())]
    Busy {
        /// The journal.
        journal: PathBuf,
    },
    /// A finished file would be overwritten.
    #[error("{} is there already; move it, or remove the recording", path.display())]
    Exists {
        /// The finished file.
        path: PathBuf,
    },
    /// The name is not a journal's.
    #[error("{} is no journal: expected a name that ends with .part", path.display())]
    NoJournal {
        /// The file named.
        path: PathBuf,
    },
}
