//! What the engine can be asked to do.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{AblateRequest, InspectRequest, Prompt};
use crate::generate::{InspectOptions, SamplingParams};
use crate::intervention::{ForcedRouting, Interventions};

/// The name of a load, a generation or a look inside, given by the asker.
///
/// Ids grow strictly over the life of an engine; see [`RequestId::next`].
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct RequestId(pub u64);

impl RequestId {
    /// The id after this one. `RequestId::default().next()` is a good first one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// One thing asked of the engine. Cancelling is not here: it must overtake this queue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Command {
    /// Loads a model in place of the present one; a running generation is cancelled first.
    Load(LoadRequest),
    /// Generates an answer. While another one runs it fails with [`super::ErrorKind::Busy`].
    Generate(GenerateRequest),
    /// Changes how a running generation draws, from the next token that has not been drawn yet.
    UpdateSampling {
        /// The generation meant; ignored where it is not the running one.
        request: RequestId,
        /// All parameters, changed or not.
        sampling: SamplingParams,
    },
    /// Changes how a running generation's experts are chosen, from the next token that has not been
    /// computed yet.
    UpdateInterventions {
        /// The generation meant; ignored where it is not the running one.
        request: RequestId,
        /// All rules, changed or not.
        interventions: Interventions,
    },
    /// Changes what a running generation records, from the next token on.
    UpdateRecording {
        /// The generation meant; ignored where it is not the running one.
        request: RequestId,
        /// What to record from now on.
        record: RecordOptions,
    },
    /// Tells what a prompt would take, without computing or changing anything; answered by
    /// [`super::Event::Predicted`], between two tokens of a running generation too. A prompt that
    /// cannot be put, or a missing model, is not answered.
    Predict {
        /// The asker's number for this question; it comes back with the answer.
        seq: u64,
        /// The prompt.
        prompt: Prompt,
    },
    /// Looks inside the model for one token, in caches of its own: the conversation's cache stays as
    /// it is. While a generation or another look runs it fails with [`super::ErrorKind::Busy`]; a
    /// load, a reset or a shutdown ends it as a cancel does.
    Inspect(InspectRequest),
    /// Tells what a look inside would take, as [`Command::Predict`] does for a prompt; answered by
    /// [`super::Event::InspectCost`]. Without a model, or with one that cannot be looked into, it is
    /// not answered.
    InspectCost {
        /// The asker's number for this question; it comes back with the answer.
        seq: u64,
        /// Tokens of the sequence.
        tokens: usize,
        /// What to look at.
        options: InspectOptions,
    },
    /// Answers a prompt twice, the second time with experts changed, and compares; the conversation's
    /// cache stays as it is. While a generation runs it fails with [`super::ErrorKind::Busy`].
    Ablate(Box<AblateRequest>),
    /// Empties the cache and the routing counts; a running generation is cancelled first.
    Reset,
    /// Ends the engine thread after what was sent before.
    Shutdown,
}

/// Which model to load, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadRequest {
    /// The load's name in events and for cancelling.
    pub id: RequestId,
    /// Where the model is.
    pub source: ModelSource,
    /// How to hold it.
    pub options: LoadOptions,
}

/// Where a model comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ModelSource {
    /// The small model inside the program.
    Demo,
    /// A directory with a checkpoint in any of the known layouts.
    Directory(PathBuf),
}

/// How a model is held in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LoadOptions {
    /// The dtype of activations.
    pub dtype: ActivationDtype,
    /// What becomes of the experts' weights.
    pub quantize_experts: ExpertQuantization,
    /// What becomes of the other matrices.
    pub quantize_dense: DenseQuantization,
    /// The precision of cached keys and values in the full-attention layers.
    pub kv_bits: KvBits,
    /// The bytes that the device may use; none is the device's own limit.
    pub memory_limit_bytes: Option<u64>,
}

/// The dtype of activations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActivationDtype {
    /// What suits the device: f32 on the CPU, bf16 on a GPU.
    #[default]
    Auto,
    /// 32-bit floats.
    F32,
    /// 16-bit floats with the exponent of f32.
    Bf16,
    /// IEEE 16-bit floats.
    F16,
}

/// How the experts' weights are quantized at load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExpertQuantization {
    /// As the checkpoint has them.
    #[default]
    Keep,
    /// MXFP4.
    Mxfp4,
    /// Affine, 8 bits.
    Affine8,
    /// Affine, 4 bits.
    Affine4,
}

/// How attention, embedding and head are quantized at load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DenseQuantization {
    /// As the checkpoint has them.
    #[default]
    Keep,
    /// Affine, 8 bits.
    Affine8,
    /// Affine, 4 bits.
    Affine4,
}

/// The precision of cached keys and values in the full-attention layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KvBits {
    /// The dtype of activations.
    #[default]
    Activation,
    /// Affine, 8 bits.
    Eight,
}

/// One generation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GenerateRequest {
    /// The generation's name in events and for cancelling.
    pub id: RequestId,
    /// What to continue.
    pub prompt: Prompt,
    /// How to draw.
    pub sampling: SamplingParams,
    /// How the experts' choice is changed, for the prompt's tokens too.
    #[serde(default)]
    pub interventions: Interventions,
    /// A recorded run whose experts are chosen again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forced_routing: Option<Box<ForcedRouting>>,
    /// Where to stop, besides the model's own end.
    pub stop: StopOptions,
    /// The most tokens to generate; none goes on to the end of the context.
    pub max_tokens: Option<usize>,
    /// What to record with each token.
    pub record: RecordOptions,
    /// What becomes of the conversation's cache.
    #[serde(default)]
    pub cache: CacheUse,
}

/// What a generation does to the conversation's cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CacheUse {
    /// It goes on from what is there, and what it computes stays.
    #[default]
    Continue,
    /// It uses what is there; afterwards the cache is as before, and its routing is not counted.
    /// While it runs the keys and values that it writes to exist twice.
    Borrow,
}

impl GenerateRequest {
    /// A generation with gpt-oss's default sampling that records nothing.
    pub fn new(id: RequestId, prompt: Prompt) -> Self {
        Self {
            id,
            prompt,
            sampling: SamplingParams::default(),
            interventions: Interventions::none(),
            forced_routing: None,
            stop: StopOptions::default(),
            max_tokens: None,
            record: RecordOptions::default(),
            cache: CacheUse::default(),
        }
    }
}

/// Where a generation stops, besides the model's own end.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StopOptions {
    /// Tokens that end the generation; the one met is still reported.
    pub tokens: Vec<u32>,
    /// Texts that end the generation. In an answer to a conversation only the final channel's
    /// text can hold them.
    pub strings: Vec<String>,
}

/// What is recorded with each token.
///
/// Recording costs little but not nothing; ask for what is looked at or written to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RecordOptions {
    /// Log-probabilities with so many most likely alternatives; none records neither.
    pub top_logprobs: Option<u8>,
    /// The router's choices in all layers, of prompt tokens too.
    pub routing: bool,
}
