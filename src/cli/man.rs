//! `man`: the manual page, subcommands included.

use super::args;
use super::exit::CliError;
use super::output;

/// Prints the page in roff.
pub(crate) fn run() -> Result<(), CliError> {
    let mut page = Vec::new();
    clap_mangen::Man::new(args::command())
        .render(&mut page)
        .map_err(CliError::failed)?;
    output::text(&String::from_utf8_lossy(&page))
}
