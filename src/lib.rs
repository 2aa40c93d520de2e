//! Runs `OpenAI`'s gpt-oss mixture-of-experts models on Apple's MLX.

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
pub mod kernels;
#[cfg(feature = "mlx")]
pub mod mlx;
pub mod model;
pub mod tokenizer;
pub mod trace_file;

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
