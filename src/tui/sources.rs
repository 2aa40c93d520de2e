//! Where things come from, and the one that comes first.
//!
//! Signals go before keys, keys before the engine: what a person does is never behind what a model
//! says. Nothing here knows what is made of it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use crossterm::event::Event as TerminalEvent;
use futures_util::{Stream, StreamExt};
use tokio::sync::mpsc;
use tokio::time::sleep_until;

use super::clock::Clock;
use super::effects::Outcome;
use super::signals::Signal;
use crate::engine::protocol::Event;
use crate::engine::{EventReceiver, TelemetryReceiver};

/// What comes from the terminal.
pub type Keys = Pin<Box<dyn Stream<Item = io::Result<TerminalEvent>>>>;

/// The most events taken from the engine at a time, so that keys get their turn.
const EVENTS_AT_ONCE: usize = 64;

/// Everything that is waited for.
pub(super) struct Sources {
    pub(super) signals: mpsc::UnboundedReceiver<Signal>,
    /// None while nobody reads keys.
    pub(super) keys: Option<Keys>,
    pub(super) events: EventReceiver,
    pub(super) is_engine_gone: bool,
    pub(super) telemetry: TelemetryReceiver,
    pub(super) is_telemetry_over: bool,
    pub(super) outcomes: mpsc::UnboundedReceiver<Outcome>,
    pub(super) clock: Clock,
}

/// Something that came.
pub(super) enum Arrival {
    Signal(Signal),
    /// None is the end of keys.
    Key(Option<io::Result<TerminalEvent>>),
    Events(Vec<Event>),
    EngineGone,
    Telemetry,
    TelemetryOver,
    Outcome(Outcome),
    Deadline,
}

impl Sources {
    /// Waits for whatever comes first, or until the clock says `wake_ms`.
    pub(super) async fn next(&mut self, wake_ms: Option<u64>) -> Arrival {
        let mut events = Vec::new();
        let clock = self.clock;
        let deadline = async {
            match wake_ms {
                Some(ms) => sleep_until(clock.instant(ms).into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            Some(signal) = self.signals.recv() => Arrival::Signal(signal),
            key = next_key(&mut self.keys) => Arrival::Key(key),
            count = self.events.recv_many(&mut events, EVENTS_AT_ONCE), if !self.is_engine_gone => {
                if count == 0 { Arrival::EngineGone } else { Arrival::Events(events) }
            }
            changed = self.telemetry.changed(), if !self.is_telemetry_over => {
                if changed.is_ok() { Arrival::Telemetry } else { Arrival::TelemetryOver }
            }
            Some(outcome) = self.outcomes.recv() => Arrival::Outcome(outcome),
            () = deadline => Arrival::Deadline,
        }
    }

    /// What is there already.
    ///
    /// It is polled with the loop's own waker: the stream of keys remembers the first one that it
    /// sees after each event, and would go to sleep for good with any other.
    pub(super) async fn at_once(&mut self) -> Option<Arrival> {
        let mut next = std::pin::pin!(self.next(None));
        let once = |context: &mut Context<'_>| match next.as_mut().poll(context) {
            Poll::Ready(arrival) => Poll::Ready(Some(arrival)),
            Poll::Pending => Poll::Ready(None),
        };
        std::future::poll_fn(once).await
    }
}

async fn next_key(keys: &mut Option<Keys>) -> Option<io::Result<TerminalEvent>> {
    match keys {
        Some(keys) => keys.next().await,
        None => std::future::pending().await,
    }
}
