//! Two synthetic runs side by side.
//!
//! What this backend says does not depend on its experts, so the two agree everywhere: that is what
//! is reported, not something livelier.

use std::ops::ControlFlow;

use super::{SyntheticBackend, SyntheticModel};
use crate::engine::backend::{Backend, Step};
use crate::engine::protocol::{
    AblateRequest, AblationReport, ErrorKind, ErrorReport, GenerateRequest, PromptToken,
    RecordOptions, TokenEvent,
};
use crate::generate::{Ablation, AblationStage, PositionDivergence};
use crate::intervention::Interventions;

type Progress<'a> = &'a mut dyn FnMut(AblationStage, usize, usize) -> ControlFlow<()>;

pub(super) fn run(
    model: SyntheticModel,
    request: &AblateRequest,
    progress: Progress<'_>,
) -> Result<AblationReport, ErrorReport> {
    let mut answer = |stage, rules: &Interventions| answer(model, request, rules, stage, progress);
    let before = answer(AblationStage::Baseline, &request.baseline)?;
    let after = answer(AblationStage::Ablated, &request.ablated)?;
    let ids = |tokens: &[TokenEvent]| tokens.iter().map(|token| token.id).collect();
    let texts = |tokens: &[TokenEvent]| {
        let text = |token: &TokenEvent| PromptToken {
            id: token.id,
            text: token.text.clone(),
        };
        tokens.iter().map(text).collect()
    };
    let position = |token: &TokenEvent| PositionDivergence {
        kl_nats: 0.0,
        logprob_before: token.logprob.unwrap_or_default(),
        logprob_after: token.logprob.unwrap_or_default(),
        best_before: token.top_logprobs.first().map_or(token.id, |best| best.id),
        best_after: token.top_logprobs.first().map_or(token.id, |best| best.id),
    };
    let best = |token: &TokenEvent| token.top_logprobs.first().map(|best| best.text.clone());
    Ok(AblationReport {
        ablation: Ablation {
            baseline: ids(&before),
            ablated: ids(&after),
            positions: before.iter().map(position).collect(),
        },
        best_after: before
            .iter()
            .map(|token| best(token).unwrap_or_default())
            .collect(),
        baseline: texts(&before),
        ablated: texts(&after),
    })
}

fn answer(
    model: SyntheticModel,
    request: &AblateRequest,
    rules: &Interventions,
    stage: AblationStage,
    progress: Progress<'_>,
) -> Result<Vec<TokenEvent>, ErrorReport> {
    let mut backend = SyntheticBackend::new(model);
    let start = backend.start(&GenerateRequest {
        sampling: request.sampling.clone(),
        interventions: rules.clone(),
        max_tokens: Some(request.max_tokens),
        record: RecordOptions {
            top_logprobs: Some(1),
            routing: false,
        },
        ..GenerateRequest::new(request.id, request.prompt.clone())
    })?;
    while backend.prefill()?.done_tokens < start.prompt_tokens {}
    let mut tokens = Vec::new();
    while let Step::Token(token) = backend.step()? {
        tokens.push(token);
        if progress(stage, tokens.len(), request.max_tokens).is_break() {
            let message = "the comparison was given up";
            return Err(ErrorReport::new(ErrorKind::Cancelled, message));
        }
    }
    Ok(tokens)
}
