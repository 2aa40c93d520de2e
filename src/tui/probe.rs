//! What the terminal tells about itself when asked: its background, and its keyboard protocol.
//!
//! The questions go out on a thread of their own while the first frame is drawn. Keys are read only
//! after the answers, for both come in on the same line.

use std::thread;
use std::time::Duration;

use terminal_colorsaurus::{Error, QueryOptions, ThemeMode, theme_mode};

use crate::ui::theme::Backdrop;

/// Most terminals answer within a round trip, whatever they know; those that never do cost this.
const TIMEOUT: Duration = Duration::from_millis(200);

/// What the terminal answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Answers {
    /// Its background, where it tells.
    pub backdrop: Option<Backdrop>,
    /// Whether it speaks the kitty keyboard protocol.
    pub kitty_keys: bool,
}

/// Asks on a thread; `answer` gets the answers there. The terminal must be in raw mode.
///
/// False where the system has no thread to give; then nothing is asked.
pub fn start(answer: impl FnOnce(Answers) + Send + 'static) -> bool {
    let spawned = thread::Builder::new()
        .name("gptoss-probe".to_owned())
        .spawn(move || answer(ask()));
    if let Err(error) = &spawned {
        tracing::error!(%error, "the terminal was not asked about itself");
    }
    spawned.is_ok()
}

fn ask() -> Answers {
    let mut options = QueryOptions::default();
    options.timeout = TIMEOUT;
    let mode = theme_mode(options);
    let is_silent = matches!(mode, Err(Error::Timeout(_)));
    if let Err(error) = &mode {
        tracing::debug!(%error, "the terminal's background is unknown");
    }
    let kitty_keys =
        !is_silent && crossterm::terminal::supports_keyboard_enhancement().unwrap_or(false);
    let backdrop = mode.ok().map(|mode| match mode {
        ThemeMode::Dark => Backdrop::Dark,
        ThemeMode::Light => Backdrop::Light,
    });
    Answers {
        backdrop,
        kitty_keys,
    }
}
