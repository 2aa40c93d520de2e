//! Reads `config.json` in its three dialects.
//!
//! - Hugging Face: `rope_theta` beside `rope_scaling`;
//! - transformers 5: both within `rope_parameters`;
//! - OpenAI's original release: its own keys (`num_experts`, `rope_scaling_factor`, …).
//!
//! Fields that any released implementation hard-codes may be absent; all others must be there.

use std::collections::BTreeMap;

use serde_json::Value;

use super::fields::{Fields, Result, parse_object};
use super::validate::{MAX_LAYERS, within};
use super::{
    ConfigError, ModelConfig, Quantization, QuantizationConfig, QuantizationMode, RopeScaling,
};

/// What OpenAI's implementation hard-codes and its configuration does not state.
const OPENAI_RMS_NORM_EPS: f32 = 1e-5;
/// What the references assume where the field is absent.
const DEFAULT_SWIGLU_LIMIT: f32 = 7.0;

impl ModelConfig {
    /// Reads and validates a `config.json`; `source_name` names it in errors.
    ///
    /// # Errors
    /// [`ConfigError::InFile`] around what is wrong.
    pub fn from_json(json: &str, source_name: &str) -> Result<Self> {
        parse(json)
            .and_then(|config| config.validate().map(|()| config))
            .map_err(|error| error.in_file(source_name))
    }

    /// Lets a `generation_config.json` decide the end and padding tokens that it names.
    ///
    /// # Errors
    /// [`ConfigError::InFile`] around what is wrong.
    pub fn with_generation_config(mut self, json: &str, source_name: &str) -> Result<Self> {
        self.apply_generation_config(json)
            .and_then(|()| self.validate())
            .map_err(|error| error.in_file(source_name))?;
        Ok(self)
    }

    fn apply_generation_config(&mut self, json: &str) -> Result<()> {
        let root = parse_object(json)?;
        let fields = Fields::root(&root);
        if fields.get("eos_token_id").is_some() {
            self.eos_token_ids = fields.token_ids("eos_token_id")?;
        }
        if let Some(id) = fields.token_id("pad_token_id")? {
            self.pad_token_id = Some(id);
        }
        Ok(())
    }
}

fn parse(json: &str) -> Result<ModelConfig> {
    let root = parse_object(json)?;
    let fields = Fields::root(&root);
    fields.refuse_other_models()?;
    let openai = fields.get("num_local_experts").is_none() && fields.get("num_experts").is_some();
    let num_hidden_layers = fields.count("num_hidden_layers")?;
    // Checked before the list of layer types is made from it.
    within("num_hidden_layers", num_hidden_layers, 1..=MAX_LAYERS)?;
    let rope = Rope::parse(&fields, openai)?;
    Ok(ModelConfig {
        num_hidden_layers,
        num_local_experts: fields.count_of(&["num_local_experts", "num_experts"])?,
        num_experts_per_tok: fields.count_of(&["num_experts_per_tok", "experts_per_token"])?,
        vocab_size: fields.count("vocab_size")?,
        hidden_size: fields.count("hidden_size")?,
        intermediate_size: fields.count("intermediate_size")?,
        head_dim: fields.count("head_dim")?,
        num_attention_heads: fields.count("num_attention_heads")?,
        num_key_value_heads: fields.count("num_key_value_heads")?,
        sliding_window: fields.count("sliding_window")?,
        layer_types: fields.layer_types(num_hidden_layers)?,
        max_position_embeddings: rope.max_position_embeddings,
        rope_theta: rope.theta,
        rope_scaling: rope.scaling,
        rms_norm_eps: match fields.float_if_present("rms_norm_eps")? {
            Some(eps) => eps as f32,
            None if openai => OPENAI_RMS_NORM_EPS,
            None => return Err(fields.missing("rms_norm_eps")),
        },
        swiglu_limit: fields
            .float_if_present("swiglu_limit")?
            .map_or(DEFAULT_SWIGLU_LIMIT, |limit| limit as f32),
        tie_word_embeddings: fields.flag("tie_word_embeddings")?.unwrap_or(false),
        eos_token_ids: fields.token_ids("eos_token_id")?,
        pad_token_id: fields.token_id("pad_token_id")?,
        quantization: quantization(&fields)?,
    })
}

/// What the rotary embedding's fields say, whatever their dialect.
struct Rope {
    theta: f64,
    scaling: Option<RopeScaling>,
    max_position_embeddings: usize,
}

impl Rope {
    fn parse(fields: &Fields<'_>, openai: bool) -> Result<Self> {
        if openai {
            return Self::parse_openai(fields);
        }
        let max_position_embeddings = fields.count("max_position_embeddings")?;
        if let Some(parameters) = fields.object("rope_parameters")? {
            let theta = match parameters.float_if_present("rope_theta")? {
                Some(theta) => theta,
                None => match fields.float_if_present("rope_theta")? {
                    Some(theta) => theta,
                    None => return Err(parameters.missing("rope_theta")),
                },
            };
            return Ok(Self {
                theta,
                scaling: scaling(&parameters, fields)?,
                max_position_embeddings,
            });
        }
        Ok(Self {
            theta: fields.float("rope_theta")?,
            scaling: match fields.object("rope_scaling")? {
                Some(parameters) => scaling(&parameters, fields)?,
                None => None,
            },
            max_position_embeddings,
        })
    }

    /// Source: `RotaryEmbedding` in OpenAI's `gpt_oss/torch/model.py`, which never truncates.
    fn parse_openai(fields: &Fields<'_>) -> Result<Self> {
        let original = fields.count("initial_context_length")?;
        let factor = fields.float("rope_scaling_factor")?;
        let scaling = RopeScaling {
            factor,
            beta_fast: fields.float("rope_ntk_beta")?,
            beta_slow: fields.float("rope_ntk_alpha")?,
            original_max_position_embeddings: original,
            truncate: false,
        };
        let stated = fields.count_if_present("max_position_embeddings")?;
        Ok(Self {
            theta: fields.float("rope_theta")?,
            // A factor of one or less switches YaRN off in the original, so it does here.
            scaling: (factor.is_nan() || factor > 1.0).then_some(scaling),
            max_position_embeddings: stated.unwrap_or((original as f64 * factor.max(1.0)) as usize),
        })
    }
}

/// A `rope_scaling` or `rope_parameters` object; defaults are those of transformers.
fn scaling(parameters: &Fields<'_>, root: &Fields<'_>) -> Result<Option<RopeScaling>> {
    let key = if parameters.get("rope_type").is_some() {
        "rope_type"
    } else {
        "type"
    };
    match parameters.get(key) {
        Some(Value::String(kind)) if kind == "yarn" => {}
        Some(Value::String(kind)) if kind == "default" => return Ok(None),
        Some(other) => return Err(parameters.unsupported(key, other, "\"yarn\", \"default\"")),
        None => return Err(parameters.missing("rope_type")),
    }
    for key in ["attention_factor", "mscale", "mscale_all_dim"] {
        if let Some(value) = parameters.get(key) {
            return Err(parameters.unsupported(key, value, "leaving it out"));
        }
    }
    let original = match parameters.count_if_present("original_max_position_embeddings")? {
        Some(original) => original,
        None => match root.count_if_present("initial_context_length")? {
            Some(original) => original,
            None => return Err(parameters.missing("original_max_position_embeddings")),
        },
    };
    Ok(Some(RopeScaling {
        factor: parameters.float("factor")?,
        beta_fast: parameters.float_if_present("beta_fast")?.unwrap_or(32.0),
        beta_slow: parameters.float_if_present("beta_slow")?.unwrap_or(1.0),
        original_max_position_embeddings: original,
        truncate: parameters.flag("truncate")?.unwrap_or(true),
    }))
}

/// mlx-lm's `quantization`, or its copy under `quantization_config`; Hugging Face uses the latter
/// key too, but names a method there and no bits.
fn quantization(fields: &Fields<'_>) -> Result<Option<QuantizationConfig>> {
    if let Some(entries) = fields.object("quantization")? {
        return mlx_quantization(&entries).map(Some);
    }
    let Some(entries) = fields.object("quantization_config")? else {
        return Ok(None);
    };
    match entries.get("quant_method") {
        None => mlx_quantization(&entries).map(Some),
        Some(Value::String(method)) if method == "mxfp4" => Ok(None),
        Some(other) => Err(entries.unsupported("quant_method", other, "\"mxfp4\"")),
    }
}

fn mlx_quantization(entries: &Fields<'_>) -> Result<QuantizationConfig> {
    let mut overrides = BTreeMap::new();
    for (path, value) in entries.map {
        // `false` says that a module stays as it is; the absence of its scales says so already.
        if let Value::Object(map) = value {
            let entry = entries.child(path, map);
            overrides.insert(path.clone(), quantization_entry(&entry)?);
        }
    }
    Ok(QuantizationConfig {
        default: quantization_entry(entries)?,
        overrides,
    })
}

fn quantization_entry(entry: &Fields<'_>) -> Result<Quantization> {
    let mode = match entry.get("mode") {
        None => QuantizationMode::Affine,
        Some(Value::String(mode)) if mode == "affine" => QuantizationMode::Affine,
        Some(Value::String(mode)) if mode == "mxfp4" => QuantizationMode::Mxfp4,
        Some(other) => return Err(entry.unsupported("mode", other, "\"affine\", \"mxfp4\"")),
    };
    let small = |key: &str| -> Result<i32> {
        let value = entry.count(key)?;
        i32::try_from(value).map_err(|_| ConfigError::OutOfRange {
            field: entry.name(key),
            value: value.to_string(),
            permitted: "2..=128".to_owned(),
        })
    };
    Ok(Quantization {
        group_size: small("group_size")?,
        bits: small("bits")?,
        mode,
    })
}
