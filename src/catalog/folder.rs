//! What one folder holds.

use std::fs;
use std::io::Read;
use std::path::Path;

use serde_json::Value;

use super::weights;
use crate::checkpoint::Layout;
use crate::model::config::{ModelConfig, QuantizationConfig, QuantizationMode};

const CONFIG_FILE: &str = "config.json";
const MAX_CONFIG_BYTES: u64 = 1 << 20;
/// What `model_type` says of the models that this program runs.
const MODEL_TYPE: &str = "gpt_oss";

/// A folder's model.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) layout: Option<Layout>,
    pub(super) weights_bytes: u64,
    pub(super) num_layers: Option<usize>,
    pub(super) num_experts: Option<usize>,
    pub(super) precision: String,
    pub(super) problem: Option<String>,
}

impl Found {
    /// Nothing but a problem.
    pub(super) fn refused(problem: String) -> Self {
        Self {
            problem: Some(problem),
            ..Self::default()
        }
    }
}

/// Reads a folder; none if it is nothing like a model.
pub(super) fn read(folder: &Path) -> Option<Found> {
    let path = folder.join(CONFIG_FILE);
    if !path.is_file() {
        return without_config(folder);
    }
    let mut found = match config(&path) {
        Ok(found) => found,
        // Much else than models has a file of that name.
        Err(_) if weights::read(folder).num_files == 0 => return None,
        Err(problem) => Found::refused(problem),
    };
    let weights = weights::read(folder);
    found.weights_bytes = weights.bytes;
    found.problem = found.problem.or(weights.problem);
    Some(found)
}

/// What is wrong with a folder's configuration; none where it has none, or a good one.
pub(super) fn config_problem(folder: &Path) -> Option<String> {
    let path = folder.join(CONFIG_FILE);
    if path.is_file() {
        config(&path).err()
    } else {
        None
    }
}

fn without_config(folder: &Path) -> Option<Found> {
    let weights = weights::read(folder);
    if weights.num_files > 0 {
        return Some(Found {
            weights_bytes: weights.bytes,
            ..Found::refused(format!("{CONFIG_FILE} is missing"))
        });
    }
    let gguf_bytes = gguf_bytes(folder);
    (gguf_bytes > 0).then(|| Found {
        weights_bytes: gguf_bytes,
        precision: "GGUF".to_owned(),
        ..Found::refused("GGUF files are not read; get the safetensors".to_owned())
    })
}

fn gguf_bytes(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|end| end == "gguf"))
        .filter_map(|path| Some(fs::metadata(path).ok()?.len()))
        .sum()
}

fn config(path: &Path) -> Result<Found, String> {
    let named = |reason: String| format!("{CONFIG_FILE}: {reason}");
    let json = read_bounded(path, MAX_CONFIG_BYTES).map_err(named)?;
    let value: Value = serde_json::from_str(&json).map_err(|error| named(error.to_string()))?;
    if let Some(kind) = value.get("model_type")
        && kind != MODEL_TYPE
    {
        let kind = kind.as_str().unwrap_or("unreadable");
        return Ok(Found::refused(format!(
            "model_type is {kind}, only {MODEL_TYPE} models run here"
        )));
    }
    let config = ModelConfig::from_json(&json, CONFIG_FILE).map_err(|error| error.to_string())?;
    Ok(Found {
        layout: Some(layout(&value, &config)),
        num_layers: Some(config.num_hidden_layers),
        num_experts: Some(config.num_local_experts),
        precision: precision(&value, &config),
        ..Found::default()
    })
}

/// Who wrote the weights, as far as the configuration tells.
fn layout(value: &Value, config: &ModelConfig) -> Layout {
    match &config.quantization {
        Some(quantization) if is_experts_only(quantization) => Layout::Mlx,
        Some(_) => Layout::MlxQuantized,
        None if value.get("num_local_experts").is_none() => Layout::OpenAi,
        None => Layout::HuggingFace,
    }
}

fn is_experts_only(quantization: &QuantizationConfig) -> bool {
    quantization.default.mode == QuantizationMode::Mxfp4 && quantization.overrides.is_empty()
}

pub(super) fn precision(value: &Value, config: &ModelConfig) -> String {
    let dtype = ["dtype", "torch_dtype"]
        .iter()
        .find_map(|key| value.get(key)?.as_str())
        .map_or("bf16", |name| match name {
            "bfloat16" => "bf16",
            "float16" => "f16",
            "float32" => "f32",
            other => other,
        });
    match &config.quantization {
        Some(quantization) if is_experts_only(quantization) => format!("MXFP4 experts, {dtype}"),
        Some(quantization) => match quantization.default.mode {
            QuantizationMode::Mxfp4 => "MXFP4 experts, rest quantized".to_owned(),
            QuantizationMode::Affine => format!("{} bits", quantization.default.bits),
        },
        None if value.get("quantization_config").is_some() => format!("MXFP4 experts, {dtype}"),
        // OpenAI's own release packs its experts and does not say so.
        None if value.get("num_local_experts").is_none() => "MXFP4 experts, bf16".to_owned(),
        None => dtype.to_owned(),
    }
}

/// A text file of at most so many bytes.
pub(super) fn read_bounded(path: &Path, max_bytes: u64) -> Result<String, String> {
    let mut text = String::new();
    fs::File::open(path)
        .and_then(|file| file.take(max_bytes + 1).read_to_string(&mut text))
        .map_err(|error| error.to_string())?;
    if text.len() as u64 > max_bytes {
        return Err(format!("longer than {max_bytes} bytes"));
    }
    Ok(text)
}
