//! One token and all that is told of it, drawn from seeds.

use super::super::protocol::{ErrorKind, ErrorReport, RecordOptions, TokenEvent, TopLogprob};
use super::answer::Answer;
use super::random::{hash, uniform};
use super::vocabulary::{NUM_WORDS, VOCAB_SIZE, text_of};
use super::{SyntheticBackend, SyntheticModel};
use crate::generate::sampler::{self, ChainRecord, History};
use crate::generate::{SamplingParams, TokenRouting};
use crate::harmony::HarmonyEvent;
use crate::intervention::LayerPlan;

impl SyntheticBackend {
    /// Log-probabilities of all tokens at the end of the cache.
    pub(super) fn log_probabilities(&self) -> Vec<f32> {
        let position = self.cache.len() as u64;
        let previous = self.cache.last().copied().unwrap_or_default();
        let state = hash(&[self.model.seed, position, u64::from(previous)]);
        let planned = self.run.answer.as_ref().map(Answer::next);
        let num_tokens = planned.map_or(NUM_WORDS, |_| VOCAB_SIZE);
        let logits: Vec<f32> = (0..num_tokens)
            .map(|id| {
                // A planned token is a likely one.
                let lift = if planned == Some(id) { 6.0 } else { 0.0 };
                lift + 4.0 * uniform(hash(&[state, u64::from(id)]))
            })
            .collect();
        let log_sum = logits.iter().map(|logit| logit.exp()).sum::<f32>().ln();
        logits.into_iter().map(|logit| logit - log_sum).collect()
    }

    /// Draws by the Gumbel trick, whose noise depends on seed and position alone.
    pub(super) fn draw(&self, log_probabilities: &[f32]) -> u32 {
        let SamplingParams {
            temperature, seed, ..
        } = self.run.sampling;
        let position = self.cache.len() as u64;
        let score = |id: u32, logprob: f32| {
            let noise = uniform(hash(&[seed, position, u64::from(id)]));
            logprob - temperature * (-noise.ln()).ln()
        };
        let scored = (0..)
            .zip(log_probabilities)
            .map(|(id, logprob)| (id, score(id, *logprob)));
        scored
            .max_by(|a, b| a.1.total_cmp(&b.1))
            .map_or(0, |(id, _)| id)
    }

    /// The routing of the token at `position`: popular experts come more often, others now and then.
    pub(super) fn routing(&self, position: usize, token: u32) -> Result<TokenRouting, ErrorReport> {
        let SyntheticModel {
            num_hidden_layers,
            num_local_experts,
            seed,
            ..
        } = self.model;
        let k = self.model.num_experts_per_tok;
        let mut experts = Vec::with_capacity(num_hidden_layers * k);
        let mut weights = Vec::with_capacity(num_hidden_layers * k);
        let mut entropies = Vec::with_capacity(num_hidden_layers);
        let as_ever = LayerPlan::unchanged(&self.summary.router_shape());
        for layer_idx in 0..num_hidden_layers as u64 {
            let scores: Vec<f32> = (0..num_local_experts as u64)
                .map(|expert| {
                    let cell = hash(&[seed, layer_idx, expert]);
                    let choice = hash(&[cell, position as u64, u64::from(token)]);
                    2.0 * uniform(cell) + 3.0 * uniform(choice)
                })
                .collect();
            entropies.push(entropy(scores.iter().copied()));
            let plan = self.run.plan.as_ref();
            let plan = plan.and_then(|plan| plan.layer(layer_idx as usize));
            let choice = plan.unwrap_or(&as_ever).choose(&scores, position);
            experts.extend(choice.experts);
            weights.extend(choice.weights);
        }
        let width = experts.len() / num_hidden_layers;
        TokenRouting::new(num_hidden_layers, width, experts, weights)
            .and_then(|routing| routing.with_entropies(entropies))
            .map_err(|error| ErrorReport::from_error(ErrorKind::Generation, &error))
    }

    /// What the temperature, the only sampler obeyed, made of the alternatives and of the token.
    fn chain(
        &self,
        id: u32,
        log_probabilities: &[f32],
        alternatives: &[TopLogprob],
    ) -> ChainRecord {
        let params = SamplingParams {
            temperature: self.run.sampling.temperature,
            ..SamplingParams::default()
        };
        let tokens: Vec<u32> = alternatives.iter().map(|one| one.id).chain([id]).collect();
        let history = History::new(&self.cache);
        let position = self.cache.len();
        sampler::explain(&params, log_probabilities, &history, position, &tokens)
    }

    pub(super) fn token(
        &self,
        id: u32,
        log_probabilities: &[f32],
        harmony: Vec<HarmonyEvent>,
    ) -> Result<TokenEvent, ErrorReport> {
        let index = self.run.generated_tokens;
        let RecordOptions {
            top_logprobs,
            routing,
        } = self.run.record;
        let alternatives = most_likely(log_probabilities, top_logprobs.unwrap_or(0).into());
        // The logits come from the pass of the token before, so that is the one routed.
        let position = self.cache.len() - 1;
        Ok(TokenEvent {
            index,
            id,
            text: if index == 0 && self.run.answer.is_none() {
                format!("[synthetic]{}", text_of(id))
            } else {
                text_of(id)
            },
            logprob: top_logprobs.map(|_| log_probabilities[id as usize]),
            entropy: top_logprobs.map(|_| entropy(log_probabilities.iter().copied())),
            chain: top_logprobs.map(|_| self.chain(id, log_probabilities, &alternatives)),
            top_logprobs: alternatives,
            routing: routing
                .then(|| self.routing(position, self.cache[position]))
                .transpose()?,
            harmony,
        })
    }
}

/// The entropy of the softmax over all scores, in nats.
fn entropy(scores: impl Iterator<Item = f32> + Clone) -> f32 {
    let sum: f32 = scores.clone().map(f32::exp).sum();
    let terms = scores.map(|score| (score.exp() / sum) * (score - sum.ln()));
    -terms.sum::<f32>()
}

fn most_likely(log_probabilities: &[f32], count: usize) -> Vec<TopLogprob> {
    let mut ranked: Vec<(u32, f32)> = (0..).zip(log_probabilities.iter().copied()).collect();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
    ranked.truncate(count);
    ranked
        .into_iter()
        .map(|(id, logprob)| TopLogprob {
            id,
            text: text_of(id),
            logprob,
        })
        .collect()
}
