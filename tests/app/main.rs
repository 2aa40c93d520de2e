//! The playground's state and screens, without a terminal and without a model.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::panic, reason = "a test fails by panicking")]

mod docs;
mod flow;
mod panes;
mod random;
mod rig;
mod screens;
