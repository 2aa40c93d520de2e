//! The playground's state and screens, without a terminal and without a model.

#![expect(clippy::panic, reason = "a failing test panics")]

mod cursor;
mod docs;
mod flow;
mod hints;
mod inside;
mod lab;
mod latency;
mod maps;
mod meters;
mod opening;
mod panes;
mod profile;
mod random;
mod recording;
mod replay;
mod rig;
mod sampler;
mod screens;
mod sending;
mod share;
mod tokens;
mod traces;
mod zoom;
