//! The engine thread and its protocol, driven through the public interface.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "clippy permits them in test functions only, and helpers of tests fail likewise"
)]

mod answers;
mod cancelling;
mod commands;
mod faults;
mod inspecting;
mod lanes;
mod rig;
mod scripts;
mod shutdown;
mod synthetic;
