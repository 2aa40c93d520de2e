//! Performs what the state asks for, without ever making the loop wait.
//!
//! The engine is asked through its queue; files, folders and the clipboard have threads of their
//! own, whose results come back as [`Outcome`]s. What needs the terminal itself is handed back to
//! the loop as a [`Control`].

mod clipboard;
mod editor;
mod files;
mod read_traces;
mod sessions;
mod traces;

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc::UnboundedSender;

use self::clipboard::Clipboard;
use self::sessions::Sessions;
use self::traces::Traces;
use super::probe::Answers;
use super::worker::Worker;
use crate::app::models::FoundModels;
use crate::app::{Effect, Focus, Report, State, View};
use crate::catalog::{self, Places};
use crate::engine::protocol::{Command, RequestId};
use crate::engine::{EngineError, EngineHandle};
use crate::log_ring::LogRing;
use crate::meters::MeterHandle;
use crate::session::SessionFolder;

pub use self::files::{load_history, load_presets};
pub use self::sessions::{CopyAttempt, OpenedSession};
pub use self::traces::{ReadDigests, TraceDigests};

/// What only the loop can do.
#[derive(Debug, Clone, PartialEq)]
pub enum Control {
    /// Hand a text to the terminal's clipboard.
    Copy(String),
    /// Capture the mouse, or leave it.
    Mouse(bool),
    /// Take another theme.
    Theme(String),
    /// Draw everything anew.
    Redraw,
    /// Go back to the shell.
    Suspend,
    /// Let the person write in an editor.
    Editor(String),
    /// Leave.
    Quit,
}

/// A mutex's content, also where a thread has panicked with it in hand.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What came of work elsewhere.
#[derive(Debug)]
pub enum Outcome {
    /// Something for the state.
    Report(Report),
    /// A session that is open now.
    Session(OpenedSession),
    /// A file of its own was begun, or could not be, for a session without one.
    CopyTried(CopyAttempt),
    /// What the person left in the editor.
    Editor(Result<String, String>),
    /// What the terminal tells about itself.
    Terminal(Answers),
}

/// Where files are; none where nothing can be written.
#[derive(Debug, Clone, Default)]
pub struct Files {
    /// The sessions.
    pub sessions: Option<SessionFolder>,
    /// The traces that are recorded.
    pub traces: Option<PathBuf>,
    /// What tells models apart in traces.
    pub digests: Option<ReadDigests>,
    /// Messages sent before.
    pub history: Option<PathBuf>,
    /// The person's presets.
    pub presets: Option<PathBuf>,
    /// Where relative paths begin.
    pub current: PathBuf,
    /// Where models may be.
    pub places: Places,
    /// The editor that the settings name; empty is the environment's.
    pub editor: String,
}

/// What performs effects.
pub struct Effects {
    engine: EngineHandle,
    outcomes: UnboundedSender<Outcome>,
    files: Arc<Files>,
    clipboard: Clipboard,
    sessions: Sessions,
    traces: Traces,
    /// Short work on files, in order.
    writing: Worker,
    /// Looking through folders, which may take long.
    searching: Worker,
    meters: Option<MeterHandle>,
    meter_reading: u64,
    log: LogRing,
    logged: u64,
}

impl fmt::Debug for Effects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Effects")
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}

impl Effects {
    /// Performs effects with this engine and these files; results go to `outcomes`.
    pub fn new(
        engine: EngineHandle,
        files: Files,
        meters: Option<MeterHandle>,
        log: LogRing,
        outcomes: UnboundedSender<Outcome>,
    ) -> Self {
        let files = Arc::new(files);
        Self {
            engine,
            clipboard: Clipboard::new(outcomes.clone(), !clipboard::is_remote()),
            sessions: Sessions::new(files.sessions.clone(), outcomes.clone()),
            traces: Traces::new(files.traces.clone(), files.digests, outcomes.clone()),
            files,
            outcomes,
            writing: Worker::new("gptoss-files"),
            searching: Worker::new("gptoss-search"),
            meters,
            meter_reading: 0,
            log,
            logged: 0,
        }
    }

    /// Performs one effect, or gives it back where only the loop can.
    pub fn perform(&mut self, effect: Effect) -> Option<Control> {
        match effect {
            Effect::Engine(command) => self.send(command),
            Effect::Cancel(request) => self.engine.cancel(request),
            Effect::Save(ops) => self.sessions.save(ops),
            Effect::Session(request) => self.sessions.request(request),
            Effect::Copy(text) => {
                self.clipboard.copy(&text);
                return Some(Control::Copy(text));
            }
            Effect::WriteFile { path, text } => {
                let folder = self.files.current.clone();
                self.write(move || files::write_new(&folder, &path, &text));
            }
            Effect::ReadProfile(path) => {
                let folder = self.files.current.clone();
                self.write(move || files::read_profile(&folder, &path));
            }
            Effect::Trace(request) => {
                let (outcomes, files) = (self.outcomes.clone(), Arc::clone(&self.files));
                self.searching.queue(move || {
                    let read = read_traces::read(&files, request);
                    let _ = outcomes.send(Outcome::Report(Report::Trace(read)));
                });
            }
            Effect::Record(request) => self.traces.record(request),
            Effect::SavePresets(presets) => match self.files.presets.clone() {
                Some(path) => self.write(move || files::save_presets(&path, &presets)),
                None => self.tell(Report::Failed(
                    "presets are kept until you leave: there is no folder to write to".to_owned(),
                )),
            },
            Effect::Remember(text) => self.remember(text),
            Effect::FindModels => self.find_models(),
            Effect::LookAtModel(path) => {
                let outcomes = self.outcomes.clone();
                let path = self.files.current.join(files::expand(&path));
                self.searching.queue(move || {
                    let report = Report::Model(catalog::look(&path));
                    let _ = outcomes.send(Outcome::Report(report));
                });
            }
            Effect::ReadLog => self.tell(Report::Log(self.log.recent())),
            Effect::Mouse(is_on) => return Some(Control::Mouse(is_on)),
            Effect::Theme(name) => return Some(Control::Theme(name)),
            Effect::Redraw => return Some(Control::Redraw),
            Effect::Suspend => return Some(Control::Suspend),
            Effect::Editor(text) => return Some(Control::Editor(text)),
            Effect::Quit => return Some(Control::Quit),
        }
        None
    }

    fn tell(&self, report: Report) {
        // Nobody listens any more when the program ends.
        let _ = self.outcomes.send(Outcome::Report(report));
    }

    fn send(&self, command: Command) {
        let request = request_of(&command);
        let report = match self.engine.try_send(command) {
            Ok(()) => return,
            Err(EngineError::Busy(command)) => Report::EngineBusy(command),
            Err(error) => Report::EngineRefused {
                request,
                message: error.to_string(),
            },
        };
        self.tell(report);
    }

    fn write(&mut self, work: impl FnOnce() -> Report + Send + 'static) {
        let outcomes = self.outcomes.clone();
        self.writing.queue(move || {
            let _ = outcomes.send(Outcome::Report(work()));
        });
    }

    fn remember(&mut self, text: String) {
        let Some(path) = self.files.history.clone() else {
            return;
        };
        self.writing.queue(move || {
            if let Err(error) = files::remember(&path, &text) {
                tracing::warn!(%error, "{} was not written", path.display());
            }
        });
    }

    fn find_models(&mut self) {
        let (outcomes, files) = (self.outcomes.clone(), Arc::clone(&self.files));
        self.searching.queue(move || {
            let models = FoundModels {
                entries: catalog::scan(&files.places),
                free_bytes: files::free_bytes(&files.current),
            };
            let _ = outcomes.send(Outcome::Report(Report::Models(models)));
        });
    }

    /// Runs the editor on a thread; the loop has given the terminal back.
    pub fn start_editor(&mut self, text: String) {
        let (outcomes, command) = (
            self.outcomes.clone(),
            editor::command_line(&self.files.editor),
        );
        let spawned = std::thread::Builder::new()
            .name("gptoss-editor".to_owned())
            .spawn(move || {
                let _ = outcomes.send(Outcome::Editor(editor::edit(&command, &text)));
            });
        if let Err(error) = spawned {
            let _ = self.outcomes.send(Outcome::Editor(Err(format!(
                "cannot start the editor: {error}"
            ))));
        }
    }

    /// Writes to a session from now on.
    pub fn adopt(&mut self, opened: &OpenedSession) -> Report {
        self.sessions.adopt(opened)
    }

    /// Goes on in the file that was begun for a session without one, if it was.
    pub fn copy_tried(&mut self, attempt: &CopyAttempt) -> Option<Report> {
        self.sessions.copy_tried(attempt)
    }

    /// Figures that are read along with a frame that is drawn anyway, so that they never wake an
    /// idle program.
    pub fn fresh_figures(&mut self, state: &State) -> Option<Report> {
        let shows_log = state.view == View::Log || state.focus == Focus::Log;
        if shows_log && self.log.pushed() != self.logged {
            self.logged = self.log.pushed();
            return Some(Report::Log(self.log.recent()));
        }
        let reading = self.meters.as_ref()?.latest()?;
        if reading.number == self.meter_reading {
            return None;
        }
        self.meter_reading = reading.number;
        Some(Report::Gpu(reading.gpu.into_iter().collect()))
    }

    /// Waits until everything is written, and ends the engine.
    pub fn finish(mut self) {
        self.sessions.finish();
        self.traces.finish();
        self.writing.finish();
        if let Err(error) = self.engine.shutdown() {
            tracing::error!(%error, "engine ended badly");
        }
    }
}

fn request_of(command: &Command) -> Option<RequestId> {
    match command {
        Command::Load(load) => Some(load.id),
        Command::Generate(generate) => Some(generate.id),
        Command::Inspect(inspect) => Some(inspect.id),
        _ => None,
    }
}
