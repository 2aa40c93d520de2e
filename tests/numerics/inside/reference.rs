//! Attention of one row by its definition: plain loops in f64, from the checkpoint's own tensors.

use std::f64::consts::PI;

use gptoss::model::config::{LayerType, ModelConfig};

use crate::golden::{Arrays, folder};

const HEAD_DIM: usize = 64;

/// The tensors of a checkpoint in Hugging Face's layout.
pub(crate) struct Reference {
    config: ModelConfig,
    arrays: Arrays,
}

/// What the last row of a sequence gives to what it sees.
pub(crate) struct HeadShares {
    pub(crate) first_position: usize,
    pub(crate) weights: Vec<f64>,
    pub(crate) sink: f64,
}

impl Reference {
    pub(crate) fn open(name: &str) -> Self {
        let dir = folder(name);
        let config = std::fs::read_to_string(dir.join("config.json")).unwrap();
        let config = ModelConfig::from_json(&config, "config.json").unwrap();
        assert_eq!(config.head_dim, HEAD_DIM);
        Self {
            config,
            arrays: Arrays::open(&dir.join("model.safetensors")),
        }
    }

    /// All heads of a layer; `hidden: [L, D]` is the residual stream before it.
    pub(crate) fn last_row(&self, layer: usize, hidden: &[f32]) -> Vec<HeadShares> {
        let width = self.config.hidden_size;
        let rows: Vec<Vec<f64>> = hidden
            .chunks(width)
            .map(|row| self.normed(layer, row))
            .collect();
        let last = rows.len() - 1;
        let first = match self.config.layer_types[layer] {
            LayerType::FullAttention => 0,
            LayerType::SlidingAttention => (last + 1).saturating_sub(self.config.sliding_window),
        };
        let keys: Vec<Vec<f64>> = (first..=last)
            .map(|position| self.rotated(layer, "k_proj", &rows[position], position))
            .collect();
        let queries = self.rotated(layer, "q_proj", &rows[last], last);
        let sinks = self.tensor(layer, "self_attn.sinks");
        let group = self.config.num_attention_heads / self.config.num_key_value_heads;
        let head = |(head, sink): (usize, &f64)| {
            let query = &queries[head * HEAD_DIM..][..HEAD_DIM];
            let key_head = head / group * HEAD_DIM;
            let score = |key: &Vec<f64>| dot(query, &key[key_head..][..HEAD_DIM]) / 8.0;
            let exps: Vec<f64> = keys.iter().map(|key| score(key).exp()).collect();
            let total = sink.exp() + exps.iter().sum::<f64>();
            HeadShares {
                first_position: first,
                weights: exps.iter().map(|exp| exp / total).collect(),
                sink: sink.exp() / total,
            }
        };
        sinks.iter().enumerate().map(head).collect()
    }

    fn normed(&self, layer: usize, row: &[f32]) -> Vec<f64> {
        let weight = self.tensor(layer, "input_layernorm.weight");
        let row: Vec<f64> = row.iter().map(|&x| f64::from(x)).collect();
        let mean = dot(&row, &row) / row.len() as f64;
        let factor = 1.0 / (mean + 1e-5).sqrt();
        row.iter()
            .zip(&weight)
            .map(|(x, w)| x * factor * w)
            .collect()
    }

    /// A projection of one row, each head turned to its position.
    fn rotated(&self, layer: usize, part: &str, row: &[f64], position: usize) -> Vec<f64> {
        let weight = self.tensor(layer, &format!("self_attn.{part}.weight"));
        let bias = self.tensor(layer, &format!("self_attn.{part}.bias"));
        let mut out: Vec<f64> = weight
            .chunks(row.len())
            .zip(&bias)
            .map(|(weights, bias)| dot(weights, row) + bias)
            .collect();
        // YaRN's concentration goes on cosine and sine alike.
        let concentration = 0.1 * 32f64.ln() + 1.0;
        for head in out.chunks_mut(HEAD_DIM) {
            let (low, high) = head.split_at_mut(HEAD_DIM / 2);
            for (pair, (a, b)) in low.iter_mut().zip(high).enumerate() {
                let (sin, cos) = (position as f64 * yarn_frequency(pair)).sin_cos();
                let (x, y) = (*a * concentration, *b * concentration);
                (*a, *b) = (x * cos - y * sin, y * cos + x * sin);
            }
        }
        out
    }

    /// A bf16 tensor of a layer.
    fn tensor(&self, layer: usize, name: &str) -> Vec<f64> {
        let bytes = self.arrays.bytes(&format!("model.layers.{layer}.{name}"));
        let value = |pair: &[u8]| {
            let bits = u32::from(u16::from_le_bytes([pair[0], pair[1]])) << 16;
            f64::from(f32::from_bits(bits))
        };
        bytes.chunks_exact(2).map(value).collect()
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The angle a position, with the fixtures' constants: base 150000, factor 32, context 4096,
/// rotations 32 and 1, nothing rounded.
fn yarn_frequency(pair: usize) -> f64 {
    let base = 150_000f64;
    let corner = |rotations: f64| 32.0 * (4096.0 / (2.0 * PI * rotations)).ln() / base.ln();
    let (low, high) = (corner(32.0), corner(1.0));
    let ramp = ((pair as f64 - low) / (high - low)).clamp(0.0, 1.0);
    let plain = base.powf(-(2.0 * pair as f64) / 64.0);
    plain / 32.0 * ramp + plain * (1.0 - ramp)
}
