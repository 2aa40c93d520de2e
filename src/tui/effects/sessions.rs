//! Sessions on disk: opened on a thread, written by another one.

use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::mpsc::UnboundedSender;

use super::Outcome;
use crate::app::{Report, SessionRequest};
use crate::session::{
    Access, Opened, SessionFile, SessionFolder, SessionId, SessionWriter, StoreError, Tree, TreeOp,
    export,
};
use crate::tui::worker::Worker;

/// A session that was opened or begun, with the file to write to.
#[derive(Debug)]
pub struct OpenedSession {
    id: SessionId,
    opened: Opened,
    file: Option<SessionFile>,
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
    deleted: std::sync::Arc<std::sync::Mutex<Vec<SessionId>>>,
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
            deleted: std::sync::Arc::default(),
        }
    }

    /// Writes changes to the open session; those that come before it is open wait for it.
    pub(super) fn save(&mut self, ops: Vec<TreeOp>) {
        match &self.writer {
            Some(writer) => writer.write(ops),
            None if self.is_open => {}
            None => self.early.extend(ops),
        }
    }

    /// Takes a request to the thread that works on files.
    pub(super) fn request(&mut self, request: SessionRequest) {
        let (outcomes, folder) = (self.outcomes.clone(), self.folder.clone());
        let deleted = std::sync::Arc::clone(&self.deleted);
        self.worker.queue(move || {
            let Some(folder) = folder else {
                let _ = outcomes.send(without_folder(request));
                return;
            };
            for outcome in answer(&folder, request, &deleted) {
                let _ = outcomes.send(outcome);
            }
        });
    }

    /// Goes on with another session. The one before is closed on the worker, which may have to wait
    /// for the disk.
    pub(super) fn adopt(&mut self, opened: OpenedSession) -> Report {
        if let Some(before) = self.writer.take() {
            self.worker.queue(move || drop(before));
        }
        let OpenedSession {
            id,
            mut opened,
            file,
        } = opened;
        let outcomes = self.outcomes.clone();
        let tell = move |event| {
            let _ = outcomes.send(Outcome::Report(Report::Store(event)));
        };
        match file.map(|file| SessionWriter::start(file, tell)) {
            Some(Ok(writer)) => self.writer = Some(writer),
            Some(Err(error)) => {
                opened.access = Access::ReadOnly {
                    reason: error.to_string(),
                }
            }
            None => {}
        }
        self.is_open = true;
        self.early.clear();
        Report::SessionOpened {
            id,
            opened: Box::new(opened),
        }
    }

    /// Waits until everything is written.
    pub(super) fn finish(&mut self) {
        self.writer = None;
        self.worker.finish();
    }
}

fn failed(error: impl std::fmt::Display) -> Outcome {
    Outcome::Report(Report::Failed(error.to_string()))
}

/// Sessions live in memory where there is no folder.
fn without_folder(request: SessionRequest) -> Outcome {
    match request {
        SessionRequest::New(tree) => in_memory(*tree, "there is no folder to write to"),
        SessionRequest::List { .. } => Outcome::Report(Report::Sessions(Vec::new())),
        _ => failed("there is no folder for sessions; --set session.folder=PATH names one"),
    }
}

fn in_memory(tree: Tree, reason: &str) -> Outcome {
    let Some(id) = SessionId::new("unsaved") else {
        return failed(reason);
    };
    let access = Access::ReadOnly {
        reason: reason.to_owned(),
    };
    Outcome::Session(OpenedSession {
        id,
        opened: Opened {
            tree,
            access,
            damage: None,
        },
        file: None,
    })
}

fn answer(
    folder: &SessionFolder,
    request: SessionRequest,
    deleted: &std::sync::Mutex<Vec<SessionId>>,
) -> Vec<Outcome> {
    let list = || Outcome::Report(Report::Sessions(folder.list("")));
    let mut deleted = deleted
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    match request {
        SessionRequest::List { query } => {
            vec![Outcome::Report(Report::Sessions(folder.list(&query)))]
        }
        SessionRequest::New(tree) => vec![begin(folder, *tree)],
        SessionRequest::Open(id) => vec![match folder.open(&id) {
            Ok((opened, file)) => Outcome::Session(OpenedSession { id, opened, file }),
            Err(error) => failed(error),
        }],
        SessionRequest::Rename { id, title } => match folder.rename(&id, &title) {
            Ok(()) => vec![list()],
            Err(error) => vec![failed(error)],
        },
        SessionRequest::Delete(id) => match folder.delete(&id) {
            Ok(()) => {
                deleted.push(id);
                vec![
                    list(),
                    Outcome::Report(Report::Done("deleted; Ctrl+Y brings it back".to_owned())),
                ]
            }
            Err(error) => vec![failed(error)],
        },
        SessionRequest::UndoDelete => match deleted.pop().map(|id| folder.undelete(&id)) {
            Some(Ok(())) => vec![
                list(),
                Outcome::Report(Report::Done("it is back".to_owned())),
            ],
            Some(Err(error)) => vec![failed(error)],
            None => vec![failed("nothing was deleted since the program started")],
        },
        SessionRequest::Import(path) => vec![import(folder, &super::files::expand(&path))],
    }
}

fn begin(folder: &SessionFolder, tree: Tree) -> Outcome {
    match folder.create(&tree, wall_ms()) {
        Ok((id, file)) => Outcome::Session(OpenedSession {
            id,
            opened: Opened {
                tree,
                access: Access::Writable,
                damage: None,
            },
            file: Some(file),
        }),
        Err(error) => in_memory(tree, &error.to_string()),
    }
}

fn import(folder: &SessionFolder, path: &std::path::Path) -> Outcome {
    let read = std::fs::read_to_string(path).map_err(|source| StoreError::Io {
        path: path.to_owned(),
        source,
    });
    let text = match read {
        Ok(text) => text,
        Err(error) => return failed(error),
    };
    match export::import(&text, wall_ms()) {
        Ok(tree) => begin(folder, tree),
        Err(error) => failed(format!("{}: {error}", path.display())),
    }
}

fn wall_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_millis() as u64
}
