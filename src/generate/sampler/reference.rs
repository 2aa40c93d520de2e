//! The chain in plain Rust and f64, stage by stage, for explanations and as the device's proof.
//!
//! It shares the counts of [`History`] and the random coin of XTC with the device, and nothing else.
//! Repetitions are found by comparing at every place, so a call can be slow after a long text with
//! DRY.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use super::history::History;
use super::{MAX_DRY_PENALTY, keys};
use crate::generate::params::{DryParams, SamplingParams};

/// A part of the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SamplerKind {
    /// Additions to single logits.
    LogitBias,
    /// Divides positive and multiplies negative logits of tokens seen.
    RepetitionPenalty,
    /// Subtractions for tokens generated before.
    PresenceFrequencyPenalty,
    /// Subtractions for tokens that would prolong a repetition.
    Dry,
    /// The most likely so many.
    TopK,
    /// The most likely until a mass is reached.
    TopP,
    /// Those not too far below the most likely.
    MinP,
    /// The exclusion of top choices; present only where its coin fell that way.
    Xtc,
    /// The flattening or sharpening of what is left; at 0 the choice of the most likely.
    Temperature,
}

impl SamplerKind {
    /// Its name for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LogitBias => "logit bias",
            Self::RepetitionPenalty => "repetition",
            Self::PresenceFrequencyPenalty => "presence/frequency",
            Self::Dry => "dry",
            Self::TopK => "top-k",
            Self::TopP => "top-p",
            Self::MinP => "min-p",
            Self::Xtc => "xtc",
            Self::Temperature => "temperature",
        }
    }
}

/// What one stage leaves.
#[derive(Debug, Clone, PartialEq)]
pub struct Stage {
    /// The tokens that can still be drawn, ascending.
    pub survivors: Vec<u32>,
    /// The probability of each of `survivors`; they sum to 1.
    pub probabilities: Vec<f64>,
}

impl Stage {
    /// Whether `token` can still be drawn.
    pub fn survives(&self, token: u32) -> bool {
        self.survivors.binary_search(&token).is_ok()
    }

    /// The probability of `token`; 0 if it was cut.
    pub fn probability(&self, token: u32) -> f64 {
        self.survivors
            .binary_search(&token)
            .map_or(0.0, |index| self.probabilities[index])
    }
}

/// The chain at one position.
#[derive(Debug, Clone, PartialEq)]
pub struct Stages {
    /// The model's own distribution.
    pub model: Stage,
    /// What each sampler in use left, in order.
    pub samplers: Vec<(SamplerKind, Stage)>,
}

impl Stages {
    /// What the token is drawn from.
    pub fn last(&self) -> &Stage {
        self.samplers.last().map_or(&self.model, |(_, stage)| stage)
    }

    /// What the sampler at `index` of [`Self::samplers`] started from.
    pub fn before(&self, index: usize) -> &Stage {
        match index
            .checked_sub(1)
            .and_then(|before| self.samplers.get(before))
        {
            Some((_, stage)) => stage,
            None => &self.model,
        }
    }

    /// The sampler that removed `token`, if one did.
    pub fn cut_by(&self, token: u32) -> Option<SamplerKind> {
        let cut = self
            .samplers
            .iter()
            .find(|(_, stage)| !stage.survives(token));
        cut.filter(|_| self.model.survives(token))
            .map(|(kind, _)| *kind)
    }
}

/// The distribution of the token at `position`, the number of tokens before it, stage by stage.
///
/// Samplers that are switched off leave no stage. `logits` has one value a token of the
/// vocabulary; -∞ stands for a token that cannot come.
pub fn distribution(
    params: &SamplingParams,
    logits: &[f32],
    history: &History,
    position: usize,
) -> Stages {
    let mut chain = Chain::new(logits);
    chain.penalize(params, history);
    if params.temperature > 0.0 {
        chain.truncate(params, position);
        chain.scale(f64::from(params.temperature));
    } else {
        chain.keep_first(SamplerKind::Temperature, 1);
    }
    chain.stages
}

/// The logits on their way through the chain, and the stages so far.
struct Chain {
    /// One a token of the vocabulary; cut ones are -∞.
    logits: Vec<f64>,
    stages: Stages,
}

impl Chain {
    fn new(logits: &[f32]) -> Self {
        let logits: Vec<f64> = logits.iter().map(|&logit| f64::from(logit)).collect();
        let stages = Stages {
            model: stage(&logits),
            samplers: Vec::new(),
        };
        Self { logits, stages }
    }

    fn record(&mut self, kind: SamplerKind) {
        self.stages.samplers.push((kind, stage(&self.logits)));
    }

    #[expect(
        clippy::float_cmp,
        reason = "exactly these values switch a penalty off"
    )]
    fn penalize(&mut self, params: &SamplingParams, history: &History) {
        if !params.logit_bias.is_empty() {
            for (&id, &bias) in &params.logit_bias {
                self.change(id, |logit| logit + f64::from(bias));
            }
            self.record(SamplerKind::LogitBias);
        }
        if params.repetition_penalty != 1.0 {
            let penalty = f64::from(params.repetition_penalty);
            let scale = |x: f64| if x > 0.0 { x / penalty } else { x * penalty };
            for id in history.distinct_latest(params.repetition_range_tokens) {
                self.change(id, scale);
            }
            self.record(SamplerKind::RepetitionPenalty);
        }
        let (presence, frequency) = (params.presence_penalty, params.frequency_penalty);
        if presence != 0.0 || frequency != 0.0 {
            for (id, count) in history.generated_counts() {
                let penalty = f64::from(presence) + f64::from(frequency) * f64::from(count);
                self.change(id, |logit| logit - penalty);
            }
            self.record(SamplerKind::PresenceFrequencyPenalty);
        }
        if params.dry.multiplier > 0.0 {
            self.penalize_repetitions(&params.dry, history.latest(params.dry.range_tokens));
            self.record(SamplerKind::Dry);
        }
    }

    fn penalize_repetitions(&mut self, dry: &DryParams, window: &[u32]) {
        let is_breaker = |token: &u32| dry.sequence_breakers.contains(token);
        let mut penalties = vec![0.0f64; self.logits.len()];
        for end in 1..window.len() {
            let pairs = window[..end].iter().rev().zip(window.iter().rev());
            let equal = pairs.take_while(|(a, b)| a == b && !is_breaker(a));
            let length = equal.count();
            let token = window[end];
            if length < dry.allowed_length.max(1) as usize || is_breaker(&token) {
                continue;
            }
            let growth = f64::from(dry.base).powf(length as f64 - f64::from(dry.allowed_length));
            let penalty = (f64::from(dry.multiplier) * growth).min(MAX_DRY_PENALTY);
            if let Some(largest) = penalties.get_mut(token as usize) {
                *largest = largest.max(penalty);
            }
        }
        for (logit, penalty) in self.logits.iter_mut().zip(penalties) {
            *logit -= penalty;
        }
    }

    fn change(&mut self, id: u32, change: impl Fn(f64) -> f64) {
        if let Some(logit) = self.logits.get_mut(id as usize) {
            *logit = change(*logit);
        }
    }

    fn truncate(&mut self, params: &SamplingParams, position: usize) {
        let top_k = params.top_k as usize;
        if top_k > 0 && top_k < self.logits.len() {
            self.keep_first(SamplerKind::TopK, top_k);
        }
        if params.top_p < 1.0 {
            let mut mass_before = 0.0;
            let probabilities = softmax(&self.logits);
            let count = self.descending().into_iter().take_while(|&id| {
                let is_kept = mass_before < f64::from(params.top_p);
                mass_before += probabilities[id];
                is_kept
            });
            let count = count.count();
            self.keep_first(SamplerKind::TopP, count);
        }
        if params.min_p > 0.0 {
            let lowest = highest(&self.logits) + f64::from(params.min_p).ln();
            self.keep(SamplerKind::MinP, |_, logit| logit >= lowest);
        }
        if keys::coin(params.seed, position, params.xtc.probability) {
            self.exclude_top_choices(f64::from(params.xtc.threshold));
        }
    }

    fn exclude_top_choices(&mut self, threshold: f64) {
        let probabilities = softmax(&self.logits);
        let is_top =
            |id: usize, logit: f64| logit > f64::NEG_INFINITY && probabilities[id] >= threshold;
        let top = self
            .logits
            .iter()
            .copied()
            .enumerate()
            .filter(|&(id, logit)| is_top(id, logit));
        let least = top.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(id, _)| id);
        self.keep(SamplerKind::Xtc, |id, logit| {
            !is_top(id, logit) || Some(id) == least
        });
    }

    fn scale(&mut self, temperature: f64) {
        let highest = highest(&self.logits);
        for logit in &mut self.logits {
            *logit = (*logit - highest) / temperature;
        }
        self.record(SamplerKind::Temperature);
    }

    /// Keeps the `count` most likely, the lowest ids among equals.
    fn keep_first(&mut self, kind: SamplerKind, count: usize) {
        for id in self.descending().into_iter().skip(count) {
            self.logits[id] = f64::NEG_INFINITY;
        }
        self.record(kind);
    }

    fn keep(&mut self, kind: SamplerKind, is_kept: impl Fn(usize, f64) -> bool) {
        for (id, logit) in self.logits.iter_mut().enumerate() {
            if !is_kept(id, *logit) {
                *logit = f64::NEG_INFINITY;
            }
        }
        self.record(kind);
    }

    /// Ids by descending logit; the sort is stable, so equals stay ascending by id.
    fn descending(&self) -> Vec<usize> {
        let mut ids: Vec<usize> = (0..self.logits.len()).collect();
        let descending = |a: &usize, b: &usize| self.logits[*b].partial_cmp(&self.logits[*a]);
        ids.sort_by(|a, b| descending(a, b).unwrap_or(Ordering::Equal));
        ids
    }
}

fn stage(logits: &[f64]) -> Stage {
    let survives = |id: &usize| logits[*id] > f64::NEG_INFINITY;
    let survivors: Vec<usize> = (0..logits.len()).filter(survives).collect();
    let probabilities = softmax(logits);
    Stage {
        probabilities: survivors.iter().map(|&id| probabilities[id]).collect(),
        survivors: survivors.into_iter().map(|id| id as u32).collect(),
    }
}

fn softmax(logits: &[f64]) -> Vec<f64> {
    let highest = highest(logits);
    let exponentials: Vec<f64> = logits.iter().map(|logit| (logit - highest).exp()).collect();
    let sum: f64 = exponentials.iter().sum();
    exponentials.into_iter().map(|value| value / sum).collect()
}

fn highest(logits: &[f64]) -> f64 {
    logits.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}
