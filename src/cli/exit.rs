//! How the program ends: an exit code, and one line on stderr when something went wrong.

use std::process::ExitCode;

use clap::error::ErrorKind;
use gptoss::checkpoint::CheckpointError;
use gptoss::generate::{GenerateError, InspectError, SamplingError};
use gptoss::harmony::RenderError;
use gptoss::model::config::ConfigError;
use gptoss::model::params::LoadError;
use gptoss::settings::SettingsError;
use gptoss::tokenizer::{StopStringsError, TokenizerError};
use gptoss::trace_file::TraceError;
use gptoss::ui::sanitize::sanitize;

use super::{interrupt, output};

/// The codes, as `--help` shows them.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0    done
  1    failed: broken weights or tokenizer, files that cannot be read or written, the device
  2    wrong usage or configuration: arguments, parameters, token ids, config.json,
       gptoss.toml; or, after its results, `profile` had to leave out lines of its file
  3    refused: the request would need more memory than allowed
  130  interrupted by Ctrl+C; what was printed until then is valid
  143  ended by SIGTERM, likewise; 129 by SIGHUP, in the playground";

/// The code after a signal: 128 and the signal's number, as shells have it.
pub(crate) fn signal_code(signal: i32) -> u8 {
    u8::try_from(128 + signal).unwrap_or(u8::MAX)
}

/// Which code an error ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// 1.
    Failed,
    /// 2.
    Usage,
    /// 3.
    Memory,
}

impl Status {
    /// Whether another request might do better.
    pub(crate) fn is_of_the_request(self) -> bool {
        matches!(self, Self::Usage | Self::Memory)
    }
}

/// Why a subcommand did not finish.
#[derive(Debug)]
pub(crate) enum CliError {
    /// Something to tell.
    Report {
        /// The code.
        status: Status,
        /// One line.
        message: String,
        /// What to try.
        hint: Option<String>,
    },
    /// Help or the version, which clap hands out as errors; goes to stdout.
    Information(String),
    /// Ctrl+C, or another signal that asks to end.
    Interrupted {
        /// Its number.
        signal: i32,
    },
    /// The reader of stdout has left, which is his right.
    BrokenPipe,
}

impl CliError {
    #[expect(
        clippy::needless_pass_by_value,
        reason = "callers are done with their errors"
    )]
    fn new(status: Status, message: impl ToString) -> Self {
        Self::Report {
            status,
            message: message.to_string(),
            hint: None,
        }
    }

    /// Code 1.
    pub(crate) fn failed(message: impl ToString) -> Self {
        Self::new(Status::Failed, message)
    }

    /// Code 2.
    pub(crate) fn usage(message: impl ToString) -> Self {
        Self::new(Status::Usage, message)
    }

    /// Code 3.
    pub(crate) fn memory(message: impl ToString) -> Self {
        Self::new(Status::Memory, message)
    }

    /// Adds what to try.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "callers are done with their texts"
    )]
    pub(crate) fn hint(mut self, text: impl ToString) -> Self {
        if let Self::Report { hint, .. } = &mut self {
            *hint = Some(text.to_string());
        }
        self
    }
}

/// Reports the outcome and gives the program's exit code.
pub(crate) fn code(outcome: Result<(), CliError>) -> ExitCode {
    match outcome.and_then(|()| output::flush()) {
        Ok(()) | Err(CliError::BrokenPipe) => ExitCode::SUCCESS,
        Err(CliError::Interrupted { signal }) => ExitCode::from(signal_code(signal)),
        Err(CliError::Information(text)) => {
            match output::text(&text).and_then(|()| output::flush()) {
                Ok(()) | Err(CliError::BrokenPipe) => ExitCode::SUCCESS,
                Err(_) => ExitCode::FAILURE,
            }
        }
        Err(CliError::Report {
            status,
            message,
            hint,
        }) => {
            // The partial output comes before the message, also where both go to one terminal.
            let _ = output::flush();
            output::note(&format!("error: {}", one_line(&message)));
            if let Some(hint) = hint {
                output::note(&format!("hint: {}", one_line(&hint)));
            }
            ExitCode::from(match status {
                Status::Failed => 1,
                Status::Usage => 2,
                Status::Memory => 3,
            })
        }
    }
}

/// Joins lines, and shows what a terminal would act upon instead of sending it there: names and values
/// from a model's files are part of messages.
fn one_line(message: &str) -> String {
    let joined = message
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join(" ");
    let visible = joined.chars().fold(String::new(), |mut text, character| {
        if character.is_control() {
            text.extend(character.escape_default());
        } else {
            text.push(character);
        }
        text
    });
    // What reorders or hides letters is no control character.
    sanitize(&visible).into_owned()
}

impl From<clap::Error> for CliError {
    fn from(error: clap::Error) -> Self {
        let text = error.render().to_string();
        if matches!(
            error.kind(),
            ErrorKind::DisplayHelp
                | ErrorKind::DisplayVersion
                | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
        ) {
            return Self::Information(text);
        }
        // clap's first paragraph says what is wrong, a later one may hold a tip.
        let message = text.split("\n\n").next().unwrap_or_default();
        let message = message.trim().trim_start_matches("error: ");
        let tip = text
            .lines()
            .find_map(|line| line.trim().strip_prefix("tip: "));
        Self::usage(message).hint(tip.unwrap_or("`--help` lists what is possible"))
    }
}

impl From<CheckpointError> for CliError {
    fn from(error: CheckpointError) -> Self {
        match error {
            CheckpointError::NoSuchDirectory { .. }
            | CheckpointError::NotADirectory { .. }
            | CheckpointError::NotAModel { .. }
            | CheckpointError::Config { .. } => Self::usage(error),
            other => Self::failed(other),
        }
    }
}

impl From<ConfigError> for CliError {
    fn from(error: ConfigError) -> Self {
        Self::usage(error)
    }
}

impl From<LoadError> for CliError {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Checkpoint(error) => error.into(),
            LoadError::Cancelled => interrupt::error(),
            other => Self::failed(other),
        }
    }
}

impl From<SettingsError> for CliError {
    fn from(error: SettingsError) -> Self {
        Self::usage(error).hint("`gptoss-tui print-config` shows every setting")
    }
}

impl From<SamplingError> for CliError {
    fn from(error: SamplingError) -> Self {
        Self::usage(error)
    }
}

impl From<GenerateError> for CliError {
    fn from(error: GenerateError) -> Self {
        match error {
            GenerateError::Mlx(_) => Self::failed(error),
            GenerateError::RangeLeft => Self::failed(error).hint("leave out `--dtype f16`"),
            GenerateError::OutOfMemory { .. } => Self::failed(error)
                .hint("a shorter prompt, `--kv-bits 8` or a smaller `--prefill-chunk` needs less"),
            GenerateError::Memory { .. } => Self::memory(error),
            other => Self::usage(other),
        }
    }
}

impl From<InspectError> for CliError {
    fn from(error: InspectError) -> Self {
        match error {
            InspectError::Generate(error) => error.into(),
            InspectError::Cancelled => interrupt::error(),
            other => Self::usage(other),
        }
    }
}

impl From<TokenizerError> for CliError {
    fn from(error: TokenizerError) -> Self {
        let reason = std::error::Error::source(&error).map(ToString::to_string);
        let message = error.to_string();
        Self::failed(match reason {
            Some(reason) if !message.contains(&reason) => format!("{message}: {reason}"),
            _ => message,
        })
    }
}

impl From<RenderError> for CliError {
    fn from(error: RenderError) -> Self {
        Self::usage(error)
    }
}

impl From<StopStringsError> for CliError {
    fn from(error: StopStringsError) -> Self {
        Self::usage(error)
    }
}

impl From<TraceError> for CliError {
    fn from(error: TraceError) -> Self {
        Self::failed(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_one_line_without_control_characters() {
        assert_eq!(one_line("a\n\n  b\u{1b}[31m"), "a b\\u{1b}[31m");
        assert_eq!(one_line("a\u{202e}b\u{2066}"), "a<U+202E>b<U+2066>");
    }
}
