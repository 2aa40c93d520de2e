//! A look inside in the protocol's words.

use super::{Loaded, generate_report, usage};
use crate::engine::backend::InspectStep;
use crate::engine::protocol::{ErrorKind, ErrorReport, InspectReport, InspectRequest, ModelOrigin};
use crate::generate::{self, InspectCost, InspectError, InspectLimits, InspectOptions, InspectRun};

/// Takes up a look; its memory comes on top of the conversation's cache.
pub(super) fn start(loaded: &Loaded, request: &InspectRequest) -> Result<InspectRun, ErrorReport> {
    let (model, limits) = (loaded.model.model(), limits(loaded));
    InspectRun::start(model, &request.ids, &request.options, limits)
        .map_err(|error| inspect_report(&error))
}

/// Computes its next chunk.
pub(super) fn step(loaded: &Loaded, run: &mut InspectRun) -> Result<InspectStep, ErrorReport> {
    let step = run.step(loaded.model.model());
    Ok(match step.map_err(|error| inspect_report(&error))? {
        generate::InspectStep::Computed(tokens) => InspectStep::Computed(tokens),
        generate::InspectStep::Done(found) => {
            let text = |id| loaded.model.token_text(id);
            let report = InspectReport::new(ModelOrigin::Model, *found, text);
            InspectStep::Done(Box::new(report))
        }
    })
}

/// What a look would take.
pub(super) fn cost(loaded: &Loaded, tokens: usize, options: &InspectOptions) -> InspectCost {
    loaded.model.inspect_cost(tokens, options, limits(loaded))
}

fn limits(loaded: &Loaded) -> InspectLimits {
    let cache = loaded.cache.usage();
    InspectLimits {
        kv_precision: loaded.kv_precision,
        memory_limit_bytes: usage::limit_bytes(loaded),
        held_bytes: cache.full.bytes + cache.sliding.bytes + cache.snapshot_bytes,
        ..InspectLimits::default()
    }
}

fn inspect_report(error: &InspectError) -> ErrorReport {
    match error {
        InspectError::Generate(error) => generate_report(error),
        InspectError::Cancelled => ErrorReport::from_error(ErrorKind::Cancelled, error),
        _ => ErrorReport::from_error(ErrorKind::InvalidRequest, error),
    }
}
