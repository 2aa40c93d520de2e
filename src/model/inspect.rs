//! Looks at the last row of a forward pass: logit lens, residual norms, sinks, attention weights.
//!
//! [`LastRowInspector`] is an observer of a pass that ends with the token in question, whatever the
//! caches held before. Each figure is read as its layer is built, so that only one layer's scores
//! exist at a time; unobserved passes pay nothing. Attention's scores are computed a second time
//! for the last row alone, in f32, because the fused attention hands none out.

use mlx_rs::error::{Exception, Result};
use mlx_rs::ops::{concatenate, matmul};
use mlx_rs::{Array, Dtype};

use super::gpt_oss::Transformer;
use super::inspection::{HeadIndex, HeadWeights, InspectOptions, Inspection, LayerSinks, LensRow};
use super::observe::{AttentionView, ForwardObserver};
use crate::mlx::ops;

/// The axis of positions in `[1, H, n, Dh]`.
const POSITIONS: usize = 2;

/// Collects an [`Inspection`] of the last row of a pass.
#[derive(Debug)]
pub struct LastRowInspector<'a> {
    model: &'a Transformer,
    lens_layers: Vec<usize>,
    top: usize,
    target: Option<u32>,
    head: Option<HeadIndex>,
    ids: &'a [u32],
    found: Inspection,
}

impl<'a> LastRowInspector<'a> {
    /// An inspector for the last one of `ids`, the whole sequence from position 0. The options have
    /// to be checked.
    pub fn new(model: &'a Transformer, ids: &'a [u32], options: &InspectOptions) -> Self {
        Self {
            model,
            lens_layers: options.lens_layers(model.config().num_hidden_layers),
            top: options.top,
            target: options.target,
            head: options.head,
            ids,
            found: Inspection {
                position: ids.len().saturating_sub(1),
                token: ids.last().copied().unwrap_or_default(),
                interventions: options.interventions.clone(),
                ..Inspection::default()
            },
        }
    }

    /// What was found; complete after the pass.
    pub fn finish(self) -> Inspection {
        self.found
    }

    fn head_weights(&self, head: HeadIndex, rows: &AttentionRows) -> Result<HeadWeights> {
        let first_position = rows.first_position();
        let tokens = self.ids.get(first_position..).unwrap_or_default();
        Ok(HeadWeights {
            index: head,
            first_position,
            tokens: tokens.to_vec(),
            weights: rows.weights(head.head)?,
            sink: rows.shares()?.get(head.head).copied().unwrap_or_default(),
        })
    }
}

impl ForwardObserver for LastRowInspector<'_> {
    fn embedded(&mut self, x: &Array) -> Result<()> {
        self.found.norms.embedding = norm_of_last_row(x)?;
        Ok(())
    }

    fn attends(&mut self, attention: &AttentionView<'_>) -> Result<()> {
        let layer = self.found.sinks.len();
        let rows = AttentionRows::of_last_row(attention)?;
        if let Some(head) = self.head.filter(|head| head.layer == layer) {
            self.found.head = Some(self.head_weights(head, &rows)?);
        }
        self.found.sinks.push(LayerSinks {
            is_windowed: attention.window.is_some(),
            first_position: rows.first_position(),
            shares: rows.shares()?,
        });
        Ok(())
    }

    fn after_attention(&mut self, x: &Array) -> Result<()> {
        self.found.norms.after_attention.push(norm_of_last_row(x)?);
        Ok(())
    }

    fn after_experts(&mut self, x: &Array) -> Result<()> {
        let layer = self.found.norms.after_experts.len();
        self.found.norms.after_experts.push(norm_of_last_row(x)?);
        if self.lens_layers.contains(&layer) {
            let logits = host(&self.model.unembed(&last_row(x)?)?)?;
            let row = LensRow::of_logits(layer, &logits, self.top, self.target);
            self.found.lens.push(row);
        }
        Ok(())
    }
}

/// One row's attention in one layer, all heads.
#[derive(Debug)]
struct AttentionRows {
    /// f32 `[Hq, n]`.
    scores: Array,
    /// f32 `[Hq, 1]`.
    sinks: Array,
    /// `ln(exp(sink) + Σ exp(score))`, f32 `[Hq, 1]`.
    totals: Array,
    /// The position of each score.
    positions: Vec<usize>,
}

impl AttentionRows {
    /// The last row of a pass sees the newest keys: the last ones handed out, or a whole ring.
    fn of_last_row(view: &AttentionView<'_>) -> Result<Self> {
        let (heads, rows) = (view.queries.dim(1), view.queries.dim(2) as usize);
        let (key_heads, keys) = (view.keys.dim(1), view.keys.dim(2) as usize);
        let first = keys - view.window.map_or(keys, |window| window.min(keys));
        let query = ops::slice(view.queries, POSITIONS, rows - 1, rows)?
            .reshape(&[key_heads, heads / key_heads, -1])?
            .as_dtype(Dtype::Float32)?;
        let keys = ops::slice(view.keys, POSITIONS, first, keys)?
            .squeeze_axes(&[0])?
            .as_dtype(Dtype::Float32)?
            .transpose_axes(&[0, 2, 1])?;
        let scores = matmul(&query, &keys)?
            .multiply(Array::from_f32(view.scale))?
            .reshape(&[heads, -1])?;
        let sinks = view.sinks.as_dtype(Dtype::Float32)?.reshape(&[heads, 1])?;
        let totals = concatenate(&[&scores, &sinks], 1)?.logsumexp_axis(-1, true)?;
        Ok(Self {
            scores,
            sinks,
            totals,
            positions: view.positions[first..].to_vec(),
        })
    }

    fn first_position(&self) -> usize {
        self.positions.iter().copied().min().unwrap_or_default()
    }

    /// The sink's share of each head.
    fn shares(&self) -> Result<Vec<f32>> {
        host(&self.sinks.subtract(&self.totals)?.exp()?)
    }

    /// The weights of one head in the order of positions.
    fn weights(&self, head: usize) -> Result<Vec<f32>> {
        let row = |array: &Array| ops::slice(array, 0, head, head + 1);
        let weights = host(&row(&self.scores)?.subtract(row(&self.totals)?)?.exp()?)?;
        let mut placed: Vec<(usize, f32)> = self.positions.iter().copied().zip(weights).collect();
        placed.sort_unstable_by_key(|(position, _)| *position);
        Ok(placed.into_iter().map(|(_, weight)| weight).collect())
    }
}

/// `[L, D]` → `[1, D]`.
fn last_row(x: &Array) -> Result<Array> {
    let rows = x.dim(0) as usize;
    ops::slice(x, 0, rows - 1, rows)
}

fn norm_of_last_row(x: &Array) -> Result<f32> {
    let row = host(&last_row(x)?)?;
    let squares = row.iter().map(|&value| f64::from(value) * f64::from(value));
    Ok(squares.sum::<f64>().sqrt() as f32)
}

/// Evaluates an array and reads it.
fn host(array: &Array) -> Result<Vec<f32>> {
    let array = array.as_dtype(Dtype::Float32)?.contiguous()?;
    array
        .to_vec_exact::<f32>()
        .map_err(|error| Exception::custom(error.to_string()))
}
