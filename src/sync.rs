//! What the engine's two threads share their state and messages with.
//!
//! Everything here is std's and tokio's own under one name, so that a model checker's stand-ins can
//! take their place: `tests/protocol` compiles the engine's sources against those and runs them
//! through many schedules. Whatever in the engine waits, wakes or is shared has to come from here.
//! `Arc` does not: it neither waits nor wakes.

pub(crate) use std::sync::Mutex;
pub(crate) use std::sync::atomic::{AtomicU64, Ordering};
pub(crate) use std::thread;

pub(crate) use tokio::sync::{mpsc, watch};
