//! What the engine's two threads share their state and messages with.
//!
//! Everything here is std's and tokio's own under one name, so that a model checker's stand-ins can
//! take their place: `tests/protocol` compiles the engine's sources against those and runs them
//! through many schedules. Whatever in the engine waits, wakes or is shared has to come from here.
//! `Arc` does not: it neither waits nor wakes.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

pub(crate) use std::sync::Mutex;
pub(crate) use std::sync::atomic::{AtomicU64, Ordering};
pub(crate) use std::thread;

pub(crate) use tokio::sync::{mpsc, watch};

/// Blocks this thread until a future is ready.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        // A wake-up between the poll and here makes `park` return at once.
        thread::park();
    }
}

struct Unpark(thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
