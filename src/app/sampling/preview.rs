//! What the panel's settings would keep of the distribution that was recorded last.
//!
//! Truncations are judged anew from the recorded probabilities. Penalties depend on the tokens before
//! and on logits that are not kept: where the panel has those that the token was drawn under, what the
//! draw's own record says after them is taken; else they are left out, and named as left out.

use crate::app::run::TokenRecord;
use crate::app::state::State;
use crate::generate::SamplingParams;
use crate::generate::sampler::reference::SamplerKind;

/// What the present settings would do to an alternative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fate {
    /// It could be drawn.
    Kept,
    /// The named sampler cuts it.
    Cut(&'static str),
}

/// What the settings would keep of a recorded distribution.
#[derive(Debug, Clone, PartialEq)]
pub struct Preview {
    /// The fate of each alternative given; XTC, which acts by chance, has no part in it.
    pub fates: Vec<Fate>,
    /// The number of alternatives kept.
    pub kept: usize,
    /// The probability that they hold, before the truncations.
    pub kept_mass: f64,
    /// Whether tokens beyond those recorded may be kept too.
    pub may_keep_more: bool,
    /// How many of the most likely ones kept are excluded where XTC's coin falls that way.
    pub xtc_excludes: usize,
}

/// A [`Preview`] of the last distribution, and what of the settings it tells.
#[derive(Debug, Clone, PartialEq)]
pub struct SamplingPreview {
    /// The alternatives' fates.
    pub preview: Preview,
    /// Whether the settings have penalties or biases that the preview leaves out.
    pub leaves_out_penalties: bool,
}

/// Judges alternatives by top-k, top-p, min-p and XTC's threshold, as the chain does: in this order,
/// each on the probabilities of what is left, renormalized. A temperature of 0 keeps the first alone.
///
/// *Shapes:* `probabilities` are those of the most likely tokens, in any order.
pub fn preview(params: &SamplingParams, probabilities: &[f64]) -> Preview {
    let mut order: Vec<usize> = (0..probabilities.len()).collect();
    order.sort_by(|a, b| probabilities[*b].total_cmp(&probabilities[*a]));
    let mut fates = vec![Fate::Kept; probabilities.len()];
    let kept_by_k = if params.top_k == 0 {
        usize::MAX
    } else {
        params.top_k as usize
    };
    // Of more than were recorded the k most likely may hold all there is.
    let mass_of_k: f64 = if kept_by_k > probabilities.len() {
        1.0
    } else {
        let first = order.iter().take(kept_by_k);
        first.map(|place| probabilities[*place]).sum()
    };
    let highest = order.first().map_or(0.0, |place| probabilities[*place]);
    let mut before = 0.0;
    for (rank, place) in order.iter().copied().enumerate() {
        let probability = probabilities[place];
        let mass_before = before;
        before += probability / mass_of_k.max(f64::MIN_POSITIVE);
        fates[place] = if params.temperature == 0.0 && rank > 0 {
            Fate::Cut("temperature 0")
        } else if rank >= kept_by_k {
            Fate::Cut("top-k")
        } else if params.top_p < 1.0 && mass_before >= f64::from(params.top_p) {
            Fate::Cut("top-p")
        } else if probability < f64::from(params.min_p) * highest {
            Fate::Cut("min-p")
        } else {
            Fate::Kept
        };
    }
    let left = order.iter().filter(|place| fates[**place] == Fate::Kept);
    let left: Vec<f64> = left.map(|place| probabilities[*place]).collect();
    let (kept, kept_mass): (usize, f64) = (left.len(), left.iter().sum());
    let may_keep_more = kept > 0 && kept == fates.len() && kept_by_k > kept;
    let whole = if may_keep_more { 1.0 } else { kept_mass };
    Preview {
        fates,
        kept,
        kept_mass,
        may_keep_more,
        xtc_excludes: xtc_excludes(params, &left, whole),
    }
}

/// All but the least likely of the tokens that reach the threshold.
///
/// *Shapes:* `left` by falling probability; they are parts of `whole`.
fn xtc_excludes(params: &SamplingParams, left: &[f64], whole: f64) -> usize {
    if params.xtc.probability <= 0.0 || params.temperature == 0.0 {
        return 0;
    }
    let threshold = f64::from(params.xtc.threshold) * whole;
    let reaching = left.iter().take_while(|one| **one >= threshold);
    reaching.count().saturating_sub(1)
}

/// Whether two settings penalize and bias alike.
fn penalize_alike(params: &SamplingParams, other: &SamplingParams) -> bool {
    let same_but_penalties = SamplingParams {
        temperature: other.temperature,
        top_k: other.top_k,
        top_p: other.top_p,
        min_p: other.min_p,
        xtc: other.xtc,
        seed: other.seed,
        ..params.clone()
    };
    same_but_penalties == *other
}

/// Whether the settings have penalties or biases.
fn penalizes(params: &SamplingParams) -> bool {
    let off = SamplingParams::default().repetition_penalty;
    !params.logit_bias.is_empty()
        || params.repetition_penalty.to_bits() != off.to_bits()
        || params.presence_penalty != 0.0
        || params.frequency_penalty != 0.0
        || params.dry.multiplier > 0.0
}

/// The probabilities of a token's recorded alternatives after the penalties that it was drawn under;
/// none where the draw's record does not say.
fn penalized(record: &TokenRecord) -> Option<Vec<f64>> {
    let is_penalty = |sampler: SamplerKind| {
        matches!(
            sampler,
            SamplerKind::LogitBias
                | SamplerKind::RepetitionPenalty
                | SamplerKind::PresenceFrequencyPenalty
                | SamplerKind::Dry
        )
    };
    let stages = &record.chain.as_ref()?.stages;
    let last = stages
        .iter()
        .rev()
        .find(|stage| is_penalty(stage.sampler))?;
    let probability = |place| {
        let found = last.probabilities.get(record.chain_place(place));
        found.copied().flatten().map(f64::from)
    };
    (0..record.top_logprobs.len()).map(probability).collect()
}

impl State {
    /// What the panel's settings would keep of the distribution recorded last.
    pub fn sampling_preview(&self) -> Option<SamplingPreview> {
        let run = self.shown_run()?;
        let mut tokens = run.tokens.iter().enumerate().rev();
        let (index, record) = tokens.find(|(_, token)| !token.top_logprobs.is_empty())?;
        let params = &self.sampling.params;
        let turn = self.session.tree.turn(run.node);
        let are_as_drawn = turn.is_some_and(|turn| penalize_alike(params, turn.sampling_at(index)));
        let are_in_use = penalizes(params);
        let with_penalties = (are_as_drawn && are_in_use)
            .then(|| penalized(record))
            .flatten();
        let leaves_out_penalties = are_in_use && with_penalties.is_none();
        let probabilities = with_penalties.unwrap_or_else(|| {
            let own = record.top_logprobs.iter();
            own.map(|one| f64::from(one.logprob).exp()).collect()
        });
        Some(SamplingPreview {
            preview: preview(params, &probabilities),
            leaves_out_penalties,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOUR: [f64; 4] = [0.5, 0.3, 0.1, 0.02];

    fn previewed(probabilities: &[f64], change: impl Fn(&mut SamplingParams)) -> Preview {
        let mut params = SamplingParams::default();
        change(&mut params);
        preview(&params, probabilities)
    }

    #[test]
    fn the_preview_names_the_sampler_that_cuts() {
        let fates = |change: &dyn Fn(&mut SamplingParams)| previewed(&FOUR, change);
        let free = fates(&|_| {});
        assert_eq!((free.kept, free.may_keep_more), (4, true));
        let top_k = fates(&|p| p.top_k = 2);
        assert_eq!(top_k.fates[2], Fate::Cut("top-k"));
        assert_eq!((top_k.kept, top_k.may_keep_more), (2, false));
        // 0.5 is below 0.7, so the second still comes in; with it the mass is reached.
        assert_eq!(fates(&|p| p.top_p = 0.7).kept, 2);
        // Forty may hold more than the four recorded, which then are within the mass.
        let beyond = fates(&|p| (p.top_k, p.top_p) = (40, 0.92));
        assert_eq!((beyond.kept, beyond.may_keep_more), (4, true));
        assert_eq!(fates(&|p| p.min_p = 0.1).fates[3], Fate::Cut("min-p"));
        assert_eq!(fates(&|p| p.temperature = 0.0).kept, 1);
    }

    #[test]
    fn fates_belong_to_their_alternatives_in_any_order() {
        let swapped = previewed(&[0.1, 0.5, 0.3], |p| p.top_k = 2);
        assert_eq!(swapped.fates, [Fate::Cut("top-k"), Fate::Kept, Fate::Kept]);
        assert!((swapped.kept_mass - 0.8).abs() < 1e-12);
    }

    #[test]
    fn xtc_excludes_all_but_the_least_likely_of_those_that_reach_its_threshold() {
        let xtc = |probability, threshold, top_k| {
            let preview = previewed(&FOUR, |p| {
                (p.xtc.probability, p.xtc.threshold, p.top_k) = (probability, threshold, top_k);
            });
            (preview.xtc_excludes, preview.kept)
        };
        assert_eq!(xtc(0.5, 0.09, 0), (2, 4));
        // Among two alone 0.3 is 0.375 of what is left.
        assert_eq!(xtc(0.5, 0.35, 2), (1, 2));
        assert_eq!(xtc(0.5, 0.35, 0), (0, 4));
        assert_eq!(xtc(0.0, 0.09, 0), (0, 4));
    }
}
