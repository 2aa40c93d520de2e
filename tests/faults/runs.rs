//! How many cases are tried, and one test at a time.

use std::ops::Range;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

static ALONE: Mutex<()> = Mutex::new(());

/// Keeps the other tests of this program waiting: memory is counted for the whole process.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The seeds to try: `count` of them unless the variable says another number.
pub(crate) fn seeds(variable: &str, count: u64) -> Range<u64> {
    let first = number("GPTOSS_SEED").unwrap_or(0);
    first..first + number(variable).unwrap_or(count)
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap())
}

/// A folder in memory where there is one: these tests write thousands of files.
pub(crate) fn scratch() -> tempfile::TempDir {
    let shared = Path::new("/dev/shm");
    if shared.is_dir() {
        tempfile::tempdir_in(shared)
    } else {
        tempfile::tempdir()
    }
    .unwrap()
}
