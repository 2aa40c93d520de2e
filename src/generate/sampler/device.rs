//! The sampler on the device.

use mlx_rs::error::Result;
use mlx_rs::{Array, Dtype};

use super::candidates::{self, Candidates};
use super::history::History;
use super::keys;
use super::penalties::LogitAdjustments;
use crate::generate::params::SamplingParams;

/// A token in the making: nothing here is evaluated yet.
#[derive(Debug, Clone)]
pub struct SampledToken {
    /// The token, `[1]` u32.
    pub token: Array,
    /// The model's own logits, `[1, V]` f32, whatever dtype they were given in.
    pub logits: Array,
}

/// Builds the draw of the token at `position`, the number of tokens before it; see the module for the
/// chain.
///
/// Evaluates nothing, so it may be called while `logits` are still being computed. The token
/// depends on `params`, `logits`, `history` and `position` alone.
///
/// *Shapes:* `logits: [1, V]` of any float dtype.
///
/// *Errors:* only when MLX refuses an operation, which means that `logits` has another shape.
pub fn sample(
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
    Ok(SampledToken { token, logits })
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
