//! The user's side of an engine: sending, cancelling, receiving, ending.

use std::sync::{Arc, PoisonError};

use super::port::Port;
use super::protocol::{Command, Event, RequestId, Telemetry};
use super::telemetry::Publisher;
use super::worker::Worker;
use super::{Backend, COMMAND_CAPACITY, ENGINE_THREAD_NAME, EVENT_CAPACITY, TELEMETRY_MAX_HZ};
use crate::generate::SamplingError;
use crate::sync::mpsc::error::TrySendError;
use crate::sync::thread::{self, JoinHandle};
use crate::sync::{AtomicU64, Mutex, Ordering, mpsc, watch};

/// The lossless lane: every event, in order. None from it means that the engine has ended.
pub type EventReceiver = mpsc::Receiver<Event>;

/// The newest-only lane: the latest snapshot.
pub type TelemetryReceiver = watch::Receiver<Telemetry>;

/// Starts an engine. `factory` builds a fresh backend on the engine thread for each load.
///
/// *Errors:* [`EngineError::Spawn`] where the system gives no thread.
pub fn start<B, F>(factory: F) -> Result<EngineHandle, EngineError>
where
    B: Backend + 'static,
    F: FnMut() -> B + Send + 'static,
{
    let (command_sender, commands) = mpsc::channel(COMMAND_CAPACITY);
    let (events, event_receiver) = mpsc::channel(EVENT_CAPACITY);
    let (telemetry, telemetry_receiver) = watch::channel(Telemetry::default());
    let (stop, stop_receiver) = watch::channel(false);
    let cancel = CancelHandle::default();
    let port = Port::new(commands, events, cancel.clone(), stop_receiver);
    let publisher = Publisher::new(telemetry, TELEMETRY_MAX_HZ);
    let thread = thread::Builder::new()
        .name(ENGINE_THREAD_NAME.to_owned())
        .spawn(move || Worker::new(factory, port, publisher).run())
        .map_err(EngineError::Spawn)?;
    Ok(EngineHandle {
        commands: Some(command_sender),
        events: Some(event_receiver),
        telemetry: telemetry_receiver,
        cancel,
        stop,
        newest: Mutex::new(RequestId::default()),
        thread: Some(thread),
    })
}

/// A running engine. Dropping it ends the engine, as [`EngineHandle::shutdown`] does.
#[derive(Debug)]
pub struct EngineHandle {
    commands: Option<mpsc::Sender<Command>>,
    events: Option<EventReceiver>,
    telemetry: TelemetryReceiver,
    cancel: CancelHandle,
    stop: watch::Sender<bool>,
    /// The latest id sent. Locked over check and sending, so that ids arrive in order.
    newest: Mutex<RequestId>,
    thread: Option<JoinHandle<()>>,
}

impl EngineHandle {
    /// Queues a command. Never waits.
    ///
    /// *Errors:* [`EngineError::Busy`] and [`EngineError::Stopped`] give the command back;
    /// [`EngineError::StaleRequest`] and [`EngineError::Sampling`] tell what is wrong with it.
    pub fn try_send(&self, command: Command) -> Result<(), EngineError> {
        check_sampling(&command)?;
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        let request = new_request(&command);
        if let Some(request) = request.filter(|request| *request <= *newest) {
            return Err(EngineError::StaleRequest {
                request,
                newest: *newest,
            });
        }
        let Some(commands) = &self.commands else {
            return Err(EngineError::Stopped(Box::new(command)));
        };
        commands.try_send(command).map_err(|error| match error {
            TrySendError::Full(command) => EngineError::Busy(Box::new(command)),
            TrySendError::Closed(command) => EngineError::Stopped(Box::new(command)),
        })?;
        *newest = request.unwrap_or(*newest);
        Ok(())
    }

    /// Cancels a load, a generation or a look inside; see [`CancelHandle::cancel`].
    pub fn cancel(&self, request: RequestId) {
        self.cancel.cancel(request);
    }

    /// A handle for cancelling from elsewhere, such as a signal handler's thread.
    pub fn cancel_handle(&self) -> CancelHandle {
        self.cancel.clone()
    }

    /// The events' receiver, the first time; none afterwards.
    ///
    /// Whoever takes it must read it, or the engine waits when the lane is full.
    pub fn take_events(&mut self) -> Option<EventReceiver> {
        self.events.take()
    }

    /// A receiver of snapshots.
    pub fn telemetry(&self) -> TelemetryReceiver {
        self.telemetry.clone()
    }

    /// Ends the engine and waits for its thread. Events not yet received may be lost.
    ///
    /// Waits at most for the backend's present piece of work: a token, a chunk of the prompt, or
    /// what lies between two reports of a load. A full event lane does not hold it up.
    ///
    /// *Errors:* [`EngineError::Thread`] where the thread itself died of a panic.
    pub fn shutdown(mut self) -> Result<(), EngineError> {
        self.stop_and_join()
    }

    /// In this order: joining first would wait for a worker that waits for a reader.
    fn stop_and_join(&mut self) -> Result<(), EngineError> {
        self.cancel.cancel(RequestId(u64::MAX));
        self.stop.send_replace(true);
        self.events = None;
        self.commands = None;
        match self.thread.take().map(JoinHandle::join) {
            Some(Err(_)) => Err(EngineError::Thread),
            Some(Ok(())) | None => Ok(()),
        }
    }
}

impl Drop for EngineHandle {
    fn drop(&mut self) {
        if let Err(error) = self.stop_and_join() {
            tracing::error!(%error, "engine ended badly");
        }
    }
}

/// Cancels requests past the command queue.
///
/// It holds one number: every request up to it is cancelled. Ids grow, so a late cancel of an old
/// request cannot hit a new one, and a cancel is never lost, not even before its request is begun.
#[derive(Debug, Clone, Default)]
pub struct CancelHandle {
    cancelled_up_to: Arc<AtomicU64>,
}

impl CancelHandle {
    /// Cancels `request` and all before it. A generation stops before its next token or chunk and
    /// ends with [`crate::generate::FinishReason::Cancelled`].
    pub fn cancel(&self, request: RequestId) {
        self.cancelled_up_to.fetch_max(request.0, Ordering::AcqRel);
    }

    /// Whether the request is cancelled.
    pub fn is_cancelled(&self, request: RequestId) -> bool {
        request.0 <= self.cancelled_up_to.load(Ordering::Acquire)
    }
}

/// What can go wrong between a user and an engine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The system gave no thread.
    #[error("the engine thread could not be started")]
    Spawn(#[source] std::io::Error),
    /// The command queue is full; the command can be sent again later.
    #[error("the engine is busy: {COMMAND_CAPACITY} commands wait already")]
    Busy(Box<Command>),
    /// The engine has ended.
    #[error("the engine has ended")]
    Stopped(Box<Command>),
    /// The id is not newer than those before.
    #[error("request {request} is not newer than {newest}")]
    StaleRequest {
        /// The id given.
        request: RequestId,
        /// The latest id sent.
        newest: RequestId,
    },
    /// The sampling parameters cannot be used.
    #[error(transparent)]
    Sampling(#[from] SamplingError),
    /// The engine thread died.
    #[error("the engine thread died of a panic outside of the backend")]
    Thread,
}

fn new_request(command: &Command) -> Option<RequestId> {
    match command {
        Command::Load(load) => Some(load.id),
        Command::Generate(generate) => Some(generate.id),
        Command::Inspect(inspect) => Some(inspect.id),
        Command::Ablate(ablate) => Some(ablate.id),
        _ => None,
    }
}

fn check_sampling(command: &Command) -> Result<(), SamplingError> {
    match command {
        Command::Generate(generate) => generate.sampling.validate(),
        Command::Ablate(ablate) => ablate.sampling.validate(),
        Command::UpdateSampling { sampling, .. } => sampling.validate(),
        _ => Ok(()),
    }
}
