//! Keys and values of all positions.

use std::sync::Arc;

use mlx_rs::Array;
use mlx_rs::error::Result;

use super::{KeysValues, POSITIONS, RowShape, empty_like, grown, moved, with_rows};
use crate::mlx::ops;

/// All positions of a full-attention layer.
///
/// MLX copies a buffer before it changes it while anything holds it, and a pass that is still running
/// does. Kernels therefore write their row into the buffer itself, which is safe because positions from
/// `len` on are nobody's: every pass reads only what lies before, passes run in order, and a buffer
/// that another cache holds as well is moved first.
#[derive(Debug, Clone, Default)]
pub struct KvCache {
    pub(super) buffers: Option<(Array, Array)>,
    pub(super) len: usize,
    /// Writes the newest row when it is evaluated: MLX sees no buffer change.
    written: Option<Array>,
    /// Held once by every cache that shares the buffers.
    holders: Arc<()>,
}

impl KvCache {
    pub(super) fn capacity_tokens(&self) -> usize {
        let positions = |(keys, _): &(Array, Array)| keys.dim(POSITIONS as i32) as usize;
        self.buffers.as_ref().map_or(0, positions)
    }

    pub(super) fn update(&mut self, keys: &Array, values: &Array) -> Result<KeysValues> {
        let end = self.len + keys.dim(POSITIONS as i32) as usize;
        let (mut all_keys, mut all_values) = match self.buffers.take() {
            Some(buffers) => buffers,
            None => (empty_like(keys)?, empty_like(values)?),
        };
        all_keys = grown(all_keys, self.len, end)?;
        all_values = grown(all_values, self.len, end)?;
        all_keys = with_rows(&all_keys, keys, self.len)?;
        all_values = with_rows(&all_values, values, self.len)?;
        let visible = KeysValues {
            keys: ops::slice(&all_keys, POSITIONS, 0, end)?,
            values: ops::slice(&all_values, POSITIONS, 0, end)?,
        };
        self.hold((all_keys, all_values));
        // Evaluated before this pass was built; what it holds is an old token's.
        self.written = None;
        self.len = end;
        Ok(visible)
    }

    /// Buffers in which nobody reads place `len`.
    pub(super) fn room_for_one(&mut self, row: &RowShape) -> Result<(Array, Array)> {
        let end = self.len + 1;
        let is_shared = Arc::strong_count(&self.holders) > 1;
        let buffers = match &self.buffers {
            Some(buffers) if end <= self.capacity_tokens() && !is_shared => {
                return Ok(buffers.clone());
            }
            Some((keys, values)) => (moved(keys, self.len, end)?, moved(values, self.len, end)?),
            None => (
                moved(&row.zeros(0)?, 0, end)?,
                moved(&row.zeros(0)?, 0, end)?,
            ),
        };
        self.hold(buffers.clone());
        Ok(buffers)
    }

    /// Counts a row that evaluating `written` puts into its place.
    pub(super) fn filled_one(&mut self, written: &Array) {
        self.written = Some(written.clone());
        self.len += 1;
    }

    pub(super) fn written(&self) -> Option<&Array> {
        self.written.as_ref()
    }

    /// Goes on with buffers that no other cache has.
    fn hold(&mut self, buffers: (Array, Array)) {
        self.buffers = Some(buffers);
        self.holders = Arc::default();
    }
}
