//! `print-keys`: every binding in force, as the README's table.

use super::args::Cli;
use super::exit::CliError;
use super::{output, playground, settings};

/// Prints the table.
pub(crate) fn run(cli: &Cli) -> Result<(), CliError> {
    let (_, loaded) = settings::load(cli)?;
    let keymap = playground::keymap(&loaded.settings)?;
    output::text(&keymap.table())
}
