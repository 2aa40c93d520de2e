//! Keys and values of all positions at 8 bits.

use mlx_rs::Array;
use mlx_rs::error::Result;

use super::{KeysValues, POSITIONS, empty_like, grown};
use crate::mlx::ops::{self, QuantizedArray};
use crate::model::config::{Quantization, QuantizationMode};

/// All positions of a full-attention layer, packed in 8-bit groups along the head.
#[derive(Debug, Clone)]
pub struct QuantizedKvCache {
    pub(super) buffers: Option<(QuantizedArray, QuantizedArray)>,
    pub(super) len: usize,
    quantization: Quantization,
}

impl QuantizedKvCache {
    /// An empty cache for heads of `head_dim`, a multiple of 32.
    pub fn new(head_dim: usize) -> Self {
        Self {
            buffers: None,
            len: 0,
            quantization: Quantization {
                group_size: if head_dim.is_multiple_of(64) { 64 } else { 32 },
                bits: 8,
                mode: QuantizationMode::Affine,
            },
        }
    }

    /// Without positions.
    pub(super) fn emptied(&self) -> Self {
        Self {
            buffers: None,
            len: 0,
            ..*self
        }
    }

    pub(super) fn capacity_tokens(&self) -> usize {
        self.buffers
            .as_ref()
            .map_or(0, |(keys, _)| keys.weight.dim(POSITIONS as i32) as usize)
    }

    pub(super) fn update(&mut self, keys: &Array, values: &Array) -> Result<KeysValues> {
        let end = self.len + keys.dim(POSITIONS as i32) as usize;
        let (old_keys, old_values) = self.buffers.take().unzip();
        let all_keys = self.append(old_keys, keys, end)?;
        let all_values = self.append(old_values, values, end)?;
        // Unpacked for one layer at a time: MLX's products with packed keys know no sinks and, on
        // CUDA, not every shape.
        let unpacked = |all: &QuantizedArray| {
            let visible = map_parts(all, |part| ops::slice(part, POSITIONS, 0, end))?;
            ops::dequantize(&visible, keys.dtype())
        };
        let visible = KeysValues {
            keys: unpacked(&all_keys)?,
            values: unpacked(&all_values)?,
        };
        self.buffers = Some((all_keys, all_values));
        self.len = end;
        Ok(visible)
    }

    fn append(
        &self,
        old: Option<QuantizedArray>,
        rows: &Array,
        end: usize,
    ) -> Result<QuantizedArray> {
        let rows = ops::quantize(rows, self.quantization)?;
        let old = match old {
            Some(old) => old,
            None => map_parts(&rows, empty_like)?,
        };
        let append = |old: Array, new: &Array| {
            ops::slice_update(&grown(old, self.len, end)?, new, POSITIONS, self.len)
        };
        Ok(QuantizedArray {
            weight: append(old.weight, &rows.weight)?,
            scales: append(old.scales, &rows.scales)?,
            biases: match (old.biases, &rows.biases) {
                (Some(old), Some(new)) => Some(append(old, new)?),
                _ => None,
            },
            quantization: self.quantization,
        })
    }
}

fn map_parts(
    array: &QuantizedArray,
    mut change: impl FnMut(&Array) -> Result<Array>,
) -> Result<QuantizedArray> {
    Ok(QuantizedArray {
        weight: change(&array.weight)?,
        scales: change(&array.scales)?,
        biases: array.biases.as_ref().map(&mut change).transpose()?,
        quantization: array.quantization,
    })
}
