//! The model's numbers against three independent references; see `tests/fixtures/README.md`.
#![expect(
    clippy::unwrap_used,
    reason = "a failing step fails its test, with the place"
)]

mod bf16;
mod cache;
mod conversation;
mod convert;
mod cuda;
mod engine;
mod generate;
mod golden;
mod inside;
mod interventions;
mod map;
mod model;
mod tokens;
mod tolerance;
mod units;
