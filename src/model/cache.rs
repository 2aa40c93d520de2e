//! Keys and values of earlier positions, one cache a layer.
//!
//! Full-attention layers keep every position in a buffer that grows in steps ([`KvCache`], or
//! [`QuantizedKvCache`] at 8 bits). Sliding-window layers keep the last `W` positions in a ring:
//! position `p` lies in slot `p mod W` ([`RotatingKvCache`]). Keys are stored rotated, so the order
//! of slots does not matter to attention.
//!
//! Kernels for one token write the new row themselves (`room_for_one`): into the buffer
//! of a full layer, which would else be copied for every token, and into a new ring beside the old
//! one, which may be kept to go back to.
//!
//! Invariant: all layers of one model hold the same number of positions, [`LayerCache::len`].

mod full;
mod packed;
mod ring;
#[cfg(test)]
mod tests;

use mlx_rs::error::Result;
use mlx_rs::ops::{concatenate, zeros_dtype};
use mlx_rs::{Array, Dtype};

use crate::mlx::ops;
pub use full::KvCache;
pub use packed::QuantizedKvCache;
pub use ring::RotatingKvCache;

/// Positions by which a full layer's buffer grows.
pub const GROWTH_STEP_TOKENS: usize = 256;

/// The axis of positions in `[1, Hkv, n, Dh]`.
const POSITIONS: usize = 2;

/// What attention reads: rotated keys and values of all visible positions, `[1, Hkv, n, Dh]`.
#[derive(Debug)]
pub struct KeysValues {
    /// Rotated keys.
    pub keys: Array,
    /// Values.
    pub values: Array,
}

/// What one row of keys, or of values, is like.
#[derive(Debug, Clone, Copy)]
pub(super) struct RowShape {
    pub(super) num_key_value_heads: usize,
    pub(super) head_dim: usize,
    pub(super) dtype: Dtype,
}

impl RowShape {
    /// Zeros for so many positions, `[1, Hkv, positions, Dh]`.
    fn zeros(&self, positions: usize) -> Result<Array> {
        let shape = [1, self.num_key_value_heads, positions, self.head_dim].map(|n| n as i32);
        zeros_dtype(&shape, self.dtype)
    }
}

/// Keys and values with room for one more row, `[1, Hkv, capacity, Dh]`.
#[derive(Debug)]
pub(super) enum RoomForOne {
    /// Position `p` lies in place `p`; nobody else reads place `len`, so that it may be written.
    InPlace((Array, Array)),
    /// Position `p` lies in slot `p mod W`. Others may hold this ring: it is not to be changed.
    Ring((Array, Array)),
}

/// The positions before the next row, where they lie.
#[derive(Debug)]
pub(super) struct Earlier<'a> {
    /// Keys and values, `[1, Hkv, capacity, Dh]`.
    pub(super) buffers: Option<(&'a Array, &'a Array)>,
    /// How many places hold a position.
    pub(super) filled: usize,
    /// The place of the position that leaves the window.
    pub(super) hidden: Option<usize>,
}

/// The cache of one layer.
#[derive(Debug, Clone)]
pub enum LayerCache {
    /// Every position.
    Full(KvCache),
    /// Every position, at 8 bits.
    FullQuantized(QuantizedKvCache),
    /// The last `W` positions.
    Sliding(RotatingKvCache),
}

impl LayerCache {
    /// Appends `keys` and `values`, `[1, Hkv, L, Dh]`, and returns what the new rows may attend to.
    ///
    /// A sliding layer that gets one row returns its ring; with more rows it returns up to `W - 1`
    /// earlier positions in order, then the new ones, which need a windowed mask.
    pub fn update(&mut self, keys: &Array, values: &Array) -> Result<KeysValues> {
        match self {
            Self::Full(cache) => cache.update(keys, values),
            Self::FullQuantized(cache) => cache.update(keys, values),
            Self::Sliding(cache) => cache.update(keys, values),
        }
    }

    /// Where a kernel finds the earlier rows and puts one more; none where rows are packed.
    ///
    /// What the kernel returns has to follow: [`Self::filled_one`] or [`Self::turned`].
    pub(super) fn room_for_one(&mut self, row: &RowShape) -> Result<Option<RoomForOne>> {
        match self {
            Self::Full(cache) => cache.room_for_one(row).map(RoomForOne::InPlace).map(Some),
            Self::Sliding(cache) => cache.ring_or_empty(row).map(RoomForOne::Ring).map(Some),
            Self::FullQuantized(_) => Ok(None),
        }
    }

    /// Counts the row that a kernel writes into the place of [`RoomForOne::InPlace`] as soon as
    /// `written` is evaluated.
    pub(super) fn filled_one(&mut self, written: &Array) {
        if let Self::Full(cache) = self {
            cache.filled_one(written);
        }
    }

    /// Takes over the ring that a kernel made of [`RoomForOne::Ring`] and one more row.
    pub(super) fn turned(&mut self, ring: (Array, Array)) {
        if let Self::Sliding(cache) = self {
            cache.turned(ring);
        }
    }

    /// Keys and values with all their room, `[1, Hkv, capacity, Dh]`, where all positions lie in order at
    /// their beginning.
    pub(super) fn ordered_buffers(&self) -> Option<(&Array, &Array)> {
        match self {
            Self::Full(cache) => cache.buffers.as_ref().map(|(keys, values)| (keys, values)),
            Self::Sliding(_) | Self::FullQuantized(_) => None,
        }
    }

    /// What one more row may see beside itself, as it lies.
    pub(super) fn earlier(&self) -> Earlier<'_> {
        let (buffers, filled, hidden) = match self {
            Self::Full(cache) => (cache.buffers.as_ref(), cache.len, None),
            Self::Sliding(cache) => {
                let is_full = cache.len >= cache.window;
                let oldest = is_full.then(|| cache.len % cache.window);
                (cache.ring.as_ref(), cache.len.min(cache.window), oldest)
            }
            Self::FullQuantized(_) => (None, 0, None),
        };
        Earlier {
            buffers: buffers.map(|(keys, values)| (keys, values)),
            filled,
            hidden,
        }
    }

    /// Whether keys and values are kept packed.
    pub(super) fn is_packed(&self) -> bool {
        matches!(self, Self::FullQuantized(_))
    }

    /// The positions of the keys that the latest [`Self::update`], with `rows` rows, has returned, in
    /// their order.
    pub fn visible_positions(&self, rows: usize) -> Vec<usize> {
        match self {
            Self::Full(_) | Self::FullQuantized(_) => (0..self.len()).collect(),
            Self::Sliding(cache) => cache.visible_positions(rows),
        }
    }

    /// How many of the latest positions a row sees; none sees all.
    pub fn window(&self) -> Option<usize> {
        match self {
            Self::Full(_) | Self::FullQuantized(_) => None,
            Self::Sliding(cache) => Some(cache.window),
        }
    }

    /// Positions appended so far.
    pub fn len(&self) -> usize {
        match self {
            Self::Full(cache) => cache.len,
            Self::FullQuantized(cache) => cache.len,
            Self::Sliding(cache) => cache.len,
        }
    }

    /// Whether nothing was appended yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether [`Self::trim`] to `len` positions leaves exactly what was there at that length.
    ///
    /// A ring that has wrapped has overwritten what an earlier length needs.
    pub fn can_trim(&self, len: usize) -> bool {
        match self {
            Self::Full(_) | Self::FullQuantized(_) => len <= self.len(),
            Self::Sliding(cache) => {
                len == cache.len || (len < cache.len && cache.len <= cache.window)
            }
        }
    }

    /// Forgets all positions from `len` on; only where [`Self::can_trim`] allows it.
    pub fn trim(&mut self, len: usize) {
        debug_assert!(self.can_trim(len), "a wrapped ring cannot go back");
        match self {
            Self::Full(cache) => cache.len = len,
            Self::FullQuantized(cache) => cache.len = len,
            Self::Sliding(cache) => cache.len = len,
        }
    }

    /// An empty cache of the same kind.
    #[must_use]
    pub fn emptied(&self) -> Self {
        match self {
            Self::Full(_) => Self::Full(KvCache::default()),
            Self::FullQuantized(cache) => Self::FullQuantized(cache.emptied()),
            Self::Sliding(cache) => Self::Sliding(RotatingKvCache::new(cache.window)),
        }
    }

    /// Bytes of the buffers, unused slots included.
    pub fn nbytes(&self) -> usize {
        self.buffers().iter().map(|array| array.nbytes()).sum()
    }

    /// Positions the buffers have room for.
    pub fn capacity_tokens(&self) -> usize {
        match self {
            Self::Full(cache) => cache.capacity_tokens(),
            Self::FullQuantized(cache) => cache.capacity_tokens(),
            Self::Sliding(cache) => cache.window,
        }
    }

    /// What has to be evaluated, or handed to the device, before the next pass is built.
    pub fn arrays(&self) -> Vec<&Array> {
        let mut arrays = self.buffers();
        if let Self::Full(cache) = self {
            arrays.extend(cache.written());
        }
        arrays
    }

    fn buffers(&self) -> Vec<&Array> {
        match self {
            Self::Full(cache) => cache.buffers.iter().flat_map(|(k, v)| [k, v]).collect(),
            Self::FullQuantized(cache) => cache
                .buffers
                .iter()
                .flat_map(|(k, v)| k.arrays().chain(v.arrays()))
                .collect(),
            Self::Sliding(cache) => cache.ring.iter().flat_map(|(k, v)| [k, v]).collect(),
        }
    }
}

/// `buffer`, long enough for `end` positions; the first `len` are kept.
fn grown(buffer: Array, len: usize, end: usize) -> Result<Array> {
    if end <= buffer.dim(POSITIONS as i32) as usize {
        return Ok(buffer);
    }
    moved(&buffer, len, end)
}

/// The first `len` positions of `buffer` in one of their own, long enough for `end`.
fn moved(buffer: &Array, len: usize, end: usize) -> Result<Array> {
    let wanted = end.next_multiple_of(GROWTH_STEP_TOKENS);
    let room = zeros_with_positions(buffer, wanted - len)?;
    if len == 0 {
        return Ok(room);
    }
    concatenate(
        &[&ops::slice(buffer, POSITIONS, 0, len)?, &room],
        POSITIONS as i32,
    )
}

/// `buffer` with `rows` from position `len` on, row by row as its kernels read it.
fn with_rows(buffer: &Array, rows: &Array, len: usize) -> Result<Array> {
    if rows.shape() == buffer.shape() {
        // MLX would hand back `rows` themselves, a view of a whole pass's projections.
        return rows.contiguous();
    }
    ops::slice_update(buffer, rows, POSITIONS, len)
}

fn empty_like(array: &Array) -> Result<Array> {
    zeros_with_positions(array, 0)
}

fn zeros_with_positions(like: &Array, positions: usize) -> Result<Array> {
    let mut shape = like.shape().to_vec();
    shape[POSITIONS] = positions as i32;
    zeros_dtype(&shape, like.dtype())
}
