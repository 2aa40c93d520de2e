//! The engine thread's ends of the lanes.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use super::handle::CancelHandle;
use super::protocol::{Command, Event, RequestId};
use crate::sync::mpsc::error::{TryRecvError, TrySendError};
use crate::sync::{block_on, mpsc, watch};

/// Nobody is left to work for: the engine thread must end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Halt;

/// Commands in, events out, and the two signals that overtake both.
pub(super) struct Port {
    commands: mpsc::Receiver<Command>,
    events: mpsc::Sender<Event>,
    cancel: CancelHandle,
    stop: watch::Receiver<bool>,
    /// A command that was taken out of the queue during a generation and must be done after it.
    pending: Option<Command>,
    newest: RequestId,
}

impl Port {
    pub(super) fn new(
        commands: mpsc::Receiver<Command>,
        events: mpsc::Sender<Event>,
        cancel: CancelHandle,
        stop: watch::Receiver<bool>,
    ) -> Self {
        Self {
            commands,
            events,
            cancel,
            stop,
            pending: None,
            newest: RequestId::default(),
        }
    }

    /// Waits for the next command, without using the CPU. None when the engine must end.
    pub(super) fn next_command(&mut self) -> Option<Command> {
        let command = self
            .pending
            .take()
            .or_else(|| self.commands.blocking_recv());
        command.filter(|_| !*self.stop.borrow())
    }

    /// Takes a command that already waits, if there is one.
    pub(super) fn waiting_command(&mut self) -> Result<Option<Command>, Halt> {
        match self.commands.try_recv() {
            Ok(command) => Ok(Some(command)),
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => Err(Halt),
        }
    }

    /// Keeps a command for after the running generation, before all that are queued.
    pub(super) fn postpone(&mut self, command: Command) {
        self.pending = Some(command);
    }

    /// Whether the request, which must be newer than all before, is to be taken up.
    pub(super) fn admit(&mut self, request: RequestId) -> bool {
        let is_newer = request > self.newest;
        if is_newer {
            self.newest = request;
        } else {
            tracing::warn!(%request, newest = %self.newest, "request with a stale id ignored");
        }
        is_newer
    }

    pub(super) fn is_cancelled(&self, request: RequestId) -> bool {
        self.cancel.is_cancelled(request)
    }

    /// Sends an event; waits while the lane is full, until it is read, closed, or the engine
    /// is told to stop.
    pub(super) fn send(&mut self, event: Event) -> Result<(), Halt> {
        let event = match self.events.try_send(event) {
            Ok(()) => return Ok(()),
            Err(TrySendError::Closed(_)) => return Err(Halt),
            Err(TrySendError::Full(event)) => event,
        };
        // `blocking_send` would wait for the reader alone, and a reader that waits for this thread
        // to end would never come: hence both at once.
        match first_of(self.events.send(event), self.stop.wait_for(|stop| *stop)) {
            First::Left(Ok(())) => Ok(()),
            First::Left(Err(_)) | First::Right(_) => Err(Halt),
        }
    }
}

enum First<A, B> {
    Left(A),
    Right(B),
}

/// Blocks this thread until one of two futures is ready.
fn first_of<A: Future, B: Future>(left: A, right: B) -> First<A::Output, B::Output> {
    let (mut left, mut right) = (pin!(left), pin!(right));
    block_on(poll_fn(|context| {
        if let Poll::Ready(output) = left.as_mut().poll(context) {
            return Poll::Ready(First::Left(output));
        }
        right.as_mut().poll(context).map(First::Right)
    }))
}
