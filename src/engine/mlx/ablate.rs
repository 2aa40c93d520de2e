//! Two runs side by side on the loaded model.

use std::ops::ControlFlow;

use super::{Loaded, generate_report, prompt};
use crate::engine::protocol::{
    AblateRequest, AblationReport, ErrorKind, ErrorReport, GenerateRequest,
};
use crate::generate::{AblationStage, ablate};

pub(super) fn run(
    loaded: &Loaded,
    request: &AblateRequest,
    progress: &mut dyn FnMut(AblationStage, usize, usize) -> ControlFlow<()>,
) -> Result<AblationReport, ErrorReport> {
    let rendered = prompt::render(&loaded.model, &request.prompt)?;
    let generate = GenerateRequest {
        sampling: request.sampling.clone(),
        interventions: request.baseline.clone(),
        max_tokens: Some(request.max_tokens),
        ..GenerateRequest::new(request.id, request.prompt.clone())
    };
    let options = loaded.generate_options(&generate, rendered.answer.is_some());
    let found = ablate(
        loaded.model.model(),
        &rendered.ids,
        &options,
        &request.ablated,
        &mut |stage, done, total| progress(stage, done, total).is_continue(),
    )
    .map_err(|error| generate_report(&error))?;
    let given_up = || ErrorReport::new(ErrorKind::Cancelled, "the comparison was given up");
    let ablation = found.ok_or_else(given_up)?;
    let best = ablation
        .positions
        .iter()
        .map(|position| position.best_after);
    Ok(AblationReport {
        baseline: prompt::prompt_tokens(&loaded.model, &ablation.baseline),
        ablated: prompt::prompt_tokens(&loaded.model, &ablation.ablated),
        best_after: best.map(|id| loaded.model.token_text(id)).collect(),
        ablation,
    })
}
