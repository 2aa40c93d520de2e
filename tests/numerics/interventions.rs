//! Changes of the experts' choice on a real model: what they promise, and their plain-Rust twin.

use gptoss::GptOss;
use gptoss::generate::{
    GenerateOptions, GeneratedToken, Generation, PromptCache, RecordOptions, SamplingParams,
    TokenGenerator, TokenRouting,
};
use gptoss::intervention::{ForcedRouting, Interventions, RoutingPlan};
use gptoss::model::gpt_oss::{KvPrecision, Transformer};

use crate::golden::{Golden, load};

/// Weights of the device's choice against the plain-Rust one: both are an f32 softmax.
const WEIGHT_TOLERANCE: f32 = 1e-6;

fn options(rules: &str) -> GenerateOptions {
    GenerateOptions {
        max_tokens: Some(12),
        sampling: SamplingParams {
            temperature: 0.0,
            ..SamplingParams::default()
        },
        interventions: rules.parse().unwrap(),
        record: RecordOptions {
            routing: true,
            router_logits: true,
            ..RecordOptions::default()
        },
        ..GenerateOptions::default()
    }
}

/// A run's tokens, and the routing and router logits of every position but the last token's.
#[derive(Debug, PartialEq)]
struct Run {
    ids: Vec<u32>,
    routing: Vec<TokenRouting>,
    router_logits: Vec<Vec<f32>>,
}

fn run(model: &Transformer, prompt: &[u32], options: GenerateOptions) -> Run {
    let mut cache = PromptCache::new(model, KvPrecision::Activations);
    run_with(model, &mut cache, prompt, options)
}

fn run_with(
    model: &Transformer,
    cache: &mut PromptCache,
    prompt: &[u32],
    options: GenerateOptions,
) -> Run {
    let mut generator = TokenGenerator::with_cache(model, cache, prompt, options).unwrap();
    let tokens: Vec<GeneratedToken> = generator.by_ref().map(Result::unwrap).collect();
    let prompt_records = generator.prompt_records().to_vec();
    // The first token's record is that of the prompt's last position, which is there already.
    let later = tokens
        .iter()
        .skip(1)
        .filter_map(|token| token.predicted_from.clone());
    let records: Vec<_> = prompt_records.into_iter().chain(later).collect();
    Run {
        ids: tokens.iter().map(|token| token.id).collect(),
        routing: records.iter().map(|r| r.routing.clone().unwrap()).collect(),
        router_logits: records
            .iter()
            .map(|r| r.router_logits.clone().unwrap())
            .collect(),
    }
}

fn prompt() -> Vec<u32> {
    Golden::open("pub-b").prompts["len17"].0.clone()
}

fn experts_of(run: &Run, layer: usize) -> Vec<Vec<u16>> {
    let of_layer = |routing: &TokenRouting| routing.layers().nth(layer).unwrap().0.to_vec();
    run.routing.iter().map(of_layer).collect()
}

#[test]
fn the_device_chooses_as_the_plain_reference_does() {
    let model = load("pub-b/hf");
    let shape = model.config().router_shape();
    for rules in [
        "mask *:1",
        "force 1:3",
        "bias *:0 +0.75, bias 1:2 -3",
        "zero 0:2",
        "swap 1:0 3",
        "top-k 0 1",
        "top-k 3",
        "temperature 0.25, noise 0.5 9",
        "mask 0:0, force 1:1, swap *:2 3, temperature 1 2, noise 1 3, top-k 1 1",
    ] {
        let found = run(&model, &prompt(), options(rules));
        let plan = RoutingPlan::new(&rules.parse().unwrap(), None, &shape)
            .unwrap()
            .unwrap();
        for (position, (routing, logits)) in
            found.routing.iter().zip(&found.router_logits).enumerate()
        {
            let width = routing.num_experts_per_tok();
            for layer in 0..shape.num_layers {
                let Some(layer_plan) = plan.layer(layer) else {
                    continue;
                };
                let logits = &logits[layer * shape.num_local_experts..][..shape.num_local_experts];
                let expected = layer_plan.choose(logits, position);
                let experts = &routing.experts()[layer * width..][..width];
                assert_eq!(
                    experts, expected.experts,
                    "{rules}, {position}, layer {layer}"
                );
                let weights = &routing.weights()[layer * width..][..width];
                for (weight, expected) in weights.iter().zip(&expected.weights) {
                    assert!((weight - expected).abs() <= WEIGHT_TOLERANCE, "{rules}");
                }
            }
        }
    }
}

#[test]
fn a_masked_expert_never_occurs_and_clearing_gives_the_untouched_run() {
    let model = load("pub-b/hf");
    let untouched = run(&model, &prompt(), options(""));
    assert!(
        experts_of(&untouched, 1)
            .iter()
            .any(|experts| experts.contains(&0))
    );
    let mut cache = PromptCache::new(&model, KvPrecision::Activations);
    let masked = run_with(&model, &mut cache, &prompt(), options("mask 1:0"));
    assert!(
        experts_of(&masked, 1)
            .iter()
            .all(|experts| !experts.contains(&0))
    );
    let cleared = run_with(&model, &mut cache, &prompt(), options(""));
    assert_eq!(
        cleared, untouched,
        "nothing of the masked run is left in the cache"
    );
}

#[test]
fn a_cache_made_under_other_rules_is_not_taken_over_and_one_of_the_same_is() {
    let model = load("pub-b/hf");
    let mut cache = PromptCache::new(&model, KvPrecision::Activations);
    let mut prompt = prompt();
    let mut reused = |rules: &str| {
        // Longer each time, so that the whole prompt before can be taken over.
        prompt.push(5);
        let options = GenerateOptions {
            record: RecordOptions::default(),
            ..options(rules)
        };
        let mut generator =
            TokenGenerator::with_cache(&model, &mut cache, &prompt, options).unwrap();
        generator.by_ref().for_each(drop);
        (generator.stats().reused_tokens, prompt.len() - 1)
    };
    let all = |(reused, before): (usize, usize)| reused == before;
    let none = |(reused, _): (usize, usize)| reused == 0;
    assert!(none(reused("")));
    assert!(all(reused("")));
    assert!(none(reused("mask 1:0")));
    assert!(all(reused("mask 1:0")));
    assert!(none(reused("noise 1 1")));
    assert!(none(reused("")));
}

#[test]
fn zeroing_keeps_the_ids_of_its_layer_and_changes_what_comes_after() {
    let model = load("pub-b/hf");
    let zeroed = run(&model, &prompt(), options("zero 0:0, zero 0:1"));
    let untouched = run(&model, &prompt(), options(""));
    // The prompt's tokens are the same in both runs; later ones may differ.
    let prompt_len = prompt().len();
    assert_eq!(
        experts_of(&zeroed, 0)[..prompt_len],
        experts_of(&untouched, 0)[..prompt_len]
    );
    assert_ne!(
        zeroed.router_logits, untouched.router_logits,
        "layer 1 sees another stream"
    );
}

#[test]
fn following_a_runs_own_routing_gives_exactly_that_run() {
    let model = load("pub-b/hf");
    let recorded = run(&model, &prompt(), options(""));
    let mut forced = ForcedRouting::new();
    for (position, routing) in recorded.routing.iter().enumerate() {
        forced.set(position, routing.experts().to_vec());
    }
    let follow = GenerateOptions {
        forced_routing: Some(forced.into()),
        ..options("")
    };
    assert_eq!(run(&model, &prompt(), follow), recorded);

    let masked = run(&model, &prompt(), options("mask 1:0, mask 0:1"));
    let mut forced = ForcedRouting::new();
    for (position, routing) in masked.routing.iter().enumerate() {
        forced.set(position, routing.experts().to_vec());
    }
    let follow = GenerateOptions {
        forced_routing: Some(forced.into()),
        ..options("")
    };
    let followed = run(&model, &prompt(), follow);
    assert_eq!(followed.ids, masked.ids, "the masked run without its mask");
    assert_eq!(followed.routing, masked.routing);
}

#[test]
fn rules_changed_between_tokens_count_from_the_index_returned() {
    let model = load("pub-b/hf");
    let mut cache = PromptCache::new(&model, KvPrecision::Activations);
    let mut generation = Generation::start(&model, &mut cache, &prompt(), options("")).unwrap();
    let mut routing = Vec::new();
    let mut from = usize::MAX;
    for index in 0..12 {
        if index == 5 {
            let rules: Interventions = "mask *:0, mask *:1".parse().unwrap();
            from = generation
                .set_interventions(&model, &mut cache, rules)
                .unwrap();
            assert!(from >= 5);
            let wrong = "mask 99:0".parse().unwrap();
            assert!(
                generation
                    .set_interventions(&model, &mut cache, wrong)
                    .is_err()
            );
        }
        let token = generation.step(&model, &mut cache).unwrap().unwrap();
        routing.push(token.predicted_from.unwrap().routing.unwrap());
    }
    let has_masked = |routing: &TokenRouting| {
        routing
            .layers()
            .any(|(experts, _)| experts.iter().any(|id| *id < 2))
    };
    assert!(routing[..from].iter().any(has_masked));
    assert!(!routing[from..].iter().any(has_masked));
}

#[test]
fn the_demo_model_answers_differently_without_its_favorite_experts_and_the_same_after() {
    let model = GptOss::demo().unwrap();
    let ids = model
        .tokenizer()
        .unwrap()
        .encode_ordinary("What is 48 + 75?");
    let model = model.model();
    let untouched = run(model, &ids, options(""));
    let shape = model.config().router_shape();
    let mut counts = vec![0; shape.num_local_experts];
    for experts in experts_of(&untouched, 0) {
        for expert in experts {
            counts[usize::from(expert)] += 1;
        }
    }
    let favorite = (0..counts.len())
        .max_by_key(|expert| counts[*expert])
        .unwrap();
    let masked = run(model, &ids, options(&format!("mask *:{favorite}")));
    for layer in 0..shape.num_layers {
        let ids = experts_of(&masked, layer).concat();
        assert!(!ids.contains(&(favorite as u16)));
    }
    assert_eq!(run(model, &ids, options("")), untouched);
}

#[test]
fn an_ablation_against_itself_is_zero_and_one_that_matters_is_not() {
    let model = GptOss::demo().unwrap();
    let prompt = golden_prompt(&model);
    let options = GenerateOptions {
        record: RecordOptions::default(),
        ..options("")
    };
    let compare = |rules: &str| {
        let rules = rules.parse().unwrap();
        let found = model.ablate(&prompt, &options, &rules, &mut |_, _, _| true);
        found.unwrap().unwrap()
    };
    let same = compare("");
    assert_eq!(same.first_difference(), None);
    assert_eq!(same.positions.len(), same.baseline.len());
    assert!(
        same.positions
            .iter()
            .all(|position| position.kl_nats.to_bits() == 0)
    );
    let changed = compare("top-k 1");
    assert_eq!(changed.baseline, same.baseline);
    assert!(changed.mean_kl_nats().unwrap() > 0.0);
    let stopped = model.ablate(
        &prompt,
        &options,
        &"top-k 1".parse().unwrap(),
        &mut |_, _, _| false,
    );
    assert_eq!(stopped.unwrap(), None);
}

fn golden_prompt(model: &GptOss) -> Vec<u32> {
    model
        .tokenizer()
        .unwrap()
        .encode_ordinary("What is 48 + 75?")
}

/// The divergence as the definition has it, in f64 on the host, from two runs' recorded logits.
#[test]
fn the_divergence_equals_its_definition() {
    let model = load("pub-b/hf");
    let prompt = prompt();
    let base = GenerateOptions {
        record: RecordOptions::default(),
        ..options("")
    };
    let rules: Interventions = "mask 0:0".parse().unwrap();
    let found = gptoss::generate::ablate(&model, &prompt, &base, &rules, &mut |_, _, _| true);
    let found = found.unwrap().unwrap();
    let mut read = prompt.clone();
    read.extend(&found.baseline);
    let logits = |rules: &Interventions| {
        let options = GenerateOptions {
            max_tokens: Some(0),
            interventions: rules.clone(),
            record: RecordOptions {
                logits: true,
                ..RecordOptions::default()
            },
            ..GenerateOptions::default()
        };
        let mut generator = TokenGenerator::new(&model, &read, options).unwrap();
        assert!(generator.next().is_none());
        let records = generator.prompt_records().to_vec();
        records
            .into_iter()
            .map(|record| record.logits.unwrap())
            .collect::<Vec<_>>()
    };
    let (before, after) = (logits(&Interventions::none()), logits(&rules));
    for (index, position) in found.positions.iter().enumerate() {
        let row = prompt.len() - 1 + index;
        let (p, q) = (log_softmax(&before[row]), log_softmax(&after[row]));
        let kl: f64 = p.iter().zip(&q).map(|(p, q)| p.exp() * (p - q)).sum();
        assert!(
            (f64::from(position.kl_nats) - kl).abs() < 1e-5,
            "{index}: {kl}"
        );
        let id = found.baseline[index] as usize;
        assert!((f64::from(position.logprob_after) - q[id]).abs() < 1e-4);
    }
}

fn log_softmax(logits: &[f32]) -> Vec<f64> {
    let sum: f64 = logits.iter().map(|logit| f64::from(*logit).exp()).sum();
    logits
        .iter()
        .map(|logit| f64::from(*logit) - sum.ln())
        .collect()
}
