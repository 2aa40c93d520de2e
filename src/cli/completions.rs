//! `completions`: a script for the shell.

use super::args::{self, CompletionsArgs};
use super::exit::CliError;
use super::output;

/// Prints the script.
pub(crate) fn run(args: &CompletionsArgs) -> Result<(), CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut args::command(), "gptoss-tui", &mut script);
    output::text(&String::from_utf8_lossy(&script))
}
