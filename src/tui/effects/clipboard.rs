//! The system's clipboard, on a thread of its own; the terminal's (OSC 52) is written by the loop.

use std::sync::mpsc::{self, Sender};
use std::thread;

use tokio::sync::mpsc::UnboundedSender;

use super::Outcome;
use crate::app::Report;

/// What most terminals take of a text through OSC 52, in bytes of base64.
const OSC52_LIMIT_BYTES: usize = 74_994;

/// Copies texts.
#[derive(Debug)]
pub(super) struct Clipboard {
    outcomes: UnboundedSender<Outcome>,
    /// Whether there is a system clipboard that is the person's: not over SSH.
    has_system: bool,
    running: Option<Sender<String>>,
}

impl Clipboard {
    pub(super) fn new(outcomes: UnboundedSender<Outcome>, has_system: bool) -> Self {
        Self {
            outcomes,
            has_system,
            running: None,
        }
    }

    /// Copies a text; the caller gives it to the terminal too.
    pub(super) fn copy(&mut self, text: &str) {
        if !self.has_system {
            self.tell(told_by_terminal(text));
            return;
        }
        if self.running.is_none() {
            self.running = start(self.outcomes.clone());
        }
        let sent = self
            .running
            .as_ref()
            .is_some_and(|texts| texts.send(text.to_owned()).is_ok());
        if !sent {
            self.tell(told_by_terminal(text));
        }
    }

    fn tell(&self, report: Report) {
        // Nobody listens any more when the program ends.
        let _ = self.outcomes.send(Outcome::Report(report));
    }
}

/// Whether the program runs on another machine than the person's screen.
pub(super) fn is_remote() -> bool {
    ["SSH_CONNECTION", "SSH_TTY"]
        .iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

/// The clipboard lives as long as its thread: on X11 and Wayland it is this program that hands the
/// text to whoever pastes.
fn start(outcomes: UnboundedSender<Outcome>) -> Option<Sender<String>> {
    let (sender, texts) = mpsc::channel::<String>();
    let thread = thread::Builder::new().name("gptoss-clipboard".to_owned());
    thread
        .spawn(move || {
            let mut clipboard = None;
            for text in texts {
                let report = set(&mut clipboard, &text);
                let _ = outcomes.send(Outcome::Report(report));
            }
        })
        .ok()?;
    Some(sender)
}

fn set(clipboard: &mut Option<arboard::Clipboard>, text: &str) -> Report {
    if clipboard.is_none() {
        *clipboard = arboard::Clipboard::new().ok();
    }
    match clipboard.as_mut().map(|clipboard| clipboard.set_text(text)) {
        Some(Ok(())) => Report::Done(format!("copied {}", size_of(text))),
        Some(Err(error)) => {
            tracing::debug!(%error, "the system clipboard did not take a text");
            *clipboard = None;
            told_by_terminal(text)
        }
        None => told_by_terminal(text),
    }
}

/// Terminals do not tell whether they took a text.
fn told_by_terminal(text: &str) -> Report {
    if text.len().div_ceil(3) * 4 > OSC52_LIMIT_BYTES {
        return Report::Failed(
            "too long for the terminal's clipboard; save it to a file instead".to_owned(),
        );
    }
    Report::Done(format!("copied {} through the terminal", size_of(text)))
}

fn size_of(text: &str) -> String {
    match text.chars().count() {
        1 => "1 character".to_owned(),
        count => format!("{count} characters"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_for_terminals_is_said() {
        assert_eq!(
            told_by_terminal("a"),
            Report::Done("copied 1 character through the terminal".to_owned())
        );
        assert!(matches!(
            told_by_terminal(&"a".repeat(60_000)),
            Report::Failed(_)
        ));
    }
}
