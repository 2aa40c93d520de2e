//! A matrix in any stored form times a few or many tokens.

use super::isa::WithSimd;
use super::pack::{Layout, Packed};
use super::rows;
use super::simd::Simd;
use super::tile::{Group, rows_per_tile, tiles, token_runs};
use super::tiled::Scratch;
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
        let num_tokens = x.len() / matrix.in_features;
        let packed = pack_rows(
            isa,
            (matrix.rows.layout(), num_tokens),
            (x, matrix.in_features),
            pool,
        );
        let tokens = packed.select(0..num_tokens);
        let groups = [Group {
            expert: 0,
            tokens: 0..num_tokens,
        }];
        let weights = (matrix.rows, matrix.in_features);
        let num_rows = matrix.out_features;
        let size = (num_rows, rows_per_tile(num_rows, pool.num_threads()));
        let fill = |out: &mut [f32]| {
            pool.for_each(
                x.len() * matrix.out_features,
                tiles(&groups, size, out).into_iter(),
                Scratch::new,
                |scratch, tile| {
                    let tokens = tokens.tokens(0..num_tokens);
                    rows::multiply(isa, weights, tile.rows, tokens, scratch, tile.out);
                },
            );
        };
        if num_tokens == 1 {
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
                for run in token_runs(&groups[0], token, size, &tiled) {
                    let (head, tail) = rest.split_at_mut(run.len());
                    head.copy_from_slice(run);
                    rest = tail;
                }
            },
        );
    }
}

/// Packs every row of `x`; few rows on the calling thread, which is quicker than waking others.
///
/// `max_tokens`: as for [`Packed::new`].
pub(super) fn pack_rows<I: Simd>(
    isa: I,
    (layout, max_tokens): (Layout, usize),
    (x, in_features): (&[f32], usize),
    pool: &Pool,
) -> Packed<I> {
    let size = (x.len() / in_features, in_features);
    let mut packed = Packed::new(isa, layout, max_tokens, size);
    let rows: Vec<_> = packed
        .rows_mut()
        .into_iter()
        .zip(x.chunks(in_features))
        .collect();
    pool.move_rows(rows.into_iter(), || (), |(), (out, row)| out.fill(isa, row));
    packed
}
