//! What computes: the one trait between the engine thread and a model.
//!
//! A backend knows no channel, thread, clock of the screen or cancel. It does one bounded piece of
//! work for each call, and the worker looks at cancels and commands between two calls.

use std::ops::ControlFlow;
use std::time::Duration;

use super::protocol::{
    AblateRequest, AblationReport, CacheSnapshot, ErrorKind, ErrorReport, GenerateRequest,
    InspectReport, InspectRequest, LoadProgress, LoadRequest, MemorySnapshot, ModelSummary, Prompt,
    PromptToken, RecordOptions, TokenEvent,
};
use crate::generate::{
    AblationStage, FinishReason, InspectCost, InspectOptions, SamplingParams, TokenRouting,
};
use crate::harmony::HarmonyEvent;
use crate::intervention::Interventions;

/// A source of tokens that is driven step by step.
///
/// The order of calls is `load`, then for each generation `start`, `prefill` until it is complete,
/// `step` until it finishes, and `end` always, also after an error or a cancel; or for each look
/// inside `inspect`, `inspect_step` until it is done, and `end_inspection` likewise. A backend is made,
/// used and dropped on one thread and need not be `Send`. A panic is contained by the worker, which
/// drops the backend then.
pub trait Backend {
    /// Loads a model; called once, before everything else.
    ///
    /// `progress` is to be called now and then; when it breaks, the load must be given up with an
    /// error soon, whose content does not matter.
    fn load(
        &mut self,
        request: &LoadRequest,
        progress: &mut dyn FnMut(LoadProgress) -> ControlFlow<()>,
    ) -> Result<ModelSummary, ErrorReport>;

    /// Takes up a generation: checks it, finds the part of the prompt that is still in the cache.
    /// Computes nothing yet.
    fn start(&mut self, request: &GenerateRequest) -> Result<PromptStart, ErrorReport>;

    /// Computes the prompt's next chunk. Its size bounds the time that a cancel has to wait.
    fn prefill(&mut self) -> Result<PrefillChunk, ErrorReport>;

    /// Generates the next token, or tells why there is none.
    fn step(&mut self) -> Result<Step, ErrorReport>;

    /// Takes over new sampling parameters, already validated.
    ///
    /// Returns the index of the first token that will be drawn with them: the next one to be
    /// returned by `step`, or a later one where that one was drawn ahead.
    fn update_sampling(&mut self, sampling: &SamplingParams) -> Result<usize, ErrorReport>;

    /// Takes over new rules for the experts' choice.
    ///
    /// Returns the index of the first token that will be computed with them, as `update_sampling`.
    fn update_interventions(&mut self, interventions: &Interventions)
    -> Result<usize, ErrorReport>;

    /// Takes over what to record, from the next token that is not being computed already.
    fn update_recording(&mut self, record: RecordOptions) -> Result<(), ErrorReport>;

    /// Ends the generation. The cache keeps exactly the prompt tokens computed and the tokens
    /// returned by `step`, except perhaps the last one, for the next prompt to build upon.
    ///
    /// Returns what was still open in the answer to a conversation.
    fn end(&mut self) -> Vec<HarmonyEvent>;

    /// Tells what a prompt would take. Changes and computes nothing, so that it may be called in the
    /// midst of a generation.
    fn predict(&self, prompt: &Prompt) -> Result<PromptPrediction, ErrorReport>;

    /// Takes up a look inside: checks it and tells how many tokens it has to compute. Only called
    /// between generations, whose cache it must not touch.
    ///
    /// Backends that compute nothing need not provide this and the next two.
    fn inspect(&mut self, _: &InspectRequest) -> Result<usize, ErrorReport> {
        Err(no_inside())
    }

    /// Computes the next chunk of a look inside; the last one gives the report.
    fn inspect_step(&mut self) -> Result<InspectStep, ErrorReport> {
        Err(no_inside())
    }

    /// Ends a look inside, wherever it is.
    fn end_inspection(&mut self) {}

    /// Tells what a look inside at the last of `tokens` tokens would take. Changes and computes
    /// nothing.
    fn inspect_cost(&self, _tokens: usize, _: &InspectOptions) -> Result<InspectCost, ErrorReport> {
        Err(no_inside())
    }

    /// Answers a prompt twice and compares, in caches of its own; only called between generations.
    ///
    /// `progress` is to be called after each token or chunk; when it breaks, this must be given up
    /// with an error soon, whose content does not matter.
    fn ablate(
        &self,
        request: &AblateRequest,
        progress: &mut dyn FnMut(AblationStage, usize, usize) -> ControlFlow<()>,
    ) -> Result<AblationReport, ErrorReport>;

    /// The host's time that this generation has spent on recording so far.
    fn capture_time(&self) -> Duration {
        Duration::ZERO
    }

    /// Empties the cache. Only called between generations.
    fn reset(&mut self);

    /// The present state of caches and memory. Called up to 30 times a second, so cheap.
    fn usage(&self) -> Usage;

    /// The time on the backend's own clock, since its load; for recordings, whose figures are those
    /// of the day they were made. Without one the worker measures.
    fn clock(&self) -> Option<Duration> {
        None
    }
}

/// What a generation begins with.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PromptStart {
    /// Tokens in the prompt, reused ones included.
    pub prompt_tokens: usize,
    /// Prompt tokens that need not be computed. Fewer than `prompt_tokens`, since the last row's
    /// logits are needed.
    pub reused_tokens: usize,
    /// The prompt up to the answer, as [`super::protocol::Event::Started`] has it.
    pub prompt: Vec<PromptToken>,
    /// Tokens put after the resumed ones.
    pub inserted: Vec<PromptToken>,
    /// What they, or an edited message's header, mean in the answer.
    pub opened: Vec<HarmonyEvent>,
}

/// What a prompt would take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PromptPrediction {
    /// Tokens in the prompt, reused ones included.
    pub prompt_tokens: usize,
    /// Prompt tokens that are in the cache now.
    pub reused_tokens: usize,
    /// The most memory held at once while it is computed, weights included.
    pub peak_bytes: u64,
    /// The most that may be used; 0 where there is no limit.
    pub limit_bytes: u64,
    /// The longest prompt that fits both limit and context.
    pub largest_prompt_tokens: usize,
}

/// A chunk of the prompt.
#[derive(Debug, Clone, PartialEq)]
pub struct PrefillChunk {
    /// Prompt tokens in the cache now, reused ones included. The prompt is complete when this
    /// reaches [`PromptStart::prompt_tokens`].
    pub done_tokens: usize,
    /// The routing of this chunk's tokens but the prompt's last one, which comes with the first
    /// generated token; empty unless recorded.
    pub routing: Vec<TokenRouting>,
}

/// One step of generation.
#[derive(Debug, Clone, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "a step is taken apart as soon as it is made"
)]
pub enum Step {
    /// A token.
    Token(TokenEvent),
    /// No more tokens.
    Finished(FinishReason),
}

/// One step of a look inside.
#[derive(Debug, Clone, PartialEq)]
pub enum InspectStep {
    /// So many tokens are computed, more than before.
    Computed(usize),
    /// All of them, with what was found.
    Done(Box<InspectReport>),
}

/// Caches and memory at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// The caches.
    pub cache: CacheSnapshot,
    /// The device's memory.
    pub memory: MemorySnapshot,
}

fn no_inside() -> ErrorReport {
    let message = "this is no computing model: there is nothing inside to look at";
    ErrorReport::new(ErrorKind::InvalidRequest, message).with_hint("load a model")
}
