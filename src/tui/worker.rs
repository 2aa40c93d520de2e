//! Threads that do what would hold up the screen, each its jobs in order.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};

type Job = Box<dyn FnOnce() + Send>;

/// A thread that is started with its first job.
#[derive(Debug)]
pub(super) struct Worker {
    name: &'static str,
    running: Option<(Sender<Job>, JoinHandle<()>)>,
}

impl Worker {
    pub(super) fn new(name: &'static str) -> Self {
        Self {
            name,
            running: None,
        }
    }

    /// Queues a job; jobs are done in order. Where the system has no thread to give, it is done now.
    pub(super) fn queue(&mut self, job: impl FnOnce() + Send + 'static) {
        let job: Job = Box::new(job);
        if self.running.is_none() {
            self.running = start(self.name);
        }
        let refused = match &self.running {
            Some((jobs, _)) => jobs.send(job).err().map(|refused| refused.0),
            None => Some(job),
        };
        if let Some(job) = refused {
            job();
        }
    }

    /// Waits until all jobs are done.
    pub(super) fn finish(&mut self) {
        if let Some((jobs, thread)) = self.running.take() {
            drop(jobs);
            // Panics of jobs are caught within the thread.
            let _ = thread.join();
        }
    }
}

fn start(name: &'static str) -> Option<(Sender<Job>, JoinHandle<()>)> {
    let (sender, jobs) = mpsc::channel::<Job>();
    let thread = thread::Builder::new().name(name.to_owned()).spawn(move || {
        for job in jobs {
            // The panic hook has logged it; the next job may fare better.
            let _ = catch_unwind(AssertUnwindSafe(job));
        }
    });
    Some((sender, thread.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_are_done_in_order_also_after_a_panic() {
        let (sender, done) = mpsc::channel();
        let mut worker = Worker::new("test-worker");
        for number in 0..3 {
            let sender = sender.clone();
            worker.queue(move || {
                sender.send(number).unwrap();
                assert_ne!(number, 1, "deliberate");
            });
        }
        worker.finish();
        assert_eq!(done.try_iter().collect::<Vec<_>>(), [0, 1, 2]);
    }
}
