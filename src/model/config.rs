//! stub
use std::collections::BTreeMap;
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LayerType { SlidingAttention, FullAttention }
#[derive(Debug, Clone, PartialEq)]
pub struct RopeScaling { pub factor: f64, pub beta_fast: f64, pub beta_slow: f64, pub original_max_position_embeddings: usize, pub truncate: bool }
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuantizationMode { Affine, Mxfp4 }
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quantization { pub group_size: i32, pub bits: i32, pub mode: QuantizationMode }
#[derive(Debug, Clone, PartialEq)]
pub struct QuantizationConfig { pub default: Quantization, pub overrides: BTreeMap<String, Quantization> }
#[derive(Debug, Clone, PartialEq)]
pub struct ModelConfig {
    pub num_hidden_layers: usize, pub num_local_experts: usize, pub num_experts_per_tok: usize, pub vocab_size: usize,
    pub hidden_size: usize, pub intermediate_size: usize, pub head_dim: usize, pub num_attention_heads: usize, pub num_key_value_heads: usize,
    pub sliding_window: usize, pub layer_types: Vec<LayerType>, pub max_position_embeddings: usize, pub rope_theta: f64, pub rope_scaling: Option<RopeScaling>,
    pub rms_norm_eps: f32, pub swiglu_limit: f32, pub tie_word_embeddings: bool, pub eos_token_ids: Vec<u32>, pub pad_token_id: Option<u32>, pub quantization: Option<QuantizationConfig>,
}
