//! Looking inside: lens, norms, sinks and attention weights against independent ways to get them.

mod engine;
mod reference;
mod screen;

use gptoss::GptOss;
use gptoss::generate::{
    HeadIndex, InspectError, InspectLimits, InspectOptions, InspectRun, InspectStep, Inspection,
    LensLayers,
};
use gptoss::intervention::{Interventions, RoutingPlan};
use gptoss::mlx::device::DeviceKind;
use gptoss::model::config::LayerType;
use gptoss::model::gpt_oss::{KvPrecision, LogitRows, Transformer};

use gptoss::model::params::LoadOptions;
use mlx_rs::Dtype;

use self::reference::Reference;
use crate::golden::{CHECKPOINTS, Golden, ids, load, load_as, values};
use crate::tolerance::{
    ATTENTION_SHARES, BF16_ATTENTION_SHARES, F32_REORDERED, F32_UNIT, LENS_PROBABILITIES,
    assert_close,
};

fn in_chunks(prefill_chunk_tokens: usize) -> InspectLimits {
    InspectLimits {
        prefill_chunk_tokens,
        ..InspectLimits::default()
    }
}

fn inspect(
    model: &Transformer,
    tokens: &[u32],
    options: &InspectOptions,
    limits: InspectLimits,
) -> Inspection {
    let mut run = InspectRun::start(model, tokens, options, limits).unwrap();
    loop {
        if let InspectStep::Done(found) = run.step(model).unwrap() {
            return *found;
        }
    }
}

/// The residual stream before, between and after the layers, all rows.
fn hidden_states(model: &Transformer, tokens: &[u32]) -> Vec<Vec<f32>> {
    let mut hidden = Vec::new();
    let mut caches = model.new_caches(KvPrecision::Activations);
    model
        .forward_with_hidden(&ids(tokens), &mut caches, |_, x| hidden.push(values(x)))
        .unwrap();
    hidden
}

fn last_logits(model: &Transformer, tokens: &[u32]) -> Vec<f32> {
    let mut caches = model.new_caches(KvPrecision::Activations);
    let logits = model.forward(&ids(tokens), &mut caches, LogitRows::Last, None);
    values(&logits.unwrap().unwrap())
}

fn softmax(logits: &[f32]) -> Vec<f32> {
    let sum: f64 = logits.iter().map(|&logit| f64::from(logit).exp()).sum();
    let probability = |&logit: &f32| (f64::from(logit).exp() / sum) as f32;
    logits.iter().map(probability).collect()
}

fn argmax(values: &[f32]) -> u32 {
    let largest = (0..).zip(values).max_by(|a, b| a.1.total_cmp(b.1));
    largest.map(|(id, _)| id).unwrap()
}

#[test]
fn the_lens_at_the_last_layer_is_the_models_own_distribution() {
    for (name, expected) in CHECKPOINTS {
        let (model, golden) = (load(name), Golden::open(expected));
        for (prompt, (tokens, greedy)) in &golden.prompts {
            let logits = last_logits(&model, tokens);
            let own = softmax(&logits);
            let last = model.config().num_hidden_layers - 1;
            let options = InspectOptions {
                layers: LensLayers::Only(vec![last]),
                top: 50,
                target: Some(greedy[1]),
                ..InspectOptions::default()
            };
            let found = inspect(&model, tokens, &options, InspectLimits::default());
            let [row] = &found.lens[..] else {
                unreachable!("{:?}", found.lens);
            };
            let what = format!("{name} {prompt}");
            assert_eq!((row.layer, row.top.len()), (last, 50), "{what}");
            assert_eq!(
                row.top[0].id, greedy[0],
                "{what}: what greedy text begins with"
            );
            assert_eq!(row.top[0].id, argmax(&own), "{what}");
            let (ids, found): (Vec<u32>, Vec<f32>) = row
                .top
                .iter()
                .map(|token| (token.id, token.probability))
                .unzip();
            let expected: Vec<f32> = ids.iter().map(|&id| own[id as usize]).collect();
            assert_close(&what, &found, &expected, LENS_PROBABILITIES);
            assert!(found.is_sorted_by(|a, b| a >= b), "{what}");
            let target = row.target.unwrap();
            let probability = own[greedy[1] as usize];
            assert_close(
                &what,
                &[target.probability],
                &[probability],
                LENS_PROBABILITIES,
            );
            let logit = logits[greedy[1] as usize];
            let larger = logits.iter().filter(|&&other| other > logit).count();
            assert_eq!(target.rank, larger + 1, "{what}");
            let terms = own.iter().map(|&p| f64::from(p) * f64::from(p).ln());
            let entropy = -terms.sum::<f64>() as f32;
            assert_close(&what, &[row.entropy], &[entropy], LENS_PROBABILITIES);
        }
    }
}

#[test]
fn lens_and_norms_follow_the_residual_stream_layer_by_layer() {
    for (name, expected) in CHECKPOINTS {
        let (model, golden) = (load(name), Golden::open(expected));
        let tokens = &golden.prompts["len100"].0;
        let hidden = hidden_states(&model, tokens);
        let options = InspectOptions::default();
        let found = inspect(&model, tokens, &options, InspectLimits::default());
        assert_eq!((found.position, found.token), (99, tokens[99]));
        let width = model.config().hidden_size;
        let norm = |rows: &Vec<f32>| {
            let row = &rows[rows.len() - width..];
            row.iter()
                .map(|x| f64::from(*x).powi(2))
                .sum::<f64>()
                .sqrt() as f32
        };
        let expected: Vec<f32> = hidden.iter().map(norm).collect();
        let mut norms = vec![found.norms.embedding];
        norms.extend(&found.norms.after_experts);
        assert_close(name, &norms, &expected, F32_UNIT);
        assert_eq!(found.norms.after_attention.len(), expected.len() - 1);
        assert_eq!(found.lens.len(), expected.len() - 1);
        for (row, stream) in found.lens.iter().zip(&hidden[1..]) {
            let stream = &stream[stream.len() - width..];
            let stream = mlx_rs::Array::from_slice(stream, &[1, width as i32]);
            let own = softmax(&values(&model.unembed(&stream).unwrap()));
            let expected: Vec<f32> = row.top.iter().map(|t| own[t.id as usize]).collect();
            let found: Vec<f32> = row.top.iter().map(|t| t.probability).collect();
            let what = format!("{name} layer {}", row.layer);
            assert_close(&what, &found, &expected, LENS_PROBABILITIES);
            assert_eq!(row.top[0].id, argmax(&own), "{what}");
        }
    }
}

#[test]
fn the_stream_after_attention_is_between_those_around_it() {
    let (model, golden) = (load("pub-a/hf"), Golden::open("pub-a"));
    let tokens = &golden.prompts["len17"].0;
    let options = InspectOptions::default();
    let norms = inspect(&model, tokens, &options, InspectLimits::default()).norms;
    let before = std::iter::once(&norms.embedding).chain(&norms.after_experts);
    let layers = before.zip(&norms.after_attention).zip(&norms.after_experts);
    for ((before, between), after) in layers {
        assert!(between.is_finite() && *between > 0.0);
        assert_ne!(before.to_bits(), between.to_bits());
        assert_ne!(between.to_bits(), after.to_bits());
    }
}

/// Every head of every layer against the reference, whose input is `hidden`.
fn check_attention(name: &str, tokens: &[u32], hidden: &[Vec<f32>], limits: InspectLimits) {
    let (model, reference) = (load(name), Reference::open(name));
    let config = model.config();
    for (layer, stream) in hidden.iter().enumerate().take(config.num_hidden_layers) {
        for (head, expected) in reference.last_row(layer, stream).iter().enumerate() {
            let options = InspectOptions {
                layers: LensLayers::Only(Vec::new()),
                head: Some(HeadIndex { layer, head }),
                ..InspectOptions::default()
            };
            let found = inspect(&model, tokens, &options, limits);
            assert!(found.lens.is_empty());
            let what = format!("{name} {} tokens, layer {layer} head {head}", tokens.len());
            let sinks = &found.sinks[layer];
            let is_windowed = config.layer_types[layer] == LayerType::SlidingAttention;
            assert_eq!(sinks.is_windowed, is_windowed, "{what}");
            assert_eq!(sinks.first_position, expected.first_position, "{what}");
            let weights = found.head.unwrap();
            assert_eq!(weights.index, HeadIndex { layer, head });
            assert_eq!(weights.first_position, expected.first_position, "{what}");
            assert_eq!(weights.tokens, tokens[expected.first_position..], "{what}");
            let shares = [sinks.shares[head], weights.sink];
            let sink = expected.sink as f32;
            assert_close(&what, &shares, &[sink, sink], ATTENTION_SHARES);
            let all: Vec<f32> = expected.weights.iter().map(|&w| w as f32).collect();
            assert_close(&what, &weights.weights, &all, ATTENTION_SHARES);
            let sum = weights.weights.iter().sum::<f32>() + weights.sink;
            assert_close(&what, &[sum], &[1.0], F32_UNIT);
        }
    }
}

#[test]
fn sinks_and_weights_equal_the_definition_on_the_references_hidden_states() {
    for (name, expected) in [("pub-a/hf", "pub-a"), ("pub-b/hf", "pub-b")] {
        let golden = Golden::open(expected);
        for prompt in ["len5", "len17"] {
            let layers = 0..load(name).config().num_hidden_layers;
            let hidden = layers.map(|layer| golden.f32(&format!("{prompt}.hidden{layer}")));
            let hidden: Vec<Vec<f32>> = hidden.collect();
            let tokens = &golden.prompts[prompt].0;
            check_attention(name, tokens, &hidden, InspectLimits::default());
        }
    }
}

#[test]
fn windows_show_the_latest_positions_past_the_wrap_in_any_chunks() {
    for (name, expected) in [("pub-a/hf", "pub-a"), ("pub-b/hf", "pub-b")] {
        let golden = Golden::open(expected);
        // Windows of 8 and 16: the rings have wrapped many times. A last chunk of one row reads the
        // ring itself, whose slots are out of order.
        for (len, chunk) in [
            (100, 512),
            (99, 14),
            (100, 33),
            (29, 1),
            (16, 15),
            (8, 7),
            (1, 9),
        ] {
            let tokens = &golden.prompts["len100"].0[..len];
            let hidden = hidden_states(&load(name), tokens);
            check_attention(name, tokens, &hidden, in_chunks(chunk));
        }
    }
}

#[test]
fn chunks_do_not_change_what_is_found() {
    let (model, golden) = (load("pub-b/mlx-q8"), Golden::open("pub-b/mlx-q8"));
    let tokens = &golden.prompts["len100"].0;
    let options = InspectOptions::default();
    let whole = inspect(&model, tokens, &options, InspectLimits::default());
    for chunk in [1, 9, 99] {
        let found = inspect(&model, tokens, &options, in_chunks(chunk));
        for (row, expected) in found.lens.iter().zip(&whole.lens) {
            assert_eq!(row.top[0].id, expected.top[0].id, "chunk {chunk}");
            let entropies = ([row.entropy], [expected.entropy]);
            assert_close("entropy", &entropies.0, &entropies.1, F32_REORDERED);
        }
        for (sinks, expected) in found.sinks.iter().zip(&whole.sinks) {
            assert_close("sinks", &sinks.shares, &expected.shares, F32_REORDERED);
        }
    }
}

#[test]
fn rules_for_the_experts_hold_at_every_position() {
    let (model, golden) = (load("pub-a/hf"), Golden::open("pub-a"));
    let tokens = &golden.prompts["len40"].0;
    let interventions: Interventions = "top-k 1, mask 0:2".parse().unwrap();
    let shape = model.config().router_shape();
    let plan = RoutingPlan::new(&interventions, None, &shape).unwrap();
    let mut caches = model.new_caches(KvPrecision::Activations);
    let (ids, rows) = (ids(tokens), LogitRows::Last);
    let logits = model.forward_as(&ids, &mut caches, rows, None, plan.as_ref());
    let own = softmax(&values(&logits.unwrap().unwrap()));
    let options = InspectOptions {
        interventions: interventions.clone(),
        ..InspectOptions::default()
    };
    for chunk in [512, 7] {
        let found = inspect(&model, tokens, &options, in_chunks(chunk));
        assert_eq!(found.interventions, interventions);
        let row = found.lens.last().unwrap();
        let expected: Vec<f32> = row.top.iter().map(|t| own[t.id as usize]).collect();
        let probabilities: Vec<f32> = row.top.iter().map(|t| t.probability).collect();
        let what = format!("chunk {chunk}");
        assert_close(&what, &probabilities, &expected, F32_REORDERED);
    }
    let unchanged = softmax(&last_logits(&model, tokens));
    assert!((unchanged[argmax(&own) as usize] - own[argmax(&own) as usize]).abs() > 1e-3);
}

#[test]
fn bf16_and_an_8_bit_cache_are_looked_into_as_they_are() {
    let golden = Golden::open("pub-a");
    let tokens = &golden.prompts["len40"].0;
    let options = LoadOptions {
        dtype: Dtype::Bfloat16,
        ..LoadOptions::for_device(DeviceKind::Cpu)
    };
    let model = load_as("pub-a/hf", options);
    let exact = inspect(
        &load("pub-a/hf"),
        tokens,
        &InspectOptions::default(),
        InspectLimits::default(),
    );
    for kv_precision in [KvPrecision::Activations, KvPrecision::EightBit] {
        let mut caches = model.new_caches(kv_precision);
        let logits = model.forward(&ids(tokens), &mut caches, LogitRows::Last, None);
        let own = softmax(&values(&logits.unwrap().unwrap()));
        let limits = InspectLimits {
            kv_precision,
            ..InspectLimits::default()
        };
        let options = InspectOptions {
            head: Some(HeadIndex { layer: 1, head: 2 }),
            ..InspectOptions::default()
        };
        let found = inspect(&model, tokens, &options, limits);
        let top = &found.lens.last().unwrap().top;
        let expected: Vec<f32> = top.iter().map(|t| own[t.id as usize]).collect();
        let probabilities: Vec<f32> = top.iter().map(|t| t.probability).collect();
        let what = format!("{kv_precision:?}");
        assert_close(&what, &probabilities, &expected, LENS_PROBABILITIES);
        let head = found.head.unwrap();
        let sum = head.weights.iter().sum::<f32>() + head.sink;
        assert_close(&what, &[sum], &[1.0], F32_UNIT);
        // Before the first layer bf16 has rounded little.
        let (sinks, exact) = (&found.sinks[0].shares, &exact.sinks[0].shares);
        assert_close(&what, sinks, exact, BF16_ATTENTION_SHARES);
    }
}

#[test]
fn the_demo_says_after_its_last_layer_what_it_answers() {
    let model = GptOss::demo().unwrap();
    let prompt = model.tokenizer().unwrap().encode_ordinary("The capital of");
    let own = argmax(&last_logits(model.model(), &prompt));
    let found = model.inspect(&prompt, &InspectOptions::default()).unwrap();
    assert_eq!(found.lens.len(), model.config().num_hidden_layers);
    assert_eq!(found.lens.last().unwrap().top[0].id, own);
    for sinks in &found.sinks {
        assert_eq!(sinks.shares.len(), model.config().num_attention_heads);
        assert!(sinks.shares.iter().all(|share| (0.0..=1.0).contains(share)));
    }
}

#[test]
fn it_can_be_stopped_before_every_chunk() {
    let model = GptOss::demo().unwrap();
    for chunks_allowed in 0..3 {
        let mut asked = Vec::new();
        let outcome = model.inspect_with(
            &[7; 30],
            &InspectOptions::default(),
            in_chunks(10),
            &mut |done, total| {
                asked.push((done, total));
                asked.len() <= chunks_allowed
            },
        );
        assert!(matches!(outcome, Err(InspectError::Cancelled)));
        let expected: Vec<_> = (0..=chunks_allowed).map(|n| (10 * n, 30)).collect();
        assert_eq!(asked, expected);
    }
}

#[test]
fn what_would_need_too_much_memory_is_refused_with_the_cost_that_was_told() {
    let model = GptOss::demo().unwrap();
    let options = InspectOptions::default();
    let cost = model.inspect_cost(30, &options, InspectLimits::default());
    assert_eq!((cost.tokens, cost.unembeddings), (30, 6));
    let limits = |memory_limit_bytes, held_bytes| InspectLimits {
        memory_limit_bytes: Some(memory_limit_bytes),
        held_bytes,
        ..InspectLimits::default()
    };
    let try_with = |limits| model.inspect_with(&[7; 30], &options, limits, &mut |_, _| true);
    assert!(try_with(limits(cost.peak_bytes, 0)).is_ok());
    for limits in [limits(cost.peak_bytes - 1, 0), limits(cost.peak_bytes, 1)] {
        let message = try_with(limits).unwrap_err().to_string();
        assert!(message.contains("30 tokens would need"), "{message}");
    }
    let longer = model.inspect_cost(1000, &options, InspectLimits::default());
    assert!(longer.peak_bytes > cost.peak_bytes);
}

#[test]
fn bad_requests_are_refused_before_anything_is_computed() {
    let model = GptOss::demo().unwrap();
    let with = |change: fn(&mut InspectOptions)| {
        let mut options = InspectOptions::default();
        change(&mut options);
        options
    };
    let cases: [(&[u32], InspectOptions, &str); 6] = [
        (&[], with(|_| {}), "the prompt is empty"),
        (&[1, 3072], with(|_| {}), "token id 3072 at position 1"),
        (&[1; 2049], with(|_| {}), "the context holds 2048"),
        (
            &[1],
            with(|o| o.layers = LensLayers::Only(vec![6])),
            "no layer 6",
        ),
        (&[1], with(|o| o.target = Some(3072)), "token id 3072"),
        (
            &[1],
            with(|o| o.head = Some(HeadIndex { layer: 0, head: 4 })),
            "no head 4",
        ),
    ];
    for (ids, options, part) in cases {
        let message = model.inspect(ids, &options).unwrap_err().to_string();
        assert!(message.contains(part), "{message}");
    }
}
