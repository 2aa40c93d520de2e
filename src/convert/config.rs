//! The configuration of a converted checkpoint, in the keys that mlx-lm reads.

use serde_json::{Map, Value, json};

use super::parts::Module;
use crate::model::config::{ModelConfig, Quantization, QuantizationMode};

/// `config.json` for `config` with the packing of `modules`.
pub(super) fn mlx_config(config: &ModelConfig, modules: &[Module]) -> String {
    let mut json = json!({
        "architectures": ["GptOssForCausalLM"],
        "model_type": "gpt_oss",
        "num_hidden_layers": config.num_hidden_layers,
        "num_local_experts": config.num_local_experts,
        "num_experts_per_tok": config.num_experts_per_tok,
        "experts_per_token": config.num_experts_per_tok,
        "vocab_size": config.vocab_size,
        "hidden_size": config.hidden_size,
        "intermediate_size": config.intermediate_size,
        "head_dim": config.head_dim,
        "num_attention_heads": config.num_attention_heads,
        "num_key_value_heads": config.num_key_value_heads,
        "sliding_window": config.sliding_window,
        "layer_types": config.layer_types.iter().map(|kind| kind.as_str()).collect::<Vec<_>>(),
        "max_position_embeddings": config.max_position_embeddings,
        "rope_theta": config.rope_theta,
        "rms_norm_eps": shortest(config.rms_norm_eps),
        "swiglu_limit": shortest(config.swiglu_limit),
        "tie_word_embeddings": config.tie_word_embeddings,
        "attention_bias": true,
        "hidden_act": "silu",
        "eos_token_id": config.eos_token_ids,
        "pad_token_id": config.pad_token_id,
    });
    if let Some(yarn) = &config.rope_scaling {
        json["initial_context_length"] = yarn.original_max_position_embeddings.into();
        json["rope_scaling"] = json!({
            "rope_type": "yarn",
            "factor": yarn.factor,
            "beta_fast": yarn.beta_fast,
            "beta_slow": yarn.beta_slow,
            "original_max_position_embeddings": yarn.original_max_position_embeddings,
            "truncate": yarn.truncate,
        });
    }
    if let Some(quantization) = quantization(modules) {
        json["quantization_config"] = quantization.clone();
        json["quantization"] = quantization;
    }
    format!("{json:#}\n")
}

/// The experts' packing as the default, and one entry for each module that differs.
fn quantization(modules: &[Module]) -> Option<Value> {
    let packed = || {
        modules
            .iter()
            .filter_map(|module| Some((module.path(), module.quantization?)))
    };
    let (_, default) = packed()
        .find(|(path, _)| path.contains(".experts."))
        .or_else(|| packed().next())?;
    let mut json = entry(default);
    for (path, quantization) in packed().filter(|(_, own)| *own != default) {
        json.insert(path.to_owned(), entry(quantization).into());
    }
    Some(json.into())
}

fn entry(quantization: Quantization) -> Map<String, Value> {
    let mode = match quantization.mode {
        QuantizationMode::Affine => "affine",
        QuantizationMode::Mxfp4 => "mxfp4",
    };
    let mut entry = Map::new();
    entry.insert("group_size".into(), quantization.group_size.into());
    entry.insert("bits".into(), quantization.bits.into());
    entry.insert("mode".into(), mode.into());
    entry
}

/// An f32 as the shortest decimal that reads back as the same f32, not as its f64 neighbor.
fn shortest(value: f32) -> Value {
    value
        .to_string()
        .parse::<f64>()
        .map_or(Value::Null, Value::from)
}
