//! The engine: a model on a thread of its own, driven by commands, watched through events.
//!
//! ```text
//!              commands (8, bounded)  ───────────────►
//!   user       cancel   (an atomic, outside the queue) ►   thread `gptoss-engine`
//!              ◄─────── events (256, bounded, lossless)    Worker ── Backend
//!              ◄─── telemetry (newest only, at most 30 Hz)
//! ```
//!
//! What must be complete travels as events: when their lane is full the engine waits, so memory is
//! bounded and nothing is lost. What must be fresh travels as telemetry: a new snapshot replaces one
//! that was not read. The engine knows no screen, and outside of a backend no MLX.
//!
//! Start at [`start`] and [`protocol`]; `worker` is the thread's body, [`Backend`] what it drives.
//!
//! Invariants:
//! - The backend is built, used and dropped on the engine thread.
//! - A cancel is looked at before each prefill chunk and each token. A token being computed at that
//!   moment is still reported, so that events and cache agree.
//! - A panic in a backend becomes [`protocol::Event::Crashed`]; the thread survives it.
//! - A waiting engine blocks in the kernel and uses no CPU.
//! - Ending the engine cannot deadlock, whoever holds the event receiver and however full it is.

pub mod backend;
mod generation;
mod handle;
mod inspection;
#[cfg(feature = "mlx")]
mod mlx;
mod nominal;
mod port;
pub mod protocol;
pub mod scripted;
pub mod synthetic;
pub mod telemetry;
mod worker;

pub use backend::Backend;
pub use handle::{
    CancelHandle, EngineError, EngineHandle, EventReceiver, TelemetryReceiver, start,
};

#[cfg(feature = "mlx")]
pub use mlx::MlxBackend;

/// The engine thread's name; a panic hook tells by it that the terminal must be left alone.
pub const ENGINE_THREAD_NAME: &str = "gptoss-engine";

/// Commands that may wait. When full, [`EngineHandle::try_send`] returns [`EngineError::Busy`].
pub const COMMAND_CAPACITY: usize = 8;

/// Events that may wait. When full, the engine waits for the reader.
pub const EVENT_CAPACITY: usize = 256;

/// The most snapshots a second while a request runs; one more comes at its end.
pub const TELEMETRY_MAX_HZ: u32 = 30;

/// The tokens that [`protocol::RoutingSnapshot::window`] spans.
pub const ROUTING_WINDOW_TOKENS: usize = 128;
