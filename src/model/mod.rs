//! The gpt-oss model: configuration and, with feature `mlx`, its mathematics.
//!
//! Start with [`gpt_oss`]; the rest are its parts. The model knows no files, no text and no screen:
//! weights come in as arrays ([`params`]), tokens as ids, and logits go out unevaluated.
//!
//! Shapes use these letters: `L` rows (positions of one pass), `D` hidden size, `Hq` and `Hkv`
//! query and key/value heads, `Dh` head dimension, `E` experts, `K` experts a token, `I` an expert's
//! intermediate size, `V` vocabulary, `n` visible positions, `W` sliding window.
//!
//! Dtypes: activations have one dtype throughout (f32 on the CPU, bf16 on GPUs); norms, softmax and
//! attention accumulate in f32 inside MLX. Constants are made in that dtype, since one f32 scalar
//! would promote everything after it.

#[cfg(feature = "mlx")]
pub mod attention;
#[cfg(feature = "mlx")]
pub mod cache;
pub mod config;
#[cfg(feature = "mlx")]
mod cpu;
#[cfg(feature = "mlx")]
mod cuda;
#[cfg(feature = "mlx")]
pub mod experts;
#[cfg(feature = "mlx")]
pub mod gpt_oss;
#[cfg(feature = "mlx")]
pub mod inspect;
pub mod inspection;
#[cfg(feature = "mlx")]
pub mod layers;
#[cfg(feature = "mlx")]
pub mod observe;
#[cfg(feature = "mlx")]
mod one_by_one;
#[cfg(feature = "mlx")]
pub mod params;
#[cfg(feature = "mlx")]
pub mod random;
#[cfg(feature = "mlx")]
pub mod rope;
#[cfg(feature = "mlx")]
mod steer;
#[cfg(feature = "mlx")]
pub mod swiglu;
#[cfg(feature = "mlx")]
pub mod trace;
#[cfg(feature = "mlx")]
mod warm_up;

pub use config::ModelConfig;
