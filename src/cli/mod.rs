//! The command line: parses it, runs one subcommand, and turns its outcome into an exit code.
//!
//! One file a subcommand; `args.rs` declares them all. `exit.rs` maps every error to a code,
//! `output.rs` is the only place that prints, `interrupt.rs` knows about Ctrl+C. Nothing here
//! computes: models, text and files belong to the library.
//!
//! Invariants: results go to stdout, everything else to stderr; an error is one line there and at
//! most one more with a hint; paths that are written to are checked before work starts.

mod answer;
mod args;
mod bench;
mod chat;
mod completions;
mod conversation;
mod convert;
mod decode;
mod doctor;
mod drive;
mod exit;
mod generate;
mod inspect;
mod interrupt;
mod logging;
mod model;
mod output;
mod predict;
mod progress;
mod prompt;
mod text;
mod tokenize;
mod trace;
mod writable;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

use args::{Cli, Command};
use exit::CliError;

/// Runs the program.
pub(crate) fn main() -> ExitCode {
    exit::code(run())
}

fn run() -> Result<(), CliError> {
    let cli = parse()?;
    let _log = logging::start(cli.log.as_deref())?;
    interrupt::watch()?;
    match &cli.command {
        None => welcome(),
        Some(Command::Generate(args)) => generate::run(args),
        Some(Command::Chat(args)) => chat::run(args),
        Some(Command::Tokenize(args)) => tokenize::run(args),
        Some(Command::Trace(args)) => trace::run(args),
        Some(Command::Inspect(args)) => inspect::run(args),
        Some(Command::Bench(args)) => bench::run(args),
        Some(Command::Convert(args)) => convert::run(args),
        Some(Command::Doctor(args)) => doctor::run(args),
        Some(Command::Completions(args)) => completions::run(args),
    }
}

fn parse() -> Result<Cli, CliError> {
    let matches = args::command().try_get_matches()?;
    Ok(Cli::from_arg_matches(&matches)?)
}

/// Called without a subcommand: a chat with the built-in model where a person sits, else the help.
fn welcome() -> Result<(), CliError> {
    if std::io::stdin().is_terminal() && std::io::stdout().is_terminal() {
        let matches = args::command().try_get_matches_from(["gptoss-tui", "chat"])?;
        if let Some(Command::Chat(args)) = Cli::from_arg_matches(&matches)?.command {
            return chat::run(&args);
        }
    }
    output::line(
        "Welcome! Try `gptoss-tui generate -p \"What is 48 + 75?\"`: a model is built in.\n",
    )?;
    output::text(&Cli::command().render_help().to_string())
}
