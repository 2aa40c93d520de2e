//! A log file, only where one is asked for.

use std::path::{Path, PathBuf};

use tracing_appender::non_blocking::WorkerGuard;
use tracing_subscriber::EnvFilter;

use super::exit::CliError;

/// Names the log file where `--log` does not.
const LOG_VARIABLE: &str = "GPTOSS_LOG";

/// Starts to log into `file` or the one that `GPTOSS_LOG` names; the guard writes the rest on drop.
pub(crate) fn start(file: Option<&Path>) -> Result<Option<WorkerGuard>, CliError> {
    let from_environment = std::env::var_os(LOG_VARIABLE)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from);
    let Some(path) = file.map(Path::to_owned).or(from_environment) else {
        return Ok(None);
    };
    let log = std::fs::File::options()
        .create(true)
        .append(true)
        .open(&path)
        .map_err(|error| CliError::failed(format!("cannot write {}: {error}", path.display())))?;
    let (writer, guard) = tracing_appender::non_blocking(log);
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    // Fails only where a subscriber exists already, which then gets the events.
    let _ = tracing_subscriber::fmt()
        .with_writer(writer)
        .with_ansi(false)
        .with_env_filter(filter)
        .try_init();
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "started");
    Ok(Some(guard))
}
