//! Draws the next token from logits: penalties, truncations, temperature and the draw itself.
//!
//! The chain, in this order, each part only when it is in use:
//!
//! ```text
//! logit bias → repetition penalty → presence and frequency penalties → DRY   (logits)
//!            → top-k → top-p → min-p → XTC                                   (truncation)
//!            → temperature → draw
//! ```
//!
//! Truncations come before the temperature, so what they cut does not depend on it. Each sees the
//! probabilities of what the one before it left, renormalized. A temperature of 0 takes the highest
//! penalized logit, the lowest id among equals, and no truncation could change that.
//!
//! Start at [`sample`] (feature `mlx`), which builds the chain on the device without evaluating
//! anything. [`reference`](mod@reference) is the same chain in plain Rust, readable stage by stage: it proves the
//! device's in the tests. [`explain()`] tells a screen which sampler cut which token, at the price of a
//! pass over the vocabulary a stage. All take [`History`], the tokens so far. Nothing here knows a model, a text or a cache.
//!
//! Randomness is keyed by (seed, position) and by nothing else, and each token of the vocabulary has
//! a random number of its own. The bits are integers and the same on every backend. What floating
//! point can change from one backend to another is the last digits of a logit, a sum or a logarithm:
//! then a token can differ where two scores nearly tie or where a token lies on the edge of a
//! truncation. Which of several equal logits take the last places within top-k or top-p is up to
//! the device as well.
//!
//! Invariants: no sampler leaves zero tokens; host work is linear in the tokens looked at and
//! independent of the vocabulary's size.

#[cfg(feature = "mlx")]
mod candidates;
#[cfg(feature = "mlx")]
mod device;
mod dry;
mod explain;
mod history;
mod keys;
#[cfg(feature = "mlx")]
mod penalties;
pub mod reference;
#[cfg(all(test, feature = "mlx"))]
mod tests;

#[cfg(feature = "mlx")]
pub use device::{SampledToken, sample};
pub use explain::{ChainRecord, StageRecord, explain};
pub use history::History;

/// DRY takes no more than this: the token is out of reach anyway, and its logit stays finite.
const MAX_DRY_PENALTY: f64 = 1e6;
