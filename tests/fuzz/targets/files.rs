//! One folder a thread for inputs that are read as files.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

thread_local! {
    static FOLDER: TempDir = TempDir::new().expect("a folder for temporary files");
}

/// An empty folder; what was in it before is gone.
pub(super) fn empty_folder() -> PathBuf {
    FOLDER.with(|folder| {
        for entry in fs::read_dir(folder.path()).unwrap() {
            fs::remove_file(entry.unwrap().path()).unwrap();
        }
        folder.path().to_owned()
    })
}
