//! Keys and values of a window of positions.

use mlx_rs::Array;
use mlx_rs::error::Result;
use mlx_rs::ops::concatenate;

use super::{KeysValues, POSITIONS, RowShape, with_rows, zeros_with_positions};
use crate::mlx::ops;

/// The last `W` positions of a sliding-window layer.
#[derive(Debug, Clone)]
pub struct RotatingKvCache {
    pub(super) ring: Option<(Array, Array)>,
    pub(super) len: usize,
    pub(super) window: usize,
}

impl RotatingKvCache {
    /// An empty ring of `window` slots.
    pub fn new(window: usize) -> Self {
        Self {
            ring: None,
            len: 0,
            window,
        }
    }

    pub(super) fn update(&mut self, keys: &Array, values: &Array) -> Result<KeysValues> {
        let rows = keys.dim(POSITIONS as i32) as usize;
        let (ring_keys, ring_values) = match self.ring.take() {
            Some(ring) => ring,
            None => (
                zeros_with_positions(keys, self.window)?,
                zeros_with_positions(values, self.window)?,
            ),
        };
        let ((ring_keys, keys), (ring_values, values)) = if rows == 1 {
            (
                self.append_one(&ring_keys, keys)?,
                self.append_one(&ring_values, values)?,
            )
        } else {
            (
                self.append_many(&ring_keys, keys, rows)?,
                self.append_many(&ring_values, values, rows)?,
            )
        };
        self.ring = Some((ring_keys, ring_values));
        self.len += rows;
        Ok(KeysValues { keys, values })
    }

    /// The ring, of zeros while nothing was appended.
    pub(super) fn ring_or_empty(&self, row: &RowShape) -> Result<(Array, Array)> {
        match &self.ring {
            Some(ring) => Ok(ring.clone()),
            None => Ok((row.zeros(self.window)?, row.zeros(self.window)?)),
        }
    }

    /// Takes over a ring that holds one more row.
    pub(super) fn turned(&mut self, ring: (Array, Array)) {
        self.ring = Some(ring);
        self.len += 1;
    }

    /// A single row is returned with the ring, whose slots are not in order once it has wrapped.
    pub(super) fn visible_positions(&self, rows: usize) -> Vec<usize> {
        let earlier = self.len - rows;
        if rows > 1 {
            return (earlier - earlier.min(self.window - 1)..self.len).collect();
        }
        let newest_in = |slot| slot + (earlier - slot) / self.window * self.window;
        (0..self.len.min(self.window)).map(newest_in).collect()
    }

    /// Writes one row into its slot: the new ring, and its filled part.
    fn append_one(&self, ring: &Array, row: &Array) -> Result<(Array, Array)> {
        let ring = with_rows(ring, row, self.len % self.window)?;
        let filled = (self.len + 1).min(self.window);
        let visible = ops::slice(&ring, POSITIONS, 0, filled)?;
        Ok((ring, visible))
    }

    /// Appends a chunk: the new ring, and the positions in order that the chunk may see.
    fn append_many(&self, ring: &Array, rows: &Array, count: usize) -> Result<(Array, Array)> {
        let earlier = self.in_order(ring)?;
        let held = self.len.min(self.window);
        let all = if held == 0 {
            rows.clone()
        } else {
            concatenate(&[&earlier, rows], POSITIONS as i32)?
        };
        // The first new row sees `window - 1` earlier positions at most.
        let surplus = held - held.min(self.window - 1);
        let visible = ops::slice(&all, POSITIONS, surplus, held + count)?;
        Ok((self.ring_of(&all, held + count, ring)?, visible))
    }

    /// The held positions from oldest to newest.
    fn in_order(&self, ring: &Array) -> Result<Array> {
        let head = self.len % self.window;
        if self.len <= self.window {
            return ops::slice(ring, POSITIONS, 0, self.len);
        }
        rotated(ring, head, self.window)
    }

    /// Lays the last `window` of `all`, which ends at position `len + rows`, into slots.
    fn ring_of(&self, all: &Array, count: usize, ring: &Array) -> Result<Array> {
        if count < self.window {
            return with_rows(ring, all, 0);
        }
        let held = self.len.min(self.window);
        let end = self.len + (count - held);
        let newest = ops::slice(all, POSITIONS, count - self.window, count)?;
        rotated(&newest, self.window - end % self.window, self.window)
    }
}

/// `[a, b]` → `[b, a]`, cut before index `cut` of `len`; a copy of its own.
fn rotated(array: &Array, cut: usize, len: usize) -> Result<Array> {
    if cut == 0 || cut == len {
        // A copy: a slice would keep the whole chunk's buffer alive.
        return array.contiguous();
    }
    concatenate(
        &[
            ops::slice(array, POSITIONS, cut, len)?,
            ops::slice(array, POSITIONS, 0, cut)?,
        ],
        POSITIONS as i32,
    )
}
