//! Appends tokens to a journal while a model runs.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::finish;
use super::{Completeness, TraceError, TraceHeader, TraceRow, check, chunk, journal};

/// Where a chunk ends and another begins, so that none comes near the 4 GiB of its length.
const CHUNK_BYTES: usize = 16 << 20;

/// A trace in the making.
///
/// Each [`TraceRecorder::append`] hands its chunk to the system before it returns: when the program
/// is killed at any moment, all chunks appended before are in the journal. (When the machine itself
/// loses power, the last seconds may be missing; what is there still opens.) Dropping the recorder
/// leaves the journal, for [`super::recover`].
#[derive(Debug)]
pub struct TraceRecorder {
    path: PathBuf,
    journal: PathBuf,
    header: TraceHeader,
    /// Locked, so that nobody recovers a recording that goes on.
    file: File,
    written_bytes: u64,
    tokens: usize,
}

impl TraceRecorder {
    /// Begins a recording that is to become the file `path`.
    ///
    /// # Errors
    /// [`TraceError::Unfinished`] if an earlier recording left its journal, [`TraceError::Header`] for
    /// dimensions that no model has, [`TraceError::Write`] if the journal cannot be made.
    pub fn create(path: &Path, header: TraceHeader) -> Result<Self, TraceError> {
        let journal = journal_path(path);
        let name = journal.display().to_string();
        check::shape(&header.shape).map_err(|reason| TraceError::Header {
            file: name.clone(),
            key: "shape",
            reason,
        })?;
        let preamble = journal::preamble(&header).map_err(|error| TraceError::Header {
            file: name,
            key: "header",
            reason: error.to_string(),
        })?;
        let file = create_new(&journal)?;
        let mut recorder = Self {
            path: path.to_owned(),
            journal,
            header,
            file,
            written_bytes: 0,
            tokens: 0,
        };
        if let Err(error) = recorder.write(&preamble) {
            recorder.discard();
            return Err(error);
        }
        Ok(recorder)
    }

    /// The journal's name.
    pub fn journal(&self) -> &Path {
        &self.journal
    }

    /// How many tokens were appended.
    pub fn tokens(&self) -> usize {
        self.tokens
    }

    /// How many bytes the journal has.
    pub fn written_bytes(&self) -> u64 {
        self.written_bytes
    }

    /// Appends the next tokens of the sequence as a chunk; none is no chunk.
    ///
    /// # Errors
    /// [`TraceError::Token`] for values out of range; nothing is appended then.
    /// [`TraceError::Write`] if the disk is full or fails; of what was given, whole chunks may be
    /// there, and the recording can go on.
    pub fn append(&mut self, rows: &[TraceRow]) -> Result<(), TraceError> {
        for (offset, row) in rows.iter().enumerate() {
            check::row(&self.header, row).map_err(|reason| TraceError::Token {
                file: self.journal.display().to_string(),
                token: self.tokens + offset,
                reason,
            })?;
        }
        let mut count: u32 = 0;
        let mut bytes = count.to_le_bytes().to_vec();
        for (offset, row) in rows.iter().enumerate() {
            chunk::encode(&self.header.shape, row, &mut bytes);
            count += 1;
            if bytes.len() >= CHUNK_BYTES || offset + 1 == rows.len() {
                bytes[..4].copy_from_slice(&count.to_le_bytes());
                self.write(&journal::frame(&bytes))?;
                self.tokens += count as usize;
                count = 0;
                bytes.truncate(4);
            }
        }
        Ok(())
    }

    /// Makes the journal the finished file, in place of one of that name, and removes it.
    ///
    /// # Errors
    /// [`TraceError::Empty`] without tokens, [`TraceError::Write`] if the file cannot be written; the
    /// journal stays then.
    pub fn finish(self) -> Result<(), TraceError> {
        finish::finish(&self.journal, &self.path, Completeness::Finished)?;
        Ok(())
    }

    /// As [`TraceRecorder::finish`], where no file of that name is there.
    ///
    /// # Errors
    /// [`TraceError::Exists`] if there is one, otherwise as for [`TraceRecorder::finish`]; the journal
    /// stays then.
    pub fn finish_new(self) -> Result<(), TraceError> {
        if std::fs::symlink_metadata(&self.path).is_ok() {
            return Err(TraceError::Exists { path: self.path });
        }
        self.finish()
    }

    /// Ends the recording without a file.
    pub fn discard(self) {
        // Nothing can be done about a file that does not go away.
        let _ = std::fs::remove_file(&self.journal);
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), TraceError> {
        if let Err(error) = self.file.write_all(bytes) {
            // What comes after half a chunk could not be read.
            let _ = self.file.set_len(self.written_bytes);
            return Err(write_error(&self.journal, error));
        }
        self.written_bytes += bytes.len() as u64;
        Ok(())
    }
}

/// The name of the journal of the finished file `path`.
pub fn journal_path(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".part");
    PathBuf::from(name)
}

fn create_new(journal: &Path) -> Result<File, TraceError> {
    let mut options = OpenOptions::new();
    let file = match options.append(true).create_new(true).open(journal) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return take_over(journal);
        }
        Err(error) => return Err(write_error(journal, error)),
    };
    lock(&file, journal)?;
    Ok(file)
}

/// Most that is read of a file to see whether it is the beginning of a journal's beginning.
const BEGINNING_BYTES: u64 = 1 << 20;

/// Takes a journal that a crash left before its beginning was whole; there is nothing in it to lose.
fn take_over(journal: &Path) -> Result<File, TraceError> {
    let refused = || left_behind(journal);
    let mut options = OpenOptions::new();
    let file = options.read(true).append(true).open(journal);
    let file = file.map_err(|_| refused())?;
    lock(&file, journal)?;
    let mut bytes = Vec::new();
    let read = (&file).take(BEGINNING_BYTES).read_to_end(&mut bytes);
    if read.is_err() || !journal::is_torn_beginning(&bytes) {
        // Without its lock, which would be taken for another program's.
        drop(file);
        return Err(refused());
    }
    file.set_len(0)
        .map_err(|error| write_error(journal, error))?;
    Ok(file)
}

/// A journal that is there already: somebody's, or nobody's any more.
fn left_behind(journal: &Path) -> TraceError {
    let locked = File::open(journal).map(|file| lock(&file, journal));
    match locked {
        Ok(Err(busy)) => busy,
        _ => TraceError::Unfinished {
            journal: journal.to_owned(),
        },
    }
}

/// Takes the lock that a recording holds, if the file system knows locks.
pub(super) fn lock(file: &File, journal: &Path) -> Result<(), TraceError> {
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Err(TraceError::Busy {
            journal: journal.to_owned(),
        }),
        Ok(()) | Err(TryLockError::Error(_)) => Ok(()),
    }
}

pub(super) fn write_error(path: &Path, error: io::Error) -> TraceError {
    TraceError::Write {
        file: path.display().to_string(),
        error,
    }
}
