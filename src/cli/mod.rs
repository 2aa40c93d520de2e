//! The command line: parses it, runs one subcommand, and turns its outcome into an exit code.
//!
//! One file a subcommand; `args.rs` declares them all. `exit.rs` maps every error to a code,
//! `output.rs` is the only place that prints, `interrupt.rs` knows about Ctrl+C. Nothing here
//! computes: models, text and files belong to the library.
//!
//! Invariants: results go to stdout, everything else to stderr; an error is one line there and at
//! most one more with a hint; paths that are written to are checked before work starts.

mod ablate;
mod answer;
mod args;
mod attention;
mod bench;
mod chat;
mod completions;
mod conversation;
mod convert;
mod decode;
mod diff;
mod doctor;
mod drive;
mod exit;
mod force;
mod generate;
mod inside;
mod inspect;
mod interrupt;
mod lens;
mod logging;
mod man;
mod model;
mod output;
mod playground;
mod predict;
mod print_config;
mod print_keys;
mod profile;
mod progress;
mod prompt;
mod settings;
mod terminal;
mod text;
mod tokenize;
mod trace;
mod writable;

use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

use args::{Cli, Command};
use exit::CliError;
use gptoss::settings::nearest;

/// Runs the program.
pub(crate) fn main() -> ExitCode {
    exit::code(run())
}

fn run() -> Result<(), CliError> {
    let cli = parse()?;
    let Some(command) = &cli.command else {
        return open_playground(&cli);
    };
    let _log = logging::start(cli.log.as_deref())?;
    interrupt::watch()?;
    let outcome = perform(&cli, command);
    logging::ended(&outcome);
    outcome
}

fn perform(cli: &Cli, command: &Command) -> Result<(), CliError> {
    match command {
        Command::Generate(args) => generate::run(args),
        Command::Chat(args) => chat::run(args),
        Command::Profile(args) => profile::run(args),
        Command::Tokenize(args) => tokenize::run(args),
        Command::Ablate(args) => ablate::run(args),
        Command::Trace(args) => trace::run(args),
        Command::Diff(args) => diff::run(args),
        Command::Recover(args) => diff::run_recover(args),
        Command::Inspect(args) => inspect::run(args),
        Command::Lens(args) => lens::run(args),
        Command::Attention(args) => attention::run(args),
        Command::Bench(args) => bench::run(args),
        Command::Convert(args) => convert::run(args),
        Command::Doctor(args) => doctor::run(args),
        Command::PrintConfig(args) => print_config::run(args, &settings::load(cli)?.1),
        Command::PrintKeys => print_keys::run(cli),
        Command::Completions(args) => completions::run(args),
        Command::Man => man::run(),
    }
}

fn parse() -> Result<Cli, CliError> {
    let matches = args::command().try_get_matches()?;
    let cli = Cli::from_arg_matches(&matches)?;
    // Not clap's own conflict with subcommands, which would take `--log FILE generate` for one.
    match cli
        .playground
        .first_given()
        .filter(|_| cli.command.is_some())
    {
        Some(argument) => Err(CliError::usage(format!(
            "{argument} belongs to the playground and cannot stand before a subcommand"
        ))),
        None => Ok(cli),
    }
}

/// Called without a subcommand: the settings first, so that a bad file is told on a plain screen.
fn open_playground(cli: &Cli) -> Result<(), CliError> {
    let (dirs, loaded) = settings::load(cli)?;
    if let Some(path) = cli.playground.model.as_deref() {
        check_model(path)?;
    }
    let log = logging::start_playground(cli.log.as_deref(), &loaded.settings.log, dirs.as_ref())?;
    if let Some(notice) = &log.notice {
        output::note(notice);
    }
    let outcome = playground::run(cli, &loaded.settings, dirs.as_ref());
    logging::ended(&outcome);
    outcome
}

/// A subcommand with a slip of the finger arrives here as a model's path.
fn check_model(path: &Path) -> Result<(), CliError> {
    if path.exists() {
        return Ok(());
    }
    let word = path.display().to_string();
    let names: Vec<String> = Cli::command()
        .get_subcommands()
        .map(|subcommand| subcommand.get_name().to_owned())
        .collect();
    let error = CliError::usage(format!("{word} is neither a model folder nor a subcommand"));
    Err(match nearest(&word, &names) {
        Some(name) => error.hint(format!("a subcommand is called {name}")),
        None if word.contains("gpt-oss") => {
            let steps = gptoss::catalog::HOW_TO_GET.steps.iter();
            let fetch = steps
                .map(|step| step.command)
                .find(|text| text.starts_with("hf "));
            error.hint(format!(
                "this fetches a model: {}",
                fetch.unwrap_or_default()
            ))
        }
        None => error.hint("`--help` lists what is possible"),
    })
}
