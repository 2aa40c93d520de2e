//! Signals from outside, as values for the loop.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use super::terminal::Stop;

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Leave.
    End(EndSignal),
    /// SIGTSTP: stop until continued.
    Stop,
    /// SIGCONT: the process was continued.
    Continue,
}

/// A signal that ends the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndSignal {
    /// SIGINT. In raw mode Ctrl+C is a key, so this comes from elsewhere.
    Interrupt,
    /// SIGTERM.
    Terminate,
    /// SIGHUP, or the terminal is gone without one.
    HangUp,
}

impl EndSignal {
    /// The signal's number.
    pub const fn number(self) -> i32 {
        match self {
            Self::Interrupt => signal_hook::consts::SIGINT,
            Self::Terminate => signal_hook::consts::SIGTERM,
            Self::HangUp => signal_hook::consts::SIGHUP,
        }
    }
}

/// Starts to listen; call within the runtime.
///
/// *Errors:* where the system does not let the program listen.
pub fn listen() -> io::Result<mpsc::UnboundedReceiver<Signal>> {
    let (sender, receiver) = mpsc::unbounded_channel();
    for (kind, meaning) in [
        (SignalKind::interrupt(), Signal::End(EndSignal::Interrupt)),
        (SignalKind::terminate(), Signal::End(EndSignal::Terminate)),
        (SignalKind::hangup(), Signal::End(EndSignal::HangUp)),
        (
            SignalKind::from_raw(signal_hook::consts::SIGTSTP),
            Signal::Stop,
        ),
        (
            SignalKind::from_raw(signal_hook::consts::SIGCONT),
            Signal::Continue,
        ),
    ] {
        let mut arrivals = signal(kind)?;
        let sender = sender.clone();
        tokio::spawn(async move {
            while arrivals.recv().await.is_some() && sender.send(meaning).is_ok() {}
        });
    }
    Ok(receiver)
}

/// Stops processes; [`Signal::Continue`] tells when it is over.
pub(super) fn stop(whom: Stop) -> io::Result<()> {
    // SIGTSTP itself would come back to `listen`.
    match whom {
        Stop::Job => Ok(rustix::process::kill_current_process_group(
            rustix::process::Signal::STOP,
        )?),
        Stop::Process => signal_hook::low_level::raise(signal_hook::consts::SIGSTOP),
    }
}
