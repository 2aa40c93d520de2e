//! What can be wrong with a trace.

use crate::checkpoint::{CheckpointError, WriteError};

/// Why a trace could not be read or written.
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
    /// An entry of the metadata is absent or malformed.
    #[error("{file}: metadata {key:?}: {reason}")]
    Metadata {
        /// The file.
        file: String,
        /// The entry's key.
        key: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// An array is absent, unknown, misshapen or holds impossible values.
    #[error("{file}: array {array:?}: {reason}")]
    Array {
        /// The file.
        file: String,
        /// The array.
        array: String,
        /// What was expected and what was found.
        reason: String,
    },
    /// The file could not be written.
    #[error("{error}")]
    Write {
        /// The reason, which names the file.
        error: WriteError,
    },
}
