//! Turns a journal into the finished file.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::columns::{Column, Rows, Sizes};
use super::recorder::{lock, write_error};
use super::{Completeness, FORMAT, FORMAT_VERSION, TraceError, TraceFile};
use crate::checkpoint::encode_header;

/// Bytes written at a time.
const BUFFER_BYTES: usize = 1 << 20;

/// What came of a journal that had been left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovery {
    /// The finished file.
    pub path: PathBuf,
    /// The tokens in it.
    pub tokens: usize,
    /// Bytes after the last whole chunk, which are lost.
    pub lost_bytes: u64,
}

/// Finishes the journal `NAME.part` of a recording that was cut off, as the file `NAME`.
///
/// # Errors
/// [`TraceError::NoJournal`] for another file, [`TraceError::Busy`] if the recording goes on,
/// [`TraceError::Exists`] if there is a finished file already, [`TraceError::Empty`] if there is no
/// whole chunk; otherwise as for [`TraceFile::open`], or [`TraceError::Write`]. The journal stays then.
pub fn recover(journal: &Path) -> Result<Recovery, TraceError> {
    let path = journal.with_extension("");
    if journal
        .extension()
        .is_none_or(|extension| extension != "part")
    {
        return Err(no_journal(journal));
    }
    let file = File::open(journal).map_err(|error| TraceError::Io {
        file: journal.display().to_string(),
        error,
    })?;
    lock(&file, journal)?;
    if path.exists() {
        if let Some(recovery) = already_finished(journal, &path) {
            return Ok(recovery);
        }
        return Err(TraceError::Exists { path });
    }
    let (tokens, lost_bytes) = finish(journal, &path, Completeness::Recovered)?;
    Ok(Recovery {
        path,
        tokens,
        lost_bytes,
    })
}

/// Removes a journal that was finished but for that, as a crash leaves it: the file of that name
/// holds all that it does.
fn already_finished(journal: &Path, path: &Path) -> Option<Recovery> {
    let left = TraceFile::open(journal).ok()?;
    let Completeness::Journal { unread_bytes } = left.completeness() else {
        return None;
    };
    let finished = TraceFile::open(path).ok()?;
    let is_journal = matches!(finished.completeness(), Completeness::Journal { .. });
    if is_journal || !is_same(&left, &finished) {
        return None;
    }
    std::fs::remove_file(journal).ok()?;
    Some(Recovery {
        path: path.to_owned(),
        tokens: finished.len(),
        lost_bytes: unread_bytes,
    })
}

/// Whether two traces would be written as the same arrays.
fn is_same(a: &TraceFile, b: &TraceFile) -> bool {
    let columns = Column::of(a);
    let same_column = |column: &Column| {
        let mut rows = [a, b].map(|trace| Rows::new(trace, *column));
        (0..a.len()).all(|token| {
            let mut bytes = [Vec::new(), Vec::new()];
            for (rows, bytes) in rows.iter_mut().zip(&mut bytes) {
                rows.push(token, bytes);
            }
            bytes[0] == bytes[1]
        })
    };
    let headers = [a, b].map(|trace| serde_json::to_string(trace.header()).ok());
    headers[0] == headers[1]
        && a.len() == b.len()
        && columns == Column::of(b)
        && columns.iter().all(same_column)
}

/// Writes `path` from the journal and removes it; returns the tokens, and the bytes left out.
pub(super) fn finish(
    journal: &Path,
    path: &Path,
    ended: Completeness,
) -> Result<(usize, u64), TraceError> {
    let trace = TraceFile::open(journal)?;
    let Completeness::Journal { unread_bytes } = trace.completeness() else {
        return Err(no_journal(journal));
    };
    if trace.is_empty() {
        let file = journal.display().to_string();
        return Err(TraceError::Empty { file });
    }
    // Not `.part`, which is the journal.
    let mut temporary = OsString::from(path);
    temporary.push(".tmp");
    let temporary = PathBuf::from(temporary);
    let written = write(&trace, &temporary, ended).and_then(|()| std::fs::rename(&temporary, path));
    if let Err(error) = written {
        let _ = std::fs::remove_file(&temporary);
        return Err(write_error(path, error));
    }
    sync_folder(path);
    // If it stays, the next recording of this name tells.
    let _ = std::fs::remove_file(journal);
    Ok((trace.len(), unread_bytes))
}

fn no_journal(path: &Path) -> TraceError {
    let path = path.to_owned();
    TraceError::NoJournal { path }
}

fn write(trace: &TraceFile, path: &Path, ended: Completeness) -> io::Result<()> {
    if u32::try_from(Sizes::of(trace).text_bytes).is_err() {
        return Err(io::Error::other("the texts exceed 2^32 bytes"));
    }
    let mut file = BufWriter::with_capacity(BUFFER_BYTES, File::create(path)?);
    let columns = Column::of(trace);
    let specs: Vec<_> = columns.iter().map(|column| column.spec(trace)).collect();
    let ended = if ended == Completeness::Recovered {
        RECOVERED
    } else {
        FINISHED
    };
    let metadata = [
        ("format", FORMAT),
        ("format_version", &FORMAT_VERSION.to_string()),
        ("ended", ended),
        ("header", &serde_json::to_string(trace.header())?),
    ];
    let header = encode_header(&metadata, &specs)
        .ok_or_else(|| io::Error::other("the arrays exceed 2^64 bytes"))?;
    file.write_all(&header)?;
    let mut row = Vec::new();
    for column in columns {
        let mut rows = Rows::new(trace, column);
        for token in 0..trace.len() {
            row.clear();
            rows.push(token, &mut row);
            file.write_all(&row)?;
        }
    }
    // A full disk may show only here.
    file.into_inner()?.sync_all()
}

/// Makes sure of the new name, where folders can be synced.
fn sync_folder(path: &Path) {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    if let Ok(folder) = File::open(folder.unwrap_or(Path::new("."))) {
        let _ = folder.sync_all();
    }
}

/// What `ended` says of a recording that ended as it should.
pub(super) const FINISHED: &str = "finished";
/// And of one that was cut off.
pub(super) const RECOVERED: &str = "recovered";
