//! Reads what a pass has recorded, once it is evaluated.

use mlx_rs::{Array, ArrayElement, Dtype};

use super::error::GenerateError;
use super::options::PositionRecord;
use super::routing::TokenRouting;
use crate::model::trace::TracedRouting;

/// One record a row, `rows` of them.
///
/// Shapes: `logits: [rows or 1, V]`; single logits belong to the last row.
pub(super) fn read(
    logits: Option<&Array>,
    routing: Option<&TracedRouting>,
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
    routing: &TracedRouting,
    records: &mut [PositionRecord],
) -> Result<(), GenerateError> {
    let shape = routing.experts.shape();
    let (num_layers, per_token) = (shape[1] as usize, shape[2] as usize);
    let experts = host_u32(&routing.experts)?;
    let weights = host_f32(&routing.weights)?;
    let entropies = host_f32(&routing.entropies)?;
    let router_logits = routing.router_logits.as_ref().map(host_f32).transpose()?;
    let width = num_layers * per_token;
    let logits_width = router_logits
        .as_ref()
        .map_or(0, |all| all.len() / records.len());
    for (row, record) in records.iter_mut().enumerate() {
        let range = row * width..(row + 1) * width;
        let ids = experts[range.clone()].iter().map(|&id| id as u16).collect();
        let row_weights = weights[range].to_vec();
        let row_entropies = entropies[row * num_layers..(row + 1) * num_layers].to_vec();
        record.routing = TokenRouting::new(num_layers, per_token, ids, row_weights)
            .and_then(|routing| routing.with_entropies(row_entropies))
            .ok();
        if let Some(all) = &router_logits {
            let range = row * logits_width..(row + 1) * logits_width;
            record.router_logits = Some(all[range].to_vec());
        }
    }
    Ok(())
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
