//! Whole forward passes: logits, hidden states, routing, greedy text.

use gptoss::generate::{GenerateOptions, SamplingParams, TokenGenerator};
use gptoss::mlx::device::DeviceKind;
use gptoss::model::gpt_oss::{KvPrecision, LogitRows};
use gptoss::model::params::{LoadOptions, Products, QuantizeOptions, affine};
use gptoss::model::trace::ForwardTrace;

use crate::golden::{CHECKPOINTS, Golden, ids, load, load_as, values};
use crate::tolerance::{F32_LOGITS, ROUTER_ENTROPY, ROUTING_MARGIN, assert_close};

#[test]
fn logits_agree_in_every_layout() {
    for (name, expected) in CHECKPOINTS {
        let (model, golden) = (load(name), Golden::open(expected));
        for (prompt, (tokens, _)) in &golden.prompts {
            let mut caches = model.new_caches(KvPrecision::Activations);
            let logits = model
                .forward(&ids(tokens), &mut caches, LogitRows::All, None)
                .unwrap()
                .unwrap();
            let what = format!("{name} {prompt}");
            let expected = golden.f32(&format!("{prompt}.logits"));
            assert_close(&what, &values(&logits), &expected, F32_LOGITS);
        }
    }
}

#[test]
fn logits_agree_whoever_computes_the_products() {
    let mut longest = 0;
    for products in [Products::Mlx, Products::MlxCompiled, Products::MlxOneByOne] {
        for (name, expected) in CHECKPOINTS {
            let options = LoadOptions {
                products,
                ..LoadOptions::for_device(DeviceKind::Cpu)
            };
            let (model, golden) = (load_as(name, options), Golden::open(expected));
            for (prompt, (tokens, _)) in &golden.prompts {
                let mut caches = model.new_caches(KvPrecision::Activations);
                let logits = model
                    .forward(&ids(tokens), &mut caches, LogitRows::All, None)
                    .unwrap()
                    .unwrap();
                let what = format!("{products:?} {name} {prompt}");
                let expected = golden.f32(&format!("{prompt}.logits"));
                assert_close(&what, &values(&logits), &expected, F32_LOGITS);
                longest = longest.max(tokens.len());
            }
        }
    }
    assert!(
        longest > 64,
        "no prompt is long enough for more than gathers"
    );
}

#[test]
fn packings_that_the_kernels_cannot_read_are_multiplied_by_mlx() {
    let tokens = Golden::open("pub-a").prompts["len17"].0.clone();
    for bits in [2, 6] {
        let logits = |products| {
            let options = LoadOptions {
                products,
                quantize: QuantizeOptions {
                    experts: None,
                    rest: Some(affine(bits)),
                },
                ..LoadOptions::for_device(DeviceKind::Cpu)
            };
            let model = load_as("pub-a/hf", options);
            let mut caches = model.new_caches(KvPrecision::Activations);
            let logits = model.forward(&ids(&tokens), &mut caches, LogitRows::All, None);
            values(&logits.unwrap().unwrap())
        };
        let what = format!("{bits} bits");
        let (kernels, mlx) = (logits(Products::CpuKernels), logits(Products::Mlx));
        assert_close(&what, &kernels, &mlx, F32_LOGITS);
    }
}

#[test]
fn greedy_text_is_equal_in_every_layout() {
    for (name, expected) in CHECKPOINTS {
        let (model, golden) = (load(name), Golden::open(expected));
        for (prompt, (tokens, greedy)) in &golden.prompts {
            let options = GenerateOptions {
                max_tokens: Some(greedy.len()),
                sampling: SamplingParams {
                    temperature: 0.0,
                    ..SamplingParams::default()
                },
                ..GenerateOptions::default()
            };
            let generated: Vec<u32> = TokenGenerator::new(&model, tokens, options)
                .unwrap()
                .map(|token| token.unwrap().id)
                .collect();
            assert_eq!(&generated, greedy, "{name} {prompt}");
        }
    }
}

#[test]
fn hidden_states_agree_after_every_layer() {
    for (name, expected) in [("pub-a/hf", "pub-a"), ("pub-b/openai", "pub-b")] {
        let (model, golden) = (load(name), Golden::open(expected));
        for prompt in ["len5", "len17"] {
            let mut hidden = Vec::new();
            let mut caches = model.new_caches(KvPrecision::Activations);
            let tokens = ids(&golden.prompts[prompt].0);
            model
                .forward_with_hidden(&tokens, &mut caches, |_, x| hidden.push(x.clone()))
                .unwrap();
            // The references hand out the last one after the final norm.
            let last = hidden.pop().unwrap();
            hidden.push(model.final_norm(&last).unwrap());
            for (index, x) in hidden.iter().enumerate() {
                let expected = golden.f32(&format!("{prompt}.hidden{index}"));
                let what = format!("{name} {prompt} hidden {index}");
                assert_close(&what, &values(x), &expected, F32_LOGITS);
            }
        }
    }
}

#[test]
fn routing_agrees_where_the_margin_allows() {
    for (name, expected) in CHECKPOINTS {
        let (model, golden) = (load(name), Golden::open(expected));
        let config = model.config().clone();
        for (prompt, (tokens, _)) in &golden.prompts {
            if !golden.has(&format!("{prompt}.layer0.experts")) {
                continue;
            }
            let mut trace = ForwardTrace::new(true);
            let mut caches = model.new_caches(KvPrecision::Activations);
            model
                .forward(&ids(tokens), &mut caches, LogitRows::Last, Some(&mut trace))
                .unwrap();
            let traced = trace.finish().unwrap();
            let (layers, k, e) = (
                config.num_hidden_layers,
                config.num_experts_per_tok,
                config.num_local_experts,
            );
            let experts = traced.experts.contiguous().unwrap();
            let experts = experts.to_vec_exact::<u32>().unwrap();
            let weights = values(&traced.weights);
            let entropies = values(&traced.entropies);
            let router_logits = values(traced.router_logits.as_ref().unwrap());
            for layer in 0..layers {
                let field = |part: &str| format!("{prompt}.layer{layer}.{part}");
                let expected_experts = golden.i32(&field("experts"));
                let expected_weights = golden.f32(&field("expert_weights"));
                let expected_logits = golden.f32(&field("router_logits"));
                for row in 0..tokens.len() {
                    let what = format!("{name} {prompt} layer {layer} row {row}");
                    let at = row * layers + layer;
                    let logits = &expected_logits[row * e..(row + 1) * e];
                    assert_close(
                        &what,
                        &router_logits[at * e..(at + 1) * e],
                        logits,
                        F32_LOGITS,
                    );
                    let expected_entropy = [entropy(logits)];
                    assert_close(
                        &what,
                        &entropies[at..=at],
                        &expected_entropy,
                        ROUTER_ENTROPY,
                    );
                    if margins(logits)[..k]
                        .iter()
                        .all(|&margin| margin > ROUTING_MARGIN)
                    {
                        let chosen: Vec<i32> = experts[at * k..(at + 1) * k]
                            .iter()
                            .map(|&id| id as i32)
                            .collect();
                        assert_eq!(chosen, expected_experts[row * k..(row + 1) * k], "{what}");
                        let expected = &expected_weights[row * k..(row + 1) * k];
                        assert_close(&what, &weights[at * k..(at + 1) * k], expected, F32_LOGITS);
                    }
                }
            }
        }
    }
}

/// That of the softmax, in nats, by its definition and in f64.
fn entropy(logits: &[f32]) -> f32 {
    let exps: Vec<f64> = logits.iter().map(|&logit| f64::from(logit).exp()).collect();
    let sum: f64 = exps.iter().sum();
    let terms = exps.iter().map(|exp| exp / sum).map(|p| p * p.ln());
    -terms.sum::<f64>() as f32
}

/// Differences between neighbors in descending order.
fn margins(logits: &[f32]) -> Vec<f32> {
    let mut sorted = logits.to_vec();
    sorted.sort_by(|a, b| b.total_cmp(a));
    let mut margins: Vec<f32> = sorted.windows(2).map(|pair| pair[0] - pair[1]).collect();
    margins.push(f32::INFINITY);
    margins
}
