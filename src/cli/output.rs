//! The only place that prints: results to stdout, notes to stderr.

use std::io::{self, IsTerminal, Write};

use super::exit::CliError;

/// Writes a result as it is; it may wait in a buffer until a line ends.
pub(crate) fn text(text: &str) -> Result<(), CliError> {
    checked(io::stdout().lock().write_all(text.as_bytes()))
}

/// Writes a result and a line break.
pub(crate) fn line(line: &str) -> Result<(), CliError> {
    checked(writeln!(io::stdout().lock(), "{line}"))
}

/// Sends out what waits.
pub(crate) fn flush() -> Result<(), CliError> {
    checked(io::stdout().lock().flush())
}

/// Writes a line to stderr; there is nobody to tell if that fails.
pub(crate) fn note(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Writes to stderr as it is, dimmed where a person sees it.
pub(crate) fn aside(text: &str) {
    let mut stderr = io::stderr().lock();
    let _ = if is_colored() {
        write!(stderr, "\u{1b}[2m{text}\u{1b}[0m")
    } else {
        write!(stderr, "{text}")
    };
    let _ = stderr.flush();
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
