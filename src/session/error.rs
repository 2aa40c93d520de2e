//! What can go wrong with sessions' files.

use std::io;
use std::path::{Path, PathBuf};

use super::read::{MAX_BYTES, VERSION};

/// A session cannot be opened or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The system refuses.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The first line says something else.
    #[error("{path}: this is not a session of this program", path = path.display())]
    NotASession {
        /// The file.
        path: PathBuf,
    },
    /// A newer program wrote it.
    #[error("{path}: a newer version of this program wrote it (format {found}, this one reads {VERSION}); update to open it", path = path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
    /// No session is that large; reading it would take the memory that the model needs.
    #[error("{path}: {found_bytes} bytes, and a session has at most {MAX_BYTES}", path = path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        found_bytes: u64,
    },
    /// Another program is using it.
    #[error("session \"{0}\" is open, here or in another program; close it there first")]
    InUse(String),
    /// No such session.
    #[error("there is no session \"{0}\"")]
    Unknown(String),
    /// A value cannot be written; this does not happen with values that were read or made here.
    #[error("a change cannot be written down: {0}")]
    Encode(#[from] serde_json::Error),
}

impl StoreError {
    pub(super) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }
}
