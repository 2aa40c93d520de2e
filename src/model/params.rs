//! Weights into arrays: from a checkpoint, packed further on the way if asked.
//!
//! One tensor is held in both forms at a time and its file pages are dropped afterwards, so that
//! peak memory stays near the model's size. The mathematics ([`super::gpt_oss`]) sees arrays only.

use std::num::NonZeroUsize;
use std::sync::Arc;

use mlx_rs::{Array, Dtype, transforms};

use super::config::{ModelConfig, Quantization, QuantizationMode};
use super::cpu;
use super::cuda::CudaKernels;
use super::experts::{ExpertProducts, ExpertWeights, Experts, Router};
use super::gpt_oss::{AttentionBlock, MlpBlock, Transformer, TransformerBlock};
use super::layers::{Embedding, Linear, RmsNorm, Weight};
use super::rope::RotaryEmbedding;
use crate::checkpoint::{
    Checkpoint, CheckpointError, LinearTensors, TensorDtype, TensorView, WeightTensors,
};
use crate::kernels::Pool;
use crate::mlx::device::DeviceKind;
use crate::mlx::ops::{self, QuantizedArray};

/// Why weights could not be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The files are at fault.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// MLX failed, most likely for want of memory.
    #[error("MLX failed while loading: {0}")]
    Mlx(String),
    /// The caller said stop.
    #[error("loading was cancelled")]
    Cancelled,
}

impl From<mlx_rs::error::Exception> for LoadError {
    fn from(exception: mlx_rs::error::Exception) -> Self {
        Self::Mlx(exception.what().to_owned())
    }
}

/// How weights are prepared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoadOptions {
    /// The activations' dtype.
    pub dtype: Dtype,
    /// What is packed further than the checkpoint has it.
    pub quantize: QuantizeOptions,
    /// Who computes the products with weights.
    pub products: Products,
    /// Threads of the CPU's kernels; `None` is one for every core that the process may use.
    pub cpu_threads: Option<NonZeroUsize>,
}

/// Who computes the products with weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Products {
    /// MLX, on whatever device it runs.
    Mlx,
    /// MLX, with what lies between two products compiled into one kernel.
    MlxCompiled,
    /// MLX, with the experts of many tokens one after another.
    MlxOneByOne,
    /// This program's CUDA kernels for packed experts with bf16 activations; else as above.
    CudaKernels,
    /// This program's CPU kernels where they are better and activations are f32; else MLX.
    CpuKernels,
}

impl LoadOptions {
    /// The one switch between MLX and the CPU's kernels.
    pub(super) fn pool(&self) -> Option<Arc<Pool>> {
        match self.products {
            Products::CpuKernels if self.dtype == Dtype::Float32 => {
                cpu::shared_pool(self.cpu_threads)
            }
            _ => None,
        }
    }

    /// Whether dense matrices of bf16 stay as the file has them beside f32 activations: the CPU's
    /// kernels widen them as they read.
    pub fn keeps_bf16(&self) -> bool {
        self.pool().is_some()
    }

    /// The same switch for experts; what it gives is shared by all layers.
    pub(super) fn expert_products(&self) -> ExpertProducts {
        match (self.pool(), self.products) {
            (Some(pool), _) => ExpertProducts::Cpu(pool),
            (None, Products::CudaKernels) if !are_cuda_kernels_off() => {
                ExpertProducts::Cuda(Arc::new(CudaKernels::new()))
            }
            (None, Products::MlxOneByOne | Products::CudaKernels) => ExpertProducts::MlxOneByOne,
            (None, Products::MlxCompiled) => ExpertProducts::MlxCompiled,
            (None, _) => ExpertProducts::Mlx,
        }
    }
}

/// `GPTOSS_CUDA_KERNELS=0` leaves all products to MLX: to compare, or where a driver refuses ours.
fn are_cuda_kernels_off() -> bool {
    std::env::var_os("GPTOSS_CUDA_KERNELS").is_some_and(|value| value == "0")
}

/// Which dense weights are packed at load; what is packed already stays as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QuantizeOptions {
    /// The experts.
    pub experts: Option<Quantization>,
    /// Attention, router, embedding and unembedding.
    pub rest: Option<Quantization>,
}

/// MLX's affine packing in its default groups of 64.
pub const fn affine(bits: i32) -> Quantization {
    Quantization {
        group_size: 64,
        bits,
        mode: QuantizationMode::Affine,
    }
}

impl LoadOptions {
    /// f32 on the CPU, whose half-precision paths are many times slower; bf16 on GPUs.
    pub fn for_device(device: DeviceKind) -> Self {
        Self {
            dtype: match device {
                DeviceKind::Cpu => Dtype::Float32,
                DeviceKind::Metal | DeviceKind::Cuda => Dtype::Bfloat16,
            },
            quantize: QuantizeOptions::default(),
            products: match device {
                DeviceKind::Cpu => Products::CpuKernels,
                DeviceKind::Metal => Products::MlxCompiled,
                DeviceKind::Cuda => Products::CudaKernels,
            },
            cpu_threads: None,
        }
    }
}

/// Told after each tensor: bytes done, bytes in all. `false` stops the loading.
pub type Progress<'a> = &'a mut dyn FnMut(u64, u64) -> bool;

impl Transformer {
    /// Loads all weights of `checkpoint`.
    ///
    /// # Errors
    /// See [`LoadError`]; a NaN or infinite weight names its tensor.
    pub fn from_checkpoint(
        checkpoint: &Checkpoint,
        options: LoadOptions,
        progress: Progress<'_>,
    ) -> Result<Self, LoadError> {
        Loader {
            checkpoint,
            options,
            done_bytes: 0,
            total_bytes: checkpoint.total_bytes(),
            progress,
        }
        .transformer()
    }
}

/// What a packing applies to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Experts,
    Rest,
}

struct Loader<'a> {
    checkpoint: &'a Checkpoint,
    options: LoadOptions,
    done_bytes: u64,
    total_bytes: u64,
    progress: Progress<'a>,
}

impl Loader<'_> {
    fn transformer(mut self) -> Result<Transformer, LoadError> {
        let checkpoint = self.checkpoint;
        let config = checkpoint.config().clone();
        let dtype = self.options.dtype;
        let embed_tokens = self.embedding(&checkpoint.embed_tokens())?;
        let products = self.options.expert_products();
        let layers = (0..config.num_hidden_layers)
            .map(|index| self.block(&config, index, &products))
            .collect::<Result<Vec<_>, _>>()?;
        let norm = RmsNorm::new(self.floats(&checkpoint.norm())?, config.rms_norm_eps);
        let lm_head = self.weight(&checkpoint.lm_head(), Part::Rest)?;
        let lm_head = Linear::new(lm_head, None, self.options.pool())?;
        Ok(Transformer::new(
            config,
            dtype,
            Embedding::new(embed_tokens, dtype),
            layers,
            norm,
            lm_head,
        ))
    }

    fn block(
        &mut self,
        config: &ModelConfig,
        index: usize,
        products: &ExpertProducts,
    ) -> Result<TransformerBlock, LoadError> {
        let layer = self.checkpoint.layer(index);
        let attn = AttentionBlock {
            norm: RmsNorm::new(self.floats(&layer.input_layernorm())?, config.rms_norm_eps),
            qkv_proj: self.joined_rows(&[layer.q_proj(), layer.k_proj(), layer.v_proj()])?,
            o_proj: self.linear(&layer.o_proj())?,
            sinks: self.floats(&layer.sinks())?,
            rope: RotaryEmbedding::new(config),
            num_attention_heads: config.num_attention_heads,
            num_key_value_heads: config.num_key_value_heads,
            head_dim: config.head_dim,
            cuda: None,
            pool: None,
        };
        let attn = attn.with_kernels(products, self.options.dtype);
        let norm = RmsNorm::new(
            self.floats(&layer.post_attention_layernorm())?,
            config.rms_norm_eps,
        );
        let router = Router::new(
            self.linear(&layer.router())?,
            config.num_experts_per_tok,
            products,
        );
        let (gate_up, gate_up_bias) = self.experts(&layer.gate_up())?;
        let (down, down_bias) = self.experts(&layer.down())?;
        let weights = ExpertWeights {
            gate_up,
            gate_up_bias,
            down,
            down_bias,
        };
        let experts = Experts::new(config, weights, self.options.dtype, products.clone())?;
        Ok(TransformerBlock {
            layer_type: config.layer_types[index],
            attn,
            mlp: MlpBlock {
                norm,
                router,
                experts,
            },
        })
    }

    fn experts(&mut self, tensors: &LinearTensors<'_>) -> Result<(Weight, Array), LoadError> {
        let weight = self.weight(&tensors.weight, Part::Experts)?;
        let bias = tensors.bias.as_ref().map(|bias| self.floats(bias));
        Ok((weight, bias.transpose()?.ok_or(LoadError::Cancelled)?))
    }

    fn linear(&mut self, tensors: &LinearTensors<'_>) -> Result<Linear, LoadError> {
        let weight = self.weight(&tensors.weight, Part::Rest)?;
        let bias = tensors.bias.as_ref().map(|bias| self.floats(bias));
        Ok(Linear::new(weight, bias.transpose()?, self.options.pool())?)
    }

    /// Several maps of one input as one product, rows below one another.
    fn joined_rows(&mut self, parts: &[LinearTensors<'_>]) -> Result<Linear, LoadError> {
        let weights = parts
            .iter()
            .map(|part| self.weight(&part.weight, Part::Rest))
            .collect::<Result<Vec<_>, _>>()?;
        let biases = parts
            .iter()
            .flat_map(|part| &part.bias)
            .map(|bias| self.floats(bias))
            .collect::<Result<Vec<_>, _>>()?;
        let weight = Weight::join_rows(weights)?;
        let bias = mlx_rs::ops::concatenate(&biases, 0)?;
        transforms::eval(weight.arrays().into_iter().chain([&bias]))?;
        Ok(Linear::new(weight, Some(bias), self.options.pool())?)
    }

    /// The embedding keeps its own dtype: only the rows that are looked up are converted.
    fn embedding(&mut self, tensors: &WeightTensors<'_>) -> Result<Weight, LoadError> {
        match tensors {
            WeightTensors::Dense(view) if self.options.quantize.rest.is_none() => {
                Ok(Weight::Dense(self.array(view, None)?))
            }
            other => self.weight(other, Part::Rest),
        }
    }

    fn weight(&mut self, tensors: &WeightTensors<'_>, part: Part) -> Result<Weight, LoadError> {
        let packing = match part {
            Part::Experts => self.options.quantize.experts,
            Part::Rest => self.options.quantize.rest,
        };
        match (tensors, packing) {
            (WeightTensors::Dense(view), None)
                if view.dtype == TensorDtype::BF16 && self.options.keeps_bf16() =>
            {
                Ok(Weight::Dense(self.array(view, None)?))
            }
            (WeightTensors::Dense(view), None) => Ok(Weight::Dense(self.floats(view)?)),
            (WeightTensors::Dense(view), Some(quantization)) => {
                let dense = self.array(view, None)?;
                let packed = ops::quantize(&dense, quantization)?;
                let packed = self.scales_as_activations(packed)?;
                transforms::eval(packed.arrays())?;
                Ok(Weight::Quantized(packed))
            }
            (
                WeightTensors::Quantized {
                    weight,
                    scales,
                    biases,
                    quantization,
                },
                _,
            ) => {
                let packed = QuantizedArray {
                    weight: self.array(weight, None)?,
                    scales: self.array(scales, None)?,
                    biases: match biases {
                        Some(biases) => Some(self.array(biases, None)?),
                        None => None,
                    },
                    quantization: *quantization,
                };
                let packed = self.scales_as_activations(packed)?;
                transforms::eval(packed.arrays())?;
                Ok(Weight::Quantized(packed))
            }
        }
    }

    /// Affine scales take part in the arithmetic: converted once here, not in every product.
    fn scales_as_activations(&self, packed: QuantizedArray) -> Result<QuantizedArray, LoadError> {
        if packed.quantization.mode == QuantizationMode::Mxfp4 {
            return Ok(packed);
        }
        Ok(QuantizedArray {
            scales: packed.scales.as_dtype(self.options.dtype)?,
            biases: match packed.biases {
                Some(biases) => Some(biases.as_dtype(self.options.dtype)?),
                None => None,
            },
            ..packed
        })
    }

    fn floats(&mut self, view: &TensorView<'_>) -> Result<Array, LoadError> {
        self.array(view, Some(self.options.dtype))
    }

    /// Copies a tensor, checks and converts it, and lets go of its file pages.
    fn array(&mut self, view: &TensorView<'_>, dtype: Option<Dtype>) -> Result<Array, LoadError> {
        view.check_finite()?;
        let mut array = ops::array_from_bytes(&view.bytes, &view.shape, mlx_dtype(view.dtype))?;
        if let Some(dtype) = dtype
            && array.dtype() != dtype
        {
            array = array.as_dtype(dtype)?;
            array.eval()?;
        }
        view.release();
        self.done_bytes += view.bytes.len() as u64;
        if (self.progress)(self.done_bytes, self.total_bytes) {
            Ok(array)
        } else {
            Err(LoadError::Cancelled)
        }
    }
}

/// MLX's name for a file's dtype.
pub(crate) fn mlx_dtype(dtype: TensorDtype) -> Dtype {
    match dtype {
        TensorDtype::U8 => Dtype::Uint8,
        TensorDtype::U16 => Dtype::Uint16,
        TensorDtype::U32 => Dtype::Uint32,
        TensorDtype::I32 => Dtype::Int32,
        TensorDtype::F16 => Dtype::Float16,
        TensorDtype::BF16 => Dtype::Bfloat16,
        TensorDtype::F32 => Dtype::Float32,
    }
}
