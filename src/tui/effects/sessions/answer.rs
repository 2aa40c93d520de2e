//! What is done on the worker: the folder is asked, and outcomes are made.

use std::time::{SystemTime, UNIX_EPOCH};

use super::OpenedSession;
use crate::app::{Report, SessionRequest};
use crate::session::{Access, Opened, SessionFolder, SessionId, StoreError, Tree, export};
use crate::tui::effects::{Outcome, files};

fn failed(error: impl std::fmt::Display) -> Outcome {
    Outcome::Report(Report::Failed(error.to_string()))
}

/// Sessions live in memory where there is no folder.
pub(super) fn without_folder(request: SessionRequest) -> Outcome {
    match request {
        SessionRequest::New(tree) | SessionRequest::OpenOrBegin { tree, .. } => {
            in_memory(*tree, "there is no folder to write to")
        }
        SessionRequest::List { .. } => Outcome::Report(Report::Sessions(Vec::new())),
        _ => failed("there is no folder for sessions; --set session.folder=PATH names one"),
    }
}

fn in_memory(tree: Tree, reason: &str) -> Outcome {
    let Some(id) = SessionId::new("unsaved") else {
        return failed(reason);
    };
    let access = Access::Unsaved {
        reason: reason.to_owned(),
    };
    Outcome::Session(OpenedSession::new(
        id,
        Opened {
            tree,
            access,
            damage: None,
        },
        None,
    ))
}

pub(super) fn answer(
    folder: &SessionFolder,
    request: SessionRequest,
    deleted: &mut Vec<SessionId>,
) -> Vec<Outcome> {
    match request {
        SessionRequest::List { query } => {
            vec![Outcome::Report(Report::Sessions(folder.list(&query)))]
        }
        SessionRequest::New(tree) => vec![begin(folder, *tree)],
        SessionRequest::Open(id) => vec![match folder.open(&id) {
            Ok((opened, file)) => Outcome::Session(OpenedSession::new(id, opened, file)),
            Err(error) => failed(error),
        }],
        SessionRequest::OpenOrBegin { id, tree } => match folder.open(&id) {
            Ok((opened, file)) => {
                vec![Outcome::Session(OpenedSession::new(id, opened, file))]
            }
            Err(error) => vec![begin(folder, *tree), failed(error)],
        },
        SessionRequest::Rename { id, title } => match folder.rename(&id, &title) {
            Ok(()) => Vec::new(),
            Err(error) => vec![failed(error)],
        },
        SessionRequest::Delete(id) => match folder.delete(&id, wall_ms()) {
            Ok(()) => {
                deleted.push(id);
                let text = "deleted; Ctrl+Y brings it back".to_owned();
                vec![Outcome::Report(Report::Done(text))]
            }
            Err(error) => vec![failed(error)],
        },
        SessionRequest::UndoDelete => match deleted
            .pop()
            .or_else(|| folder.last_deleted())
            .map(|id| folder.undelete(&id))
        {
            Some(Ok(())) => vec![Outcome::Report(Report::Done("it is back".to_owned()))],
            Some(Err(error)) => vec![failed(error)],
            None => vec![failed("the trash is empty")],
        },
        SessionRequest::Import(path) => import(folder, &files::expand(&path)),
    }
}

fn begin(folder: &SessionFolder, tree: Tree) -> Outcome {
    match folder.create(&tree, wall_ms()) {
        Ok((id, file)) => Outcome::Session(OpenedSession::new(
            id,
            Opened {
                tree,
                access: Access::Writable,
                damage: None,
            },
            Some(file),
        )),
        Err(error) => in_memory(tree, &error.to_string()),
    }
}

fn import(folder: &SessionFolder, path: &std::path::Path) -> Vec<Outcome> {
    let read = std::fs::read_to_string(path).map_err(|source| StoreError::Io {
        path: path.to_owned(),
        source,
    });
    let text = match read {
        Ok(text) => text,
        Err(error) => return vec![failed(error)],
    };
    match export::import(&text, wall_ms()) {
        Ok(tree) => {
            let count = tree.len();
            let messages = if count == 1 { "message" } else { "messages" };
            let text = format!(
                "a new session with the {count} {messages} of {}",
                path.display()
            );
            vec![begin(folder, tree), Outcome::Report(Report::Done(text))]
        }
        Err(error) => vec![failed(format!("{}: {error}", path.display()))],
    }
}

/// The wall clock, in milliseconds since 1970.
pub(super) fn wall_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_millis() as u64
}
