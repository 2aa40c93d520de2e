//! A model with seeded random weights, made on the device: for measuring shapes without files.
//!
//! What it writes means nothing; everything that shows its figures has to say "synthetic".

use mlx_rs::error::Result;
use mlx_rs::ops::zeros_dtype;
use mlx_rs::{Array, Dtype, random, transforms};

use super::config::{ModelConfig, Quantization};
use super::experts::{ExpertProducts, ExpertWeights, Experts, Router};
use super::gpt_oss::{AttentionBlock, MlpBlock, Transformer, TransformerBlock};
use super::layers::{Embedding, Linear, RmsNorm, Weight};
use super::params::LoadOptions;
use super::rope::RotaryEmbedding;
use crate::mlx::ops::{self, QuantizedArray};

/// The bound of dense weights, near the usual initialization.
const BOUND: f32 = 0.02;
/// The block scale 2⁻⁷, which gives MXFP4 values a similar size.
const BLOCK_SCALE: u32 = 120;

impl Transformer {
    /// Random weights of `config`'s shape: MXFP4 experts, the rest dense or as `options` packs it.
    pub fn random(config: &ModelConfig, options: LoadOptions, seed: u64) -> Result<Self> {
        let mut source = RandomWeights {
            config,
            options,
            key: random::key(seed)?,
        };
        let (vocab, hidden) = (config.vocab_size, config.hidden_size);
        let embed_tokens = source.packed_or_dense(&[vocab, hidden])?;
        let products = options.expert_products();
        let layers = (0..config.num_hidden_layers)
            .map(|index| source.block(index, &products))
            .collect::<Result<Vec<_>>>()?;
        let norm = source.norm()?;
        let lm_head = source.packed_or_dense(&[vocab, hidden])?;
        mlx_rs::memory::clear_cache()?;
        Ok(Self::new(
            config.clone(),
            options.dtype,
            Embedding::new(embed_tokens, options.dtype),
            layers,
            norm,
            Linear::new(lm_head, None, options.pool())?,
        ))
    }
}

struct RandomWeights<'a> {
    config: &'a ModelConfig,
    options: LoadOptions,
    key: Array,
}

impl RandomWeights<'_> {
    fn block(&mut self, index: usize, products: &ExpertProducts) -> Result<TransformerBlock> {
        let config = self.config;
        let (hidden, inner) = (config.hidden_size, config.intermediate_size);
        let experts = config.num_local_experts;
        let qkv = config.q_dim() + 2 * config.kv_dim();
        let attn = AttentionBlock {
            norm: self.norm()?,
            qkv_proj: self.linear(qkv, hidden)?,
            o_proj: self.linear(hidden, config.q_dim())?,
            sinks: self.floats(&[config.num_attention_heads])?,
            rope: RotaryEmbedding::new(config),
            num_attention_heads: config.num_attention_heads,
            num_key_value_heads: config.num_key_value_heads,
            head_dim: config.head_dim,
            cuda: None,
            pool: None,
        };
        let mlp = MlpBlock {
            norm: self.norm()?,
            router: Router::new(
                self.linear(experts, hidden)?,
                config.num_experts_per_tok,
                products,
            ),
            experts: Experts::new(
                config,
                ExpertWeights {
                    gate_up: self.mxfp4(&[experts, 2 * inner, hidden])?,
                    gate_up_bias: self.floats(&[experts, 2 * inner])?,
                    down: self.mxfp4(&[experts, hidden, inner])?,
                    down_bias: self.floats(&[experts, hidden])?,
                },
                self.options.dtype,
                products.clone(),
            )?,
        };
        Ok(TransformerBlock {
            layer_type: config.layer_types[index],
            attn: attn.with_kernels(products, self.options.dtype),
            mlp,
        })
    }

    fn linear(&mut self, out: usize, input: usize) -> Result<Linear> {
        let weight = self.packed_or_dense(&[out, input])?;
        Linear::new(weight, Some(self.floats(&[out])?), self.options.pool())
    }

    fn norm(&self) -> Result<RmsNorm> {
        let ones = mlx_rs::ops::ones_dtype(&[self.config.hidden_size as i32], self.options.dtype)?;
        Ok(RmsNorm::new(ones, self.config.rms_norm_eps))
    }

    fn packed_or_dense(&mut self, shape: &[usize]) -> Result<Weight> {
        let mut dense = self.floats(shape)?;
        let Some(quantization) = self.options.quantize.rest else {
            // As from a checkpoint of bf16, which the CPU's kernels read as it is.
            if self.options.keeps_bf16() {
                dense = dense.as_dtype(Dtype::Bfloat16)?;
                dense.eval()?;
            }
            return Ok(Weight::Dense(dense));
        };
        let packed = ops::quantize(&dense, quantization)?;
        transforms::eval(packed.arrays())?;
        Ok(Weight::Quantized(packed))
    }

    /// Even between ±[`BOUND`].
    fn floats(&mut self, shape: &[usize]) -> Result<Array> {
        let shape: Vec<i32> = shape.iter().map(|&n| n as i32).collect();
        let key = self.next_key()?;
        let values = random::uniform::<f32, f32>(-BOUND, BOUND, &shape[..], &key)?;
        let values = values.as_dtype(self.options.dtype)?;
        values.eval()?;
        Ok(values)
    }

    fn mxfp4(&mut self, shape: &[usize]) -> Result<Weight> {
        let &[experts, rows, input] = shape else {
            return Err(mlx_rs::error::Exception::custom(
                "experts have three dimensions",
            ));
        };
        let dims = |width: usize| [experts as i32, rows as i32, width as i32];
        let key = self.next_key()?;
        let weight = ops::random_bits(&dims(input / 8), &key)?;
        let scales = zeros_dtype(&dims(input / 32), Dtype::Uint8)?
            .add(Array::from_slice(&[BLOCK_SCALE as u8], &[1]))?;
        let packed = QuantizedArray {
            weight,
            scales,
            biases: None,
            quantization: Quantization::MXFP4,
        };
        transforms::eval(packed.arrays())?;
        Ok(Weight::Quantized(packed))
    }

    fn next_key(&mut self) -> Result<Array> {
        let (next, own) = random::split(&self.key, 2)?;
        self.key = next;
        Ok(own)
    }
}
