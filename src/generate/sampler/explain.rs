//! What the chain did to a few tokens, computed beside the draw from the same logits.
//!
//! [`reference`](super::reference) tells everything of every token and sorts the vocabulary for it;
//! this follows only the tokens that are asked about, and the sums that their probabilities need, in
//! time linear in the vocabulary. It works in f64 where the device works in f32: a token that lies
//! on the very edge of a truncation can be judged otherwise than the device did.
//!
//! Start at [`explain`]. Invariants: samplers that are switched off leave no stage; after every
//! stage the probabilities of all tokens that are left sum to 1.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use super::history::History;
use super::reference::SamplerKind;
use super::{dry, keys};
use crate::generate::exponentials::{exp, sums};
use crate::generate::params::SamplingParams;

/// What the samplers in use did at one position, in their order; without stages nothing is in use,
/// and the token was drawn from the model's own distribution.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ChainRecord {
    /// One a sampler.
    pub stages: Vec<StageRecord>,
}

/// What one sampler left.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StageRecord {
    /// The sampler.
    pub sampler: SamplerKind,
    /// Tokens that can still be drawn.
    pub kept_tokens: u32,
    /// Their probability in sum before this sampler, from 0 to 1.
    pub kept_mass: f32,
    /// The probability of each token asked about after this sampler, in the order asked;
    /// none where it cannot be drawn any more.
    pub probabilities: Vec<Option<f32>>,
}

impl ChainRecord {
    /// The probability with which the token at `place` of those asked about could be drawn; none
    /// where it could not, and where no sampler was in use.
    pub fn drawn_with(&self, place: usize) -> Option<f32> {
        *self.stages.last()?.probabilities.get(place)?
    }

    /// The sampler that removed the token at `place` of those asked about, if one did.
    pub fn cut_by(&self, place: usize) -> Option<SamplerKind> {
        let is_cut = |stage: &&StageRecord| stage.probabilities.get(place) == Some(&None);
        self.stages.iter().find(is_cut).map(|stage| stage.sampler)
    }
}

/// Whether any sampler would do something.
#[expect(
    clippy::float_cmp,
    reason = "exactly these values switch a sampler off"
)]
fn is_in_use(params: &SamplingParams) -> bool {
    params.temperature != 1.0 || penalizes(params) || truncates(params)
}

#[expect(
    clippy::float_cmp,
    reason = "exactly these values switch a sampler off"
)]
fn penalizes(params: &SamplingParams) -> bool {
    !params.logit_bias.is_empty()
        || params.repetition_penalty != 1.0
        || params.presence_penalty != 0.0
        || params.frequency_penalty != 0.0
        || params.dry.multiplier > 0.0
}

fn truncates(params: &SamplingParams) -> bool {
    params.top_k > 0 || params.top_p < 1.0 || params.min_p > 0.0 || params.xtc.probability > 0.0
}

/// What the chain makes of `tokens` at `position`, the number of tokens before it.
///
/// *Shapes:* `logits: [V]`.
pub fn explain(
    params: &SamplingParams,
    logits: &[f32],
    history: &History,
    position: usize,
    tokens: &[u32],
) -> ChainRecord {
    if !is_in_use(params) {
        return ChainRecord::default();
    }
    let mut chain = Chain {
        logits: logits.iter().map(|&logit| f64::from(logit)).collect(),
        kept: None,
        sums: None,
        tokens,
        record: ChainRecord::default(),
    };
    chain.penalize(params, history);
    if params.temperature > 0.0 {
        chain.truncate(params, position);
        chain.scale(f64::from(params.temperature));
    } else {
        chain.keep_first(SamplerKind::Temperature, 1);
    }
    chain.record
}

/// The logits on their way through the chain.
struct Chain<'a> {
    /// One a token of the vocabulary; cut ones are -∞.
    logits: Vec<f64>,
    /// The tokens that are left, once any were cut.
    kept: Option<Vec<u32>>,
    /// The highest logit and the sum of all exponentials of the distances to it, while they hold: a
    /// pass over the vocabulary's exponentials is what costs here.
    sums: Option<(f64, f64)>,
    tokens: &'a [u32],
    record: ChainRecord,
}

impl Chain<'_> {
    #[expect(
        clippy::float_cmp,
        reason = "exactly these values switch a penalty off"
    )]
    fn penalize(&mut self, params: &SamplingParams, history: &History) {
        if !params.logit_bias.is_empty() {
            let biases = params.logit_bias.iter();
            self.change(biases.map(|(&id, &bias)| (id, bias)), |logit, bias| {
                logit + bias
            });
            self.push(SamplerKind::LogitBias, 1.0);
        }
        if params.repetition_penalty != 1.0 {
            let penalty = params.repetition_penalty;
            let seen = history.distinct_latest(params.repetition_range_tokens);
            let seen = seen.into_iter().map(|id| (id, penalty));
            self.change(seen, |x, by| if x > 0.0 { x / by } else { x * by });
            self.push(SamplerKind::RepetitionPenalty, 1.0);
        }
        let (presence, frequency) = (params.presence_penalty, params.frequency_penalty);
        if presence != 0.0 || frequency != 0.0 {
            let counted = history.generated_counts();
            let penalties = counted.map(|(id, count)| (id, presence + frequency * count as f32));
            self.change(penalties, |logit, penalty| logit - penalty);
            self.push(SamplerKind::PresenceFrequencyPenalty, 1.0);
        }
        if params.dry.multiplier > 0.0 {
            let penalties = dry::penalties(&params.dry, history.latest(params.dry.range_tokens));
            self.change(penalties.into_iter(), |logit, penalty| logit - penalty);
            self.push(SamplerKind::Dry, 1.0);
        }
    }

    fn change(
        &mut self,
        values: impl Iterator<Item = (u32, f32)>,
        change: impl Fn(f64, f64) -> f64,
    ) {
        self.sums = None;
        for (id, value) in values {
            if let Some(logit) = self.logits.get_mut(id as usize) {
                *logit = change(*logit, f64::from(value));
            }
        }
    }

    fn truncate(&mut self, params: &SamplingParams, position: usize) {
        let top_k = params.top_k as usize;
        if top_k > 0 && top_k < self.logits.len() {
            self.keep_first(SamplerKind::TopK, top_k);
        }
        if params.top_p < 1.0 {
            self.keep_mass(f64::from(params.top_p));
        }
        if params.min_p > 0.0 {
            let lowest = self.normalizer().0 + f64::from(params.min_p).ln();
            self.keep(SamplerKind::MinP, |_, logit| logit >= lowest);
        }
        if params.xtc.probability > 0.0 {
            self.exclude_top_choices(params, position);
        }
    }

    /// Keeps the `count` most likely, the lowest ids among equals.
    fn keep_first(&mut self, sampler: SamplerKind, count: usize) {
        let mut ids = self.left();
        if count == 1 {
            ids = ids
                .into_iter()
                .min_by(|a, b| self.by_rank(*a, *b))
                .into_iter()
                .collect();
        } else if count < ids.len() {
            ids.select_nth_unstable_by(count, |a, b| self.by_rank(*a, *b));
            ids.truncate(count);
        }
        self.keep_only(sampler, ids);
    }

    /// Keeps a token while the mass before it is below `top_p`.
    fn keep_mass(&mut self, top_p: f64) {
        let (highest, sum) = self.normalizer();
        let probability = |id: u32| (self.logits[id as usize] - highest).exp() / sum;
        // Tokens below this hold less than 1 - top_p together, so the mass before each is reached.
        let least = ((1.0 - top_p) * sum / self.logits.len() as f64).ln() + highest;
        let mut ids = self.left();
        ids.retain(|id| self.logits[*id as usize] >= least);
        ids.sort_unstable_by(|a, b| self.by_rank(*a, *b));
        let mut before = 0.0;
        let kept = ids.iter().take_while(|id| {
            let is_kept = before < top_p;
            before += probability(**id);
            is_kept
        });
        let count = kept.count();
        ids.truncate(count);
        self.keep_only(SamplerKind::TopP, ids);
    }

    /// Excludes top choices where the coin at this position falls that way, as it did in the draw.
    fn exclude_top_choices(&mut self, params: &SamplingParams, position: usize) {
        let falls = keys::coin(params.seed, position, params.xtc.probability);
        if !falls {
            self.push(SamplerKind::Xtc, 1.0);
            return;
        }
        let threshold = f64::from(params.xtc.threshold);
        let (highest, sum) = self.normalizer();
        let is_top =
            |logit: f64| logit > f64::NEG_INFINITY && (logit - highest).exp() / sum >= threshold;
        let top = self
            .left()
            .into_iter()
            .filter(|id| is_top(self.logits[*id as usize]));
        let least = top.max_by(|a, b| {
            let order = self.logits[*b as usize].total_cmp(&self.logits[*a as usize]);
            order.then(b.cmp(a))
        });
        self.keep(SamplerKind::Xtc, |id, logit| {
            !is_top(logit) || Some(id) == least
        });
    }

    fn scale(&mut self, temperature: f64) {
        #[expect(clippy::float_cmp, reason = "exactly this temperature changes nothing")]
        if temperature == 1.0 {
            return;
        }
        let (highest, _) = self.normalizer();
        self.sums = None;
        for logit in &mut self.logits {
            *logit = (*logit - highest) / temperature;
        }
        self.push(SamplerKind::Temperature, 1.0);
    }

    fn keep(&mut self, sampler: SamplerKind, is_kept: impl Fn(u32, f64) -> bool) {
        let mut ids = self.left();
        ids.retain(|id| is_kept(*id, self.logits[*id as usize]));
        self.keep_only(sampler, ids);
    }

    fn keep_only(&mut self, sampler: SamplerKind, ids: Vec<u32>) {
        let (highest, before) = self.normalizer();
        let kept = ids.iter().map(|id| (*id, self.logits[*id as usize]));
        let kept: Vec<(u32, f64)> = kept.collect();
        self.logits.fill(f64::NEG_INFINITY);
        let mut mass = 0.0;
        for (id, logit) in kept {
            self.logits[id as usize] = logit;
            mass += (logit - highest).exp();
        }
        self.kept = Some(ids);
        self.sums = None;
        self.push(sampler, mass / before);
    }

    fn push(&mut self, sampler: SamplerKind, kept_mass: f64) {
        let (highest, sum) = self.normalizer();
        let probability = |id: &u32| {
            let logit = *self.logits.get(*id as usize)?;
            (logit > f64::NEG_INFINITY).then_some(((logit - highest).exp() / sum) as f32)
        };
        let stage = StageRecord {
            sampler,
            kept_tokens: self.num_left() as u32,
            kept_mass: kept_mass as f32,
            probabilities: self.tokens.iter().map(probability).collect(),
        };
        self.record.stages.push(stage);
    }

    /// The tokens that can still be drawn.
    fn left(&self) -> Vec<u32> {
        match &self.kept {
            Some(ids) => ids.clone(),
            None => (0..)
                .zip(&self.logits)
                .filter(|(_, logit)| **logit > f64::NEG_INFINITY)
                .map(|(id, _)| id)
                .collect(),
        }
    }

    fn num_left(&self) -> usize {
        let is_left = |logit: &&f64| **logit > f64::NEG_INFINITY;
        let all = || self.logits.iter().filter(is_left).count();
        self.kept.as_ref().map_or_else(all, Vec::len)
    }

    /// The highest logit, and the sum of all exponentials of the distances to it.
    fn normalizer(&mut self) -> (f64, f64) {
        if let Some(sums) = self.sums {
            return sums;
        }
        let logit = |id: &u32| self.logits[*id as usize];
        let highest_of = |logits: &mut dyn Iterator<Item = f64>| {
            logits.fold(
                f64::NEG_INFINITY,
                |all, one| if one > all { one } else { all },
            )
        };
        let (highest, sum) = if let Some(ids) = &self.kept {
            let highest = highest_of(&mut ids.iter().map(logit));
            let exp = |id| (logit(id) - highest).exp();
            (highest, ids.iter().map(exp).sum())
        } else {
            let highest = highest_of(&mut self.logits.iter().copied());
            let [sum] = sums(&self.logits, |logit| [exp((logit - highest) as f32).0]);
            (highest, sum)
        };
        *self.sums.insert((highest, sum))
    }

    fn by_rank(&self, a: u32, b: u32) -> Ordering {
        let order = self.logits[b as usize].total_cmp(&self.logits[a as usize]);
        order.then(a.cmp(&b))
    }
}

#[cfg(test)]
mod tests;
