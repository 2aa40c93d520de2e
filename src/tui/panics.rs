//! What a panic does to the screen: nothing, unless it ends the thread that draws. Then the terminal
//! is given back first, and a report is written for whoever mends the program.

use std::backtrace::Backtrace;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, ThreadId};
use std::time::{SystemTime, UNIX_EPOCH};

use super::terminal;

/// A panic of the thread that draws.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Panicked {
    /// What it said, and where in the source.
    pub message: String,
    /// The file with the rest; none where none could be written.
    pub report: Option<PathBuf>,
}

/// Whether [`guarded`] will tell the person.
static IS_GUARDED: AtomicBool = AtomicBool::new(false);
/// The panic that [`guarded`] will find.
static LATEST: Mutex<Option<Panicked>> = Mutex::new(None);

/// Sets the hook; the calling thread is the one that draws. Reports go to `folder`.
///
/// A panic of that thread gives the terminal back and goes on to the former hook, within
/// [`guarded`] to its caller. A panic of any other thread, such as
/// [`crate::engine::ENGINE_THREAD_NAME`], is logged: whoever started that thread tells the person.
pub fn install_hook(folder: Option<PathBuf>) {
    let drawing = thread::current().id();
    let former = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        answer(info, drawing, folder.as_deref(), &former);
    }));
}

/// Runs what draws.
///
/// *Errors:* its panic; the terminal was given back. Needs [`install_hook`] before.
pub fn guarded<T>(draws: impl FnOnce() -> T) -> Result<T, Panicked> {
    IS_GUARDED.store(true, Ordering::SeqCst);
    let result = panic::catch_unwind(AssertUnwindSafe(draws));
    IS_GUARDED.store(false, Ordering::SeqCst);
    result.map_err(|_| {
        let latest = LATEST.lock().unwrap_or_else(PoisonError::into_inner).take();
        latest.unwrap_or_else(|| Panicked {
            message: "unknown reason".to_owned(),
            report: None,
        })
    })
}

fn answer(
    info: &PanicHookInfo<'_>,
    drawing: ThreadId,
    folder: Option<&Path>,
    former: &dyn Fn(&PanicHookInfo<'_>),
) {
    let thread = thread::current();
    let is_drawing = thread.id() == drawing;
    if is_drawing {
        terminal::restore();
    }
    let name = thread.name().unwrap_or("unnamed");
    tracing::error!(thread = name, "{info}");
    if is_drawing && IS_GUARDED.load(Ordering::SeqCst) {
        let report = folder.and_then(|folder| write_report(folder, &info.to_string()));
        let panicked = Panicked {
            message: message(info),
            report,
        };
        *LATEST.lock().unwrap_or_else(PoisonError::into_inner) = Some(panicked);
    } else if is_drawing || !terminal::is_taken() {
        former(info);
    }
}

/// What was said, and where, in one line.
fn message(info: &PanicHookInfo<'_>) -> String {
    let said = info.payload_as_str().unwrap_or("unknown reason");
    match info.location() {
        Some(at) => format!("{said} ({}:{})", at.file(), at.line()),
        None => said.to_owned(),
    }
}

/// Writes what a developer needs, for its owner only: it may quote what was on the screen.
fn write_report(folder: &Path, panic: &str) -> Option<PathBuf> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let seconds = now.map_or(0, |since| since.as_secs());
    let path = folder.join(format!("crash-{seconds}-{}.txt", std::process::id()));
    let version = env!("CARGO_PKG_VERSION");
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    let backtrace = Backtrace::force_capture();
    let text =
        format!("gptoss-tui {version}, {os} {arch}\nat {seconds} s\n\n{panic}\n\n{backtrace}\n");
    match write_private(&path, &text) {
        Ok(()) => Some(path),
        Err(error) => {
            tracing::warn!(%error, "{} was not written", path.display());
            None
        }
    }
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut options = fs::File::options();
    options.create(true).truncate(true).write(true).mode(0o600);
    options.open(path)?.write_all(text.as_bytes())
}
