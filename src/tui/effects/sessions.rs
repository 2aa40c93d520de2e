//! Sessions on disk: opened on a thread, written by another one.
//!
//! What is said before the first session is open waits here, and is written to it then; also where
//! the program ends before.

mod answer;
mod copy;
mod early;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex};

use tokio::sync::mpsc::UnboundedSender;

pub use copy::CopyAttempt;
use copy::Unsaved;

use super::{Outcome, lock};
use crate::app::{Report, SessionRequest};
use crate::session::{
    Access, Opened, SessionFile, SessionFolder, SessionId, SessionWriter, StoreEvent, TreeOp,
};
use crate::tui::worker::Worker;

/// A session that was opened or begun, with the file to write to. It is adopted once.
#[derive(Debug, Clone)]
pub struct OpenedSession(Arc<Mutex<Option<Content>>>);

#[derive(Debug)]
struct Content {
    id: SessionId,
    opened: Opened,
    file: Option<SessionFile>,
}

impl OpenedSession {
    fn new(id: SessionId, opened: Opened, file: Option<SessionFile>) -> Self {
        Self(Arc::new(Mutex::new(Some(Content { id, opened, file }))))
    }

    fn take(&self) -> Option<Content> {
        lock(&self.0).take()
    }
}

/// What does the work on sessions.
pub(super) struct Sessions {
    folder: Option<SessionFolder>,
    outcomes: UnboundedSender<Outcome>,
    worker: Worker,
    writer: Option<SessionWriter>,
    /// Changes that came before the session was open.
    early: Vec<TreeOp>,
    is_open: bool,
    /// The open session, where it has no file of its own to write to.
    unsaved: Option<Unsaved>,
    /// The first session that the worker opened, for the case that nobody is left to adopt it.
    first: Arc<Mutex<Option<OpenedSession>>>,
    deleted: Arc<Mutex<Vec<SessionId>>>,
}

impl Sessions {
    pub(super) fn new(folder: Option<SessionFolder>, outcomes: UnboundedSender<Outcome>) -> Self {
        Self {
            folder,
            outcomes,
            worker: Worker::new("gptoss-sessions"),
            writer: None,
            early: Vec::new(),
            is_open: false,
            unsaved: None,
            first: Arc::default(),
            deleted: Arc::default(),
        }
    }

    /// Writes changes to the open session; those that come before it is open wait for it, and those
    /// of a session that cannot be written go to a file of their own.
    pub(super) fn save(&mut self, ops: Vec<TreeOp>) {
        match (&self.writer, &mut self.unsaved, &self.folder) {
            (Some(writer), _, _) => writer.write(ops),
            (None, Some(unsaved), Some(folder)) => {
                if let Some(attempt) = unsaved.change(ops, folder) {
                    let outcomes = self.outcomes.clone();
                    self.worker.queue(move || {
                        attempt.make();
                        let _ = outcomes.send(Outcome::CopyTried(attempt));
                    });
                }
            }
            (None, ..) if self.is_open => {}
            (None, ..) => self.early.extend(ops),
        }
    }

    /// Goes on in the file that was begun for a session without one, if it was, and if that session
    /// is still the open one.
    pub(in crate::tui::effects) fn copy_tried(&mut self, attempt: &CopyAttempt) -> Option<Report> {
        let unsaved = self.unsaved.as_mut()?;
        let (id, file, since) = unsaved.take(Some(attempt))?;
        match SessionWriter::start(file, self.teller()) {
            Ok(writer) => {
                self.unsaved = None;
                self.writer = Some(writer);
                self.save(since);
                Some(Report::SessionSavedAs(id))
            }
            Err(error) => Some(Report::Failed(error.to_string())),
        }
    }

    /// What the writer tells goes to the screen.
    fn teller(&self) -> impl FnMut(StoreEvent) + Send + 'static {
        let outcomes = self.outcomes.clone();
        move |event| {
            let _ = outcomes.send(Outcome::Report(Report::Store(event)));
        }
    }

    /// Takes a request to the thread that works on files.
    pub(super) fn request(&mut self, request: SessionRequest) {
        let (outcomes, folder) = (self.outcomes.clone(), self.folder.clone());
        let (deleted, first) = (Arc::clone(&self.deleted), Arc::clone(&self.first));
        self.worker.queue(move || {
            let answers = match folder {
                Some(folder) => answer::answer(&folder, request, &mut lock(&deleted)),
                None => vec![answer::without_folder(request)],
            };
            for outcome in answers {
                if let Outcome::Session(opened) = &outcome {
                    lock(&first).get_or_insert_with(|| opened.clone());
                }
                // Nobody listens any more when the program ends.
                let _ = outcomes.send(outcome);
            }
        });
    }

    /// Goes on with another session. The one before is closed on the worker, which may have to wait
    /// for the disk.
    pub(super) fn adopt(&mut self, opened: &OpenedSession) -> Report {
        let Some(content) = opened.take() else {
            return Report::Tick;
        };
        if let Some(before) = self.writer.take() {
            self.worker.queue(move || drop(before));
        }
        if let (Some(before), Some(folder)) = (self.unsaved.take(), self.folder.clone()) {
            self.worker.queue(move || before.finish(&folder));
        }
        if !self.is_open {
            // Now nobody waits for the worker.
            self.purge();
        }
        self.take_up(content)
    }

    fn take_up(&mut self, content: Content) -> Report {
        let Content {
            id,
            mut opened,
            file,
        } = content;
        match file.map(|file| SessionWriter::start(file, self.teller())) {
            Some(Ok(writer)) => self.writer = Some(writer),
            Some(Err(error)) => {
                opened.access = Access::ReadOnly {
                    reason: error.to_string(),
                }
            }
            None => {}
        }
        self.is_open = true;
        if self.writer.is_none() && self.folder.is_some() {
            self.unsaved = Some(Unsaved::new(opened.tree.clone()));
        }
        let early = early::move_to(&mut opened.tree, std::mem::take(&mut self.early));
        let offset = early.map(|(offset, ops)| {
            self.save(ops);
            offset
        });
        Report::SessionOpened {
            id,
            opened: Box::new(opened),
            offset,
        }
    }

    /// Empties the trash of what has been there for long.
    fn purge(&mut self) {
        if let Some(folder) = self.folder.clone() {
            self.worker.queue(move || folder.purge(answer::wall_ms()));
        }
    }

    /// Waits until everything is written.
    pub(super) fn finish(&mut self) {
        self.writer = None;
        self.worker.finish();
        if let (Some(unsaved), Some(folder)) = (self.unsaved.take(), &self.folder) {
            unsaved.finish(folder);
        }
        let first = lock(&self.first).take();
        if !self.is_open
            && !self.early.is_empty()
            && let Some(content) = first.and_then(|first| first.take())
        {
            self.take_up(content);
            self.writer = None;
        }
    }
}

impl Drop for Sessions {
    /// Also where the screen has panicked: what was said stays.
    fn drop(&mut self) {
        self.finish();
    }
}
