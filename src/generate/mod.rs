//! What a generation is asked for and what it reports: parameters, results, counters.
//!
//! Plain data without MLX, so that the protocol, the screens and the tools that read traces build
//! on any machine. It does not know how tokens are drawn, nor who asks for them.
//!
//! Start at [`SamplingParams`]; [`TokenRouting`] is what a mixture of experts adds to a token.
//!
//! Invariants: a [`TokenRouting`] always has `num_layers * num_experts_per_tok` entries;
//! [`SamplingParams`] are checked by [`SamplingParams::validate`] once, where they enter.

mod outcome;
mod params;
mod routing;

pub use outcome::{FinishReason, GenerationStats};
pub use params::{DryParams, SamplingError, SamplingParams, XtcParams};
pub use routing::{RoutingShapeError, TokenRouting};
