//! The ranges of a configuration's values.
//!
//! The bounds are far above any real model, yet low enough that every product of dimensions
//! computed from a validated configuration fits into 64 bits, and every dimension into an `i32`.

use std::fmt::Display;
use std::ops::RangeInclusive;

use super::{ConfigError, MXFP4_BLOCK, ModelConfig, Quantization, QuantizationMode, RopeScaling};

/// The most layers that are taken for a model.
pub(super) const MAX_LAYERS: usize = 1024;
const MAX_EXPERTS: usize = 4096;
const MAX_VOCAB: usize = 1 << 24;
const MAX_WIDTH: usize = 1 << 18;
const MAX_HEADS: usize = 4096;
const MAX_HEAD_DIM: usize = 1024;
const MAX_CONTEXT: usize = 1 << 30;

impl ModelConfig {
    /// Refuses values that no model can have.
    ///
    /// # Errors
    /// [`ConfigError::OutOfRange`] with the field, its value and the permitted range.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.validate_counts()?;
        self.validate_attention()?;
        self.validate_floats()?;
        self.validate_tokens()?;
        if let Some(scaling) = &self.rope_scaling {
            scaling.validate()?;
        }
        if let Some(quantization) = &self.quantization {
            quantization.default.validate("quantization")?;
            for (path, entry) in &quantization.overrides {
                entry.validate(path)?;
            }
        }
        Ok(())
    }

    fn validate_counts(&self) -> Result<(), ConfigError> {
        within("num_hidden_layers", self.num_hidden_layers, 1..=MAX_LAYERS)?;
        within("num_local_experts", self.num_local_experts, 1..=MAX_EXPERTS)?;
        within(
            "num_experts_per_tok",
            self.num_experts_per_tok,
            1..=self.num_local_experts,
        )?;
        within("vocab_size", self.vocab_size, 1..=MAX_VOCAB)?;
        for (field, width) in [
            ("hidden_size", self.hidden_size),
            ("intermediate_size", self.intermediate_size),
        ] {
            within(field, width, MXFP4_BLOCK..=MAX_WIDTH)?;
            require(width.is_multiple_of(MXFP4_BLOCK), field, width, || {
                format!("a multiple of {MXFP4_BLOCK}")
            })?;
        }
        within(
            "max_position_embeddings",
            self.max_position_embeddings,
            1..=MAX_CONTEXT,
        )?;
        require(
            self.layer_types.len() == self.num_hidden_layers,
            "layer_types",
            format_args!("a list of {}", self.layer_types.len()),
            || format!("one entry for each of {} layers", self.num_hidden_layers),
        )
    }

    fn validate_attention(&self) -> Result<(), ConfigError> {
        within("head_dim", self.head_dim, 2..=MAX_HEAD_DIM)?;
        require(
            self.head_dim.is_multiple_of(2),
            "head_dim",
            self.head_dim,
            || "an even number".to_owned(),
        )?;
        let heads = self.num_attention_heads;
        within("num_attention_heads", heads, 1..=MAX_HEADS)?;
        within("num_key_value_heads", self.num_key_value_heads, 1..=heads)?;
        require(
            heads.is_multiple_of(self.num_key_value_heads),
            "num_key_value_heads",
            self.num_key_value_heads,
            || format!("a divisor of num_attention_heads = {heads}"),
        )?;
        within("sliding_window", self.sliding_window, 1..=MAX_CONTEXT)
    }

    fn validate_floats(&self) -> Result<(), ConfigError> {
        within_float("rope_theta", self.rope_theta, 1.0, 1e12)?;
        within_float("rms_norm_eps", f64::from(self.rms_norm_eps), 1e-20, 1.0)?;
        within_float("swiglu_limit", f64::from(self.swiglu_limit), 1e-3, 1e6)
    }

    fn validate_tokens(&self) -> Result<(), ConfigError> {
        let last = self.vocab_size - 1;
        for &id in &self.eos_token_ids {
            within("eos_token_id", id as usize, 0..=last)?;
        }
        match self.pad_token_id {
            Some(id) => within("pad_token_id", id as usize, 0..=last),
            None => Ok(()),
        }
    }
}

impl RopeScaling {
    fn validate(&self) -> Result<(), ConfigError> {
        within_float("rope_scaling.factor", self.factor, 1.0, 1e6)?;
        within_float("rope_scaling.beta_slow", self.beta_slow, 1e-6, 1e6)?;
        within_float("rope_scaling.beta_fast", self.beta_fast, 1e-6, 1e6)?;
        require(
            self.beta_fast > self.beta_slow,
            "rope_scaling.beta_fast",
            self.beta_fast,
            || format!("more than beta_slow = {}", self.beta_slow),
        )?;
        within(
            "rope_scaling.original_max_position_embeddings",
            self.original_max_position_embeddings,
            1..=MAX_CONTEXT,
        )
    }
}

impl Quantization {
    /// Refuses what MLX cannot compute with; `path` names the entry.
    fn validate(self, path: &str) -> Result<(), ConfigError> {
        let (bits, groups): (&[i32], &[i32]) = match self.mode {
            QuantizationMode::Affine => (&[2, 3, 4, 5, 6, 8], &[32, 64, 128]),
            QuantizationMode::Mxfp4 => (&[4], &[MXFP4_BLOCK as i32]),
        };
        for (field, value, permitted) in [
            ("bits", self.bits, bits),
            ("group_size", self.group_size, groups),
        ] {
            require(
                permitted.contains(&value),
                &format!("{path}.{field}"),
                value,
                || format!("{permitted:?} in mode {}", self.mode.as_str()),
            )?;
        }
        Ok(())
    }
}

/// Refuses a count outside of its range.
pub(super) fn within(
    field: &str,
    value: usize,
    permitted: RangeInclusive<usize>,
) -> Result<(), ConfigError> {
    require(permitted.contains(&value), field, value, || {
        format!("{permitted:?}")
    })
}

/// Refuses a float outside of its range; NaN is outside of every range.
fn within_float(field: &str, value: f64, low: f64, high: f64) -> Result<(), ConfigError> {
    require((low..=high).contains(&value), field, value, || {
        format!("{low}..={high}")
    })
}

fn require(
    holds: bool,
    field: &str,
    value: impl Display,
    permitted: impl FnOnce() -> String,
) -> Result<(), ConfigError> {
    if holds {
        return Ok(());
    }
    Err(ConfigError::OutOfRange {
        field: field.to_owned(),
        value: value.to_string(),
        permitted: permitted(),
    })
}
