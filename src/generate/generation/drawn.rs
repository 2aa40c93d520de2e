//! A token on its way: drawn from a pass on the device, not read by the host yet.

use mlx_rs::Array;

use crate::generate::logprobs::{self, TokenLogprobs};
use crate::generate::options::PositionRecord;
use crate::generate::params::SamplingParams;
use crate::generate::sampler::{self, ChainRecord, History, SampledToken};
use crate::model::trace::CapturedRouting;

/// A token, and what was asked for beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct GeneratedToken {
    /// The token.
    pub id: u32,
    /// Its logarithmic probability in the model's own distribution, when alternatives are recorded.
    pub logprob: Option<f32>,
    /// The most probable tokens of that distribution with their logarithmic probabilities.
    pub top_logprobs: Vec<(u32, f32)>,
    /// The entropy of that distribution in nats, when alternatives are recorded.
    pub entropy: Option<f32>,
    /// What the samplers made of [`Self::top_logprobs`] and, after them, of the token itself, when
    /// alternatives are recorded.
    pub chain: Option<ChainRecord>,
    /// What was recorded at the position that predicted this token, the one before it.
    pub predicted_from: Option<PositionRecord>,
}

/// What a pass over some rows gives, not evaluated.
#[derive(Debug)]
pub(super) struct Pass {
    pub(super) logits: Option<Array>,
    pub(super) routing: Option<CapturedRouting>,
}

impl Pass {
    pub(super) fn arrays(&self) -> impl Iterator<Item = &Array> {
        self.logits
            .iter()
            .chain(self.routing.iter().flat_map(CapturedRouting::arrays))
    }
}

/// A token in the making, with the pass it was drawn from.
#[derive(Debug)]
pub(super) struct Drawn {
    pub(super) sampled: SampledToken,
    pub(super) pass: Pass,
    /// Log-probabilities that are told with the token: so many of the highest. The host computes them:
    /// on a device, finding these few takes a sort of the whole vocabulary.
    pub(super) top_logprobs: Option<usize>,
    /// Whether all logits are recorded.
    pub(super) records_logits: bool,
    /// Whether every logit is a number, `[]` bool; asked where the dtype's range is narrow.
    pub(super) is_finite: Option<Array>,
    /// How it was drawn, where it is to be explained.
    pub(super) explained: Option<SamplingParams>,
}

impl Drawn {
    /// The log-probability of the token `id` and the most likely ones, as far as asked for.
    pub(super) fn logprobs(&self, id: u32, logits: &[f32]) -> TokenLogprobs {
        self.top_logprobs
            .map(|n| logprobs::of_token(logits, id, n))
            .unwrap_or_default()
    }

    /// What the samplers made of `top` and of the token `id`; `history` is that before the token.
    pub(super) fn chain(
        &self,
        id: u32,
        top: &[(u32, f32)],
        history: &History,
        logits: &[f32],
    ) -> Option<ChainRecord> {
        let params = self.explained.as_ref()?;
        let tokens: Vec<u32> = top.iter().map(|(id, _)| *id).chain([id]).collect();
        let position = history.tokens().len();
        let record = sampler::explain(params, logits, history, position, &tokens);
        Some(record)
    }

    /// The logits, where the host works on them itself or hands them out. They have to be evaluated
    /// with the token: whatever is evaluated later waits for the step ahead.
    pub(super) fn wanted_logits(&self) -> Option<&Array> {
        let are_wanted = self.records_logits || self.top_logprobs.is_some();
        are_wanted.then_some(&self.sampled.logits)
    }
}
