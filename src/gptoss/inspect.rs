//! Looking inside through the front door.

use super::GptOss;
use crate::generate::{
    InspectCost, InspectError, InspectLimits, InspectOptions, InspectRun, InspectStep, Inspection,
    inspect_cost,
};

impl GptOss {
    /// Looks inside the model for the last one of `ids`: what it would say after each layer, how
    /// much each head gives to its sink, how long the residual stream is.
    ///
    /// Reads the whole sequence, in caches of its own.
    ///
    /// # Errors
    /// As [`InspectRun::start`].
    pub fn inspect(
        &self,
        ids: &[u32],
        options: &InspectOptions,
    ) -> Result<Inspection, InspectError> {
        self.inspect_with(ids, options, InspectLimits::default(), &mut |_, _| true)
    }

    /// The same within `limits`. `progress` is told done and total tokens before each chunk, and
    /// stops the work by returning false.
    ///
    /// # Errors
    /// As [`InspectRun::start`], and [`InspectError::Cancelled`].
    pub fn inspect_with(
        &self,
        ids: &[u32],
        options: &InspectOptions,
        limits: InspectLimits,
        progress: &mut dyn FnMut(usize, usize) -> bool,
    ) -> Result<Inspection, InspectError> {
        let limits = self.with_inspect_limit(limits);
        let mut run = InspectRun::start(&self.model, ids, options, limits)?;
        let mut done_tokens = 0;
        loop {
            if !progress(done_tokens, run.total_tokens()) {
                return Err(InspectError::Cancelled);
            }
            match run.step(&self.model)? {
                InspectStep::Computed(tokens) => done_tokens = tokens,
                InspectStep::Done(found) => return Ok(*found),
            }
        }
    }

    /// What looking at the last of `tokens` tokens will take; computes nothing.
    pub fn inspect_cost(
        &self,
        tokens: usize,
        options: &InspectOptions,
        limits: InspectLimits,
    ) -> InspectCost {
        let limits = self.with_inspect_limit(limits);
        inspect_cost(&self.model, tokens, options, limits)
    }

    /// `limits` with the device's memory limit where none is set.
    pub fn with_inspect_limit(&self, limits: InspectLimits) -> InspectLimits {
        InspectLimits {
            memory_limit_bytes: limits
                .memory_limit_bytes
                .or(self.default_memory_limit_bytes),
            ..limits
        }
    }
}
