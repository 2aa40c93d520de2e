//! What the model needs of MLX and mlx-rs 0.33 does not offer.
//!
//! [`ops`] wraps the quantised products with their *mode* (mlx-rs knows "affine" only) and slices;
//! [`device`] tells which device runs and how much memory it has; [`cuda`] starts kernels of our own on
//! NVIDIA GPUs. These are the only places with `unsafe` calls into mlx-c. [`metal`] chooses settings for
//! Apple's GPUs, and [`pages`] puts weights into large pages on Linux. Nothing here knows a model.
//!
//! Invariant: arrays and streams stay on the thread that made them (see `docs/ARCHITECTURE.md`).

pub mod cuda;
pub mod device;
pub mod metal;
pub mod ops;
pub mod pages;

pub use mlx_rs::error::Exception;
