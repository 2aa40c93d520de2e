//! A thread that writes, so that nobody who draws waits for a disk.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::error::StoreError;
use super::file::SessionFile;
use super::op::TreeOp;

/// How long tokens may wait for company.
const BATCH: Duration = Duration::from_millis(200);

/// How long a failed write waits before it is tried again.
const RETRY: Duration = Duration::from_secs(2);

/// What the writer has to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreEvent {
    /// Writing fails; what was to be written is kept and tried again.
    Failed {
        /// Why.
        message: String,
    },
    /// All is written again.
    Recovered,
}

/// Writes one session's operations in order, in batches.
#[derive(Debug)]
pub struct SessionWriter {
    ops: Option<Sender<Vec<TreeOp>>>,
    thread: Option<JoinHandle<()>>,
}

impl SessionWriter {
    /// Starts to write to `file`; `tell` is called on the writer's thread.
    ///
    /// *Errors:* where the system gives no thread.
    pub fn start(
        file: SessionFile,
        tell: impl FnMut(StoreEvent) + Send + 'static,
    ) -> std::io::Result<Self> {
        let (sender, receiver) = channel();
        let mut writing = Writing {
            file,
            waiting: Vec::new(),
            has_failed: false,
            owes_sync: false,
            tell,
        };
        let thread = std::thread::Builder::new()
            .name("session".to_owned())
            .spawn(move || writing.run(&receiver))?;
        Ok(Self {
            ops: Some(sender),
            thread: Some(thread),
        })
    }

    /// Hands operations over; never waits. The queue is bounded by what is on screen anyway: each
    /// operation in it is in the tree as well.
    pub fn write(&self, ops: Vec<TreeOp>) {
        if let Some(sender) = &self.ops {
            // The thread ends only when this sender is dropped.
            let _ = sender.send(ops);
        }
    }
}

impl Drop for SessionWriter {
    /// Waits until all is written, or writing has failed once more.
    fn drop(&mut self) {
        self.ops = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Writing<T> {
    file: SessionFile,
    waiting: Vec<TreeOp>,
    has_failed: bool,
    /// Whether something was appended that has to survive a crash of the machine.
    owes_sync: bool,
    tell: T,
}

impl<T: FnMut(StoreEvent)> Writing<T> {
    fn run(&mut self, ops: &Receiver<Vec<TreeOp>>) {
        let mut due: Option<Instant> = None;
        loop {
            let received = match due {
                None => ops.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(due) => ops.recv_timeout(due.saturating_duration_since(Instant::now())),
            };
            match received {
                Ok(ops) => {
                    let is_urgent = ops.iter().any(TreeOp::is_urgent) && !self.has_failed;
                    self.take(ops);
                    due.get_or_insert_with(|| Instant::now() + BATCH);
                    if is_urgent {
                        due = self.write();
                    }
                }
                Err(RecvTimeoutError::Timeout) => due = self.write(),
                Err(RecvTimeoutError::Disconnected) => {
                    self.write();
                    return;
                }
            }
        }
    }

    fn take(&mut self, ops: Vec<TreeOp>) {
        for op in ops {
            let rest = match self.waiting.last_mut() {
                Some(last) => last.absorb(op),
                None => Err(op),
            };
            if let Err(op) = rest {
                self.waiting.push(op);
            }
        }
    }

    /// Writes what waits; returns when to try again.
    fn write(&mut self) -> Option<Instant> {
        match self.try_write() {
            Ok(()) => {
                if std::mem::take(&mut self.has_failed) {
                    (self.tell)(StoreEvent::Recovered);
                }
                None
            }
            Err(error) => {
                tracing::warn!(%error, "session not written");
                if !std::mem::replace(&mut self.has_failed, true) {
                    (self.tell)(StoreEvent::Failed {
                        message: error.to_string(),
                    });
                }
                Some(Instant::now() + RETRY)
            }
        }
    }

    fn try_write(&mut self) -> Result<(), StoreError> {
        self.file.append(&self.waiting)?;
        // A sync that failed is owed until one succeeds, also when nothing is left to append.
        self.owes_sync |= self.waiting.iter().any(TreeOp::is_urgent);
        self.waiting.clear();
        if self.owes_sync {
            self.file.sync()?;
            self.owes_sync = false;
        }
        Ok(())
    }
}
