//! Finds out whether a file could be written, before the work that fills it.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};

use super::exit::CliError;

/// Checks that a file could appear at `path`; leaves nothing behind.
pub(crate) fn check_file(path: &Path) -> Result<(), CliError> {
    if path.is_dir() {
        return Err(refused(path, "it is a directory"));
    }
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    if path.file_name().is_none() {
        return Err(refused(path, "it names no file"));
    }
    probe(&folder).map_err(|error| refused(path, &error.to_string()))
}

/// What happens to a file that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Existing {
    /// It stays, and the command is refused.
    Keep,
    /// It makes way for the new one.
    Replace,
}

impl Existing {
    /// As `--force` says.
    pub(crate) fn of(is_forced: bool) -> Self {
        if is_forced { Self::Replace } else { Self::Keep }
    }
}

/// As [`check_file`]; a file that is there is refused unless it is to be replaced.
pub(crate) fn check_new_file(path: &Path, existing: Existing) -> Result<(), CliError> {
    check_file(path)?;
    if existing == Existing::Keep && fs::symlink_metadata(path).is_ok() {
        return Err(CliError::usage(format!(
            "{} exists already; name another file, or replace it with --force",
            path.display()
        )));
    }
    Ok(())
}

/// Checks that the folder `path` could be made or filled; leaves nothing behind.
pub(crate) fn check_folder(path: &Path) -> Result<(), CliError> {
    let existing = path
        .ancestors()
        .map(|folder| {
            if folder.as_os_str().is_empty() {
                Path::new(".")
            } else {
                folder
            }
        })
        .find(|folder| folder.exists())
        .unwrap_or(Path::new("."));
    probe(existing).map_err(|error| refused(path, &error.to_string()))
}

fn probe(folder: &Path) -> std::io::Result<()> {
    let name = format!(".gptoss-{}.probe", std::process::id());
    let path = folder.join(name);
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&path)?;
    fs::remove_file(&path)
}

fn refused(path: &Path, reason: &str) -> CliError {
    CliError::failed(format!("cannot write {}: {reason}", path.display()))
}
