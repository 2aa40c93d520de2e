//! The model's hyperparameters, as its `config.json` names them.
//!
//! Knows the three dialects in which gpt-oss configurations are written and what values make
//! sense; knows neither weights nor files. Start with [`ModelConfig`]; `parse.rs` reads JSON,
//! `validate.rs` refuses absurd values.
//!
//! Invariant: a configuration from [`ModelConfig::from_json`] has passed
//! [`ModelConfig::validate`], so products of its dimensions do not overflow. A configuration made
//! by hand holds any values until `validate` is called.

mod error;
mod fields;
mod parse;
mod size;
mod validate;

use std::collections::BTreeMap;

pub use error::ConfigError;

/// The factor inside the sigmoid of the clamped `SwiGLU`; no configuration states it.
///
/// Source: `swiglu` in OpenAI's `gpt_oss/torch/model.py`.
pub const SWIGLU_ALPHA: f32 = 1.702;

/// Weights in one MXFP4 block, which share a scale.
pub const MXFP4_BLOCK: usize = 32;

/// Hyperparameters of a gpt-oss model.
///
/// Source: SPEC of the released `config.json`; OpenAI's own keys are translated.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelConfig {
    /// Transformer blocks.
    pub num_hidden_layers: usize,
    /// Experts of every layer.
    pub num_local_experts: usize,
    /// Experts that each token visits.
    pub num_experts_per_tok: usize,
    /// Rows of the embedding table.
    pub vocab_size: usize,
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Inner width of one expert.
    pub intermediate_size: usize,
    /// Width of one attention head.
    pub head_dim: usize,
    /// Query heads.
    pub num_attention_heads: usize,
    /// Key and value heads; a divisor of the query heads.
    pub num_key_value_heads: usize,
    /// Keys that a query of a sliding layer sees, itself included.
    pub sliding_window: usize,
    /// The kind of attention of each layer, first layer first.
    pub layer_types: Vec<LayerType>,
    /// The longest context, in tokens.
    pub max_position_embeddings: usize,
    /// Base of the rotary frequencies.
    pub rope_theta: f64,
    /// `YaRN` stretching of the rotary frequencies; `None` for plain `RoPE`.
    pub rope_scaling: Option<RopeScaling>,
    /// Added to the mean square in every RMS norm.
    pub rms_norm_eps: f32,
    /// Bound of the clamped `SwiGLU`.
    pub swiglu_limit: f32,
    /// Whether the output head is the embedding table.
    pub tie_word_embeddings: bool,
    /// Tokens that end generation; empty where neither file names one.
    pub eos_token_ids: Vec<u32>,
    /// The padding token.
    pub pad_token_id: Option<u32>,
    /// How mlx-lm quantized the modules; `None` for the other layouts.
    pub quantization: Option<QuantizationConfig>,
}

/// Which keys a layer's queries see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LayerType {
    /// The last `sliding_window` keys.
    SlidingAttention,
    /// All keys so far.
    FullAttention,
}

impl LayerType {
    /// The name that `config.json` uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SlidingAttention => "sliding_attention",
            Self::FullAttention => "full_attention",
        }
    }

    /// The pattern of the released models: even layers slide, odd layers see all.
    ///
    /// Source: `AttentionBlock` in OpenAI's `gpt_oss/torch/model.py`.
    pub fn alternating(num_hidden_layers: usize) -> Vec<Self> {
        (0..num_hidden_layers)
            .map(|layer_idx| {
                if layer_idx % 2 == 0 {
                    Self::SlidingAttention
                } else {
                    Self::FullAttention
                }
            })
            .collect()
    }
}

/// Parameters of `YaRN`.
///
/// Source: Peng et al., "YaRN: Efficient Context Window Extension of Large Language Models".
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RopeScaling {
    /// How much longer the context is than the one of pretraining.
    pub factor: f64,
    /// Rotations above which a frequency stays as it is.
    pub beta_fast: f64,
    /// Rotations below which a frequency is divided by `factor`.
    pub beta_slow: f64,
    /// The context of pretraining, in tokens.
    pub original_max_position_embeddings: usize,
    /// Whether the correction range is rounded outwards to whole dimensions.
    pub truncate: bool,
}

/// How mlx-lm quantized a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuantizationConfig {
    /// What holds for modules without an entry of their own.
    pub default: Quantization,
    /// Entries by full module path, such as `model.layers.0.self_attn.q_proj`.
    pub overrides: BTreeMap<String, Quantization>,
}

impl QuantizationConfig {
    /// The quantization of a module *that is quantized*: its own entry, else the default.
    pub fn of_module(&self, path: &str) -> Quantization {
        self.overrides.get(path).copied().unwrap_or(self.default)
    }
}

/// One way to quantize a matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Quantization {
    /// Consecutive weights along the input that share a scale.
    pub group_size: i32,
    /// Bits of one weight.
    pub bits: i32,
    /// What the bits mean.
    pub mode: QuantizationMode,
}

impl Quantization {
    /// The format of the released experts.
    pub const MXFP4: Self = Self {
        group_size: MXFP4_BLOCK as i32,
        bits: 4,
        mode: QuantizationMode::Mxfp4,
    };
}

/// What quantized bits mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum QuantizationMode {
    /// `weight = scale * q + bias`, one scale and one bias a group.
    Affine,
    /// Four-bit floats with a power-of-two scale a block.
    Mxfp4,
}

impl QuantizationMode {
    /// The name that `config.json` and MLX use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Affine => "affine",
            Self::Mxfp4 => "mxfp4",
        }
    }
}

impl ModelConfig {
    /// The configuration of `openai/gpt-oss-20b`.
    pub fn gpt_oss_20b() -> Self {
        Self::released(24, 32)
    }

    /// The configuration of `openai/gpt-oss-120b`.
    pub fn gpt_oss_120b() -> Self {
        Self::released(36, 128)
    }

    fn released(num_hidden_layers: usize, num_local_experts: usize) -> Self {
        Self {
            num_hidden_layers,
            num_local_experts,
            num_experts_per_tok: 4,
            vocab_size: 201_088,
            hidden_size: 2880,
            intermediate_size: 2880,
            head_dim: 64,
            num_attention_heads: 64,
            num_key_value_heads: 8,
            sliding_window: 128,
            layer_types: LayerType::alternating(num_hidden_layers),
            max_position_embeddings: 131_072,
            rope_theta: 150_000.0,
            rope_scaling: Some(RopeScaling {
                factor: 32.0,
                beta_fast: 32.0,
                beta_slow: 1.0,
                original_max_position_embeddings: 4096,
                truncate: false,
            }),
            rms_norm_eps: 1e-5,
            swiglu_limit: 7.0,
            tie_word_embeddings: false,
            eos_token_ids: vec![200_002, 199_999, 200_012],
            pad_token_id: Some(199_999),
            quantization: None,
        }
    }
}
