//! The loop's hands: what came changes the state, its effects are performed, frames are drawn.
//!
//! Start at [`Shell::take`]. When each of these happens is decided in `run.rs`; where things come
//! from, in `sources.rs`.

use std::io;

use crossterm::event::Event as TerminalEvent;
use ratatui::Terminal;
use ratatui::backend::Backend;

use super::clock::Clock;
use super::cost::FrameCost;
use super::effects::{Control, Effects, Outcome};
use super::input::translate;
use super::pace::{Change, Pace};
use super::painter::Painter;
use super::run::{Counts, Ended, Exit, Setup};
use super::signals::{EndSignal, Signal};
use super::sources::{Arrival, Keys, Sources};
use super::terminal::{Screen, Stop};
use crate::app::{self, Effect, Report, State};

/// The most keys and outcomes taken before a frame.
const DRAINED_AT_ONCE: usize = 256;

/// The loop's own state.
pub(super) struct Shell<B: Backend> {
    pub(super) state: State,
    pub(super) clock: Clock,
    pub(super) terminal: Terminal<B>,
    pub(super) screen: Box<dyn Screen>,
    painter: Box<dyn Painter>,
    pub(super) keyboard: Box<dyn FnMut() -> Keys>,
    pub(super) sources: Sources,
    pub(super) performer: Effects,
    pub(super) pace: Pace,
    /// Whether an editor has the terminal.
    pub(super) is_away: bool,
    /// Whether the terminal is being asked about itself; keys come from there until it ends.
    pub(super) is_asking: bool,
    pub(super) stopping: Option<Stop>,
    pub(super) exit: Option<Exit>,
    cost: FrameCost,
    /// The deadline that was kept last; one that stays is not kept twice.
    kept_deadline_ms: Option<u64>,
    counts: Counts,
}

impl<B> Shell<B>
where
    B: Backend,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    pub(super) fn new(mut setup: Setup<B>) -> Self {
        let is_asking = setup.early_keys.is_some();
        let keys = setup.early_keys.unwrap_or_else(|| (setup.keyboard)());
        let sources = Sources {
            signals: setup.signals,
            keys: Some(keys),
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
            is_asking,
            stopping: None,
            exit: None,
            cost: FrameCost::default(),
            kept_deadline_ms: None,
            counts: Counts::default(),
        }
    }

    /// What is left.
    pub(super) fn into_ended(self, exit: io::Result<Exit>) -> Ended {
        Ended {
            exit,
            state: self.state,
            performer: self.performer,
            events: self.sources.events,
            counts: self.counts,
        }
    }

    /// Takes what waits already, so that the frame shows all of it.
    pub(super) async fn before_frame(&mut self) -> io::Result<()> {
        self.keep_deadline()?;
        if !self.is_frame_due() {
            return Ok(());
        }
        for _ in 0..DRAINED_AT_ONCE {
            let Some(arrival) = self.sources.at_once().await else {
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

    pub(super) fn is_frame_due(&self) -> bool {
        let due = self.pace.due_ms();
        !self.is_away && due.is_some_and(|due| due <= self.clock.now_ms())
    }

    pub(super) fn draw(&mut self) -> io::Result<()> {
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
        self.cost.set(start.elapsed().as_micros() as u64);
        self.pace.drawn(now_ms);
        self.counts.frames += 1;
        Ok(())
    }

    /// Waits for the next thing and takes it.
    pub(super) async fn wait(&mut self) -> io::Result<()> {
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
                self.exit = Some(Exit::Signal(EndSignal::HangUp));
            }
            Arrival::Key(None) if self.is_asking => self.read_keys(),
            // The terminal is gone.
            Arrival::Key(None) => {
                self.sources.keys = None;
                self.exit = Some(Exit::Signal(EndSignal::HangUp));
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
            Signal::End(EndSignal::Interrupt) if self.is_away => {}
            Signal::End(signal) => self.exit = Some(Exit::Signal(signal)),
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
            Outcome::CopyTried(attempt) => match self.performer.copy_tried(&attempt) {
                Some(report) => self.changed_by(report),
                None => Ok(()),
            },
            Outcome::Editor(result) => {
                self.is_away = false;
                self.take_terminal()?;
                self.read_keys();
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

    pub(super) fn perform(&mut self, effects: Vec<Effect>) -> io::Result<()> {
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
}
