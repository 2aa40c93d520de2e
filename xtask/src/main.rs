//! Set-up and checks of `gptoss-tui`: everything that plain Cargo cannot do on Linux.
//!
//! `cargo xtask run` and `cargo xtask test` are the two commands a newcomer needs. Both call
//! [`setup`] first, which returns at once when nothing is missing and does nothing on macOS.

mod checks;
mod loader;
mod mlx;
mod python;
mod setup;

use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, bail};

const USAGE: &str = "\
cargo xtask <COMMAND>

  run [-- ARGS]                make what is missing, then start gptoss-tui (release build)
  test                         make what is missing, then format, lint, test and document
  setup [--backend cpu|cuda]   Linux: make MLX usable for Cargo (cuda where an NVIDIA driver is)
                               MLX_ROOT=DIR uses an MLX 0.32.2 that is installed already
  clean-mlx                    remove what setup made";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&args) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(args: &[String]) -> Result<ExitCode> {
    let (command, rest) = args
        .split_first()
        .map_or(("help", [].as_slice()), |(command, rest)| {
            (command.as_str(), rest)
        });
    match command {
        "run" => {
            setup::ensure(None)?;
            run(rest)
        }
        "test" => {
            setup::ensure(None)?;
            checks::run_all()
        }
        "setup" => {
            setup::ensure(Some(setup::Backend::from_args(rest)?))?;
            Ok(ExitCode::SUCCESS)
        }
        "clean-mlx" => {
            setup::clean()?;
            Ok(ExitCode::SUCCESS)
        }
        "help" | "--help" | "-h" => {
            println!("{USAGE}");
            Ok(ExitCode::SUCCESS)
        }
        other => bail!("no such command: {other}\n\n{USAGE}"),
    }
}

/// Builds and starts the release binary; its exit code becomes ours.
fn run(args: &[String]) -> Result<ExitCode> {
    let args = match args.split_first() {
        Some((first, rest)) if first == "--" => rest,
        _ => args,
    };
    let status = cargo()
        .args(["run", "--release", "--bin", "gptoss-tui", "--"])
        .args(args)
        .status()
        .context("could not start cargo")?;
    Ok(ExitCode::from(
        u8::try_from(status.code().unwrap_or(1)).unwrap_or(1),
    ))
}

/// Whether a command can be started and succeeds, unseen.
fn works(command: &mut Command) -> bool {
    let status = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}

/// The Cargo that runs us, in the workspace's root.
fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(setup::root());
    command
}
