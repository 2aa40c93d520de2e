//! The sampler on the device.

use mlx_rs::error::Result;
use mlx_rs::{Array, Dtype};

use super::candidates::{self, Candidates};
use super::history::History;
use super::keys;
use super::penalties::LogitAdjustments;
use crate::generate::params::SamplingParams;

/// Builds the draw of a token; see the module for the chain.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sampler {
    top_logprobs: Option<usize>,
}

/// A token in the making: nothing here is evaluated yet.
#[derive(Debug, Clone)]
pub struct SampledToken {
    /// The token, `[1]` u32.
    pub token: Array,
    /// The model's own logits, `[1, V]` f32, whatever dtype they were given in.
    pub logits: Array,
    /// Its log-probability in the model's own distribution, before every sampler, `[1]` f32.
    pub logprob: Option<Array>,
    /// That distribution's entropy in nats, `[1]` f32.
    pub entropy: Option<Array>,
    /// The most likely tokens of that distribution, `[n]` u32, with their log-probabilities,
    /// `[n]` f32, descending.
    pub top: Option<(Array, Array)>,
}

impl Sampler {
    /// A sampler that reports log-probabilities if `top_logprobs` is given: the drawn token's and
    /// those of so many most likely ones (0 for none of them).
    pub fn new(top_logprobs: Option<usize>) -> Self {
        Self { top_logprobs }
    }

    /// Builds the draw of the token at `position`, the number of tokens before it.
    ///
    /// Evaluates nothing, so it may be called while `logits` are still being computed. The token
    /// depends on `params`, `logits`, `history` and `position` alone.
    ///
    /// *Shapes:* `logits: [1, V]` of any float dtype.
    ///
    /// *Errors:* only when MLX refuses an operation, which means that `logits` has another shape.
    pub fn sample(
        &self,
        params: &SamplingParams,
        logits: &Array,
        history: &History,
        position: usize,
    ) -> Result<SampledToken> {
        let logits = logits.as_dtype(Dtype::Float32)?;
        let candidates = processed_logits(params, &logits, history, position)?;
        let token = if params.temperature > 0.0 {
            candidates.draw(
                keys::draw_key(params.seed, position),
                logits.dim(-1) as usize,
            )?
        } else {
            candidates.most_likely()?
        };
        match self.top_logprobs {
            Some(n) => with_logprobs(token, logits, n),
            None => Ok(SampledToken {
                token,
                logits,
                logprob: None,
                entropy: None,
                top: None,
            }),
        }
    }
}

/// The logits that the token is drawn from: after the whole chain, or at temperature 0 after the
/// penalties.
pub(super) fn processed_logits(
    params: &SamplingParams,
    logits: &Array,
    history: &History,
    position: usize,
) -> Result<Candidates> {
    let vocab_size = logits.dim(-1) as usize;
    let adjustments = LogitAdjustments::new(params, history, vocab_size);
    let candidates = Candidates::of_vocabulary(candidates::adjusted(logits, &adjustments)?);
    if params.temperature > 0.0 {
        candidates.truncate(params, position)
    } else {
        Ok(candidates)
    }
}

fn with_logprobs(token: Array, logits: Array, n: usize) -> Result<SampledToken> {
    let normalizer = logits.logsumexp_axis(-1, true)?;
    let logprob = logits
        .take_along_axis(token.reshape(&[1, 1])?, -1)?
        .subtract(&normalizer)?
        .reshape(&[1])?;
    let logprobs = logits.subtract(&normalizer)?;
    let entropy = logprobs
        .exp()?
        .multiply(&logprobs)?
        .sum_axis(-1, false)?
        .negative()?
        .reshape(&[1])?;
    let n = n.min(logits.dim(-1) as usize) as i32;
    let mut top = None;
    if n > 0 {
        let (ids, highest) = candidates::highest(&logits, n)?;
        let logprobs = highest.subtract(normalizer)?;
        top = Some((ids.reshape(&[n])?, logprobs.reshape(&[n])?));
    }
    Ok(SampledToken {
        token,
        logits,
        logprob: Some(logprob),
        entropy: Some(entropy),
        top,
    })
}
