//! What becomes of the damaged end of a session's file.

use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::whole_file;

/// The part of a file that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The first damaged line, from 1, after which nothing is read; where that is 1, the first line is
    /// all that is damaged.
    pub line: usize,
    /// The damaged bytes: the first line where it is, and all from [`Self::line`] on.
    pub bytes: u64,
    /// Whether the first line, which says what the file is, was damaged.
    pub is_first_line: bool,
    /// Whether it is the last line alone, and only its end is missing: what a crash leaves behind,
    /// and what is seen while another program is writing.
    pub is_torn: bool,
    /// Where they were put, or the whole file without its first line; none where the file is
    /// read-only.
    pub kept_as: Option<PathBuf>,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, bytes, .. } = self;
        f.write_str("session damaged ")?;
        match (self.is_first_line, line) {
            (true, 1) => f.write_str("in line 1")?,
            (true, _) => write!(f, "in line 1 and from line {line} on")?,
            (false, _) => write!(f, "from line {line} on")?,
        }
        // Before the figures: where the line is short, this is what a person needs.
        if let Some(name) = self.kept_as.as_deref().and_then(Path::file_name) {
            let what = if self.is_first_line {
                "the file as it was"
            } else {
                "the rest"
            };
            write!(f, "; {what}: {}", name.display())?;
        }
        write!(f, "; {bytes} bytes left out")
    }
}

/// Puts what follows the first `good_bytes` aside and cuts the file; returns where it lies now.
///
/// *Errors:* of the system; the file is as it was unless cutting it failed half-way.
pub(super) fn repair(path: &Path, file: &File, good_bytes: u64) -> io::Result<PathBuf> {
    let kept = put_aside(path, good_bytes)?;
    file.set_len(good_bytes)?;
    file.sync_data()?;
    Ok(kept)
}

/// Makes a file, which was [put aside](put_aside) whole, `first` and its bytes in `good`; returns the
/// new one, locked.
///
/// *Errors:* of the system; the file is as it was then.
pub(super) fn begin_anew(path: &Path, first: &str, good: &[u8]) -> io::Result<File> {
    let file = whole_file::replace(path, &[first.as_bytes(), good].concat())?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Err(io::Error::other("another program has it open")),
        // Not every file system knows locks; without one a second program is not noticed.
        Ok(()) | Err(TryLockError::Error(_)) => Ok(file),
    }
}

/// Copies what follows the first `good_bytes` into a file beside it; returns where.
pub(super) fn put_aside(path: &Path, good_bytes: u64) -> io::Result<PathBuf> {
    let mut source = File::open(path)?;
    source.seek(SeekFrom::Start(good_bytes))?;
    for number in 1..1000 {
        let kept = path.with_extension(format!("damaged-{number}"));
        match OpenOptions::new().write(true).create_new(true).open(&kept) {
            Ok(mut target) => {
                let copied = io::copy(&mut source, &mut target).and_then(|_| target.sync_data());
                if let Err(error) = copied {
                    // A part of the part helps nobody; the whole is still in the file.
                    let _ = std::fs::remove_file(&kept);
                    return Err(error);
                }
                return Ok(kept);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other(
        "there are a thousand damaged parts beside it already",
    ))
}
