//! The model checker's stand-ins, under the names of the library's `src/sync.rs`.

pub(crate) use shuttle::future::block_on;
pub(crate) use shuttle::sync::Mutex;
pub(crate) use shuttle::sync::atomic::{AtomicU64, Ordering};
pub(crate) use shuttle::thread;

pub(crate) use shuttle_tokio::sync::{mpsc, watch};
