//! `inspect`: what a model is and what it needs, without loading it.

use gptoss::checkpoint::{Checkpoint, TensorGroup};
use gptoss::model::ModelConfig;
use gptoss::{DEMO_NAME, ModelSource};
use serde_json::{Value, json};

use super::args::{InspectArgs, format_bytes};
use super::exit::CliError;
use super::output;
use super::predict::Prediction;

/// The contexts whose needs are shown.
const CONTEXTS_TOKENS: [usize; 3] = [4_096, 32_768, 131_072];

/// Bytes of a key or value as the released models store them.
const BF16_BYTES: usize = 2;

/// Prints the description.
pub(crate) fn run(args: &InspectArgs) -> Result<(), CliError> {
    let source = args.model.source();
    let checkpoint = gptoss::open(&source)?;
    let prediction = Prediction::of_checkpoint(&checkpoint, args.model.options(), &args.limits)?;
    let name = match source {
        ModelSource::Demo => DEMO_NAME,
        ModelSource::Directory(_) => checkpoint.model_name(),
    };
    if args.json {
        return output::line(&describe(name, &checkpoint, &prediction).to_string());
    }
    print(name, &checkpoint, &prediction)
}

fn describe(name: &str, checkpoint: &Checkpoint, prediction: &Prediction) -> Value {
    let tensors: Vec<Value> = checkpoint
        .tensors()
        .map(|tensor| {
            json!({
                "name": tensor.name,
                "group": tensor.group.as_str(),
                "dtype": tensor.dtype.as_str(),
                "shape": tensor.shape,
                "bytes": tensor.nbytes,
                "file": tensor.file,
            })
        })
        .collect();
    let config = checkpoint.config();
    let contexts: Vec<Value> = CONTEXTS_TOKENS
        .iter()
        .map(|&tokens| {
            json!({
                "context_tokens": tokens,
                "kv_bytes": config.kv_bytes(tokens, BF16_BYTES),
                "predicted_peak_bytes": prediction.demand(tokens).total_bytes(),
            })
        })
        .collect();
    json!({
        "model": name,
        "layout": checkpoint.layout().as_str(),
        "weights_digest": checkpoint.weights_digest(),
        "config": config_json(config),
        "parameters": config.parameter_count(),
        "active_parameters": config.active_parameter_count(),
        "weights_bytes": checkpoint.total_bytes(),
        "weights_bytes_in_memory": prediction.weights_bytes(),
        "groups": groups_json(checkpoint),
        "tensors": tensors,
        "memory": contexts,
        "memory_limit_bytes": prediction.limit_bytes(),
        "largest_context_tokens": prediction.largest_context_tokens(),
    })
}

fn groups_json(checkpoint: &Checkpoint) -> Value {
    let groups = checkpoint.group_bytes().map(|(group, bytes)| {
        let value = json!({ "tensors": tensor_count(checkpoint, group), "bytes": bytes });
        (group.as_str().to_owned(), value)
    });
    Value::Object(groups.into_iter().collect())
}

fn config_json(config: &ModelConfig) -> Value {
    let layer_types: Vec<&str> = config
        .layer_types
        .iter()
        .map(|kind| kind.as_str())
        .collect();
    let rope_scaling = config.rope_scaling.map(|scaling| {
        json!({
            "factor": scaling.factor,
            "beta_fast": scaling.beta_fast,
            "beta_slow": scaling.beta_slow,
            "original_max_position_embeddings": scaling.original_max_position_embeddings,
            "truncate": scaling.truncate,
        })
    });
    let quantization = config.quantization.as_ref().map(|quantization| {
        json!({
            "bits": quantization.default.bits,
            "group_size": quantization.default.group_size,
            "mode": quantization.default.mode.as_str(),
            "overrides": quantization.overrides.len(),
        })
    });
    json!({
        "num_hidden_layers": config.num_hidden_layers,
        "num_local_experts": config.num_local_experts,
        "num_experts_per_tok": config.num_experts_per_tok,
        "vocab_size": config.vocab_size,
        "hidden_size": config.hidden_size,
        "intermediate_size": config.intermediate_size,
        "head_dim": config.head_dim,
        "num_attention_heads": config.num_attention_heads,
        "num_key_value_heads": config.num_key_value_heads,
        "sliding_window": config.sliding_window,
        "layer_types": layer_types,
        "max_position_embeddings": config.max_position_embeddings,
        "rope_theta": config.rope_theta,
        "rope_scaling": rope_scaling,
        "rms_norm_eps": shortest(config.rms_norm_eps),
        "swiglu_limit": shortest(config.swiglu_limit),
        "tie_word_embeddings": config.tie_word_embeddings,
        "eos_token_id": config.eos_token_ids,
        "pad_token_id": config.pad_token_id,
        "quantization": quantization,
    })
}

fn print(name: &str, checkpoint: &Checkpoint, prediction: &Prediction) -> Result<(), CliError> {
    let config = checkpoint.config();
    output::line(&format!("model       {name}"))?;
    output::line(&format!("layout      {}", checkpoint.layout().as_str()))?;
    output::line(&format!("digest      {}", checkpoint.weights_digest()))?;
    output::line(&format!(
        "parameters  {:.2} M, {:.2} M active",
        config.parameter_count() as f64 / 1e6,
        config.active_parameter_count() as f64 / 1e6
    ))?;
    output::line("\nconfiguration")?;
    if let Value::Object(fields) = config_json(config) {
        for (field, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
            output::line(&format!("  {field:<24} {}", shown(field, value, config)))?;
        }
    }
    output::line("\nweights")?;
    for (group, bytes) in checkpoint.group_bytes() {
        output::line(&format!(
            "  {:<10} {:>5} tensors {:>10}",
            group.as_str(),
            tensor_count(checkpoint, group),
            format_bytes(bytes)
        ))?;
    }
    output::line(&format!(
        "  {:<10} {:>5} tensors {:>10}, {} in memory",
        "all",
        checkpoint.tensors().count(),
        format_bytes(checkpoint.total_bytes()),
        format_bytes(prediction.weights_bytes())
    ))?;
    print_memory(config, prediction)
}

fn print_memory(config: &ModelConfig, prediction: &Prediction) -> Result<(), CliError> {
    output::line("\nmemory       keys and values (bf16)   predicted peak")?;
    for tokens in CONTEXTS_TOKENS {
        output::line(&format!(
            "  {tokens:>7}  {:>24} {:>16}",
            format_bytes(config.kv_bytes(tokens, BF16_BYTES)),
            format_bytes(prediction.demand(tokens).total_bytes())
        ))?;
    }
    match (
        prediction.limit_bytes(),
        prediction.largest_context_tokens(),
    ) {
        (Some(limit), Some(tokens)) => output::line(&format!(
            "  limit {}: up to {tokens} tokens",
            format_bytes(limit)
        )),
        _ => Ok(()),
    }
}

/// A value as the text form shows it: the long list of layers as counts.
fn shown(field: &str, value: &Value, config: &ModelConfig) -> String {
    if field != "layer_types" {
        return value.to_string();
    }
    let sliding = config
        .layer_types
        .iter()
        .filter(|kind| **kind == gptoss::model::config::LayerType::SlidingAttention)
        .count();
    format!(
        "{sliding} sliding, {} full",
        config.layer_types.len() - sliding
    )
}

/// The number as it was written: a plain conversion would show the rounding to f32.
fn shortest(value: f32) -> f64 {
    value.to_string().parse().unwrap_or(f64::from(value))
}

fn tensor_count(checkpoint: &Checkpoint, group: TensorGroup) -> usize {
    checkpoint
        .tensors()
        .filter(|tensor| tensor.group == group)
        .count()
}
