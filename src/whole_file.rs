//! Files that appear under their names only when they are whole.
//!
//! The bytes go to a temporary file in the same folder first, which then takes the name; a full disk
//! or a crash leaves what was there before. Start with [`replace`]. Large files that are written
//! piece by piece have their own ways in `checkpoint` and `trace_file`.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Writes a file, in place of one of that name, whose permissions it keeps; returns it, open.
///
/// A link stays one, and what it names is replaced. What is no file (a terminal, a pipe) is written to
/// as it is.
///
/// # Errors
/// Of the system; a file that was there is as it was then.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<File> {
    let existing = fs::metadata(path).ok();
    if existing.as_ref().is_some_and(|found| !found.is_file()) {
        let mut file = File::options().write(true).open(path)?;
        file.write_all(bytes)?;
        return Ok(file);
    }
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if existing.is_some() {
        // Renaming asks the folder alone; a file that may not be written has to stay, too.
        File::options().write(true).open(&path)?;
    }
    let permissions = existing.map(|found| found.permissions());
    let (temporary, file) = written(&path, bytes, permissions)?;
    fs::rename(&temporary, &path).inspect_err(|_| remove(&temporary))?;
    Ok(file)
}

/// Writes a file where none of that name is.
///
/// # Errors
/// [`ErrorKind::AlreadyExists`] where there is one, otherwise of the system; nothing is left behind.
pub fn create_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if fs::symlink_metadata(path).is_ok() {
        return Err(ErrorKind::AlreadyExists.into());
    }
    let (temporary, _) = written(path, bytes, None)?;
    // Unlike a new name, a second one is refused where a file has appeared meanwhile.
    match fs::hard_link(&temporary, path) {
        Ok(()) => {
            remove(&temporary);
            Ok(())
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            remove(&temporary);
            Err(error)
        }
        // Not every file system knows second names.
        Err(_) => fs::rename(&temporary, path).inspect_err(|_| remove(&temporary)),
    }
}

/// Writes a temporary file beside `path`; nothing is left behind on an error.
fn written(
    path: &Path,
    bytes: &[u8],
    permissions: Option<fs::Permissions>,
) -> io::Result<(PathBuf, File)> {
    let temporary = temporary(path)?;
    let mut options = File::options();
    let options = options.read(true).write(true).create(true).truncate(true);
    let write = || {
        let mut file = options.open(&temporary)?;
        if let Some(permissions) = permissions {
            // Before the content, which may be private.
            file.set_permissions(permissions)?;
        }
        file.write_all(bytes)?;
        // A full disk may show only here.
        file.sync_all()?;
        Ok(file)
    };
    match write() {
        Ok(file) => Ok((temporary, file)),
        Err(error) => {
            remove(&temporary);
            Err(error)
        }
    }
}

/// A name in the same folder that no other write of this or another program uses.
fn temporary(path: &Path) -> io::Result<PathBuf> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let name = path.file_name().ok_or(ErrorKind::InvalidInput)?;
    let mut hidden = OsString::from(".");
    hidden.push(name);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    hidden.push(format!(".{}-{number}.new", std::process::id()));
    Ok(path.with_file_name(hidden))
}

/// Nothing can be done about a file that does not go away.
fn remove(path: &Path) {
    let _ = fs::remove_file(path);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<OsString> {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name()).collect()
    }

    #[test]
    fn a_replaced_file_keeps_its_link_and_permissions_and_leaves_nothing_beside_it() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("a"), folder.path().join("link"));
        replace(&path, b"one").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        replace(&link, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(names(folder.path()).len(), 2);
    }

    #[test]
    fn an_open_reader_keeps_the_old_content_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        replace(&path, b"the old content").unwrap();
        let before = File::open(&path).unwrap();
        replace(&path, b"new").unwrap();
        assert_eq!(io::read_to_string(before).unwrap(), "the old content");
        assert_eq!(fs::read(&path).unwrap(), b"new");
    }

    #[test]
    fn a_new_file_takes_no_name_that_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        create_new(&path, b"one").unwrap();
        let refused = create_new(&path, b"two").unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"one");
        assert_eq!(names(folder.path()), ["a"]);
    }
}
