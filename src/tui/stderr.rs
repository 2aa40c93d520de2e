//! Stderr goes elsewhere while the screen is in use: native libraries write to it, past any logger.

use std::fs::File;
use std::io::{self, IsTerminal};
use std::sync::{Mutex, PoisonError};

use std::os::fd::{AsFd, OwnedFd};

/// Stderr as the program found it, while it is redirected.
static FORMER: Mutex<Option<OwnedFd>> = Mutex::new(None);

/// Sends stderr to `file`, or nowhere; only where it is a terminal and not redirected already.
pub(super) fn redirect(file: Option<&File>) -> io::Result<()> {
    let mut former = FORMER.lock().unwrap_or_else(PoisonError::into_inner);
    if former.is_some() || !io::stderr().is_terminal() {
        return Ok(());
    }
    let kept = io::stderr().as_fd().try_clone_to_owned()?;
    match file {
        Some(file) => rustix::stdio::dup2_stderr(file)?,
        None => rustix::stdio::dup2_stderr(File::options().write(true).open("/dev/null")?)?,
    }
    *former = Some(kept);
    Ok(())
}

/// Puts stderr back.
pub(super) fn give_back() -> io::Result<()> {
    let former = FORMER.lock().unwrap_or_else(PoisonError::into_inner).take();
    match former {
        Some(former) => Ok(rustix::stdio::dup2_stderr(former)?),
        None => Ok(()),
    }
}
