//! Our CUDA kernels against MLX's own path, on machines that have an NVIDIA GPU; elsewhere they are
//! passed over, and say so.

use gptoss::ModelConfig;
use gptoss::mlx::device::DeviceKind;
use gptoss::model::gpt_oss::{KvPrecision, LogitRows, Transformer};
use gptoss::model::params::{LoadOptions, Products};
use gptoss::model::trace::{CapturedRouting, ForwardTrace, RecordedRows, TracedRouting};
use mlx_rs::Dtype;

use crate::golden::{ids, values};
use crate::tolerance::{CUDA_MEDIAN_ERROR, CUDA_MOST_ERROR, ROW_ENTROPY};

/// A model of four layers whose sizes are no multiples of the kernels' blocks, or those of the 20b.
struct Shape {
    hidden_size: usize,
    intermediate_size: usize,
    heads: (usize, usize),
    head_dim: usize,
    experts: (usize, usize),
    sliding_window: usize,
}

const SHAPES: &[Shape] = &[
    Shape {
        hidden_size: 2880,
        intermediate_size: 2880,
        heads: (64, 8),
        head_dim: 64,
        experts: (32, 4),
        sliding_window: 128,
    },
    Shape {
        hidden_size: 192,
        intermediate_size: 320,
        heads: (6, 3),
        head_dim: 32,
        experts: (7, 3),
        sliding_window: 24,
    },
    Shape {
        hidden_size: 64,
        intermediate_size: 64,
        heads: (5, 1),
        head_dim: 16,
        experts: (33, 1),
        sliding_window: 5,
    },
    Shape {
        hidden_size: 448,
        intermediate_size: 64,
        heads: (4, 4),
        head_dim: 128,
        experts: (128, 8),
        sliding_window: 64,
    },
];

/// Tokens read at once: past the ring's wrap, and enough for full layers to be cut in parts.
const PROMPT_TOKENS: u32 = 700;

/// Tokens read at once that fill tiles of 16, 32, 64 and 128 pairs with the 20b's experts.
const TILED_PROMPTS: [u32; 4] = [20, 100, 200, 400];

/// Whether there is a GPU to run the kernels on; says so where there is none.
pub(crate) fn is_there() -> bool {
    let is_there = DeviceKind::current().unwrap() == DeviceKind::Cuda;
    if !is_there {
        println!("passed over: there is no NVIDIA GPU");
    }
    is_there
}

#[test]
fn kernels_agree_with_mlx_for_any_shape() {
    if !is_there() {
        return;
    }
    for shape in SHAPES {
        let config = config(shape);
        let (ours, mlx) = (
            model(&config, Products::CudaKernels),
            model(&config, Products::MlxOneByOne),
        );
        for prompt_tokens in [3, PROMPT_TOKENS] {
            let mut errors = errors(&ours, &mlx, prompt_tokens);
            errors.sort_by(f32::total_cmp);
            let at = |share: f32| errors[(share * (errors.len() - 1) as f32) as usize];
            println!(
                "hidden {}, after {prompt_tokens} tokens: relative error {:.4}, 80 % below {:.4}, \
                 at most {:.4}",
                shape.hidden_size,
                at(0.5),
                at(0.8),
                at(1.0)
            );
            assert!(at(0.5) < CUDA_MEDIAN_ERROR, "median {}", at(0.5));
            assert!(at(0.8) < CUDA_MOST_ERROR, "80 % below {}", at(0.8));
        }
    }
}

#[test]
fn tiles_of_every_size_agree_with_mlx() {
    if !is_there() {
        return;
    }
    let config = config(&SHAPES[0]);
    let (ours, mlx) = (
        model(&config, Products::CudaKernels),
        model(&config, Products::MlxOneByOne),
    );
    for prompt_tokens in TILED_PROMPTS {
        let mut errors = prompt_errors(&ours, &mlx, prompt_tokens);
        errors.sort_by(f32::total_cmp);
        let at = |share: f32| errors[(share * (errors.len() - 1) as f32) as usize];
        println!(
            "each of {prompt_tokens} tokens: relative error {:.4}, 70 % below {:.4}, at most {:.4}",
            at(0.5),
            at(0.7),
            at(1.0)
        );
        assert!(at(0.5) < CUDA_MEDIAN_ERROR, "median {}", at(0.5));
    }
}

#[test]
fn the_kernels_rows_tell_what_the_layers_chose() {
    if !is_there() {
        return;
    }
    for shape in SHAPES {
        let config = config(shape);
        let model = model(&config, Products::CudaKernels);
        for with_logits in [false, true] {
            let mut caches = model.new_caches(KvPrecision::Activations);
            for token in [5, 77] {
                let mut trace = ForwardTrace::new(with_logits);
                let (token, rows) = (ids(&[token]), LogitRows::Last);
                let logits = model.forward(&token, &mut caches, rows, Some(&mut trace));
                logits.unwrap().unwrap().eval().unwrap();
                let CapturedRouting::Rows(found) = trace.clone().capture(false).unwrap() else {
                    panic!("the kernels wrote no rows");
                };
                compare(&found, &trace.finish().unwrap(), config.num_hidden_layers);
            }
        }
    }
}

/// One array's columns against the arrays that MLX joins from the same pass.
fn compare(found: &RecordedRows, expected: &TracedRouting, layers: usize) {
    let [rows, experts, weights, entropies] = [
        &found.rows,
        &expected.experts,
        &expected.weights,
        &expected.entropies,
    ]
    .map(values);
    let router_logits = expected.router_logits.as_ref().map(values);
    let k = found.num_experts_per_tok;
    let width = rows.len() / layers;
    for (layer, row) in rows.chunks(width).enumerate() {
        assert_eq!(row[..k], experts[layer * k..(layer + 1) * k]);
        assert_eq!(row[k..2 * k], weights[layer * k..(layer + 1) * k]);
        let difference = (row[2 * k] - entropies[layer]).abs();
        assert!(difference < ROW_ENTROPY, "entropy: {difference}");
        let logits = router_logits.as_ref().map_or(&[][..], |all| {
            let num_experts = all.len() / layers;
            &all[layer * num_experts..(layer + 1) * num_experts]
        });
        assert_eq!(&row[2 * k + 1..], logits);
    }
}

fn config(shape: &Shape) -> ModelConfig {
    let mut config = ModelConfig::gpt_oss_20b();
    config.num_hidden_layers = 4;
    config.layer_types.truncate(4);
    config.vocab_size = 1000;
    config.hidden_size = shape.hidden_size;
    config.intermediate_size = shape.intermediate_size;
    (config.num_attention_heads, config.num_key_value_heads) = shape.heads;
    config.head_dim = shape.head_dim;
    (config.num_local_experts, config.num_experts_per_tok) = shape.experts;
    config.sliding_window = shape.sliding_window;
    config
}

fn model(config: &ModelConfig, products: Products) -> Transformer {
    let options = LoadOptions {
        dtype: Dtype::Bfloat16,
        products,
        ..LoadOptions::for_device(DeviceKind::Cuda)
    };
    Transformer::random(config, options, 7).unwrap()
}

fn token(index: u32) -> u32 {
    (index * 7919 + 13) % 1000
}

/// `|ours - mlx| / |mlx|` of the logits of every row of a prompt.
fn prompt_errors(ours: &Transformer, mlx: &Transformer, prompt_tokens: u32) -> Vec<f32> {
    let prompt: Vec<u32> = (0..prompt_tokens).map(token).collect();
    let logits = |model: &Transformer| {
        let mut caches = model.new_caches(KvPrecision::Activations);
        let logits = model.forward(&ids(&prompt), &mut caches, LogitRows::All, None);
        values(&logits.unwrap().unwrap())
    };
    let (found, expected) = (logits(ours), logits(mlx));
    let width = found.len() / prompt.len();
    let rows = found.chunks(width).zip(expected.chunks(width));
    rows.map(|(found, expected)| error(found, expected))
        .collect()
}

/// `|ours - mlx| / |mlx|` of the logits of the prompt's last row and of 40 single tokens after it.
fn errors(ours: &Transformer, mlx: &Transformer, prompt_tokens: u32) -> Vec<f32> {
    let prompt: Vec<u32> = (0..prompt_tokens).map(token).collect();
    let chunks = std::iter::once(prompt).chain((0..40).map(|n| vec![token(prompt_tokens + n)]));
    let (mut our_caches, mut mlx_caches) = (
        ours.new_caches(KvPrecision::Activations),
        mlx.new_caches(KvPrecision::Activations),
    );
    let mut errors = Vec::new();
    for chunk in chunks {
        let chunk = ids(&chunk);
        let found = ours.forward(&chunk, &mut our_caches, LogitRows::Last, None);
        let expected = mlx.forward(&chunk, &mut mlx_caches, LogitRows::Last, None);
        let (found, expected) = (
            values(&found.unwrap().unwrap()),
            values(&expected.unwrap().unwrap()),
        );
        errors.push(error(&found, &expected));
    }
    errors
}

/// `|found - expected| / |expected|`.
fn error(found: &[f32], expected: &[f32]) -> f32 {
    let squared =
        |values: &mut dyn Iterator<Item = f32>| values.map(|value| value * value).sum::<f32>();
    let difference = squared(&mut found.iter().zip(expected).map(|(a, b)| a - b));
    (difference / squared(&mut expected.iter().copied())).sqrt()
}
