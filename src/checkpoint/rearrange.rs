//! Moves rows and columns of expert tensors into canonical order.
//!
//! Canonical: `[E, out, in]`, and of the fused projection first all gate rows, then all up rows.
//! These are copies of bytes; values are never touched.

/// Splits interleaved rows: even ones (gate) to the front half, odd ones (up) to the back half of
/// each expert. `source` holds `num_experts` times `rows` rows of equal size; `rows` is even.
pub(super) fn halves_from_interleaved(source: &[u8], num_experts: usize, rows: usize) -> Vec<u8> {
    let row_bytes = source.len() / (num_experts * rows);
    let mut halves = Vec::with_capacity(source.len());
    for expert in source.chunks_exact(rows * row_bytes) {
        for parity in 0..2 {
            for pair in expert.chunks_exact(2 * row_bytes) {
                halves.extend_from_slice(&pair[parity * row_bytes..][..row_bytes]);
            }
        }
    }
    halves
}

/// Puts each expert's gate rows in front of its up rows.
pub(super) fn halves_from_split(gate: &[u8], up: &[u8], num_experts: usize) -> Vec<u8> {
    let expert_bytes = gate.len() / num_experts;
    let mut halves = Vec::with_capacity(gate.len() + up.len());
    for (gate, up) in gate
        .chunks_exact(expert_bytes)
        .zip(up.chunks_exact(expert_bytes))
    {
        halves.extend_from_slice(gate);
        halves.extend_from_slice(up);
    }
    halves
}

/// The order of the columns that become rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ColumnOrder {
    Same,
    /// Even columns first, then odd ones.
    Interleaved,
}

/// The dimensions of input-major experts.
#[derive(Debug, Clone, Copy)]
pub(super) struct InputMajor {
    pub(super) num_experts: usize,
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    pub(super) element_bytes: usize,
}

/// Transposes each expert, `[E, in, out]` to `[E, out, in]`.
pub(super) fn transposed(source: &[u8], dims: InputMajor, order: ColumnOrder) -> Vec<u8> {
    match dims.element_bytes {
        2 => transposed_elements::<2>(source, dims, order),
        _ => transposed_elements::<4>(source, dims, order),
    }
}

fn transposed_elements<const N: usize>(
    source: &[u8],
    dims: InputMajor,
    order: ColumnOrder,
) -> Vec<u8> {
    /// Rows and columns of a tile; its two sides stay in the first-level cache.
    const TILE: usize = 32;
    let InputMajor {
        num_experts,
        inputs,
        outputs,
        ..
    } = dims;
    let (source, _) = source.as_chunks::<N>();
    let mut target = vec![[0u8; N]; num_experts * inputs * outputs];
    for (from, to) in source
        .chunks_exact(inputs * outputs)
        .zip(target.chunks_exact_mut(inputs * outputs))
    {
        for first_column in (0..outputs).step_by(TILE) {
            for first_row in (0..inputs).step_by(TILE) {
                for column in first_column..(first_column + TILE).min(outputs) {
                    let out = match order {
                        ColumnOrder::Same => column,
                        ColumnOrder::Interleaved => column / 2 + column % 2 * (outputs / 2),
                    };
                    for row in first_row..(first_row + TILE).min(inputs) {
                        to[out * inputs + row] = from[row * outputs + column];
                    }
                }
            }
        }
    }
    target.into_flattened()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interleaved_rows_become_halves_within_each_expert() {
        // Two experts of four rows of two bytes: gate 0, up 0, gate 1, up 1.
        let source = [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7];
        assert_eq!(
            halves_from_interleaved(&source, 2, 4),
            [0, 0, 2, 2, 1, 1, 3, 3, 4, 4, 6, 6, 5, 5, 7, 7]
        );
    }

    #[test]
    fn split_rows_become_halves_within_each_expert() {
        assert_eq!(
            halves_from_split(&[0, 1, 2, 3], &[4, 5, 6, 7], 2),
            [0, 1, 4, 5, 2, 3, 6, 7]
        );
    }

    #[test]
    fn transposition_moves_every_element() {
        let dims = InputMajor {
            num_experts: 2,
            inputs: 37,
            outputs: 70,
            element_bytes: 2,
        };
        let source: Vec<u8> = (0..2 * 37 * 70u16).flat_map(u16::to_le_bytes).collect();
        for order in [ColumnOrder::Same, ColumnOrder::Interleaved] {
            let target = transposed(&source, dims, order);
            let at = |bytes: &[u8], i: usize| u16::from_le_bytes([bytes[2 * i], bytes[2 * i + 1]]);
            for expert in 0..2 {
                for input in 0..37 {
                    for column in 0..70 {
                        let output = match order {
                            ColumnOrder::Same => column,
                            ColumnOrder::Interleaved if column % 2 == 0 => column / 2,
                            ColumnOrder::Interleaved => 35 + column / 2,
                        };
                        assert_eq!(
                            at(&target, (expert * 70 + output) * 37 + input),
                            at(&source, (expert * 37 + input) * 70 + column)
                        );
                    }
                }
            }
        }
    }
}
