//! A conversation whose file cannot be written goes on in a file of its own.
//!
//! Another program may have the session open, or the disk was full when it began. The first change
//! that is more than a draft has a file made for the whole conversation, on the worker; where that
//! fails, a later change tries again. What is said meanwhile is written as soon as there is a file.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::answer;
use crate::session::{SessionFile, SessionFolder, SessionId, Tree, TreeOp};
use crate::tui::effects::lock;

/// How long a failed attempt is not repeated.
const RETRY: Duration = Duration::from_secs(2);

/// A file that was begun, until it is taken over.
type Begun = Arc<Mutex<Option<(SessionId, SessionFile)>>>;

/// One attempt to make a file for a conversation, by the worker.
#[derive(Debug)]
pub struct CopyAttempt {
    tree: Box<Tree>,
    folder: SessionFolder,
    begun: Begun,
}

impl CopyAttempt {
    /// Makes the file, if it can be made.
    pub(super) fn make(&self) {
        match self.folder.create(&self.tree, answer::wall_ms()) {
            Ok(created) => *lock(&self.begun) = Some(created),
            Err(error) => tracing::warn!(%error, "no file for the conversation yet"),
        }
    }
}

/// A conversation without a file that it could be written to.
#[derive(Debug)]
pub(super) struct Unsaved {
    tree: Tree,
    /// Changes after those in the file that is being made.
    since: Vec<TreeOp>,
    /// What the worker has made.
    begun: Begun,
    is_asked: bool,
    not_before: Option<Instant>,
    /// Whether there is anything to save beside what was opened.
    has_changed: bool,
}

impl Unsaved {
    pub(super) fn new(tree: Tree) -> Self {
        Self {
            tree,
            since: Vec::new(),
            begun: Begun::default(),
            is_asked: false,
            not_before: None,
            has_changed: false,
        }
    }

    /// Takes changes; returns what the worker is to do about them now, if anything.
    pub(super) fn change(
        &mut self,
        ops: Vec<TreeOp>,
        folder: &SessionFolder,
    ) -> Option<CopyAttempt> {
        for op in &ops {
            if let Err(error) = self.tree.apply(op) {
                tracing::warn!(%error, "a change of an unsaved conversation is lost");
            }
        }
        self.has_changed |= ops.iter().any(|op| !matches!(op, TreeOp::SetDraft { .. }));
        if self.is_asked {
            self.since.extend(ops);
            return None;
        }
        let is_early = self.not_before.is_some_and(|at| Instant::now() < at);
        if !self.has_changed || is_early {
            return None;
        }
        self.is_asked = true;
        Some(self.attempt(folder))
    }

    fn attempt(&self, folder: &SessionFolder) -> CopyAttempt {
        CopyAttempt {
            tree: Box::new(self.tree.clone()),
            folder: folder.clone(),
            begun: Arc::clone(&self.begun),
        }
    }

    /// The file that the worker has made, and what is still to be written to it. Without one the next
    /// change tries again. Nothing where `attempt` was another conversation's.
    pub(super) fn take(
        &mut self,
        attempt: Option<&CopyAttempt>,
    ) -> Option<(SessionId, SessionFile, Vec<TreeOp>)> {
        if attempt.is_some_and(|attempt| !Arc::ptr_eq(&attempt.begun, &self.begun)) {
            return None;
        }
        self.is_asked = false;
        let since = std::mem::take(&mut self.since);
        let begun = lock(&self.begun).take();
        if begun.is_none() {
            self.not_before = Some(Instant::now() + RETRY);
        }
        begun.map(|(id, file)| (id, file, since))
    }

    /// The last chance: what the worker has made, or one more attempt.
    pub(super) fn finish(mut self, folder: &SessionFolder) {
        if lock(&self.begun).is_none() && self.has_changed {
            self.since.clear();
            self.attempt(folder).make();
        }
        if let Some((_, mut file, since)) = self.take(None)
            && let Err(error) = file.append(&since).and_then(|()| file.sync())
        {
            tracing::warn!(%error, "the end of the conversation is not saved");
        }
    }
}
