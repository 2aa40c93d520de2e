//! Generation: from a prompt's token ids to new ones.
//!
//! Start with [`TokenGenerator`]; [`InspectRun`] looks inside for one token instead. What a request
//! asks for and reports is plain data without MLX ([`SamplingParams`], [`GenerationStats`],
//! [`TokenRouting`]), so that the protocol and the tools that read traces build on any machine.
//! Nothing here knows text: stop strings and channels belong to the layers above.
//!
//! Invariants: a [`TokenRouting`] always has `num_layers * num_experts_per_tok` entries;
//! [`SamplingParams`] are checked by [`SamplingParams::validate`] once, where they enter; the cache
//! holds exactly the tokens that it names.

#[cfg(feature = "mlx")]
mod ablation;
#[cfg(feature = "mlx")]
mod check;
#[cfg(feature = "mlx")]
mod clock;
mod divergence;
#[cfg(feature = "mlx")]
mod error;
mod exponentials;
#[cfg(feature = "mlx")]
mod generation;
#[cfg(feature = "mlx")]
mod inspect;
#[cfg(feature = "mlx")]
mod logprobs;
#[cfg(feature = "mlx")]
mod memory;
#[cfg(feature = "mlx")]
mod options;
mod outcome;
mod params;
#[cfg(feature = "mlx")]
mod prompt_cache;
#[cfg(feature = "mlx")]
mod record;
mod routing;
pub mod sampler;
#[cfg(feature = "mlx")]
mod token_generator;

#[cfg(feature = "mlx")]
pub use ablation::{AblationProgress, ablate};
pub use divergence::{Ablation, AblationStage, PositionDivergence};
#[cfg(feature = "mlx")]
pub use error::GenerateError;
#[cfg(feature = "mlx")]
pub use generation::{GeneratedToken, Generation, PrefillProgress};
#[cfg(feature = "mlx")]
pub use inspect::{InspectError, InspectLimits, InspectRun, InspectStep, inspect_cost};
#[cfg(feature = "mlx")]
pub use memory::{MemoryDemand, MemoryModel};
#[cfg(feature = "mlx")]
pub use options::{
    CachedPositions, GenerateOptions, PositionRecord, RecordOptions, default_prefill_chunk_tokens,
};
pub use outcome::{FinishReason, GenerationStats};
pub use params::{DryParams, SamplingError, SamplingParams, XtcParams};
#[cfg(feature = "mlx")]
pub use prompt_cache::{CacheUsage, KindUsage, PromptCache};
pub use routing::{RoutingShapeError, TokenRouting};
#[cfg(feature = "mlx")]
pub use token_generator::TokenGenerator;

pub use crate::model::inspection::{
    HeadIndex, HeadWeights, InspectCost, InspectOptions, InspectOptionsError, InspectSizes,
    Inspection, LayerSinks, LensLayers, LensRow, LensTarget, LensToken, MAX_LENS_TOP,
    ResidualNorms,
};
