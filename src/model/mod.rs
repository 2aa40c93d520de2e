//! The gpt-oss model: its configuration and (with the `mlx` feature) its forward pass.

pub mod config;
