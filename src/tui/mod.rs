//! The shell around the state: the terminal, the loop, and what effects do outside.
//!
//! Start at `run.rs`. Only this module and its children name crossterm; only `sources.rs` waits.
//! Invariants: the loop never blocks; the terminal is given back however the program ends; without
//! a change nothing is drawn and nothing wakes up.

mod clock;
mod cost;
mod early;
mod effects;
mod hand_over;
mod input;
mod pace;
mod painter;
mod panics;
mod plain;
mod probe;
mod run;
mod shell;
mod signals;
mod sources;
mod stderr;
mod terminal;
mod worker;

pub use clock::Clock;
pub use effects::{
    Control, CopyAttempt, Effects, Files, OpenedSession, Outcome, ReadDigests, TraceDigests,
    load_history, load_presets,
};
pub use input::{ChordError, canonical, translate};
pub use pace::Rates;
pub use painter::{MakeTheme, Painter, UiPainter};
pub use panics::{Panicked, guarded, install_hook};
pub use plain::{PlainEnded, PlainSetup, run_plain};
pub use probe::{Answers, start as ask_terminal};
pub use run::{Counts, Ended, Exit, Setup, run};
pub use signals::{EndSignal, Signal, listen};
pub use sources::Keys;
pub use terminal::{FrameWriter, Screen, Stop, TerminalGuard};
