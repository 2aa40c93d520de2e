//! Everything that crosses between the engine thread and its users: plain data.
//!
//! Commands go in, events come out complete and in order, telemetry comes out newest-only. Nothing
//! here knows MLX, a channel or a screen; all of it is `Send + 'static` and can be logged.
//!
//! Start at [`Command`] and [`Event`].
//!
//! Invariants: request ids grow strictly over all that an engine is asked for by id, so a cancel or
//! an event of an older request can never touch a newer one; each load, generation, ablation and
//! look inside that the engine took up ends with exactly one of [`Event::Ready`],
//! [`Event::Finished`], [`Event::Ablated`], [`Event::Inspected`], [`Event::Failed`] or
//! [`Event::Crashed`], unless the engine is shut down first. The harmony events
//! of one answer, from [`Event::Started`] over its tokens to [`Event::Finished`], cover its tokens
//! without gap or overlap, except for the resumed ones, which were told before.

mod ablate;
mod command;
mod event;
mod inspect;
mod prompt;
mod report;
mod telemetry;

pub use ablate::{AblateRequest, AblationReport};
pub use command::{
    ActivationDtype, CacheUse, Command, DenseQuantization, ExpertQuantization, GenerateRequest,
    KvBits, LoadOptions, LoadRequest, ModelSource, RecordOptions, RequestId, StopOptions,
};
pub use event::{
    AttentionKind, Event, LoadProgress, LoadStage, ModelOrigin, ModelSummary, TokenEvent,
    TopLogprob,
};
pub use inspect::{InspectReport, InspectRequest};
pub use prompt::{AnswerOpening, ConversationPrompt, Prompt, PromptToken};
pub use report::{ErrorKind, ErrorReport};
pub use telemetry::{
    CacheSnapshot, CacheUsage, EnginePhase, MemorySnapshot, RoutingSnapshot, RoutingTotals,
    SpeedSnapshot, Telemetry,
};
