//! Whether a session's file can be written, and the lock that keeps a second program from it.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::time::Duration;

use super::error::StoreError;

/// Whether changes reach the disk.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Access {
    /// They do.
    Writable,
    /// They do not: another program has the session open, or the file cannot be written.
    ReadOnly {
        /// Why.
        reason: String,
    },
    /// They do not: no file could be made.
    Unsaved {
        /// Why.
        reason: String,
    },
    /// There is no file yet.
    #[default]
    InMemory,
}

impl Access {
    /// Why changes do not reach the disk.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::ReadOnly { reason } | Self::Unsaved { reason } => Some(reason),
            Self::Writable | Self::InMemory => None,
        }
    }
}

/// A file that was opened as far as the system lets us.
#[derive(Debug)]
pub(super) enum Grip {
    /// Ours alone, to read and write.
    Held(File),
    /// Another program is writing to it.
    Busy,
    /// The system lets nobody write.
    Denied(String),
}

/// Opens and locks a file without changing it. Closing the file gives the lock back, also when the
/// program is killed.
///
/// *Errors:* [`StoreError::Io`] where it cannot even be read.
pub(super) fn grip(path: &Path) -> Result<Grip, StoreError> {
    match OpenOptions::new().read(true).write(true).open(path) {
        Ok(file) => Ok(match lock(&file) {
            Err(TryLockError::WouldBlock) => Grip::Busy,
            // Not every file system knows locks; without one a second program is not noticed.
            Ok(()) | Err(TryLockError::Error(_)) => Grip::Held(file),
        }),
        Err(denied) => {
            File::open(path).map_err(StoreError::io(path))?;
            Ok(Grip::Denied(denied.to_string()))
        }
    }
}

/// How often, and how long apart, a lock is asked for: 100 ms in all.
const ATTEMPTS: (u32, Duration) = (20, Duration::from_millis(5));

/// Locks, with some patience: a process that is being started, an editor say, holds copies of all
/// open files for a moment, and with them the lock of one that was closed meanwhile.
fn lock(file: &File) -> Result<(), TryLockError> {
    for _ in 1..ATTEMPTS.0 {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(ATTEMPTS.1),
            known => return known,
        }
    }
    file.try_lock()
}
