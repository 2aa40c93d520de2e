//! The threads that share a kernel's work: the caller and workers that sleep between calls.
//!
//! Built on rayon's scheduler. The caller works too and hands out the items, so with one thread nothing is
//! started, and a worker that wakes late costs only its share. Items are handed out one at a time in
//! order; which thread computes an item has no influence on its value.

use super::{Isa, KernelError};
use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};

/// Work below this, some 50 microseconds of one thread, is done before another thread has woken up.
const MIN_SHARED_MACS: usize = 1_000_000;

/// Below so many rows, moving data about is left to the calling thread.
const FEW_ROWS: usize = 16;

/// Threads and an instruction set; make one and keep it.
///
/// Between calls the workers sleep. Calls from several threads at once are allowed and share the workers.
#[derive(Debug)]
pub struct Pool {
    workers: Option<rayon::ThreadPool>,
    num_threads: NonZeroUsize,
    isa: Isa,
    min_shared_macs: usize,
}

impl Pool {
    /// A pool of `num_threads`, the calling one among them, on the fastest instruction set there is.
    ///
    /// Errors: [`KernelError::Threads`] where the system starts no more.
    pub fn new(num_threads: NonZeroUsize) -> Result<Self, KernelError> {
        Ok(Self {
            workers: start_workers(num_threads)?,
            num_threads,
            isa: Isa::detect(),
            min_shared_macs: MIN_SHARED_MACS,
        })
    }

    /// A pool with a thread for every core that this process may use.
    ///
    /// Errors: as [`Pool::new`].
    pub fn with_all_cores() -> Result<Self, KernelError> {
        Self::new(std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN))
    }

    /// The same threads on a certain instruction set, for tests and measurements.
    ///
    /// Errors: [`KernelError::MissingIsa`].
    pub fn with_isa(self, isa: Isa) -> Result<Self, KernelError> {
        if isa.is_available() {
            Ok(Self { isa, ..self })
        } else {
            Err(KernelError::MissingIsa { isa })
        }
    }

    /// The same, but sharing even the least work, so that small tests meet all threads.
    #[cfg(test)]
    pub(super) fn sharing_all(self) -> Self {
        Self {
            min_shared_macs: 0,
            ..self
        }
    }

    /// Threads, the calling one among them.
    pub fn num_threads(&self) -> NonZeroUsize {
        self.num_threads
    }

    /// The instruction set in use.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// [`Pool::for_each`] for rows that are only moved about: few are done before others wake up.
    pub(super) fn move_rows<T: Send, S>(
        &self,
        rows: impl ExactSizeIterator<Item = T> + Send,
        init: impl Fn() -> S + Sync,
        body: impl Fn(&mut S, T) + Sync,
    ) {
        if rows.len() >= FEW_ROWS {
            return self.for_each(usize::MAX, rows, init, body);
        }
        let mut state = init();
        rows.for_each(|row| body(&mut state, row));
    }

    /// Calls `body` for every item, with a state that `init` makes once for each thread and call.
    ///
    /// `macs`: multiply-adds of all items together; too few of them stay on the calling thread.
    pub(super) fn for_each<T: Send, S>(
        &self,
        macs: usize,
        items: impl ExactSizeIterator<Item = T> + Send,
        init: impl Fn() -> S + Sync,
        body: impl Fn(&mut S, T) + Sync,
    ) {
        let is_shared = macs >= self.min_shared_macs;
        let num_helpers = items.len().min(self.num_threads.get()).saturating_sub(1);
        let Some(workers) = self
            .workers
            .as_ref()
            .filter(|_| is_shared && num_helpers > 0)
        else {
            let mut state = init();
            items.for_each(|item| body(&mut state, item));
            return;
        };
        let items = Mutex::new(items);
        let work = || {
            let mut state = init();
            loop {
                // The guard is dropped at the end of this statement, before the work.
                let next = items.lock().unwrap_or_else(PoisonError::into_inner).next();
                let Some(item) = next else { break };
                body(&mut state, item);
            }
        };
        workers.in_place_scope(|scope| {
            for _ in 0..num_helpers {
                scope.spawn(|_| work());
            }
            work();
        });
    }
}

fn start_workers(num_threads: NonZeroUsize) -> Result<Option<rayon::ThreadPool>, KernelError> {
    if num_threads.get() == 1 {
        return Ok(None);
    }
    rayon::ThreadPoolBuilder::new()
        .num_threads(num_threads.get() - 1)
        .thread_name(|index| format!("kernel-{index}"))
        .build()
        .map(Some)
        .map_err(|error| KernelError::Threads {
            num_threads: num_threads.get(),
            reason: error.to_string(),
        })
}
