//! Runs `OpenAI`'s gpt-oss mixture-of-experts models on Apple's MLX.

pub mod checkpoint;
pub mod engine;
pub mod generate;
pub mod harmony;
pub mod kernels;
pub mod model;
pub mod tokenizer;
