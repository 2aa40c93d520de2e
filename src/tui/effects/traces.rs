//! Writes recorded answers to trace files, on a thread of its own.

#[cfg(test)]
mod tests;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedSender;

use super::{Outcome, lock};
use crate::app::Report;
use crate::app::recording::{RecordReport, RecordRequest};
use crate::engine::protocol::ModelSource;
use crate::trace_file::{TraceHeader, TraceRecorder, TraceRow, journal_path};
use crate::tui::worker::Worker;

/// What trace files' names end in.
const EXTENSION: &str = "safetensors";

/// The most numbers tried after a name that is taken.
const MAX_NUMBER: u32 = 10_000;

/// How often the screen is told how much is written.
const TELL_EVERY: Duration = Duration::from_millis(250);

/// What tells a model's files apart.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TraceDigests {
    /// Of its weights.
    pub weights: String,
    /// Of its tokenizer; empty where there is none.
    pub tokenizer: String,
}

/// Reads a model's digests, or says why that cannot be done.
pub type ReadDigests = fn(&ModelSource) -> Result<TraceDigests, String>;

/// Writes one trace file after the other.
pub(super) struct Traces {
    worker: Worker,
    writer: Arc<Mutex<Writer>>,
}

/// What the thread works on.
struct Writer {
    folder: Option<PathBuf>,
    digests: Option<ReadDigests>,
    outcomes: UnboundedSender<Outcome>,
    current: Current,
    told: Option<Instant>,
}

/// The file in the making.
enum Current {
    None,
    /// Its first rows tell how wide they are.
    Named(PathBuf, Box<TraceHeader>),
    Open(PathBuf, Box<TraceRecorder>),
}

impl Traces {
    pub(super) fn new(
        folder: Option<PathBuf>,
        digests: Option<ReadDigests>,
        outcomes: UnboundedSender<Outcome>,
    ) -> Self {
        Self {
            worker: Worker::new("gptoss-traces"),
            writer: Arc::new(Mutex::new(Writer {
                folder,
                digests,
                outcomes,
                current: Current::None,
                told: None,
            })),
        }
    }

    /// Queues what is to be done with the file.
    pub(super) fn record(&mut self, request: RecordRequest) {
        let writer = Arc::clone(&self.writer);
        self.worker.queue(move || lock(&writer).take(request));
    }

    /// Waits until all is written; an answer that goes on ends its file here.
    pub(super) fn finish(&mut self) {
        self.record(RecordRequest::End);
        self.worker.finish();
    }
}

impl Writer {
    fn take(&mut self, request: RecordRequest) {
        let done = match request {
            RecordRequest::Begin {
                name,
                header,
                source,
            } => self.begin(&name, header, source.as_ref()),
            RecordRequest::Append(rows) => self.append(&rows),
            RecordRequest::End => self.end(),
        };
        if let Err(message) = done {
            self.fail(message);
        }
    }

    fn tell(&self, report: RecordReport) {
        // Nobody listens any more when the program ends.
        let _ = self
            .outcomes
            .send(Outcome::Report(Report::Recorded(report)));
    }

    fn begin(
        &mut self,
        name: &str,
        mut header: Box<TraceHeader>,
        source: Option<&ModelSource>,
    ) -> Result<(), String> {
        let folder = self.folder.as_deref();
        let folder = folder.ok_or("there is no folder to write to")?;
        header.recorded_at = jiff::Timestamp::now().strftime("%FT%TZ").to_string();
        if let (Some(source), Some(read)) = (source, self.digests) {
            let digests = read(source)?;
            header.weights_digest = digests.weights;
            header.tokenizer_digest = digests.tokenizer;
        }
        fs::create_dir_all(folder)
            .map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
        let path = free_path(folder, name).ok_or_else(|| {
            let folder = folder.display();
            format!("all names beginning with {name} are taken in {folder}")
        })?;
        self.current = Current::Named(path, header);
        self.told = None;
        Ok(())
    }

    fn append(&mut self, rows: &[TraceRow]) -> Result<(), String> {
        if let Current::Named(path, header) = &mut self.current {
            // Rules can make it another number than the model's.
            let routed = rows.iter().filter_map(|row| row.token.routing.as_ref());
            if let Some(width) = routed.map(|routing| routing.num_experts_per_tok()).max() {
                header.shape.num_experts_per_tok = width;
            }
            let recorder = TraceRecorder::create(path, (**header).clone());
            let recorder = recorder.map_err(|error| error.to_string())?;
            self.current = Current::Open(std::mem::take(path), Box::new(recorder));
        }
        let Current::Open(_, recorder) = &mut self.current else {
            return Ok(());
        };
        recorder.append(rows).map_err(|error| error.to_string())?;
        if self.told.is_none_or(|told| told.elapsed() >= TELL_EVERY) {
            self.told = Some(Instant::now());
            let (tokens, bytes) = (recorder.tokens(), recorder.written_bytes());
            self.tell(RecordReport::Written { tokens, bytes });
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), String> {
        let (path, recorder) = match std::mem::replace(&mut self.current, Current::None) {
            Current::Open(path, recorder) => (path, recorder),
            // An answer of which nothing came leaves no file.
            Current::None | Current::Named(..) => return Ok(()),
        };
        let (tokens, journal) = (recorder.tokens(), recorder.journal().to_owned());
        match recorder.finish_new() {
            Ok(()) => {
                let words = |part: Option<&OsStr>| {
                    part.map_or_else(String::new, |part| part.to_string_lossy().into_owned())
                };
                self.tell(RecordReport::Finished {
                    name: words(path.file_name()),
                    folder: words(path.parent().map(Path::as_os_str)),
                    tokens,
                });
                Ok(())
            }
            Err(error) => Err(with_journal(&error, &journal, tokens)),
        }
    }

    /// Ends the recording; what is in the journal stays.
    fn fail(&mut self, message: String) {
        let message = match std::mem::replace(&mut self.current, Current::None) {
            Current::Open(_, recorder) if recorder.tokens() > 0 => {
                with_journal(&message, recorder.journal(), recorder.tokens())
            }
            Current::Open(_, recorder) => {
                recorder.discard();
                message
            }
            Current::None | Current::Named(..) => message,
        };
        self.tell(RecordReport::Failed { message });
    }
}

fn with_journal(problem: &impl ToString, journal: &Path, tokens: usize) -> String {
    let (problem, journal) = (problem.to_string(), journal.display());
    format!("{problem}; {tokens} tokens are in {journal}: gptoss-tui recover makes a trace of it")
}

/// A path for a new trace: where the name is taken, by a journal too, with a number.
fn free_path(folder: &Path, name: &str) -> Option<PathBuf> {
    let paths = (1..=MAX_NUMBER).map(|number| match number {
        1 => folder.join(format!("{name}.{EXTENSION}")),
        number => folder.join(format!("{name}-{number}.{EXTENSION}")),
    });
    // A link to nowhere is taken, too.
    let is_free = |path: &PathBuf| fs::symlink_metadata(path).is_err();
    let mut free = paths.filter(|path| is_free(path) && is_free(&journal_path(path)));
    free.next()
}
