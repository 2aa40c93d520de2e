//! The loop: waits for whatever comes first, lets the state change, performs effects, draws.
//!
//! ```text
//!  signals ─┐
//!  keys     ├─ select, in this order ─► state ─► effects ─► engine, files, terminal …
//!  events   │                             │                        │ outcomes
//!  figures  │                             └─► a frame, when due     │
//!  outcomes ┘ ◄────────────────────────────────────────────────────┘
//!  the next deadline, where there is one
//! ```
//!
//! `sources.rs` waits, `shell.rs` takes what came. Invariants: nothing here blocks; without a change no frame is drawn, and without a deadline no
//! timer runs, so that an idle program uses no CPU.

use std::io;

use ratatui::Terminal;
use ratatui::backend::Backend;
use tokio::sync::mpsc;

use super::clock::Clock;
use super::effects::{Effects, Outcome};
use super::pace::Rates;
use super::painter::Painter;
use super::shell::Shell;
use super::signals::{EndSignal, Signal};
use super::sources::Keys;
use super::terminal::Screen;
use crate::app::{Effect, State};
use crate::engine::{EventReceiver, TelemetryReceiver};

/// Why the loop ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// The person left.
    Quit,
    /// A signal asked for it.
    Signal(EndSignal),
}

/// What the loop stands on.
#[expect(
    missing_debug_implementations,
    reason = "streams and terminals have none"
)]
pub struct Setup<B: Backend> {
    /// The program's clock.
    pub clock: Clock,
    /// The state to begin with.
    pub state: State,
    /// What is to be done first, after the first frame.
    pub effects: Vec<Effect>,
    /// What draws frames.
    pub terminal: Terminal<B>,
    /// The terminal's modes.
    pub screen: Box<dyn Screen>,
    /// Makes frames of states.
    pub painter: Box<dyn Painter>,
    /// Begins to read keys; called again after an editor had the terminal.
    pub keyboard: Box<dyn FnMut() -> Keys>,
    /// Keys that are typed while the terminal is asked about itself, and which end with the asking;
    /// none where it is not asked.
    pub early_keys: Option<Keys>,
    /// The most frames a second.
    pub rates: Rates,
    /// Signals.
    pub signals: mpsc::UnboundedReceiver<Signal>,
    /// The engine's events.
    pub events: EventReceiver,
    /// The engine's figures.
    pub telemetry: TelemetryReceiver,
    /// What performs effects.
    pub performer: Effects,
    /// What became of them.
    pub outcomes: mpsc::UnboundedReceiver<Outcome>,
}

/// What is left when the loop has ended.
#[expect(missing_debug_implementations, reason = "effects have none")]
pub struct Ended {
    /// Why; an error where the terminal could not be drawn on.
    pub exit: io::Result<Exit>,
    /// The state at the end.
    pub state: State,
    /// What performs effects; what it still has to write is to be waited for.
    pub performer: Effects,
    /// The engine's events that were not taken.
    pub events: EventReceiver,
    /// What the loop did.
    pub counts: Counts,
}

/// What the loop did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// How often it woke up.
    pub wakes: u64,
    /// Frames drawn.
    pub frames: u64,
}

/// Runs until the person leaves, or the terminal can no longer be used.
pub async fn run<B>(mut setup: Setup<B>) -> Ended
where
    B: Backend,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    let first = std::mem::take(&mut setup.effects);
    let mut shell = Shell::new(setup);
    let exit = go(&mut shell, first).await;
    shell.into_ended(exit)
}

async fn go<B>(shell: &mut Shell<B>, first: Vec<Effect>) -> io::Result<Exit>
where
    B: Backend,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    shell.draw()?;
    // The start of the program until here is what a person waits for.
    tracing::info!("first frame after {} ms", shell.clock.now_ms());
    shell.perform(first)?;
    loop {
        if let Some(exit) = shell.exit {
            return Ok(exit);
        }
        shell.before_frame().await?;
        if let Some(way) = shell.stopping.take() {
            shell.suspend(way).await?;
            continue;
        }
        if shell.is_frame_due() {
            shell.draw()?;
        }
        if shell.exit.is_none() {
            shell.wait().await?;
        }
    }
}
