//! Faults on purpose: processes killed while they write, and every kind of file damaged.
//!
//! Each case has a seed, which a failure names. A run of the tests tries few; `GPTOSS_KILLS` and
//! `GPTOSS_MUTATIONS` say how many otherwise (docs/RELIABILITY.md), `GPTOSS_SEED` where to begin.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod child;
mod counting;
mod full;
mod kill_sessions;
mod kill_traces;
#[path = "../session/made.rs"]
#[expect(dead_code, reason = "the session tests use more of it")]
mod made;
mod memory;
mod mutate;
mod mutations;
mod runs;
mod sealed;
mod texts;
