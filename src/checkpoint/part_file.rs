//! A file that appears under its name only when it is complete.

use std::ffi::OsString;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// Why a file could not be written; nothing is left under either name.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The system refused: no such directory, no permission, no space.
    #[error(
        "cannot write {}: {error} (after {written_bytes} of {total_bytes} bytes)",
        path.display()
    )]
    Io {
        /// The file as the caller named it.
        path: PathBuf,
        /// What was written before.
        written_bytes: u64,
        /// What was to be written.
        total_bytes: u64,
        /// The system's reason.
        error: std::io::Error,
    },
    /// The caller's tensors are not those that it planned.
    #[error("cannot write {}: {reason}", path.display())]
    Plan {
        /// The file or folder.
        path: PathBuf,
        /// What was expected and what was found.
        reason: String,
    },
}

/// A file under construction, named `*.part`; removed on drop unless [`PartFile::finish`]ed.
#[derive(Debug)]
pub(crate) struct PartFile {
    path: PathBuf,
    part: PathBuf,
    /// `None` once finished or failed.
    file: Option<BufWriter<File>>,
    written_bytes: u64,
    total_bytes: u64,
}

impl PartFile {
    /// Starts a file that is to have `total_bytes`.
    pub(crate) fn create(path: &Path, total_bytes: u64) -> Result<Self, WriteError> {
        let mut part = OsString::from(path);
        part.push(".part");
        let mut file = Self {
            path: path.to_owned(),
            part: PathBuf::from(part),
            file: None,
            written_bytes: 0,
            total_bytes,
        };
        match File::create(&file.part) {
            Ok(created) => file.file = Some(BufWriter::with_capacity(1 << 20, created)),
            Err(error) => return Err(file.failed(error)),
        }
        Ok(file)
    }

    /// Appends bytes.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        let Some(file) = &mut self.file else {
            return Err(self.failed(std::io::Error::other("writing failed before")));
        };
        if let Err(error) = file.write_all(bytes) {
            return Err(self.failed(error));
        }
        self.written_bytes += bytes.len() as u64;
        Ok(())
    }

    /// Hands all bytes to the system, so that a full disk shows now.
    pub(crate) fn flush(&mut self) -> Result<(), WriteError> {
        match self.file.as_mut().map(Write::flush) {
            Some(Err(error)) => Err(self.failed(error)),
            Some(Ok(())) | None => Ok(()),
        }
    }

    /// Makes sure of the bytes and gives the file its name.
    pub(crate) fn finish(mut self) -> Result<(), WriteError> {
        let outcome = match self.file.take() {
            None => Err(std::io::Error::other("writing failed before")),
            Some(file) => file
                .into_inner()
                .map_err(std::io::IntoInnerError::into_error)
                // A full disk may show only here.
                .and_then(|file| file.sync_all())
                .and_then(|()| std::fs::rename(&self.part, &self.path)),
        };
        outcome.map_err(|error| {
            let _ = std::fs::remove_file(&self.part);
            self.failed(error)
        })
    }

    fn failed(&self, error: std::io::Error) -> WriteError {
        WriteError::Io {
            path: self.path.clone(),
            written_bytes: self.written_bytes,
            total_bytes: self.total_bytes,
            error,
        }
    }
}

impl Drop for PartFile {
    fn drop(&mut self) {
        if let Some(file) = self.file.take() {
            // Without flushing: the file goes away.
            drop(file.into_parts());
            let _ = std::fs::remove_file(&self.part);
        }
    }
}
