//! The playground as a value: its state, and what keys, events and results change in it.
//!
//! Nothing here draws, waits, reads a clock or touches a file; the time comes in with each call. So a
//! test drives the whole program with key strings and events, and looks at the state.
//!
//! ```text
//! key, paste, mouse   input(state, …)   ┐
//! Action              update(state, …)  ├──►  Vec<Effect>   performed by the shell,
//! engine::Event       apply(state, …)   │                    which sends a Report back
//! Report              report(state, …)  ┘
//! ```
//!
//! Start at [`State`], then [`Action`] and its [`REGISTRY`](action::REGISTRY).
//!
//! Invariants: the conversation changes through [`crate::session::TreeOp`]s alone, and each one is
//! also handed out as [`Effect::Save`]; an event of a request that is not the present one changes
//! nothing; no text that was typed or generated is ever dropped.

pub mod ablation;
pub mod action;
mod apply;
pub mod arrivals;
pub mod chat;
pub mod composer;
mod context;
mod effect;
pub mod figures;
pub mod ghost;
mod input;
pub mod inside;
mod key;
pub mod keymap;
pub mod layer_figure;
pub mod map;
pub mod meters;
pub mod models;
pub mod popup;
pub mod prediction;
pub mod profile;
pub mod recording;
pub mod replay;
mod report;
pub mod run;
pub mod sampling;
pub mod share;
pub mod state;
pub mod summary;
pub mod token_lab;
pub mod traces;
mod update;
mod usable;
pub mod viewport;

pub use action::{Action, Context};
pub use apply::apply;
pub use effect::{Anchor, Effect, Report, SessionRequest};
pub use input::{Input, MouseInput, MouseKind, input};
pub use key::Key;
pub use keymap::Keymap;
pub use report::report;
pub use state::{Focus, State, View};
pub use update::sampler::set as set_sampling;
pub use update::{start, update};
