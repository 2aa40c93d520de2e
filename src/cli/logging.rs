//! The log: into a file where one is asked for; the playground's, into a file a day and into memory.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use gptoss::log_ring::{LogLine, LogRing};
use gptoss::settings::dirs::{self, Dirs};
use gptoss::settings::{LogLevel, LogSettings};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_appender::non_blocking::{NonBlocking, WorkerGuard};
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, fmt};

use super::exit::CliError;

/// Names the log file where `--log` does not.
const LOG_VARIABLE: &str = "GPTOSS_LOG";
/// What the playground's files are called: `gptoss-tui.2026-01-31.log`.
const FILE_PREFIX: &str = "gptoss-tui";
const FILE_SUFFIX: &str = "log";

static RING: LazyLock<LogRing> = LazyLock::new(LogRing::default);

/// The latest events, shared with whoever shows them; empty unless the playground runs.
pub(crate) fn ring() -> LogRing {
    RING.clone()
}

/// Starts to log into `file` or the one that `GPTOSS_LOG` names; the guard writes the rest on drop.
pub(crate) fn start(file: Option<&Path>) -> Result<Option<WorkerGuard>, CliError> {
    let Some(path) = asked_for(file) else {
        return Ok(None);
    };
    let (writer, guard) = append_to(&path)?;
    // Fails only where a subscriber exists already, which then gets the events.
    let _ = tracing_subscriber::registry()
        .with(filter(LogLevel::Info))
        .with(fmt::layer().with_writer(writer).with_ansi(false))
        .try_init();
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "started");
    Ok(Some(guard))
}

/// The playground's log while it lives.
#[derive(Debug)]
pub(crate) struct PlaygroundLog {
    /// Writes the rest on drop.
    _guard: Option<WorkerGuard>,
    /// Why events go to memory only.
    pub(crate) notice: Option<String>,
}

/// Starts to log into memory and into `file`, the one that `GPTOSS_LOG` names, or a file a day in
/// the folder of the settings. Only a file that was asked for must be writable.
pub(crate) fn start_playground(
    file: Option<&Path>,
    settings: &LogSettings,
    dirs: Option<&Dirs>,
) -> Result<PlaygroundLog, CliError> {
    let (writer, notice) = match asked_for(file) {
        Some(path) => (Some(append_to(&path)?), None),
        None => match daily(settings, dirs) {
            Ok(writer) => (Some(writer), None),
            Err(reason) => (None, Some(format!("the log is kept in memory: {reason}"))),
        },
    };
    let (writer, guard) = writer.unzip();
    let to_file = writer.map(|writer| fmt::layer().with_writer(writer).with_ansi(false));
    let _ = tracing_subscriber::registry()
        .with(filter(settings.level))
        .with(to_file)
        .with(RingLayer(ring()))
        .try_init();
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "started");
    if let Some(notice) = &notice {
        tracing::warn!("{notice}");
    }
    Ok(PlaygroundLog {
        _guard: guard,
        notice,
    })
}

/// Writes down how the program ends.
pub(crate) fn ended(outcome: &Result<(), CliError>) {
    match outcome {
        Ok(()) | Err(CliError::Information(_)) => tracing::info!("ended: done"),
        Err(CliError::Interrupted { signal }) => {
            let name = signal_hook::low_level::signal_name(*signal).unwrap_or("a signal");
            tracing::info!("ended by {name}");
        }
        Err(CliError::BrokenPipe) => tracing::info!("ended: nobody reads what it prints"),
        Err(CliError::Report { message, .. }) => tracing::error!("ended: {message}"),
    }
}

fn asked_for(file: Option<&Path>) -> Option<PathBuf> {
    let from_environment = std::env::var_os(LOG_VARIABLE)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from);
    file.map(Path::to_owned).or(from_environment)
}

fn append_to(path: &Path) -> Result<(NonBlocking, WorkerGuard), CliError> {
    let log = std::fs::File::options()
        .create(true)
        .append(true)
        .open(path)
        .map_err(|error| CliError::failed(format!("cannot write {}: {error}", path.display())))?;
    Ok(tracing_appender::non_blocking(log))
}

fn daily(
    settings: &LogSettings,
    dirs: Option<&Dirs>,
) -> Result<(NonBlocking, WorkerGuard), String> {
    let dirs = dirs.ok_or("there is no home folder")?;
    let folder = dirs.logs(&settings.folder);
    dirs::ensure_writable(&folder).map_err(|error| error.to_string())?;
    let appender = RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .filename_prefix(FILE_PREFIX)
        .filename_suffix(FILE_SUFFIX)
        .max_log_files(settings.keep_files)
        .build(&folder)
        .map_err(|error| error.to_string())?;
    Ok(tracing_appender::non_blocking(appender))
}

/// `RUST_LOG` where it is set, else everything down to `level`.
fn filter(level: LogLevel) -> EnvFilter {
    EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level.as_str()))
}

/// Puts events into the ring.
struct RingLayer(LogRing);

impl<S: Subscriber> Layer<S> for RingLayer {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut message = Message::default();
        event.record(&mut message);
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        self.0.push(LogLine {
            at_ms: now.map_or(0, |since| since.as_millis() as u64),
            level: level(*event.metadata().level()),
            target: event.metadata().target().to_owned(),
            message: message.text + &message.fields,
        });
    }
}

fn level(level: Level) -> LogLevel {
    match level {
        Level::ERROR => LogLevel::Error,
        Level::WARN => LogLevel::Warn,
        Level::INFO => LogLevel::Info,
        Level::DEBUG => LogLevel::Debug,
        Level::TRACE => LogLevel::Trace,
    }
}

/// An event's text, then its fields.
#[derive(Default)]
struct Message {
    text: String,
    fields: String,
}

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        // Writing into a string cannot fail.
        let _ = if field.name() == "message" {
            write!(self.text, "{value:?}")
        } else {
            write!(self.fields, " {}={value:?}", field.name())
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_reach_the_ring_with_level_target_and_fields() {
        let ring = LogRing::default();
        let subscriber = tracing_subscriber::registry().with(RingLayer(ring.clone()));
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(target: "here", tokens = 3, name = "Pip", "slow {}", 1);
        });
        let lines = ring.recent();
        assert_eq!(lines.len(), 1);
        assert_eq!(
            (lines[0].level, lines[0].target.as_str()),
            (LogLevel::Warn, "here")
        );
        assert_eq!(lines[0].message, "slow 1 tokens=3 name=\"Pip\"");
        assert!(lines[0].at_ms > 1_600_000_000_000);
    }
}
