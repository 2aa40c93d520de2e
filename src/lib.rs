//! Runs OpenAI's gpt-oss mixture-of-experts models on Apple's MLX: Metal on Macs, NVIDIA GPUs and
//! the CPU on Linux.
//!
//! ```no_run
//! use gptoss::{GenerateOptions, GptOss};
//!
//! let model = GptOss::from_pretrained("gpt-oss-20b")?; // or GptOss::demo()
//! let prompt = model.tokenizer()?.encode_ordinary("Once upon a time");
//! let options = GenerateOptions { max_tokens: Some(32), ..GenerateOptions::default() };
//! // A TokenGenerator: an iterator over the new tokens. Dropping it cancels.
//! for token in model.generate(&prompt, options)? {
//!     println!("{}", model.token_text(token?.id));
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`GptOss::chat`] speaks harmony, the models' chat format; [`engine`] runs a model on a thread of
//! its own, commands in, events out.
//!
//! # Layout
//!
//! From the bottom up: [`tokenizer`] and [`harmony`] know text; [`checkpoint`] reads files in four
//! layouts; [`kernels`] multiplies packed weights on the CPU; [`mlx`] wraps the calls that mlx-rs
//! lacks; [`model`] is the mathematics, read [`model::gpt_oss`] first; [`generate`] is the loop from
//! prompt to tokens with its samplers; [`analytics`] counts what the router chose; [`convert`] and
//! [`trace_file`] write files; [`GptOss`] puts all of it together. `docs/ARCHITECTURE.md` draws the
//! arrows, and a test keeps them.
//!
//! # Features
//!
//! `mlx` (default) brings everything that computes. Without it the rest builds on any machine.

pub mod analytics;
pub mod app;
pub mod catalog;
#[cfg(feature = "mlx")]
mod chat;
pub mod checkpoint;
#[cfg(feature = "mlx")]
pub mod convert;
pub mod engine;
pub mod generate;
#[cfg(feature = "mlx")]
mod gptoss;
pub mod harmony;
pub mod intervention;
pub mod kernels;
pub mod log_ring;
pub mod meters;
#[cfg(feature = "mlx")]
pub mod mlx;
pub mod model;
pub mod session;
pub mod settings;
pub mod share;
mod sync;
pub mod tokenizer;
pub mod trace_file;
#[cfg(unix)]
pub mod tui;
pub mod ui;
pub mod whole_file;

#[cfg(feature = "mlx")]
pub use chat::{ChatError, ChatEvent, ChatStream};
#[cfg(feature = "mlx")]
pub use generate::{GenerateOptions, TokenGenerator};
#[cfg(feature = "mlx")]
pub use gptoss::{
    DEMO_NAME, GptOss, LoadedModel, ModelSource, PretrainedOptions, memory_limit_bytes, open,
    open_tokenizer,
};
pub use model::ModelConfig;
