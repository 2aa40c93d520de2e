//! What becomes of the damaged end of a session's file.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// The part of a file that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The first damaged line, from 1.
    pub line: usize,
    /// The bytes from there on.
    pub bytes: u64,
    /// Whether it is the last line alone, and only its end is missing: what a crash leaves behind,
    /// and what is seen while another program is writing.
    pub is_torn: bool,
    /// Where they were put; none where the file is read-only.
    pub kept_as: Option<PathBuf>,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "this session's file is damaged from line {} on: {} bytes were left out",
            self.line, self.bytes
        )?;
        match &self.kept_as {
            Some(path) => write!(f, " and kept as {}", path.display()),
            None => Ok(()),
        }
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

fn put_aside(path: &Path, good_bytes: u64) -> io::Result<PathBuf> {
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
