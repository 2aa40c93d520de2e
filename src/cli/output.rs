//! The only place that prints: results to stdout, notes to stderr.
//!
//! Invariant: what a model wrote, a file says or a folder is called cannot command a terminal. Where
//! one would act upon a character, it is shown by a picture or its number; pipes and files get every
//! byte as it is.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};

use gptoss::ui::sanitize::sanitize;

use super::exit::CliError;

/// Writes a result; it may wait in a buffer until a line ends.
pub(crate) fn text(text: &str) -> Result<(), CliError> {
    let mut stdout = io::stdout().lock();
    let text = shown(text, stdout.is_terminal());
    checked(stdout.write_all(text.as_bytes()))
}

/// Writes a result and a line break.
pub(crate) fn line(line: &str) -> Result<(), CliError> {
    let mut stdout = io::stdout().lock();
    let line = shown(line, stdout.is_terminal());
    checked(writeln!(stdout, "{line}"))
}

/// Writes a line of our own with its colors, and a line break.
pub(crate) fn styled_line(line: &str) -> Result<(), CliError> {
    checked(writeln!(io::stdout().lock(), "{line}"))
}

/// Sends out what waits.
pub(crate) fn flush() -> Result<(), CliError> {
    checked(io::stdout().lock().flush())
}

/// Writes a line to stderr; there is nobody to tell if that fails.
pub(crate) fn note(line: &str) {
    let mut stderr = io::stderr().lock();
    let line = shown(line, stderr.is_terminal());
    let _ = writeln!(stderr, "{line}");
}

/// Writes to stderr, dimmed where a person sees it.
pub(crate) fn aside(text: &str) {
    let mut stderr = io::stderr().lock();
    let text = shown(text, stderr.is_terminal());
    let _ = if is_colored() {
        write!(stderr, "\u{1b}[2m{text}\u{1b}[0m")
    } else {
        write!(stderr, "{text}")
    };
    let _ = stderr.flush();
}

/// The text as it may reach a terminal, and as it is elsewhere.
fn shown(text: &str, is_terminal: bool) -> Cow<'_, str> {
    if is_terminal {
        sanitize(text)
    } else {
        Cow::Borrowed(text)
    }
}

/// Whether stderr shows colors.
fn is_colored() -> bool {
    io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

fn checked(outcome: io::Result<()>) -> Result<(), CliError> {
    outcome.map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => CliError::BrokenPipe,
        _ => CliError::failed(format!("cannot write to stdout: {error}")),
    })
}
