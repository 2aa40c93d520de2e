//! Ctrl+C: the work in progress is asked to stop, and ended if it cannot listen.
//!
//! Between tokens, chunks and tensors the work looks at [`check`]. What has no such moments (random
//! weights, a slow chunk) is ended after [`GRACE`] or by a second Ctrl+C, except while a
//! [`Uninterruptible`] value lives, which stands for files that have to be removed first.

use std::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering};
use std::time::Duration;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::exit::{CliError, signal_code};

/// How long work may take to notice.
const GRACE: Duration = Duration::from_secs(2);

/// The latest signal that asked to end; 0 before there was one.
static REQUESTED: AtomicI32 = AtomicI32::new(0);
static WAITING_FOR_INPUT: AtomicBool = AtomicBool::new(false);
static UNINTERRUPTIBLE: AtomicUsize = AtomicUsize::new(0);

/// Starts to listen; before this a signal ends the program as usual.
pub(crate) fn watch() -> Result<(), CliError> {
    let mut signals = Signals::new([SIGINT, SIGTERM])
        .map_err(|error| CliError::failed(format!("cannot listen for Ctrl+C: {error}")))?;
    std::thread::spawn(move || {
        for signal in signals.forever() {
            let is_second = REQUESTED.swap(signal, Ordering::Relaxed) != 0;
            if is_second || WAITING_FOR_INPUT.load(Ordering::Relaxed) {
                end();
            }
            std::thread::spawn(|| {
                std::thread::sleep(GRACE);
                end();
            });
        }
    });
    Ok(())
}

/// Ends the program at once, without destructors: MLX may be computing on another thread.
fn end() {
    if UNINTERRUPTIBLE.load(Ordering::Relaxed) == 0 {
        signal_hook::low_level::exit(i32::from(signal_code(signal())));
    }
}

/// Whether Ctrl+C was pressed.
pub(crate) fn requested() -> bool {
    REQUESTED.load(Ordering::Relaxed) != 0
}

/// The signal that asked to end, else that of Ctrl+C.
fn signal() -> i32 {
    match REQUESTED.load(Ordering::Relaxed) {
        0 => SIGINT,
        signal => signal,
    }
}

/// What an interrupted command ends with.
pub(crate) fn error() -> CliError {
    CliError::Interrupted { signal: signal() }
}

/// An error once Ctrl+C was pressed.
pub(crate) fn check() -> Result<(), CliError> {
    if requested() {
        return Err(error());
    }
    Ok(())
}

/// Runs `read`, which may block for input, so that Ctrl+C ends the program meanwhile.
pub(crate) fn while_waiting<T>(read: impl FnOnce() -> T) -> T {
    WAITING_FOR_INPUT.store(true, Ordering::Relaxed);
    if requested() {
        end();
    }
    let value = read();
    WAITING_FOR_INPUT.store(false, Ordering::Relaxed);
    value
}

/// While it lives, the program ends only by itself.
#[derive(Debug)]
pub(crate) struct Uninterruptible(());

impl Uninterruptible {
    /// Begins such a time.
    pub(crate) fn begin() -> Self {
        UNINTERRUPTIBLE.fetch_add(1, Ordering::Relaxed);
        Self(())
    }
}

impl Drop for Uninterruptible {
    fn drop(&mut self) {
        UNINTERRUPTIBLE.fetch_sub(1, Ordering::Relaxed);
    }
}
