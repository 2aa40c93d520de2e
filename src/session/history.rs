//! The messages that were sent, over all sessions.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::PathBuf;

use super::file::StoreError;
use super::line;

/// Messages that are kept.
const MAX_ENTRIES: usize = 1000;

/// A file of messages, the newest last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputHistory {
    path: PathBuf,
}

impl InputHistory {
    /// The history in this file, which need not exist yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The messages, the newest last; damaged lines are left out. A file that has grown too long is
    /// written anew.
    pub fn load(&self) -> Vec<String> {
        let Ok(bytes) = fs::read(&self.path) else {
            return Vec::new();
        };
        let lines = bytes.split(|byte| *byte == b'\n');
        let mut entries: Vec<String> = lines.filter_map(line::read).collect();
        if entries.len() > 2 * MAX_ENTRIES {
            entries.drain(..entries.len() - MAX_ENTRIES);
            // Where this fails the old file stays as it is.
            let _ = self.replace(&entries);
        }
        let skipped = entries.len().saturating_sub(MAX_ENTRIES);
        entries.split_off(skipped)
    }

    fn replace(&self, entries: &[String]) -> Result<(), StoreError> {
        let beside = self.path.with_extension("new");
        let mut text = String::new();
        for entry in entries {
            text.push_str(&line::write(entry)?);
        }
        fs::write(&beside, text).map_err(StoreError::io(&beside))?;
        fs::rename(&beside, &self.path).map_err(StoreError::io(&self.path))
    }

    /// Adds a message. *Errors:* [`StoreError::Io`].
    pub fn append(&self, message: &str) -> Result<(), StoreError> {
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder).map_err(StoreError::io(folder))?;
        }
        let text = line::write(&message)?;
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .open(&self.path);
        let write = file.and_then(|mut file| file.write_all(text.as_bytes()));
        write.map_err(StoreError::io(&self.path))
    }
}
