//! Rotary position embedding with YaRN scaling.
//!
//! Source: YaRN (arXiv 2309.00071), as in `OpenAI`'s reference: the correction range is *not* rounded
//! to whole dimensions unless the configuration asks for it.

use std::f64::consts::PI;

use mlx_rs::error::Result;
use mlx_rs::{Array, fast};

use super::config::{ModelConfig, RopeScaling};

/// Rotates queries and keys by their positions.
///
/// YaRN also multiplies both by a concentration. That factor is not applied here but folded into
/// the softmax scale (see [`Self::attention_scale`]): the same product, four kernels a layer fewer.
#[derive(Debug)]
pub struct RotaryEmbedding {
    head_dim: i32,
    /// Periods `1 / inv_freq`, f32 `[head_dim / 2]`, which is what MLX takes.
    periods: Array,
    concentration: f64,
}

impl RotaryEmbedding {
    /// Prepares the frequencies of `config`.
    pub fn new(config: &ModelConfig) -> Self {
        let periods: Vec<f32> = inverse_frequencies(config)
            .iter()
            .map(|inv_freq| (1.0 / inv_freq) as f32)
            .collect();
        Self {
            head_dim: config.head_dim as i32,
            periods: Array::from_slice(&periods, &[periods.len() as i32]),
            concentration: concentration(config.rope_scaling.as_ref()),
        }
    }

    /// Rotates `x: [1, H, L, Dh]`, whose first row stands at position `offset`; same shape.
    ///
    /// The halves of a head are paired: dimension `d` with `d + Dh / 2`.
    pub fn forward(&self, x: &Array, offset: usize) -> Result<Array> {
        fast::rope(
            x,
            self.head_dim,
            false,
            None,
            1.0,
            offset as i32,
            &self.periods,
        )
    }

    /// Periods `1 / inv_freq`, f32 `[head_dim / 2]`.
    pub(super) fn periods(&self) -> &Array {
        &self.periods
    }

    /// The factor for `q · k`: `concentration² / sqrt(Dh)`.
    pub fn attention_scale(&self) -> f32 {
        (self.concentration * self.concentration / f64::from(self.head_dim).sqrt()) as f32
    }
}

/// `inv_freq` of every pair of dimensions, `[head_dim / 2]`.
pub fn inverse_frequencies(config: &ModelConfig) -> Vec<f64> {
    let dim = config.head_dim as f64;
    let base = config.rope_theta;
    let plain = (0..config.head_dim / 2).map(|i| base.powf(2.0 * i as f64 / dim));
    let Some(yarn) = &config.rope_scaling else {
        return plain.map(|period| 1.0 / period).collect();
    };
    let (low, high) = correction_range(yarn, dim, base);
    plain
        .enumerate()
        .map(|(i, period)| {
            let ramp = ((i as f64 - low) / (high - low)).clamp(0.0, 1.0);
            ramp / (yarn.factor * period) + (1.0 - ramp) / period
        })
        .collect()
}

/// YaRN's factor on queries and keys, `0.1 ln(factor) + 1`.
pub fn concentration(scaling: Option<&RopeScaling>) -> f64 {
    match scaling {
        Some(yarn) if yarn.factor > 1.0 => 0.1 * yarn.factor.ln() + 1.0,
        _ => 1.0,
    }
}

/// The dimensions between which interpolation fades in.
fn correction_range(yarn: &RopeScaling, dim: f64, base: f64) -> (f64, f64) {
    let context = yarn.original_max_position_embeddings as f64;
    let dimension_of =
        |rotations: f64| dim / 2.0 * (context / (2.0 * PI * rotations)).ln() / base.ln();
    let (low, high) = (dimension_of(yarn.beta_fast), dimension_of(yarn.beta_slow));
    let (low, high) = if yarn.truncate {
        (low.floor(), high.ceil())
    } else {
        (low, high)
    };
    let (low, high) = (low.max(0.0), high.min(dim - 1.0));
    // Equal ends would divide by zero; a tiny width makes the ramp a step.
    (low, if high > low { high } else { low + 0.001 })
}
