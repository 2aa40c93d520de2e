//! The tokens still in play and their logits, as arrays on the device.

use mlx_rs::error::Result;
use mlx_rs::ops::indexing;
use mlx_rs::{Array, ops, random};

use super::keys;
use super::penalties::LogitAdjustments;
use crate::generate::params::{SamplingParams, XtcParams};
use crate::mlx::ops as mlx_ops;

/// Logits of some or all tokens; a token that was cut has the logit -∞.
///
/// Shapes: both `[1, n]`, f32 and u32.
#[derive(Debug, Clone)]
pub(super) struct Candidates {
    pub(super) logits: Array,
    /// Which tokens they belong to, most likely first; `None` for the vocabulary in its own order.
    pub(super) ids: Option<Array>,
}

impl Candidates {
    /// The whole vocabulary.
    pub(super) fn of_vocabulary(logits: Array) -> Self {
        Self { logits, ids: None }
    }

    /// Applies every truncation in use, then the temperature, which must be above 0.
    pub(super) fn truncate(self, params: &SamplingParams, position: usize) -> Result<Self> {
        let mut candidates = self;
        if params.top_k > 0 && (params.top_k as usize) < candidates.len() {
            candidates = candidates.top_k(params.top_k as i32)?;
        }
        if params.top_p < 1.0 {
            candidates = candidates.sorted()?.top_p(params.top_p)?;
        }
        if params.min_p > 0.0 {
            candidates = candidates.min_p(params.min_p)?;
        }
        if keys::coin(params.seed, position, params.xtc.probability) {
            candidates = candidates.xtc(params.xtc)?;
        }
        candidates.scaled(params.temperature)
    }

    /// Draws a token with the random numbers of `key`. Shape: `[1]`.
    ///
    /// Each token of the vocabulary has a number of its own, whichever are left and in whatever
    /// order: cutting tokens that would not have been drawn changes nothing.
    ///
    /// *Source:* the Gumbel-max trick: the highest of logit + Gumbel noise is distributed as the
    /// softmax of the logits.
    pub(super) fn draw(&self, key: u64, vocab_size: usize) -> Result<Array> {
        let key = random::key(key)?;
        let shape = [1, vocab_size as i32];
        let mut u = random::uniform::<_, f32>(SMALLEST_UNIFORM, 1.0, &shape, &key)?;
        if let Some(ids) = &self.ids {
            u = u.take_along_axis(ids, -1)?;
        }
        // The noise is -ln(-ln(1 - u)): its largest values come from the smallest u, where f32 is
        // finest, so tokens down to about 1e-9 keep their share.
        let negative_noise = u.negative()?.log1p()?.negative()?.log()?;
        self.take_highest(&self.logits.subtract(negative_noise)?)
    }

    /// The most likely token, the lowest id among equals. Shape: `[1]`.
    pub(super) fn most_likely(&self) -> Result<Array> {
        self.take_highest(&self.logits)
    }

    fn take_highest(&self, scores: &Array) -> Result<Array> {
        let index = indexing::argmax_axis(scores, -1, true)?;
        let token = match &self.ids {
            Some(ids) => ids.take_along_axis(&index, -1)?,
            None => index,
        };
        token.reshape(&[1])
    }

    fn len(&self) -> usize {
        self.logits.dim(-1) as usize
    }

    fn top_k(self, k: i32) -> Result<Self> {
        let (ids, logits) = highest(&self.logits, k)?;
        Ok(Self {
            logits,
            ids: Some(ids),
        })
    }

    fn sorted(self) -> Result<Self> {
        if self.ids.is_some() {
            return Ok(self);
        }
        let (ids, logits) = descending(&self.logits)?;
        Ok(Self {
            logits,
            ids: Some(ids),
        })
    }

    /// Keeps a token while the mass before it is below `p`; needs them sorted.
    fn top_p(self, p: f32) -> Result<Self> {
        let mass_before = probabilities(&self.logits)?.cumsum(-1, false, false)?;
        let kept = mass_before.lt(Array::from_f32(p))?;
        self.keeping(&kept)
    }

    fn min_p(self, p: f32) -> Result<Self> {
        let highest = self.logits.max_axis(-1, true)?;
        let kept = self.logits.ge(highest.add(Array::from_f32(p.ln()))?)?;
        self.keeping(&kept)
    }

    /// Cuts every token that reaches the threshold, and puts the least likely of them back.
    fn xtc(self, xtc: XtcParams) -> Result<Self> {
        let cut = Array::from_f32(f32::NEG_INFINITY);
        let reaches = probabilities(&self.logits)?.ge(Array::from_f32(xtc.threshold))?;
        // With a threshold of 0, what was cut before would count as reaching it.
        let top = reaches.logical_and(self.logits.gt(&cut)?)?;
        let infinity = Array::from_f32(f32::INFINITY);
        let logits_of_top = ops::select(&top, &self.logits, infinity)?;
        // Without any top choice this is index 0, which then gets the logit it has.
        let least = indexing::argmin_axis(logits_of_top, -1, true)?;
        let logit_of_least = self.logits.take_along_axis(&least, -1)?;
        let logits = ops::select(&top, cut, &self.logits)?;
        let logits = logits.put_along_axis(&least, logit_of_least, -1)?;
        Ok(Self { logits, ..self })
    }

    /// Divides by the temperature. The highest logit becomes 0 first: the division then cannot
    /// overflow upwards, however low the temperature.
    fn scaled(self, temperature: f32) -> Result<Self> {
        let highest = self.logits.max_axis(-1, true)?;
        let divisor = Array::from_f32(temperature.max(f32::MIN_POSITIVE));
        let logits = self.logits.subtract(highest)?.divide(divisor)?;
        Ok(Self { logits, ..self })
    }

    fn keeping(self, kept: &Array) -> Result<Self> {
        let cut = Array::from_f32(f32::NEG_INFINITY);
        let logits = ops::select(kept, &self.logits, cut)?;
        Ok(Self { logits, ..self })
    }
}

/// The logits after bias and penalties.
///
/// Shapes: `logits: [1, V]` f32 → `[1, V]`; only the columns concerned are gathered and scattered.
pub(super) fn adjusted(logits: &Array, adjustments: &LogitAdjustments) -> Result<Array> {
    if adjustments.is_empty() {
        return Ok(logits.clone());
    }
    let shape = [1, adjustments.ids.len() as i32];
    let column = |values: &[f32]| Array::from_slice(values, &shape);
    let ids = Array::from_slice(&adjustments.ids, &shape);
    let biased = logits
        .take_along_axis(&ids, -1)?
        .add(column(&adjustments.biases))?;
    let divisors = column(&adjustments.divisors);
    let is_positive = biased.gt(Array::from_f32(0.0))?;
    let scaled = ops::select(
        is_positive,
        biased.divide(&divisors)?,
        biased.multiply(&divisors)?,
    )?;
    let penalized = scaled.subtract(column(&adjustments.penalties))?;
    logits.put_along_axis(&ids, penalized, -1)
}

/// The `n` highest of `values` with their ids, descending, the lowest id first among equals.
///
/// Shapes: `values: [1, V]`, `1 <= n <= V` → `[1, n]` u32 and `[1, n]`. Which of several equals
/// take the last places is up to the device.
pub(super) fn highest(values: &Array, n: i32) -> Result<(Array, Array)> {
    if n >= values.dim(-1) {
        return descending(values);
    }
    let partitioned = ops::argpartition_axis(values.negative()?, n - 1, -1)?;
    // By id first, for an order among equals that does not show how the device partitions.
    let ids = ops::sort_axis(mlx_ops::slice(&partitioned, 1, 0, n as usize)?, -1)?;
    let (order, highest) = descending(&values.take_along_axis(&ids, -1)?)?;
    Ok((ids.take_along_axis(order, -1)?, highest))
}

/// `values` in descending order, and the index of each; the CPU sorts stably.
fn descending(values: &Array) -> Result<(Array, Array)> {
    let order = ops::argsort_axis(values.negative()?, -1)?;
    let sorted = values.take_along_axis(&order, -1)?;
    Ok((order, sorted))
}

fn probabilities(logits: &Array) -> Result<Array> {
    ops::softmax_axis(logits, -1, true)
}

/// Half a step of the 32-bit source: it keeps the noise finite, so that no cut token can win.
const SMALLEST_UNIFORM: f32 = 1.0 / (1u64 << 33) as f32;
