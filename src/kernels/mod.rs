//! CPU kernels for gpt-oss: the mixture-of-experts block, attention, and matrices in quantized form.
//!
//! For CPU backends, where MLX runs quantized products on one thread and, on x86, without vector
//! instructions. Weights are borrowed where they lie and never copied or unpacked in memory; activations
//! are f32. These modules know nothing of MLX, files, layers or routing decisions: slices in, slices out.
//!
//! ```
//! use gptoss::kernels::{Pool, QuantizedMatrix, QuantizedRows, quantized_matmul};
//!
//! let pool = Pool::with_all_cores()?;
//! // One row of 32 weights: nibble 2 is 1.0, and scale byte 128 doubles it.
//! let rows = QuantizedRows::Mxfp4 { packed: &[0x2222_2222; 4], scales: &[128] };
//! let matrix = QuantizedMatrix { rows, out_features: 1, in_features: 32 };
//! let mut out = [0.0];
//! quantized_matmul(&matrix, &[0.5; 32], &mut out, &pool)?;
//! assert_eq!(out, [32.0]);
//! # Ok::<(), gptoss::kernels::KernelError>(())
//! ```
//!
//! # Where to start reading
//!
//! [`moe_forward`] is the whole block, [`quantized_matmul`] its building block; [`attention()`] and
//! [`attend_one`] stand beside them. Below them:
//!
//! ```text
//!  attention ── exp    rows of queries against blocks of keys and values
//!  one_row   ──┘       one row, beside keys and values that it has not joined yet
//!  moe ── routing      pairs of token and expert, sorted by expert
//!   │
//!  matmul ── tile      32 rows for all tokens of an expert: what a thread does at a time
//!   │    └── pool      threads, asleep between calls
//!  rows                which loop takes a tile's rows
//!   ├── direct         few tokens: straight from registers
//!   ├── tiled          many tokens: through L1
//!   ├── format         decodes MXFP4, affine, dense, a chunk of eight vectors at a time
//!   ├── integer        multiplies MXFP4 and affine as they are, where the CPU multiplies bytes
//!   ├── pack           activations in the order in which weights come
//!   │    └── digits    or as whole numbers, in three bytes each
//!  simd                the operations that a CPU has to bring
//!   └── avx512 with vnni, avx2, neon, portable   chosen at run time by isa
//! ```
//!
//! # Invariants
//!
//! - Lengths are checked before anything is computed; what passed cannot panic.
//! - A token's result depends on the instruction set alone: not on the number of threads, and not on which
//!   other tokens are in the batch. There are two exceptions. MXFP4 scale bytes near the ends of f32's range,
//!   where a weight by itself is subnormal or infinite: few tokens multiply by the scale after summing,
//!   which keeps more range, many tokens before. And [`Isa::Avx512Vnni`]: where no weight meets more than four
//!   tokens, packed weights stay integers, and the result differs by rounding.
//! - Only the files of instruction sets hold `unsafe` code. Their types can be had only where the CPU has
//!   the instructions.

#![allow(
    clippy::inline_always,
    clippy::needless_range_loop,
    reason = "code outside a function compiled for an instruction set is correct but ten times slower; \
              indexed loops over registers say what iterators hide"
)]

mod attention;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod digits;
mod direct;
mod error;
mod exp;
mod format;
mod integer;
mod isa;
mod matmul;
mod moe;
#[cfg(target_arch = "aarch64")]
mod neon;
mod one_row;
mod pack;
mod pool;
mod portable;
mod routing;
mod rows;
mod simd;
#[cfg(test)]
mod tests;
mod tile;
mod tiled;
mod view;
#[cfg(target_arch = "x86_64")]
mod vnni;

pub use attention::{AttentionView, attention};
pub use error::KernelError;
pub use isa::Isa;
pub use matmul::quantized_matmul;
pub use moe::moe_forward;
pub use one_row::{OneRowView, attend_one};
pub use pool::Pool;
pub use view::{AffineBits, ExpertsView, QuantizedMatrix, QuantizedRows};
