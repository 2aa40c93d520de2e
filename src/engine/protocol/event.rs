//! What the engine tells, completely and in order.

use serde::{Deserialize, Serialize};

use super::{AblationReport, ErrorReport, InspectReport, PromptToken, RequestId};
use crate::generate::sampler::ChainRecord;
use crate::generate::{
    AblationStage, FinishReason, GenerationStats, InspectCost, SamplingParams, TokenRouting,
};
use crate::harmony::HarmonyEvent;
use crate::intervention::{Interventions, RouterShape};

/// One thing that happened. Users ignore events of requests that they no longer care about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// A load made progress.
    Loading {
        /// The load.
        request: RequestId,
        /// How far it is.
        progress: LoadProgress,
    },
    /// A load ended well; the engine takes generations from now on.
    Ready {
        /// The load.
        request: RequestId,
        /// What was loaded.
        model: ModelSummary,
    },
    /// A generation was taken up.
    Started {
        /// The generation.
        request: RequestId,
        /// Tokens in the prompt, reused ones included.
        prompt_tokens: usize,
        /// Prompt tokens whose keys and values were still in the cache.
        reused_tokens: usize,
        /// The prompt up to the answer, so without resumed and inserted tokens: the answer's first
        /// token has the position that is this length. Empty for ids without a tokenizer.
        #[serde(default)]
        prompt: Vec<PromptToken>,
        /// What [`super::AnswerOpening::AnswerNow`] put after the resumed tokens, or the tokens that
        /// [`super::AnswerOpening::Forced`] begins with.
        #[serde(default)]
        inserted: Vec<PromptToken>,
        /// What the inserted tokens, or the edited message's header, mean in the answer.
        #[serde(default)]
        opened: Vec<HarmonyEvent>,
    },
    /// A chunk of the prompt was computed.
    Prefill {
        /// The generation.
        request: RequestId,
        /// Prompt tokens in the cache, reused ones included.
        done_tokens: usize,
        /// Tokens in the prompt.
        total_tokens: usize,
        /// Prompt tokens that were in the cache before.
        reused_tokens: usize,
        /// Each token's routing, of this chunk only and in its order; empty unless asked for. The
        /// prompt's last token is not in it: its pass is that of the first generated token.
        routing: Vec<TokenRouting>,
    },
    /// A token was generated.
    Token {
        /// The generation.
        request: RequestId,
        /// The token.
        token: TokenEvent,
    },
    /// New sampling parameters were taken over.
    SamplingChanged {
        /// The generation.
        request: RequestId,
        /// The index of the first token drawn with them.
        token_index: usize,
        /// The parameters now in force.
        sampling: SamplingParams,
    },
    /// The experts' choice was changed.
    InterventionsChanged {
        /// The generation.
        request: RequestId,
        /// The index of the first token computed so.
        token_index: usize,
        /// The rules now in force.
        interventions: Interventions,
    },
    /// A generation ended; after a cancel too.
    Finished {
        /// The generation.
        request: RequestId,
        /// Why it ended.
        finish_reason: FinishReason,
        /// Its counters.
        stats: GenerationStats,
        /// What was still open in the answer; empty unless the prompt was a conversation.
        #[serde(default)]
        harmony: Vec<HarmonyEvent>,
    },
    /// What a prompt would take, as [`super::Command::Predict`] asked.
    Predicted {
        /// The question's number.
        seq: u64,
        /// Tokens in the prompt, reused ones included.
        prompt_tokens: usize,
        /// Prompt tokens that are in the cache now.
        reused_tokens: usize,
        /// The most memory held at once while it is computed, weights included.
        peak_bytes: u64,
        /// The most that may be used; 0 where there is no limit.
        limit_bytes: u64,
        /// The longest prompt that fits both limit and context.
        largest_prompt_tokens: usize,
    },
    /// A look inside made progress.
    InspectProgress {
        /// The look.
        request: RequestId,
        /// Tokens computed.
        done_tokens: usize,
        /// Tokens of the sequence.
        total_tokens: usize,
    },
    /// A look inside ended well.
    Inspected {
        /// The look.
        request: RequestId,
        /// What was found.
        report: Box<InspectReport>,
    },
    /// What a look inside would take, as [`super::Command::InspectCost`] asked.
    InspectCost {
        /// The question's number.
        seq: u64,
        /// Tokens, unembeddings and bytes.
        cost: InspectCost,
    },
    /// Two runs side by side make progress.
    AblationProgress {
        /// The ablation.
        request: RequestId,
        /// Its part.
        stage: AblationStage,
        /// Tokens done in this part.
        done_tokens: usize,
        /// The most tokens of this part; 0 where that is unknown.
        total_tokens: usize,
    },
    /// Two runs side by side are done.
    Ablated {
        /// The ablation.
        request: RequestId,
        /// What they showed.
        report: Box<AblationReport>,
    },
    /// The cache and the routing counts are empty, as [`super::Command::Reset`] asked.
    CacheCleared,
    /// A load, a generation or a look inside could not be done or went wrong; the engine goes on.
    Failed {
        /// The load, generation or look.
        request: RequestId,
        /// What went wrong.
        report: ErrorReport,
    },
    /// The backend panicked. The model is gone; a new [`super::Command::Load`] revives the engine.
    Crashed {
        /// What was being done, if anything.
        request: Option<RequestId>,
        /// The panic.
        report: ErrorReport,
    },
    /// The engine thread ends; nothing follows.
    Stopped,
}

/// A generated token with what was recorded of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TokenEvent {
    /// Its place among the generated tokens, from 0.
    pub index: usize,
    /// Its id. The stop token comes too, so that nothing of what the model wrote is missing.
    pub id: u32,
    /// The text that it completes: whole UTF-8, empty while a character is incomplete.
    pub text: String,
    /// Its log-probability before the samplers, if asked for.
    pub logprob: Option<f32>,
    /// The most likely tokens in its place, by falling log-probability; empty unless asked for.
    pub top_logprobs: Vec<TopLogprob>,
    /// The entropy of the distribution before the samplers, in nats, if alternatives were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entropy: Option<f32>,
    /// What the samplers made of [`Self::top_logprobs`] and, after them, of the token itself, if
    /// alternatives were asked for and the backend tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain: Option<ChainRecord>,
    /// The routing of the forward pass that produced its logits, if asked for: the pass of the
    /// token before it, so that each pass of a generation is told exactly once.
    pub routing: Option<TokenRouting>,
    /// What the token makes clear in the answer, with ranges over the answer's tokens; empty unless
    /// the prompt was a conversation.
    #[serde(default)]
    pub harmony: Vec<HarmonyEvent>,
}

/// A token that could have come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TopLogprob {
    /// Its id.
    pub id: u32,
    /// Its own text; bytes that are no whole character are shown as U+FFFD.
    pub text: String,
    /// Its log-probability before the samplers.
    pub logprob: f32,
}

/// How far a load is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadProgress {
    /// What is being done.
    pub stage: LoadStage,
    /// How much of this stage is done: bytes, or passes where it is [`LoadStage::WarmingUp`].
    pub done: u64,
    /// How much there is to do; 0 where that is unknown.
    pub total: u64,
}

/// The parts of a load, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LoadStage {
    /// Configuration, headers and tokenizer.
    Reading,
    /// The weights.
    Weights,
    /// Weights being quantized.
    Quantizing,
    /// A first pass that makes the device ready.
    WarmingUp,
}

/// What was loaded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelSummary {
    /// A name to show.
    pub name: String,
    /// Whether its output comes from a model at all; to be shown wherever it is not.
    pub origin: ModelOrigin,
    /// The kind of attention of each layer, from the first on.
    pub layers: Vec<AttentionKind>,
    /// Experts in each layer.
    pub num_local_experts: usize,
    /// Experts that each token goes to, in each layer.
    pub num_experts_per_tok: usize,
    /// Rows of the embedding.
    pub vocab_size: usize,
    /// The longest sequence, in tokens.
    pub max_context_tokens: usize,
    /// How many of the latest tokens a sliding-window layer sees.
    pub sliding_window_tokens: usize,
    /// The weights' size in memory, in bytes.
    pub weights_bytes: u64,
    /// The dtype of activations, as the backend calls it.
    pub dtype: String,
    /// Where it computes.
    pub device: String,
    /// The time that loading took, in milliseconds.
    pub load_ms: f64,
}

impl ModelSummary {
    /// What changes of the experts' choice need to know.
    pub fn router_shape(&self) -> RouterShape {
        RouterShape {
            num_layers: self.layers.len(),
            num_local_experts: self.num_local_experts,
            num_experts_per_tok: self.num_experts_per_tok,
        }
    }
}

/// Where tokens and routing come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelOrigin {
    /// A model computes them.
    Model,
    /// A script repeats them.
    Scripted,
    /// They are read from a trace.
    Recorded,
    /// They are made up from a seed.
    Synthetic,
}

/// What a layer's attention sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttentionKind {
    /// The latest tokens only.
    Sliding,
    /// All tokens before.
    Full,
}
