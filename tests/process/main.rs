//! The program as its users run it: arguments, streams, exit codes, signals.
//!
//! Models are the built-in demo and the golden checkpoints of `tests/fixtures/reference`.

mod bad_input;
mod bad_models;
mod contracts;
mod examples;
mod happy;
mod inside;
mod one_core;
mod playground;
mod profile;
mod signals;
mod support;
mod trace;
mod traces;
