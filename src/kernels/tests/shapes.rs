//! Agreement for all forms, shapes around the vectors' sizes, tokens and threads.

use super::for_every_pool;
use super::reference::{FORMS, Form, Random, Stored, StoredExperts};
use crate::kernels::{AffineBits, Isa, Pool, moe_forward, quantized_matmul};

/// Allowed difference, as a part of the sum of the terms' magnitudes.
const TOLERANCE: f64 = 1e-5;

fn matmul(stored: &Stored, x: &[f32], pool: &Pool) -> Vec<f32> {
    let mut out = vec![f32::NAN; x.len() / stored.in_features * stored.out_features];
    quantized_matmul(&stored.matrix(), x, &mut out, pool).unwrap();
    out
}

/// What turning activations into whole numbers may cost, as a part of the largest times the sum of the
/// weights' magnitudes: half a unit of the last digit.
fn rounding_of(form: Form, isa: Isa) -> f64 {
    match form {
        _ if isa != Isa::Avx512Vnni => 0.0,
        Form::Mxfp4 | Form::Affine(AffineBits::Four, _) => f64::powi(2.0, -23),
        Form::Affine(AffineBits::Eight, _) => f64::powi(2.0, -20),
        Form::Dense | Form::Bf16 => 0.0,
    }
}

fn check_matmul(stored: &Stored, x: &[f32], out: &[f32], label: &str) {
    check_rounded_matmul(stored, x, out, 0.0, label);
}

fn check_rounded_matmul(stored: &Stored, x: &[f32], out: &[f32], rounding: f64, label: &str) {
    for (x, out) in x
        .chunks(stored.in_features)
        .zip(out.chunks(stored.out_features))
    {
        let x: Vec<f64> = x.iter().map(|x| f64::from(*x)).collect();
        let largest = x.iter().fold(0.0, |max: f64, x| max.max(x.abs()));
        let ones = vec![1.0; x.len()];
        for (row, out) in out.iter().enumerate() {
            let (expected, size) = stored.dot(row, &x);
            let (_, weights) = stored.dot(row, &ones);
            let error = (f64::from(*out) - expected).abs();
            assert!(
                error <= TOLERANCE * size + rounding * largest * weights,
                "{label}, row {row}: {out} for {expected} ± {size}"
            );
        }
    }
}

#[test]
fn every_form_and_row_length_agrees_with_the_reference() {
    let mut random = Random(1);
    for form in FORMS {
        for groups in [1, 2, 3, 4, 5, 7, 8, 9, 17] {
            let in_features = match form {
                Form::Dense | Form::Bf16 => [1, 5, 31, 63, 64, 65, 127, 129, 300][groups % 9],
                _ => groups * form.group_size(),
            };
            let stored = Stored::random(form, 37, in_features, &mut random);
            let x = random.signed_values(7 * in_features);
            for_every_pool(&[1], |pool| {
                for num_tokens in [1, 2, 3, 4, 7] {
                    let label = format!("{form:?} in={in_features} T={num_tokens} {}", pool.isa());
                    let x = &x[..num_tokens * in_features];
                    check_matmul(&stored, x, &matmul(&stored, x, pool), &label);
                }
            });
        }
    }
}

#[test]
fn every_number_of_rows_tokens_and_threads_agrees_with_the_reference() {
    let mut random = Random(2);
    for out_features in [1, 3, 4, 31, 32, 33, 67] {
        let stored = Stored::random(Form::Mxfp4, out_features, 672, &mut random);
        let x = random.signed_values(40 * 672);
        for_every_pool(&[1, 2, 3], |pool| {
            for num_tokens in [0, 1, 2, 5, 6, 8, 11, 40] {
                let label = format!("out={out_features} T={num_tokens} {pool:?}");
                let x = &x[..num_tokens * 672];
                check_matmul(&stored, x, &matmul(&stored, x, pool), &label);
            }
        });
    }
}

/// Ids [T, K], distinct for each token where there are enough experts, and weights.
fn route(random: &mut Random, tokens: usize, k: usize, experts: usize) -> (Vec<u32>, Vec<f32>) {
    let mut ids = Vec::new();
    for _ in 0..tokens {
        let first = random.below(experts);
        ids.extend((0..k).map(|slot| ((first + slot) % experts) as u32));
    }
    let weights = random.signed_values(ids.len());
    (ids, weights)
}

fn forward(
    stored: &StoredExperts,
    x: &[f32],
    (ids, weights): (&[u32], &[f32]),
    pool: &Pool,
) -> Vec<f32> {
    let mut out = vec![f32::NAN; x.len()];
    moe_forward(&stored.view(), x, ids, weights, &mut out, pool).unwrap();
    out
}

/// Forms of gate and up, and of down; E, H, I, K.
const BLOCKS: [([Form; 2], [usize; 4]); 7] = [
    ([Form::Mxfp4, Form::Mxfp4], [5, 96, 160, 2]),
    ([Form::Mxfp4, Form::Mxfp4], [3, 160, 32, 3]),
    ([Form::Mxfp4, Form::Mxfp4], [1, 64, 224, 1]),
    (
        [
            Form::Affine(AffineBits::Eight, 32),
            Form::Affine(AffineBits::Four, 32),
        ],
        [4, 96, 64, 2],
    ),
    (
        [Form::Affine(AffineBits::Four, 64), Form::Mxfp4],
        [4, 64, 96, 4],
    ),
    ([Form::Dense, Form::Dense], [6, 45, 33, 2]),
    ([Form::Bf16, Form::Bf16], [6, 45, 33, 2]),
];

#[test]
fn every_block_agrees_with_the_reference() {
    for (forms, [e, h, i, k]) in BLOCKS {
        let mut random = Random(3);
        let stored = StoredExperts::random(forms, [e, h, i], &mut random);
        let x = random.signed_values(40 * h);
        let (ids, weights) = route(&mut random, 40, k, e);
        let experts: Vec<Vec<_>> = ids
            .iter()
            .enumerate()
            .map(|(pair, id)| stored.forward(*id as usize, &x[pair / k * h..][..h]))
            .collect();
        for_every_pool(&[1, 2, 3], |pool| {
            for tokens in 1..=40 {
                let routed = (&ids[..tokens * k], &weights[..tokens * k]);
                let out = forward(&stored, &x[..tokens * h], routed, pool);
                for (index, out) in out.iter().enumerate() {
                    let (token, column) = (index / h, index % h);
                    let (mut expected, mut size) = (0.0, 0.0);
                    for pair in token * k..(token + 1) * k {
                        let (value, magnitude) = experts[pair][column];
                        expected += f64::from(weights[pair]) * value;
                        size += f64::from(weights[pair].abs()) * magnitude;
                    }
                    let error = (f64::from(*out) - expected).abs();
                    assert!(
                        error <= TOLERANCE * size,
                        "{forms:?} T={tokens} {pool:?}: [{token}, {column}] {out} for {expected}"
                    );
                }
            }
        });
    }
}

/// Equal in every bit, or the first two that are not.
fn assert_same_bits(a: &[f32], b: &[f32], label: &str) {
    let differ = a
        .iter()
        .zip(b)
        .position(|(a, b)| a.to_bits() != b.to_bits());
    assert_eq!(differ, None, "{label}: {:?}", differ.map(|i| (a[i], b[i])));
}

#[test]
fn a_token_has_the_same_bits_in_any_batch_on_any_number_of_threads() {
    for (forms, [e, h, i, k]) in BLOCKS {
        let mut random = Random(4);
        let stored = StoredExperts::random(forms, [e, h, i], &mut random);
        let x = random.signed_values(40 * h);
        let (ids, weights) = route(&mut random, 40, k, e);
        let mut before: Option<(Isa, Vec<f32>, Vec<f32>)> = None;
        for_every_pool(&[1, 2, 3], |pool| {
            let in_batches_of = |size: usize| -> Vec<f32> {
                let batches = x
                    .chunks(size * h)
                    .zip(ids.chunks(size * k).zip(weights.chunks(size * k)));
                batches
                    .flat_map(|(x, (ids, weights))| forward(&stored, x, (ids, weights), pool))
                    .collect()
            };
            let label = format!("{forms:?} {pool:?}");
            let (single, batch) = (in_batches_of(1), in_batches_of(40));
            for few in 2..=4 {
                assert_same_bits(&single, &in_batches_of(few), &format!("{label} of {few}"));
            }
            // There, few tokens meet packed weights as integers; what that costs, the other tests bound.
            if pool.isa() != Isa::Avx512Vnni {
                assert_same_bits(&single, &batch, &label);
            }
            match &before {
                Some((isa, alone, together)) if *isa == pool.isa() => {
                    assert_same_bits(alone, &single, &label);
                    assert_same_bits(together, &batch, &label);
                }
                _ => before = Some((pool.isa(), single, batch)),
            }
        });
    }
}

#[test]
fn large_and_small_activations_beside_one_another_agree_with_the_reference() {
    let mut random = Random(11);
    for form in FORMS {
        let stored = Stored::random(form, 37, 384, &mut random);
        for largest in [1e-30, 1e-3, 1e3, 1e30] {
            let mut x = random.signed_values(2 * 384);
            for x in &mut x {
                *x *= largest * 1e-3;
            }
            // As a trained model's few massive activations among hundreds of small ones.
            (x[7], x[384 + 200]) = (largest, -largest);
            for_every_pool(&[1], |pool| {
                let label = format!("{form:?} {largest:e} {}", pool.isa());
                let rounding = rounding_of(form, pool.isa());
                check_rounded_matmul(&stored, &x, &matmul(&stored, &x, pool), rounding, &label);
            });
        }
    }
}
