//! Which model, how it is loaded, and what it may use.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use gptoss::generate::default_prefill_chunk_tokens;
use gptoss::model::gpt_oss::KvPrecision;
use gptoss::settings::ByteSize;
use mlx_rs::Dtype;

use super::QuantizeSpec;

/// The model and its form in memory.
#[derive(Debug, Args)]
pub(crate) struct ModelArgs {
    /// A model folder, in any layout; without one, the built-in demo model.
    #[arg(value_name = "MODEL")]
    pub(crate) model: Option<PathBuf>,
    /// The engine; there is one.
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) backend: Backend,
    /// Dtype of the activations [default: f32 on CPUs, bf16 on GPUs].
    #[arg(long, value_enum)]
    pub(crate) dtype: Option<DtypeArg>,
    /// Pack dense weights while loading, for example experts=mxfp4,rest=8.
    ///
    /// Parts are `experts` (mxfp4, 8, 4 or none) and `rest` (8, 4 or none; attention, router and
    /// embeddings). `8` is short for experts=mxfp4,rest=8 and `4` for experts=mxfp4,rest=4. What
    /// is packed already stays as it is.
    #[arg(long, value_name = "SPEC")]
    pub(crate) quantize: Option<QuantizeSpec>,
    /// Threads that compute on a CPU [default: one for every core].
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,
}

/// The engines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Backend {
    /// Apple's MLX.
    #[default]
    Mlx,
}

/// Dtypes of activations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DtypeArg {
    F32,
    Bf16,
    F16,
}

impl DtypeArg {
    /// MLX's name for it.
    pub(crate) fn dtype(self) -> Dtype {
        match self {
            Self::F32 => Dtype::Float32,
            Self::Bf16 => Dtype::Bfloat16,
            Self::F16 => Dtype::Float16,
        }
    }
}

/// What a request may use.
#[derive(Debug, Args)]
pub(crate) struct LimitArgs {
    /// Keep keys and values of the full layers in 8 bits.
    #[arg(long, value_name = "BITS", value_parser = ["8"])]
    pub(crate) kv_bits: Option<String>,
    /// Refuse what would need more, such as 12GB or 800MiB [default: what the device recommends].
    #[arg(long, value_name = "BYTES")]
    pub(crate) memory_limit: Option<ByteSize>,
    /// Prompt tokens read in one pass [default: 512; 1024 on NVIDIA GPUs].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=65536))]
    prefill_chunk: Option<u32>,
}

impl LimitArgs {
    /// How the cache keeps full layers.
    pub(crate) fn kv_precision(&self) -> KvPrecision {
        match self.kv_bits {
            Some(_) => KvPrecision::EightBit,
            None => KvPrecision::Activations,
        }
    }

    /// Prompt tokens a pass.
    pub(crate) fn prefill_chunk_tokens(&self) -> usize {
        self.prefill_chunk
            .map_or_else(default_prefill_chunk_tokens, |tokens| tokens as usize)
    }

    /// The limit that was given.
    pub(crate) fn memory_limit_bytes(&self) -> Option<u64> {
        self.memory_limit.map(|size| size.0)
    }
}
