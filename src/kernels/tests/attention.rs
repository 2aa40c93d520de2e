//! Attention against a plain f64 computation, and the exponential under it.

use super::for_every_pool;
use super::reference::Random;
use crate::kernels::exp::exp;
use crate::kernels::isa::WithSimd;
use crate::kernels::simd::{Kernel, Simd};
use crate::kernels::{AttentionView, Isa, KernelError, OneRowView, Pool, attend_one, attention};

/// Allowed difference, as a part of the sum of the terms' magnitudes.
const TOLERANCE: f64 = 1e-5;

#[derive(Debug, Clone, Copy)]
struct Shape {
    heads: usize,
    kv_heads: usize,
    dim: usize,
    rows: usize,
    keys: usize,
    capacity: usize,
    window: Option<usize>,
}

struct Stored {
    shape: Shape,
    queries: Vec<f32>,
    keys: Vec<f32>,
    values: Vec<f32>,
    sinks: Vec<f32>,
}

impl Stored {
    fn random(shape: Shape, random: &mut Random) -> Self {
        let held = shape.kv_heads * shape.capacity * shape.dim;
        Self {
            shape,
            queries: random.signed_values(shape.heads * shape.rows * shape.dim),
            keys: random.signed_values(held),
            values: random.signed_values(held),
            sinks: random.signed_values(shape.heads),
        }
    }

    fn view(&self) -> AttentionView<'_> {
        AttentionView {
            queries: &self.queries,
            keys: &self.keys,
            values: &self.values,
            sinks: &self.sinks,
            num_key_value_heads: self.shape.kv_heads,
            head_dim: self.shape.dim,
            num_keys: self.shape.keys,
            scale: 1.5,
            window: self.shape.window,
        }
    }

    fn run(&self, pool: &Pool) -> Vec<f32> {
        let mut out = vec![f32::NAN; self.queries.len()];
        attention(&self.view(), &mut out, pool).unwrap();
        out
    }

    /// For each output of a row's head, the value and the sum of its terms' magnitudes.
    fn expected(&self, row: usize, head: usize) -> Vec<(f64, f64)> {
        let Shape {
            heads,
            kv_heads,
            dim,
            rows,
            keys,
            capacity,
            window,
        } = self.shape;
        let kv = head / (heads / kv_heads);
        let at = |all: &[f32], place: usize, d: usize| f64::from(all[place * dim + d]);
        let last = keys - rows + row;
        let first = window.map_or(0, |window| (last + 1).saturating_sub(window));
        let powers: Vec<f64> = (first..=last)
            .map(|key| {
                let score: f64 = (0..dim)
                    .map(|d| {
                        at(&self.queries, head * rows + row, d)
                            * at(&self.keys, kv * capacity + key, d)
                    })
                    .sum();
                (1.5 * score).exp()
            })
            .collect();
        let all = f64::from(self.sinks[head]).exp() + powers.iter().sum::<f64>();
        (0..dim)
            .map(|d| {
                let terms = powers.iter().enumerate().map(|(key, power)| {
                    power / all * at(&self.values, kv * capacity + first + key, d)
                });
                terms.fold((0.0, 0.0), |(sum, size), term| {
                    (sum + term, size + term.abs())
                })
            })
            .collect()
    }
}

/// Heads, key heads, D, rows, keys, capacity, window (0 for none).
const SHAPES: [[usize; 7]; 14] = [
    [1, 1, 1, 1, 1, 1, 0],
    [2, 1, 5, 1, 7, 9, 0],
    [8, 2, 16, 1, 63, 64, 0],
    [8, 1, 64, 1, 64, 64, 0],
    [16, 2, 64, 1, 65, 256, 0],
    [8, 8, 48, 1, 300, 512, 0],
    [6, 2, 64, 3, 3, 256, 0],
    [8, 4, 32, 5, 70, 80, 0],
    [4, 2, 80, 16, 16, 16, 0],
    [4, 2, 64, 17, 150, 256, 0],
    [8, 2, 64, 40, 167, 167, 128],
    [4, 4, 24, 35, 90, 90, 7],
    [3, 1, 33, 33, 33, 40, 1],
    [4, 1, 130, 2, 129, 140, 64],
];

fn shapes() -> impl Iterator<Item = Shape> {
    SHAPES.into_iter().map(
        |[heads, kv_heads, dim, rows, keys, capacity, window]| Shape {
            heads,
            kv_heads,
            dim,
            rows,
            keys,
            capacity,
            window: (window > 0).then_some(window),
        },
    )
}

/// The last row of `stored` held apart from the others, as a cache that has not taken it yet holds them.
fn run_one(stored: &Stored, hidden: Option<usize>, pool: &Pool) -> Vec<f32> {
    let shape = stored.shape;
    let row_of = |all: &[f32]| -> Vec<f32> {
        let heads = all.chunks(shape.capacity * shape.dim);
        heads
            .flat_map(|head| &head[(shape.keys - 1) * shape.dim..][..shape.dim])
            .copied()
            .collect()
    };
    let (key, value) = (row_of(&stored.keys), row_of(&stored.values));
    let mut out = vec![f32::NAN; stored.queries.len()];
    let view = OneRowView {
        queries: &stored.queries,
        key: &key,
        value: &value,
        keys: &stored.keys,
        values: &stored.values,
        num_keys: shape.keys - 1,
        hidden,
        sinks: &stored.sinks,
        num_key_value_heads: shape.kv_heads,
        head_dim: shape.dim,
        scale: 1.5,
    };
    attend_one(&view, &mut out, pool).unwrap();
    out
}

#[test]
fn a_row_held_apart_agrees_with_the_reference() {
    let mut random = Random(17);
    for shape in shapes() {
        let shape = Shape {
            rows: 1,
            window: None,
            ..shape
        };
        let stored = Stored::random(shape, &mut random);
        let expected: Vec<_> = (0..shape.heads)
            .flat_map(|head| stored.expected(0, head))
            .collect();
        for_every_pool(&[1, 2, 3], |pool| {
            let out = run_one(&stored, None, pool);
            for (index, (out, (value, size))) in out.iter().zip(&expected).enumerate() {
                let error = (f64::from(*out) - value).abs();
                assert!(
                    error <= TOLERANCE * size,
                    "{shape:?} {pool:?} [{index}]: {out} for {value}"
                );
            }
        });
    }
}

#[test]
fn a_place_that_left_the_window_is_not_seen() {
    let shape = Shape {
        heads: 8,
        kv_heads: 2,
        dim: 64,
        rows: 1,
        keys: 40,
        capacity: 64,
        window: None,
    };
    let mut stored = Stored::random(shape, &mut Random(19));
    for_every_pool(&[1], |pool| {
        let hidden = run_one(&stored, Some(7), pool);
        assert_ne!(hidden, run_one(&stored, None, pool));
        for head in 0..shape.kv_heads {
            let at = (head * shape.capacity + 7) * shape.dim;
            stored.keys[at..at + shape.dim].fill(3.0);
            stored.values[at..at + shape.dim].fill(-5.0);
        }
        assert_eq!(hidden, run_one(&stored, Some(7), pool));
    });
}

#[test]
fn every_shape_agrees_with_the_reference() {
    let mut random = Random(11);
    for shape in shapes() {
        let stored = Stored::random(shape, &mut random);
        for_every_pool(&[1, 2, 3], |pool| {
            let out = stored.run(pool);
            for row in 0..shape.rows {
                for head in 0..shape.heads {
                    let at = (row * shape.heads + head) * shape.dim;
                    let expected = stored.expected(row, head);
                    for (out, (value, size)) in out[at..].iter().zip(expected) {
                        let error = (f64::from(*out) - value).abs();
                        assert!(
                            error <= TOLERANCE * size,
                            "{shape:?} {pool:?}, row {row}, head {head}: {out} for {value} ± {size}"
                        );
                    }
                }
            }
        });
    }
}

#[test]
fn a_row_has_the_same_bits_in_any_batch_on_any_number_of_threads() {
    let mut random = Random(12);
    for shape in shapes().filter(|shape| shape.rows > 1) {
        let stored = Stored::random(shape, &mut random);
        for_every_pool(&[1, 3], |pool| {
            let batch = stored.run(pool);
            let row_len = shape.heads * shape.dim;
            for row in 0..shape.rows {
                let one_row = |head: usize| {
                    &stored.queries[(head * shape.rows + row) * shape.dim..][..shape.dim]
                };
                let alone = Stored {
                    shape: Shape {
                        rows: 1,
                        keys: shape.keys - shape.rows + row + 1,
                        ..shape
                    },
                    queries: (0..shape.heads).flat_map(one_row).copied().collect(),
                    keys: stored.keys.clone(),
                    values: stored.values.clone(),
                    sinks: stored.sinks.clone(),
                };
                let batch = &batch[row * row_len..][..row_len];
                assert_eq!(alone.run(pool), batch, "{shape:?} row {row} {pool:?}");
            }
        });
    }
}

#[test]
fn far_scores_and_nan_stay_with_their_rows() {
    let shape = Shape {
        heads: 2,
        kv_heads: 1,
        dim: 16,
        rows: 20,
        keys: 80,
        capacity: 96,
        window: None,
    };
    let mut stored = Stored::random(shape, &mut Random(13));
    // A key so near to the fourth row's first head that it alone counts, 1e4 above all others.
    stored.queries[3 * 16..4 * 16].fill(20.0);
    stored.keys[10 * 16..11 * 16].fill(20.0);
    stored.queries[7 * 16] = f32::NAN;
    for_every_pool(&[1, 2], |pool| {
        let out = stored.run(pool);
        for (index, out) in out.chunks(16).enumerate() {
            let is_nan = out.iter().all(|value| value.is_nan());
            assert_eq!(is_nan, index == 7 * 2, "row and head {index}: {out:?}");
            assert!(is_nan || out.iter().all(|value| value.is_finite()));
        }
        for (value, out) in stored.values[10 * 16..]
            .iter()
            .zip(&out[3 * 2 * 16..][..16])
        {
            assert!((value - out).abs() <= 1e-6, "{out} for {value}");
        }
    });
}

#[test]
fn lengths_that_do_not_fit_are_refused() {
    let shape = Shape {
        heads: 4,
        kv_heads: 2,
        dim: 8,
        rows: 2,
        keys: 5,
        capacity: 6,
        window: None,
    };
    let stored = Stored::random(shape, &mut Random(14));
    let good = stored.view();
    let cases = [
        (
            AttentionView { sinks: &[], ..good },
            "the rows of keys are empty",
        ),
        (
            AttentionView {
                num_key_value_heads: 3,
                ..good
            },
            "sinks holds 4 values, expected 3",
        ),
        (
            AttentionView {
                queries: &stored.queries[1..],
                ..good
            },
            "queries holds 63 values, expected 32",
        ),
        (
            AttentionView {
                num_keys: 7,
                ..good
            },
            "keys holds 96 values, expected 112",
        ),
        (
            AttentionView {
                values: &stored.values[1..],
                ..good
            },
            "values holds 95 values, expected 96",
        ),
        (
            AttentionView {
                num_keys: 1,
                ..good
            },
            "num_keys holds 1 values, expected 2",
        ),
    ];
    for_every_pool(&[1], |pool| {
        for (view, message) in &cases {
            let mut out = vec![5.0; 64];
            let error = attention(view, &mut out, pool).unwrap_err();
            assert_eq!(error.to_string(), *message);
            assert!(out.iter().all(|value| (value - 5.0).abs() == 0.0));
        }
        let error = attention(&good, &mut [0.0; 63], pool).unwrap_err();
        let expected = KernelError::Length {
            name: "out",
            expected: 64,
            found: 63,
        };
        assert_eq!(error, expected);
    });
}

/// `exp` of sixteen values.
struct Powers<'a>(&'a mut [f32; 16]);

impl WithSimd for Powers<'_> {
    fn call<I: Simd>(self, isa: I) {
        isa.vectorize(self);
    }
}

impl<I: Simd> Kernel<I> for Powers<'_> {
    #[inline(always)]
    fn run(self, isa: I) {
        for vector in self.0.chunks_exact_mut(I::LANES) {
            isa.store(exp(isa, isa.load(vector)), vector);
        }
    }
}

#[test]
fn exponentials_are_right_to_two_units_in_the_last_place() {
    for isa in Isa::available() {
        for step in 0..200_000_i32 {
            let x = -87.0 + step as f32 * (175.0 / 200_000.0);
            let mut values = [x; 16];
            isa.run(Powers(&mut values)).unwrap();
            let exact = f64::from(x).exp();
            let error = (f64::from(values[15]) / exact - 1.0).abs();
            assert!(
                error <= 2.0 * f64::from(f32::EPSILON),
                "{isa}: e^{x}, {error}"
            );
        }
        let mut values = [f32::NAN; 16];
        isa.run(Powers(&mut values)).unwrap();
        assert!(values.iter().all(|value| value.is_nan()), "{isa}");
    }
}
