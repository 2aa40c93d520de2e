//! A matrix in any stored form times a few or many tokens.

use super::isa::WithSimd;
use super::pack::{self, Pack};
use super::rows::{self, Scratch};
use super::simd::{Chunk, Simd};
use super::tile::{Group, tiles, token_runs};
use super::view::{check_len, product};
use super::{KernelError, Pool, QuantizedMatrix};

/// Multiplies: `out[t] = W x[t]`.
///
/// Shapes: `x`: [T, `in_features`] → `out`: [T, `out_features`]; T follows from `x`.
///
/// Errors: a [`KernelError`] where a length does not fit the shapes; nothing has been written then.
pub fn quantized_matmul(
    matrix: &QuantizedMatrix<'_>,
    x: &[f32],
    out: &mut [f32],
    pool: &Pool,
) -> Result<(), KernelError> {
    matrix.check()?;
    let num_tokens = x.len() / matrix.in_features;
    check_len("x", x.len(), num_tokens * matrix.in_features)?;
    check_len(
        "out",
        out.len(),
        product("out", &[num_tokens, matrix.out_features])?,
    )?;
    if out.is_empty() {
        return Ok(());
    }
    pool.isa().run(Matmul {
        matrix,
        x,
        out,
        pool,
    })
}

struct Matmul<'a> {
    matrix: &'a QuantizedMatrix<'a>,
    x: &'a [f32],
    out: &'a mut [f32],
    pool: &'a Pool,
}

impl WithSimd for Matmul<'_> {
    fn call<I: Simd>(self, isa: I) {
        let Self {
            matrix,
            x,
            out,
            pool,
        } = self;
        let packed = pack_rows(isa, matrix.rows.layout(), x, matrix.in_features, pool);
        let tokens: Vec<&[Chunk<I>]> = packed
            .chunks(pack::num_chunks::<I>(matrix.in_features))
            .collect();
        let groups = [Group {
            expert: 0,
            tokens: 0..tokens.len(),
        }];
        let weights = (matrix.rows, matrix.in_features);
        let fill = |out: &mut [f32]| {
            pool.for_each(
                x.len() * matrix.out_features,
                tiles(&groups, matrix.out_features, out).into_iter(),
                Scratch::new,
                |scratch, tile| {
                    rows::multiply(isa, weights, tile.rows, &tokens, scratch, tile.out);
                },
            );
        };
        if tokens.len() == 1 {
            // One token's tiles lie as the output does.
            return fill(out);
        }
        let mut tiled = vec![0.0; out.len()];
        fill(&mut tiled);
        let rows = out.chunks_mut(matrix.out_features).enumerate();
        pool.move_rows(
            rows,
            || (),
            |(), (token, out)| {
                let mut rest = out;
                for run in token_runs(&groups[0], token, matrix.out_features, &tiled) {
                    let (head, tail) = rest.split_at_mut(run.len());
                    head.copy_from_slice(run);
                    rest = tail;
                }
            },
        );
    }
}

/// Packs every row of `x`; few rows on the calling thread, which is quicker than waking others.
pub(super) fn pack_rows<I: Simd>(
    isa: I,
    layout: pack::Layout,
    x: &[f32],
    in_features: usize,
    pool: &Pool,
) -> Vec<Chunk<I>> {
    let mut packed = pack::buffer(isa, x.len() / in_features, in_features);
    let rows = x
        .chunks(in_features)
        .zip(packed.chunks_mut(pack::num_chunks::<I>(in_features)));
    pool.move_rows(
        rows,
        || (),
        |(), (row, out)| isa.vectorize(Pack { layout, row, out }),
    );
    packed
}
