//! Cuts an output into tiles, each a slice of its own that one thread fills.

use std::num::NonZeroUsize;
use std::ops::Range;

/// Rows of a tile: the more, the longer the streams that memory sees.
const MAX_TILE_ROWS: usize = 128;
const MIN_TILE_ROWS: usize = 32;

/// Tiles for each thread that let threads of uneven speed end together.
const TILES_PER_THREAD: usize = 8;

/// Rows of each tile where `num_threads` share `num_rows` of all groups together.
pub(super) fn rows_per_tile(num_rows: usize, num_threads: NonZeroUsize) -> usize {
    let even = num_rows / (TILES_PER_THREAD * num_threads.get());
    (even / MIN_TILE_ROWS * MIN_TILE_ROWS).clamp(MIN_TILE_ROWS, MAX_TILE_ROWS)
}

/// Tokens that go through the same rows: a range of the routed pairs, and the expert's number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) expert: usize,
    pub(super) tokens: Range<usize>,
}

/// Some rows for all tokens of a group.
pub(super) struct Tile<'a> {
    pub(super) group: &'a Group,
    /// Inside the group's matrix.
    pub(super) rows: Range<usize>,
    /// [tokens, rows].
    pub(super) out: &'a mut [f32],
}

/// Tiles of `tile_rows` over `num_rows` outputs for the tokens of each group.
///
/// `out` must hold `num_rows` values for every token. Groups lie one after the other, their tiles too.
pub(super) fn tiles<'a>(
    groups: &'a [Group],
    (num_rows, tile_rows): (usize, usize),
    mut out: &'a mut [f32],
) -> Vec<Tile<'a>> {
    let mut tiles = Vec::with_capacity(groups.len() * num_rows.div_ceil(tile_rows));
    for group in groups {
        for start in (0..num_rows).step_by(tile_rows) {
            let rows = start..num_rows.min(start + tile_rows);
            let (tile, rest) = out.split_at_mut(rows.len() * group.tokens.len());
            out = rest;
            tiles.push(Tile {
                group,
                rows,
                out: tile,
            });
        }
    }
    tiles
}

/// The values of one token out of what [`tiles`] cut, in runs of consecutive rows.
pub(super) fn token_runs<'a>(
    group: &Group,
    token: usize,
    (num_rows, tile_rows): (usize, usize),
    values: &'a [f32],
) -> impl Iterator<Item = &'a [f32]> {
    let num_tokens = group.tokens.len();
    let block = &values[group.tokens.start * num_rows..group.tokens.end * num_rows];
    let token = token - group.tokens.start;
    (0..num_rows).step_by(tile_rows).map(move |start| {
        let len = tile_rows.min(num_rows - start);
        &block[start * num_tokens + token * len..][..len]
    })
}
