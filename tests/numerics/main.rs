//! The model's numbers against three independent references; see `tests/fixtures/README.md`.

mod cache;
mod convert;
mod golden;
mod model;
mod tolerance;
mod units;
