//! The terminal: taken with a guard, given back in reverse, also after a panic.
//!
//! What was switched on is remembered once for the process, so that the guard, the panic hook and
//! the signals all undo the same things, once. Nothing here knows the state or what is drawn.

use std::fs::File;
use std::io::{self, Write};
use std::sync::atomic::{AtomicU8, Ordering};

use crossterm::clipboard::CopyToClipboard;
use crossterm::cursor::{Hide, Show};
use crossterm::event::{
    DisableBracketedPaste, EnableBracketedPaste, KeyboardEnhancementFlags,
    PopKeyboardEnhancementFlags, PushKeyboardEnhancementFlags,
};
use crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use crossterm::{execute, queue};

use super::stderr;

/// What was switched on, in this order.
static TAKEN: AtomicU8 = AtomicU8::new(0);

const RAW: u8 = 1;
const SCREEN: u8 = 1 << 1;
const PASTE: u8 = 1 << 2;
const MOUSE: u8 = 1 << 3;
const KEYS: u8 = 1 << 4;

/// Buttons, drags and the wheel, in SGR coordinates. Plain motion is not asked for: it would wake
/// the program with every move of the hand.
const MOUSE_ON: &str = "\u{1b}[?1000h\u{1b}[?1002h\u{1b}[?1006h";
const MOUSE_OFF: &str = "\u{1b}[?1006l\u{1b}[?1002l\u{1b}[?1000l";

/// What the loop does with a terminal besides drawing.
pub trait Screen {
    /// Takes the terminal, for the first time or again.
    fn take(&mut self) -> io::Result<()>;
    /// Gives it back as it was.
    fn give_back(&mut self);
    /// Captures the mouse or leaves it.
    fn set_mouse(&mut self, is_on: bool) -> io::Result<()>;
    /// Uses the kitty keyboard protocol from now on.
    fn use_kitty_keys(&mut self) -> io::Result<()>;
    /// Hands a text to the terminal's clipboard (OSC 52).
    fn copy(&mut self, text: &str) -> io::Result<()>;
    /// Stops the process until it is continued; the terminal was given back before.
    fn stop(&mut self, whom: Stop) -> io::Result<()>;
}

/// Who is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// All processes of the job, as a terminal does at Ctrl+Z.
    Job,
    /// This process alone, which was asked by a signal.
    Process,
}

/// The process's terminal while this lives.
#[derive(Debug)]
pub struct TerminalGuard {
    mouse: bool,
    kitty_keys: bool,
    /// Where native code's messages go meanwhile.
    stderr: Option<File>,
}

impl TerminalGuard {
    /// Takes the terminal.
    ///
    /// `stderr` gets what native libraries print while the screen is in use; without it such output
    /// is dropped, for it would tear the screen.
    pub fn new(mouse: bool, stderr: Option<File>) -> io::Result<Self> {
        let mut guard = Self {
            mouse,
            kitty_keys: false,
            stderr,
        };
        guard.take()?;
        Ok(guard)
    }
}

impl Screen for TerminalGuard {
    fn take(&mut self) -> io::Result<()> {
        // Each mark comes first: undoing what was not quite done is harmless, the reverse is not.
        mark(RAW);
        enable_raw_mode()?;
        let mut out = io::stdout();
        mark(SCREEN);
        execute!(out, EnterAlternateScreen, Hide)?;
        mark(PASTE);
        execute!(out, EnableBracketedPaste)?;
        if self.mouse {
            self.set_mouse(true)?;
        }
        if self.kitty_keys {
            self.use_kitty_keys()?;
        }
        if let Err(error) = stderr::redirect(self.stderr.as_ref()) {
            tracing::warn!(%error, "stderr stays on the screen");
        }
        Ok(())
    }

    fn give_back(&mut self) {
        restore();
    }

    fn set_mouse(&mut self, is_on: bool) -> io::Result<()> {
        self.mouse = is_on;
        let mut out = io::stdout();
        if is_on {
            mark(MOUSE);
            out.write_all(MOUSE_ON.as_bytes())?;
        } else {
            TAKEN.fetch_and(!MOUSE, Ordering::SeqCst);
            out.write_all(MOUSE_OFF.as_bytes())?;
        }
        out.flush()
    }

    fn use_kitty_keys(&mut self) -> io::Result<()> {
        self.kitty_keys = true;
        mark(KEYS);
        let flags = KeyboardEnhancementFlags::DISAMBIGUATE_ESCAPE_CODES;
        execute!(io::stdout(), PushKeyboardEnhancementFlags(flags))
    }

    fn copy(&mut self, text: &str) -> io::Result<()> {
        execute!(io::stdout(), CopyToClipboard::to_clipboard_from(text))
    }

    fn stop(&mut self, whom: Stop) -> io::Result<()> {
        super::signals::stop(whom)
    }
}

impl Drop for TerminalGuard {
    fn drop(&mut self) {
        restore();
    }
}

fn mark(what: u8) {
    TAKEN.fetch_or(what, Ordering::SeqCst);
}

/// Whether the screen is in use.
pub(super) fn is_taken() -> bool {
    TAKEN.load(Ordering::SeqCst) != 0
}

/// Gives the terminal back; does nothing the second time.
pub(super) fn restore() {
    let taken = TAKEN.swap(0, Ordering::SeqCst);
    if taken == 0 {
        return;
    }
    // A terminal that is gone cannot be restored, and there is nobody to tell.
    let _ = undo(taken, &mut io::stdout());
    if taken & RAW != 0 {
        let _ = disable_raw_mode();
    }
    let _ = stderr::give_back();
}

/// Writes what undoes `taken`, the latest first.
fn undo(taken: u8, out: &mut impl Write) -> io::Result<()> {
    if taken & KEYS != 0 {
        queue!(out, PopKeyboardEnhancementFlags)?;
    }
    if taken & MOUSE != 0 {
        out.write_all(MOUSE_OFF.as_bytes())?;
    }
    if taken & PASTE != 0 {
        queue!(out, DisableBracketedPaste)?;
    }
    if taken & SCREEN != 0 {
        queue!(out, LeaveAlternateScreen, Show)?;
    }
    out.flush()
}

/// Bytes of one frame, sent to the terminal at once; with synchronized updates it shows no half of
/// one.
#[derive(Debug)]
pub struct FrameWriter {
    frame: Vec<u8>,
    is_synchronized: bool,
}

impl FrameWriter {
    /// A writer to stdout.
    pub fn new(is_synchronized: bool) -> Self {
        Self {
            frame: Vec::with_capacity(1 << 16),
            is_synchronized,
        }
    }
}

impl Write for FrameWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.frame.is_empty() && self.is_synchronized {
            self.frame.extend_from_slice(b"\x1b[?2026h");
        }
        self.frame.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.frame.is_empty() {
            return Ok(());
        }
        if self.is_synchronized {
            self.frame.extend_from_slice(b"\x1b[?2026l");
        }
        let mut out = io::stdout().lock();
        let written = out.write_all(&self.frame).and_then(|()| out.flush());
        self.frame.clear();
        written
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn undone(taken: u8) -> String {
        let mut bytes = Vec::new();
        undo(taken, &mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn what_was_taken_is_undone_in_reverse() {
        let all = undone(RAW | SCREEN | PASTE | MOUSE | KEYS);
        let places: Vec<_> = [
            "\u{1b}[<1u",
            "\u{1b}[?1000l",
            "\u{1b}[?2004l",
            "\u{1b}[?1049l",
            "\u{1b}[?25h",
        ]
        .iter()
        .map(|code| {
            all.find(code)
                .unwrap_or_else(|| panic!("{code:?} is not in {all:?}"))
        })
        .collect();
        assert!(places.is_sorted(), "{all:?}");
    }

    #[test]
    fn what_was_not_taken_is_left_alone() {
        assert_eq!(undone(0), "");
        assert!(!undone(RAW | SCREEN | PASTE).contains("1000l"));
    }
}
