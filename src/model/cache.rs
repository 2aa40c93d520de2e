//! Keys and values of earlier positions, one cache a layer.
//!
//! Full-attention layers keep every position in a buffer that grows in steps ([`KvCache`], or
//! [`QuantizedKvCache`] at 8 bits). Sliding-window layers keep the last `W` positions in a ring:
//! position `p` lies in slot `p mod W` ([`RotatingKvCache`]). Keys are stored rotated, so the order
//! of slots does not matter to attention.
//!
//! Invariant: all layers of one model hold the same number of positions, [`LayerCache::len`].

use mlx_rs::Array;
use mlx_rs::error::Result;
use mlx_rs::ops::{concatenate, zeros_dtype};

use super::config::{Quantization, QuantizationMode};
use crate::mlx::ops::{self, QuantizedArray};

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

    /// Keys and values with all their room, `[1, Hkv, capacity, Dh]`, where they are plain: position
    /// `p` lies in place `p`, or `p mod W` of a ring.
    pub(super) fn plain_buffers(&self) -> Option<(&Array, &Array)> {
        let buffers = match self {
            Self::Full(cache) => &cache.buffers,
            Self::Sliding(cache) => &cache.ring,
            Self::FullQuantized(_) => &None,
        };
        buffers.as_ref().map(|(keys, values)| (keys, values))
    }

    /// The same where what the latest [`Self::update`], with `rows` rows, has returned lies at their
    /// beginning.
    pub(super) fn leading_buffers(&self, rows: usize) -> Option<(&Array, &Array)> {
        match self {
            Self::Sliding(_) if rows > 1 => None,
            _ => self.plain_buffers(),
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
            Self::FullQuantized(cache) => Self::FullQuantized(QuantizedKvCache {
                buffers: None,
                len: 0,
                ..*cache
            }),
            Self::Sliding(cache) => Self::Sliding(RotatingKvCache::new(cache.window)),
        }
    }

    /// Bytes of the buffers, unused slots included.
    pub fn nbytes(&self) -> usize {
        self.arrays().iter().map(|array| array.nbytes()).sum()
    }

    /// Positions the buffers have room for.
    pub fn capacity_tokens(&self) -> usize {
        match self {
            Self::Full(cache) => cache.capacity_tokens(),
            Self::FullQuantized(cache) => cache.capacity_tokens(),
            Self::Sliding(cache) => cache.window,
        }
    }

    /// The buffers, for evaluation at a named point.
    pub fn arrays(&self) -> Vec<&Array> {
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

/// All positions of a full-attention layer.
#[derive(Debug, Clone, Default)]
pub struct KvCache {
    buffers: Option<(Array, Array)>,
    len: usize,
}

impl KvCache {
    fn capacity_tokens(&self) -> usize {
        let positions = |(keys, _): &(Array, Array)| keys.dim(POSITIONS as i32) as usize;
        self.buffers.as_ref().map_or(0, positions)
    }

    fn update(&mut self, keys: &Array, values: &Array) -> Result<KeysValues> {
        let end = self.len + keys.dim(POSITIONS as i32) as usize;
        let (mut all_keys, mut all_values) = match self.buffers.take() {
            Some(buffers) => buffers,
            None => (empty_like(keys)?, empty_like(values)?),
        };
        all_keys = grown(all_keys, self.len, end)?;
        all_values = grown(all_values, self.len, end)?;
        all_keys = ops::slice_update(&all_keys, keys, POSITIONS, self.len)?;
        all_values = ops::slice_update(&all_values, values, POSITIONS, self.len)?;
        let visible = KeysValues {
            keys: ops::slice(&all_keys, POSITIONS, 0, end)?,
            values: ops::slice(&all_values, POSITIONS, 0, end)?,
        };
        self.buffers = Some((all_keys, all_values));
        self.len = end;
        Ok(visible)
    }
}

/// All positions of a full-attention layer, packed in 8-bit groups along the head.
#[derive(Debug, Clone)]
pub struct QuantizedKvCache {
    buffers: Option<(QuantizedArray, QuantizedArray)>,
    len: usize,
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

    fn capacity_tokens(&self) -> usize {
        self.buffers
            .as_ref()
            .map_or(0, |(keys, _)| keys.weight.dim(POSITIONS as i32) as usize)
    }

    fn update(&mut self, keys: &Array, values: &Array) -> Result<KeysValues> {
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

/// The last `W` positions of a sliding-window layer.
#[derive(Debug, Clone)]
pub struct RotatingKvCache {
    ring: Option<(Array, Array)>,
    len: usize,
    window: usize,
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

    fn update(&mut self, keys: &Array, values: &Array) -> Result<KeysValues> {
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

    /// A single row is returned with the ring, whose slots are not in order once it has wrapped.
    fn visible_positions(&self, rows: usize) -> Vec<usize> {
        let earlier = self.len - rows;
        if rows > 1 {
            return (earlier - earlier.min(self.window - 1)..self.len).collect();
        }
        let newest_in = |slot| slot + (earlier - slot) / self.window * self.window;
        (0..self.len.min(self.window)).map(newest_in).collect()
    }

    /// Writes one row into its slot: the new ring, and its filled part.
    fn append_one(&self, ring: &Array, row: &Array) -> Result<(Array, Array)> {
        let ring = ops::slice_update(ring, row, POSITIONS, self.len % self.window)?;
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
            return ops::slice_update(ring, all, POSITIONS, 0);
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

/// `buffer`, long enough for `end` positions; the first `len` are kept.
fn grown(buffer: Array, len: usize, end: usize) -> Result<Array> {
    let capacity = buffer.dim(POSITIONS as i32) as usize;
    if end <= capacity {
        return Ok(buffer);
    }
    let wanted = end.next_multiple_of(GROWTH_STEP_TOKENS);
    let room = zeros_with_positions(&buffer, wanted - len)?;
    if len == 0 {
        return Ok(room);
    }
    concatenate(
        &[&ops::slice(&buffer, POSITIONS, 0, len)?, &room],
        POSITIONS as i32,
    )
}

fn empty_like(array: &Array) -> Result<Array> {
    zeros_with_positions(array, 0)
}

fn zeros_with_positions(like: &Array, positions: usize) -> Result<Array> {
    let mut shape = like.shape().to_vec();
    shape[POSITIONS] = positions as i32;
    zeros_dtype(&shape, like.dtype())
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
