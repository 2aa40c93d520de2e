//! Every code and scale, clamps, NaN, and arguments that do not fit.

#![allow(clippy::float_cmp, reason = "what is decoded or left alone is exact")]

use super::for_every_pool;
use super::reference::{Form, Random, Stored, StoredExperts};
use crate::kernels::{
    ExpertsView, Isa, KernelError, Pool, QuantizedMatrix, QuantizedRows, moe_forward,
    quantized_matmul,
};
use std::num::NonZeroUsize;

/// A row for every scale byte; in each, every byte of codes once.
fn all_bytes_and_scales() -> Stored {
    let mut stored = Stored::random(Form::Mxfp4, 256, 512, &mut Random(5));
    for (index, word) in stored.packed.iter_mut().enumerate() {
        let first = (index % 64 * 4) as u8;
        *word = u32::from_le_bytes([first, first + 1, first + 2, first + 3]);
    }
    for (index, exponent) in stored.exponents.iter_mut().enumerate() {
        *exponent = (index / 16) as u8;
    }
    stored
}

/// Equal, NaN being equal to NaN.
fn same(a: f32, b: f32) -> bool {
    a == b || a.is_nan() && b.is_nan()
}

#[test]
fn every_byte_with_every_scale_decodes_exactly() {
    let stored = all_bytes_and_scales();
    let mut one_hot = vec![0.0; 512 * 512];
    (0..512).for_each(|i| one_hot[i * 512 + i] = 1.0);
    for_every_pool(&[2], |pool| {
        let mut batch = vec![0.0; 512 * 256];
        quantized_matmul(&stored.matrix(), &one_hot, &mut batch, pool).unwrap();
        for column in 0..512 {
            let mut single = [0.0; 256];
            let x = &one_hot[column * 512..][..512];
            quantized_matmul(&stored.matrix(), x, &mut single, pool).unwrap();
            for (scale, value) in single.into_iter().enumerate() {
                let expected = stored.weight(scale, column) as f32;
                assert!(
                    same(value, expected),
                    "{value} for {expected}, scale {scale}"
                );
                // From 253 on some weights are infinite, and the zeros of a one-hot token make NaN of them.
                if scale < 253 || scale == 255 {
                    let value = batch[column * 256 + scale];
                    assert!(
                        same(value, expected),
                        "{value} for {expected}, scale {scale}"
                    );
                }
            }
        }
    });
}

/// One expert with one gate and one up unit; its inputs are the biases.
fn activation(gate: f32, up: f32, limit: f32, pool: &Pool) -> f32 {
    let view = ExpertsView {
        num_local_experts: 1,
        hidden_size: 1,
        intermediate_size: 1,
        gate_up: QuantizedRows::Dense(&[0.0, 0.0]),
        gate_up_bias: &[gate, up],
        down: QuantizedRows::Dense(&[1.0]),
        down_bias: &[0.0],
        swiglu_limit: limit,
    };
    let mut out = [0.0];
    moe_forward(&view, &[0.0], &[0], &[1.0], &mut out, pool).unwrap();
    out[0]
}

#[test]
fn gate_is_clamped_from_above_and_up_on_both_sides() {
    let silu = |gate: f32| gate / (1.0 + (-1.702 * gate).exp());
    let cases = [
        (1.0, 2.0, silu(1.0) * 3.0),
        (7.0, 7.0, silu(7.0) * 8.0),
        (8.0, 0.0, silu(7.0)),
        (f32::INFINITY, 0.0, silu(7.0)),
        (-8.0, 0.0, silu(-8.0)),
        (-1e30, 0.0, 0.0),
        (1.0, 9.0, silu(1.0) * 8.0),
        (1.0, -9.0, silu(1.0) * -6.0),
        (1.0, f32::INFINITY, silu(1.0) * 8.0),
        (1.0, f32::NEG_INFINITY, silu(1.0) * -6.0),
        (1.0, -1.0, 0.0),
        (f32::NAN, 1.0, f32::NAN),
        (1.0, f32::NAN, f32::NAN),
    ];
    for_every_pool(&[1], |pool| {
        for (gate, up, expected) in cases {
            let value = activation(gate, up, 7.0, pool);
            let near = (value - expected).abs() <= 1e-6 * expected.abs();
            assert!(
                near || same(value, expected),
                "{gate}, {up}: {value} for {expected}"
            );
        }
        assert!(
            activation(1.0, 1.0, f32::NAN, pool).is_finite(),
            "a NaN limit clamps nothing"
        );
    });
}

#[test]
fn nan_stays_with_the_tokens_that_meet_it() {
    let forms = [Form::Mxfp4, Form::Mxfp4];
    let mut stored = StoredExperts::random(forms, [3, 96, 64], &mut Random(6));
    let x = Random(7).signed_values(12 * 96);
    let ids: Vec<u32> = (0..12).map(|t| t % 3).collect();
    let weights = vec![1.0; 12];
    for_every_pool(&[1, 2], |pool| {
        let check =
            |stored: &StoredExperts, x: &[f32], weights: &[f32], is_bad: fn(usize) -> bool| {
                let mut out = vec![0.0; x.len()];
                moe_forward(&stored.view(), x, &ids, weights, &mut out, pool).unwrap();
                for (token, out) in out.chunks(96).enumerate() {
                    assert!(
                        out.iter().all(|value| value.is_nan() == is_bad(token)),
                        "token {token}"
                    );
                }
            };
        let mut bad_x = x.clone();
        bad_x[4 * 96 + 95] = f32::NAN;
        check(&stored, &bad_x, &weights, |token| token == 4);
        let mut bad_weights = weights.clone();
        bad_weights[5] = f32::NAN;
        check(&stored, &x, &bad_weights, |token| token == 5);
        let kept = stored.gate_up.exponents[64 * 2 * 3];
        stored.gate_up.exponents[64 * 2 * 3] = 255;
        check(&stored, &x, &weights, |token| token % 3 == 1);
        stored.gate_up.exponents[64 * 2 * 3] = kept;
    });
}

fn one_thread() -> Pool {
    Pool::new(NonZeroUsize::MIN).unwrap()
}

/// The message, then experts, x, ids and weights.
type Refused<'a> = (&'a str, ExpertsView<'a>, &'a [f32], &'a [u32], &'a [f32]);

#[test]
fn arguments_that_do_not_fit_are_refused_and_nothing_is_written() {
    let stored = StoredExperts::random([Form::Mxfp4; 2], [2, 64, 32], &mut Random(8));
    let good = stored.view();
    let (x, ids, weights) = ([0.0; 128], [0, 1], [1.0; 2]);
    let short = QuantizedRows::Mxfp4 {
        packed: &stored.down.packed[1..],
        scales: &stored.down.exponents,
    };
    let cases: [Refused<'_>; 8] = [
        (
            "expert 2 does not exist, there are 2",
            good,
            &x,
            &[0, 2],
            &weights,
        ),
        (
            "x holds 127 values, expected 64",
            good,
            &x[1..],
            &ids,
            &weights,
        ),
        (
            "expert_weights holds 1 values, expected 2",
            good,
            &x,
            &ids,
            &weights[1..],
        ),
        (
            "expert_ids holds 3 values, expected 2",
            good,
            &x,
            &[0, 1, 0],
            &[1.0; 3],
        ),
        (
            "down holds 511 values, expected 512",
            ExpertsView {
                down: short,
                ..good
            },
            &x,
            &ids,
            &weights,
        ),
        (
            "down_bias holds 0 values, expected 128",
            ExpertsView {
                down_bias: &[],
                ..good
            },
            &x,
            &ids,
            &weights,
        ),
        (
            "the rows of gate_up are empty",
            ExpertsView {
                hidden_size: 0,
                ..good
            },
            &x,
            &ids,
            &weights,
        ),
        (
            "the shape of gate_up overflows",
            ExpertsView {
                num_local_experts: usize::MAX,
                ..good
            },
            &x,
            &ids,
            &weights,
        ),
    ];
    for (message, view, x, ids, weights) in cases {
        let mut out = vec![5.0; x.len()];
        let error = moe_forward(&view, x, ids, weights, &mut out, &one_thread()).unwrap_err();
        assert_eq!(error.to_string(), message);
        assert!(out.iter().all(|value| *value == 5.0));
    }
    let error = moe_forward(&good, &x, &ids, &weights, &mut [0.0; 64], &one_thread()).unwrap_err();
    assert_eq!(
        error,
        KernelError::Length {
            name: "out",
            expected: 128,
            found: 64
        }
    );
}

#[test]
fn groups_that_cut_a_row_unevenly_are_refused() {
    let check = |group_size: usize, in_features: usize, expected: KernelError| {
        let rows = QuantizedRows::Affine {
            packed: &[],
            scales: &[],
            biases: &[],
            bits: crate::kernels::AffineBits::Four,
            group_size,
        };
        let matrix = QuantizedMatrix {
            rows,
            out_features: 1,
            in_features,
        };
        let error = quantized_matmul(&matrix, &[], &mut [], &one_thread()).unwrap_err();
        assert_eq!(error, expected);
    };
    check(
        64,
        96,
        KernelError::RaggedGroups {
            in_features: 96,
            group_size: 64,
        },
    );
    check(16, 96, KernelError::GroupSize { group_size: 16 });
    check(96, 96, KernelError::GroupSize { group_size: 96 });
    check(0, 96, KernelError::GroupSize { group_size: 0 });
}

#[test]
fn no_tokens_and_no_experts_per_token_are_fine() {
    let stored = StoredExperts::random([Form::Mxfp4; 2], [2, 64, 32], &mut Random(9));
    moe_forward(&stored.view(), &[], &[], &[], &mut [], &one_thread()).unwrap();
    let mut out = [5.0; 64];
    moe_forward(
        &stored.view(),
        &[1.0; 64],
        &[],
        &[],
        &mut out,
        &one_thread(),
    )
    .unwrap();
    assert_eq!(out, [0.0; 64]);
}

#[test]
fn an_instruction_set_of_another_cpu_is_refused() {
    assert!(Isa::available().contains(&Isa::Portable));
    assert_eq!(Isa::detect(), Isa::available()[0]);
    for isa in Isa::ALL.into_iter().filter(|isa| !isa.is_available()) {
        assert_eq!(
            one_thread().with_isa(isa).unwrap_err(),
            KernelError::MissingIsa { isa }
        );
    }
}
