//! Reads what a pass has recorded, once it is evaluated.

use mlx_rs::{Array, ArrayElement, Dtype};

use super::error::GenerateError;
use super::logprobs;
use super::options::PositionRecord;
use super::routing::TokenRouting;
use crate::model::experts::Routing;
use crate::model::trace::{CapturedRouting, RecordedRows, TracedRouting};

/// One record a row, `rows` of them.
///
/// Shapes: `logits: [rows or 1, V]`; single logits belong to the last row.
pub(super) fn read(
    logits: Option<&Array>,
    routing: Option<&CapturedRouting>,
    rows: usize,
) -> Result<Vec<PositionRecord>, GenerateError> {
    let mut records = vec![PositionRecord::default(); rows];
    if let Some(routing) = routing {
        read_routing(routing, &mut records)?;
    }
    if let Some(logits) = logits {
        let values = host_f32(logits)?;
        let width = logits.dim(1) as usize;
        let first = rows - logits.dim(0) as usize;
        for (record, row) in records[first..].iter_mut().zip(values.chunks(width)) {
            record.logits = Some(row.to_vec());
        }
    }
    Ok(records)
}

fn read_routing(
    routing: &CapturedRouting,
    records: &mut [PositionRecord],
) -> Result<(), GenerateError> {
    let rows = records.len();
    let routing = match routing {
        CapturedRouting::Stacked(stacked) => HostRouting::of_stacked(stacked)?,
        CapturedRouting::Rows(recorded) => HostRouting::of_rows(recorded)?,
        CapturedRouting::Layers {
            layers,
            with_router_logits,
        } => HostRouting::of_layers(layers, rows, *with_router_logits)?,
    };
    let HostRouting {
        num_layers,
        per_token,
        ..
    } = routing;
    let width = num_layers * per_token;
    let logits_width = routing
        .router_logits
        .as_ref()
        .map_or(0, |all| all.len() / rows);
    for (row, record) in records.iter_mut().enumerate() {
        let range = row * width..(row + 1) * width;
        let ids = routing.experts[range.clone()].to_vec();
        let weights = routing.weights[range].to_vec();
        let entropies = routing.entropies[row * num_layers..(row + 1) * num_layers].to_vec();
        record.routing = TokenRouting::new(num_layers, per_token, ids, weights)
            .and_then(|routing| routing.with_entropies(entropies))
            .ok();
        if let Some(all) = &routing.router_logits {
            let range = row * logits_width..(row + 1) * logits_width;
            record.router_logits = Some(all[range].to_vec());
        }
    }
    Ok(())
}

/// All layers' routing as numbers, row by row: `[L, layers, K]`, `[L, layers]`, `[L, layers, E]`.
#[derive(Debug)]
struct HostRouting {
    num_layers: usize,
    per_token: usize,
    experts: Vec<u16>,
    weights: Vec<f32>,
    entropies: Vec<f32>,
    router_logits: Option<Vec<f32>>,
}

impl HostRouting {
    fn of_stacked(stacked: &TracedRouting) -> Result<Self, GenerateError> {
        let shape = stacked.experts.shape();
        let experts = host_u32(&stacked.experts)?;
        Ok(Self {
            num_layers: shape[1] as usize,
            per_token: shape[2] as usize,
            experts: experts.into_iter().map(|id| id as u16).collect(),
            weights: host_f32(&stacked.weights)?,
            entropies: host_f32(&stacked.entropies)?,
            router_logits: stacked.router_logits.as_ref().map(host_f32).transpose()?,
        })
    }

    fn of_rows(recorded: &RecordedRows) -> Result<Self, GenerateError> {
        let (rows, per_token) = (&recorded.rows, recorded.num_experts_per_tok);
        let (num_layers, width) = (rows.dim(0) as usize, rows.dim(1) as usize);
        let values = host_f32(rows)?;
        let part = |from: usize, to: usize| -> Vec<f32> {
            let rows = values.chunks_exact(width);
            rows.flat_map(|row| &row[from..to]).copied().collect()
        };
        let logits_from = 2 * per_token + 1;
        Ok(Self {
            num_layers,
            per_token,
            experts: part(0, per_token).into_iter().map(|id| id as u16).collect(),
            weights: part(per_token, 2 * per_token),
            entropies: part(2 * per_token, logits_from),
            router_logits: (width > logits_from).then(|| part(logits_from, width)),
        })
    }

    /// Rows of one layer lie together; here the layers of one row do.
    fn of_layers(
        layers: &[Routing],
        rows: usize,
        with_router_logits: bool,
    ) -> Result<Self, GenerateError> {
        let num_layers = layers.len();
        let columns = |array: fn(&Routing) -> &Array| {
            layers
                .first()
                .map_or(0, |first| array(first).dim(1) as usize)
        };
        let per_token = columns(|routing| &routing.experts);
        let num_experts = columns(|routing| &routing.logits);
        let mut all = Self {
            num_layers,
            per_token,
            experts: vec![0; rows * num_layers * per_token],
            weights: vec![0.0; rows * num_layers * per_token],
            entropies: vec![0.0; rows * num_layers],
            router_logits: with_router_logits.then(|| vec![0.0; rows * num_layers * num_experts]),
        };
        for (layer, routing) in layers.iter().enumerate() {
            let ids = host_u32(&routing.experts)?;
            let weights = host_f32(&routing.weights)?;
            let logits = host_f32(&routing.logits)?;
            for row in 0..rows {
                let (from, to) = (row * per_token, (row * num_layers + layer) * per_token);
                for place in 0..per_token {
                    all.experts[to + place] = ids[from + place] as u16;
                }
                all.weights[to..to + per_token].copy_from_slice(&weights[from..from + per_token]);
                let row_logits = &logits[row * num_experts..(row + 1) * num_experts];
                all.entropies[row * num_layers + layer] = logprobs::entropy(row_logits);
                if let Some(kept) = &mut all.router_logits {
                    let to = (row * num_layers + layer) * num_experts;
                    kept[to..to + num_experts].copy_from_slice(row_logits);
                }
            }
        }
        Ok(all)
    }
}

/// The values of an evaluated array, as f32.
pub(super) fn host_f32(array: &Array) -> Result<Vec<f32>, GenerateError> {
    if array.dtype() == Dtype::Float32 {
        return host(array);
    }
    host(&array.as_dtype(Dtype::Float32)?)
}

/// The values of an evaluated u32 array.
pub(super) fn host_u32(array: &Array) -> Result<Vec<u32>, GenerateError> {
    host(array)
}

/// A copy of the values. Only an array with gaps is evaluated once more for it: for a few numbers a
/// token, handing work to the device costs more than the numbers.
fn host<T: ArrayElement + Clone>(array: &Array) -> Result<Vec<T>, GenerateError> {
    if let Ok(values) = array.to_vec_exact::<T>() {
        return Ok(values);
    }
    array
        .contiguous()?
        .to_vec_exact::<T>()
        .map_err(|error| GenerateError::Mlx(error.to_string()))
}
