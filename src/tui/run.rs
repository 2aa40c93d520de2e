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
//! Invariants: nothing here blocks; without a change no frame is drawn, and without a deadline no
//! timer runs, so that an idle program uses no CPU.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use crossterm::event::Event as TerminalEvent;
use futures_util::{Stream, StreamExt};
use ratatui::Terminal;
use ratatui::backend::Backend;
use tokio::sync::mpsc;
use tokio::time::sleep_until;

use super::clock::Clock;
use super::effects::{Control, Effects, Outcome};
use super::input::translate;
use super::pace::{Change, Pace, Rates};
use super::painter::Painter;
use super::signals::Signal;
use super::terminal::{Screen, Stop};
use crate::app::{self, Effect, Report, State};
use crate::engine::protocol::Event;
use crate::engine::{EventReceiver, TelemetryReceiver};

/// What comes from the terminal.
pub type Keys = Pin<Box<dyn Stream<Item = io::Result<TerminalEvent>>>>;

/// The most events taken from the engine at a time, so that keys get their turn.
const EVENTS_AT_ONCE: usize = 64;

/// The most keys and outcomes taken before a frame.
const DRAINED_AT_ONCE: usize = 256;

/// Why the loop ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// The person left.
    Quit,
    /// A signal asked for it, or the terminal is gone.
    Signal,
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
    /// Whether keys are read only once the terminal has answered ([`Outcome::Terminal`]).
    pub waits_for_answers: bool,
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
    /// Why.
    pub exit: Exit,
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

/// Runs until the person leaves.
///
/// *Errors:* where the terminal cannot be drawn on.
pub async fn run<B>(setup: Setup<B>) -> io::Result<Ended>
where
    B: Backend,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    let first = setup.effects.clone();
    let mut shell = Shell::new(setup);
    shell.draw()?;
    // The start of the program until here is what a person waits for.
    tracing::info!("first frame after {} ms", shell.clock.now_ms());
    shell.perform(first)?;
    while shell.exit.is_none() {
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
    Ok(Ended {
        exit: shell.exit.unwrap_or(Exit::Quit),
        state: shell.state,
        performer: shell.performer,
        events: shell.sources.events,
        counts: shell.counts,
    })
}

/// Where things come from.
struct Sources {
    signals: mpsc::UnboundedReceiver<Signal>,
    keys: Option<Keys>,
    events: EventReceiver,
    is_engine_gone: bool,
    telemetry: TelemetryReceiver,
    is_telemetry_over: bool,
    outcomes: mpsc::UnboundedReceiver<Outcome>,
    clock: Clock,
}

/// Something that came.
enum Arrival {
    Signal(Signal),
    Key(Option<io::Result<TerminalEvent>>),
    Events(Vec<Event>),
    EngineGone,
    Telemetry,
    TelemetryOver,
    Outcome(Outcome),
    Deadline,
}

impl Sources {
    async fn next(&mut self, wake_ms: Option<u64>) -> Arrival {
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
}

async fn next_key(keys: &mut Option<Keys>) -> Option<io::Result<TerminalEvent>> {
    match keys {
        Some(keys) => keys.next().await,
        None => std::future::pending().await,
    }
}

/// The loop's own state.
struct Shell<B: Backend> {
    state: State,
    clock: Clock,
    terminal: Terminal<B>,
    screen: Box<dyn Screen>,
    painter: Box<dyn Painter>,
    keyboard: Box<dyn FnMut() -> Keys>,
    sources: Sources,
    performer: Effects,
    pace: Pace,
    /// Whether an editor has the terminal.
    is_away: bool,
    stopping: Option<Stop>,
    exit: Option<Exit>,
    cost: FrameCost,
    /// The deadline that was kept last; one that stays is not kept twice.
    kept_deadline_ms: Option<u64>,
    counts: Counts,
}

/// What frames cost; told once a second at most.
#[derive(Default)]
struct FrameCost {
    micros: Option<u64>,
    told_ms: Option<u64>,
}

impl FrameCost {
    fn take_due(&mut self, now_ms: u64) -> Option<u64> {
        if self.told_ms.is_some_and(|told| now_ms < told + 1000) {
            return None;
        }
        let micros = self.micros.take()?;
        self.told_ms = Some(now_ms);
        Some(micros)
    }
}

impl<B> Shell<B>
where
    B: Backend,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    fn new(mut setup: Setup<B>) -> Self {
        let keys = (!setup.waits_for_answers).then(|| (setup.keyboard)());
        let sources = Sources {
            signals: setup.signals,
            keys,
            events: setup.events,
            is_engine_gone: false,
            telemetry: setup.telemetry,
            is_telemetry_over: false,
            outcomes: setup.outcomes,
            clock: setup.clock,
        };
        Self {
            state: setup.state,
            clock: setup.clock,
            terminal: setup.terminal,
            screen: setup.screen,
            painter: setup.painter,
            keyboard: setup.keyboard,
            sources,
            performer: setup.performer,
            pace: Pace::new(setup.rates),
            is_away: false,
            stopping: None,
            exit: None,
            cost: FrameCost::default(),
            kept_deadline_ms: None,
            counts: Counts::default(),
        }
    }

    /// Takes what waits already, so that the frame shows all of it.
    async fn before_frame(&mut self) -> io::Result<()> {
        self.keep_deadline()?;
        if !self.is_frame_due() {
            return Ok(());
        }
        for _ in 0..DRAINED_AT_ONCE {
            let Some(arrival) = at_once(self.sources.next(None)).await else {
                break;
            };
            self.take(arrival)?;
        }
        if let Some(report) = self.performer.fresh_figures(&self.state) {
            self.report(report)?;
        }
        let now_ms = self.clock.now_ms();
        if let Some(micros) = self.cost.take_due(now_ms) {
            self.report(Report::FrameCost { micros })?;
        }
        Ok(())
    }

    fn is_frame_due(&self) -> bool {
        let due = self.pace.due_ms();
        !self.is_away && due.is_some_and(|due| due <= self.clock.now_ms())
    }

    fn draw(&mut self) -> io::Result<()> {
        let now_ms = self.clock.now_ms();
        let start = std::time::Instant::now();
        let (state, painter) = (&self.state, &mut self.painter);
        let mut viewport = None;
        self.terminal
            .draw(|frame| viewport = Some(painter.paint(frame, state)))
            .map_err(io::Error::other)?;
        if let Some(viewport) = viewport {
            self.state.set_viewport(viewport);
        }
        self.cost.micros = Some(start.elapsed().as_micros() as u64);
        self.pace.drawn(now_ms);
        self.counts.frames += 1;
        Ok(())
    }

    /// Waits for the next thing and takes it.
    async fn wait(&mut self) -> io::Result<()> {
        let wake_ms = self.wake_ms();
        let arrival = self.sources.next(wake_ms).await;
        self.counts.wakes += 1;
        self.take(arrival)
    }

    /// When to wake up where nothing comes.
    fn wake_ms(&self) -> Option<u64> {
        let frame = self.pace.due_ms().filter(|_| !self.is_away);
        let deadline = self
            .state
            .next_deadline_ms()
            .filter(|at| Some(*at) != self.kept_deadline_ms);
        [frame, deadline].into_iter().flatten().min()
    }

    fn keep_deadline(&mut self) -> io::Result<()> {
        let now_ms = self.clock.now_ms();
        let Some(at) = self.state.next_deadline_ms() else {
            self.kept_deadline_ms = None;
            return Ok(());
        };
        if at > now_ms || self.kept_deadline_ms == Some(at) {
            return Ok(());
        }
        self.kept_deadline_ms = Some(at);
        self.pace.mark(Change::Any);
        self.report(Report::Tick)
    }

    fn take(&mut self, arrival: Arrival) -> io::Result<()> {
        match arrival {
            Arrival::Signal(signal) => self.signal(signal)?,
            Arrival::Key(Some(Ok(event))) => return self.key(event),
            Arrival::Key(Some(Err(error))) => {
                tracing::error!(%error, "keys cannot be read");
                self.sources.keys = None;
                self.exit = Some(Exit::Signal);
            }
            // The terminal is gone.
            Arrival::Key(None) => {
                self.sources.keys = None;
                self.exit = Some(Exit::Signal);
            }
            Arrival::Events(events) => {
                for event in events {
                    let effects = app::apply(&mut self.state, event, self.clock.now_ms());
                    self.perform(effects)?;
                }
                self.pace.mark(Change::Any);
            }
            Arrival::EngineGone => {
                self.sources.is_engine_gone = true;
                return self.changed_by(Report::EngineGone);
            }
            Arrival::Telemetry => {
                let telemetry = self.sources.telemetry.borrow_and_update().clone();
                self.state.set_telemetry(telemetry, self.clock.now_ms());
                self.pace.mark(Change::Figures);
            }
            Arrival::TelemetryOver => self.sources.is_telemetry_over = true,
            Arrival::Outcome(outcome) => return self.outcome(outcome),
            // What is due is done before the next frame.
            Arrival::Deadline => {}
        }
        Ok(())
    }

    fn signal(&mut self, signal: Signal) -> io::Result<()> {
        match signal {
            // Ctrl+C within an editor is the editor's.
            Signal::Interrupt if self.is_away => {}
            Signal::Interrupt | Signal::Terminate => self.exit = Some(Exit::Signal),
            Signal::Stop if self.is_away => self.screen.stop(Stop::Process)?,
            Signal::Stop => self.stopping = Some(Stop::Process),
            // After a SIGSTOP, which nobody is told of, the shell may have changed the terminal.
            Signal::Continue if !self.is_away => self.take_terminal()?,
            Signal::Continue => {}
        }
        Ok(())
    }

    fn key(&mut self, event: TerminalEvent) -> io::Result<()> {
        let Some(input) = translate(event) else {
            return Ok(());
        };
        let effects = app::input(&mut self.state, input, self.clock.now_ms());
        self.pace.mark(Change::Any);
        self.perform(effects)
    }

    fn outcome(&mut self, outcome: Outcome) -> io::Result<()> {
        match outcome {
            Outcome::Report(report) => self.changed_by(report),
            Outcome::Session(opened) => {
                let report = self.performer.adopt(&opened);
                self.changed_by(report)
            }
            Outcome::Editor(result) => {
                self.is_away = false;
                self.take_terminal()?;
                self.sources.keys = Some((self.keyboard)());
                match result {
                    Ok(text) => self.changed_by(Report::EditorClosed(text)),
                    Err(message) => self.changed_by(Report::Failed(message)),
                }
            }
            Outcome::Terminal(answers) => {
                if answers.kitty_keys {
                    self.screen.use_kitty_keys()?;
                }
                if let Some(backdrop) = answers.backdrop
                    && self.painter.set_backdrop(backdrop)
                {
                    self.pace.mark(Change::Any);
                }
                // While an editor has the terminal, its end begins to read keys.
                if self.sources.keys.is_none() && !self.is_away {
                    self.sources.keys = Some((self.keyboard)());
                }
                Ok(())
            }
        }
    }

    fn changed_by(&mut self, report: Report) -> io::Result<()> {
        self.pace.mark(Change::Any);
        self.report(report)
    }

    fn report(&mut self, report: Report) -> io::Result<()> {
        let effects = app::report(&mut self.state, report, self.clock.now_ms());
        self.perform(effects)
    }

    fn perform(&mut self, effects: Vec<Effect>) -> io::Result<()> {
        for effect in effects {
            match self.performer.perform(effect) {
                None => {}
                Some(Control::Copy(text)) => self.screen.copy(&text)?,
                Some(Control::Mouse(is_on)) => self.screen.set_mouse(is_on)?,
                Some(Control::Theme(name)) => {
                    self.pace.mark(Change::Any);
                    if let Err(message) = self.painter.set_theme(&name) {
                        self.report(Report::Failed(message))?;
                    }
                }
                Some(Control::Redraw) => self.redraw()?,
                Some(Control::Suspend) => self.stopping = Some(Stop::Job),
                Some(Control::Editor(text)) => self.edit(text),
                Some(Control::Quit) => self.exit = Some(Exit::Quit),
            }
        }
        Ok(())
    }

    /// Gives terminal and keys to an editor until it ends.
    fn edit(&mut self, text: String) {
        self.is_away = true;
        self.sources.keys = None;
        self.screen.give_back();
        self.performer.start_editor(text);
    }

    /// Stops the process; comes back when it is continued.
    async fn suspend(&mut self, whom: Stop) -> io::Result<()> {
        self.sources.keys = None;
        self.screen.give_back();
        self.screen.stop(whom)?;
        while let Some(signal) = self.sources.signals.recv().await {
            match signal {
                Signal::Continue => break,
                Signal::Interrupt | Signal::Terminate => {
                    self.exit = Some(Exit::Signal);
                    return Ok(());
                }
                Signal::Stop => {}
            }
        }
        self.take_terminal()?;
        self.sources.keys = Some((self.keyboard)());
        Ok(())
    }

    fn take_terminal(&mut self) -> io::Result<()> {
        self.screen.take()?;
        self.redraw()
    }

    /// Clears the terminal, so that the next frame is drawn whole.
    fn redraw(&mut self) -> io::Result<()> {
        // `Terminal::clear` would ask the terminal where its cursor is, and wait.
        let size = self.terminal.size().map_err(io::Error::other)?;
        self.terminal
            .resize(size.into())
            .map_err(io::Error::other)?;
        self.state.size = (size.width, size.height);
        self.pace.mark(Change::Any);
        Ok(())
    }
}

/// What a future gives without waiting.
///
/// It is polled with the loop's own waker: the stream of keys remembers the first one that it sees
/// after each event, and would go to sleep for good with any other.
async fn at_once<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = std::pin::pin!(future);
    let once = |context: &mut Context<'_>| match future.as_mut().poll(context) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => Poll::Ready(None),
    };
    std::future::poll_fn(once).await
}
