//! The playground's state and screens, without a terminal and without a model.

#![expect(clippy::panic, reason = "a failing test panics")]

mod composing;
mod cursor;
mod docs;
mod everyday;
mod flow;
mod forks;
mod hints;
mod inside;
mod lab;
mod latency;
mod maps;
mod meters;
mod models;
mod opening;
mod panes;
mod profile;
mod random;
mod reading;
mod recording;
mod replay;
mod rig;
mod sampler;
mod screens;
mod sending;
mod share;
mod summary;
mod tokens;
mod traces;
mod zoom;
