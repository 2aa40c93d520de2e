//! Half precision, judged statistically, and its dtype kept throughout.

use gptoss::model::gpt_oss::{KvPrecision, LogitRows, Transformer};
use gptoss::model::params::{LoadOptions, Products, QuantizeOptions};
use mlx_rs::Dtype;

use crate::cuda;
use crate::golden::{Golden, ids, load_as, values};
use crate::tolerance::{BF16_ARGMAX_AGREEMENT, BF16_MEAN_KL, BF16_MEDIAN_LOGITS};

fn options(dtype: Dtype) -> LoadOptions {
    LoadOptions {
        dtype,
        quantize: QuantizeOptions::default(),
        products: Products::Mlx,
        cpu_threads: None,
    }
}

#[test]
fn bf16_agrees_statistically() {
    for (name, expected) in [("pub-a/hf", "pub-a"), ("pub-b/mlx", "pub-b")] {
        let model = load_as(name, options(Dtype::Bfloat16));
        check_statistics(&model, &Golden::open(expected), usize::MAX, name);
    }
}

#[test]
fn cuda_kernels_agree_statistically() {
    if !cuda::is_there() {
        return;
    }
    for (name, expected) in [("pub-a/hf", "pub-a"), ("pub-b/mlx", "pub-b")] {
        let options = LoadOptions {
            products: Products::CudaKernels,
            ..options(Dtype::Bfloat16)
        };
        let model = load_as(name, options);
        // One token goes through other kernels than many.
        for rows in [1, usize::MAX] {
            check_statistics(&model, &Golden::open(expected), rows, name);
        }
    }
}

/// Reads the golden's prompts, `rows` tokens at a time at most.
fn check_statistics(model: &Transformer, golden: &Golden, rows: usize, name: &str) {
    let (mut agree, mut count, mut kl) = (0, 0, 0.0);
    let mut errors = Vec::new();
    for (prompt, (tokens, _)) in &golden.prompts {
        let mut caches = model.new_caches(KvPrecision::Activations);
        let found: Vec<f32> = tokens
            .chunks(rows.min(tokens.len()))
            .flat_map(|chunk| {
                let logits = model.forward(&ids(chunk), &mut caches, LogitRows::All, None);
                values(&logits.unwrap().unwrap())
            })
            .collect();
        let expected = golden.f32(&format!("{prompt}.logits"));
        let width = expected.len() / tokens.len();
        for (a, b) in expected.chunks(width).zip(found.chunks(width)) {
            agree += usize::from(argmax(a) == argmax(b));
            kl += divergence(a, b);
            count += 1;
            errors.extend(a.iter().zip(b).map(|(a, b)| (a - b).abs()));
        }
    }
    errors.sort_by(f32::total_cmp);
    let agreement = f64::from(agree as u32) / f64::from(count);
    assert!(
        agreement >= BF16_ARGMAX_AGREEMENT,
        "{name}: agreement {agreement}"
    );
    let median = errors[errors.len() / 2];
    assert!(
        median > 0.0 && median < BF16_MEDIAN_LOGITS,
        "{name}: median {median}"
    );
    let kl = kl / f64::from(count);
    assert!(kl < BF16_MEAN_KL, "{name}: divergence {kl}");
}

#[test]
fn no_block_leaves_the_activations_dtype() {
    // One f32 constant would promote everything after it.
    for dtype in [Dtype::Bfloat16, Dtype::Float16] {
        let model = load_as("pub-b/mlx-q8", options(dtype));
        for rows in [1, 40] {
            let mut caches = model.new_caches(KvPrecision::Activations);
            let mut dtypes = Vec::new();
            let tokens = ids(&vec![7; rows]);
            let logits = model
                .forward_with_hidden(&tokens, &mut caches, |_, x| dtypes.push(x.dtype()))
                .unwrap();
            dtypes.push(logits.dtype());
            assert!(dtypes.iter().all(|&found| found == dtype), "{dtypes:?}");
            let cached = caches.iter().flat_map(|cache| cache.arrays());
            assert!(cached.into_iter().all(|array| array.dtype() == dtype));
        }
    }
}

fn argmax(row: &[f32]) -> Option<usize> {
    (0..row.len()).max_by(|&a, &b| row[a].total_cmp(&row[b]))
}

/// KL(a || b) of the softmax distributions, in nats.
fn divergence(a: &[f32], b: &[f32]) -> f64 {
    let log_softmax = |row: &[f32]| -> Vec<f64> {
        let top = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let sum: f64 = row.iter().map(|&v| f64::from(v - top).exp()).sum();
        row.iter().map(|&v| f64::from(v - top) - sum.ln()).collect()
    };
    let (a, b) = (log_softmax(a), log_softmax(b));
    a.iter().zip(&b).map(|(a, b)| a.exp() * (a - b)).sum()
}
