//! Behavior of the synthetic backend without a thread around it.

use super::*;
use crate::engine::protocol::{ModelOrigin, RequestId, TokenEvent};

const PROMPT: [u32; 5] = [3, 1, 4, 1, 5];

fn request(prompt: &[u32], max_tokens: usize) -> GenerateRequest {
    let mut request = GenerateRequest::new(RequestId(1), Prompt::Tokens(prompt.to_vec()));
    request.max_tokens = Some(max_tokens);
    request
}

fn run(backend: &mut SyntheticBackend, request: &GenerateRequest) -> Vec<TokenEvent> {
    let start = backend.start(request).expect("the request is valid");
    let mut done = start.reused_tokens;
    while done < start.prompt_tokens {
        done = backend.prefill().expect("chunks work").done_tokens;
    }
    let mut tokens = Vec::new();
    while let Step::Token(token) = backend.step().expect("steps work") {
        tokens.push(token);
    }
    backend.end();
    tokens
}

fn ids(tokens: &[TokenEvent]) -> Vec<u32> {
    tokens.iter().map(|token| token.id).collect()
}

fn backend() -> SyntheticBackend {
    SyntheticBackend::new(SyntheticModel::gpt_oss_20b())
}

#[test]
fn it_always_says_that_it_is_synthetic() {
    let backend = &mut backend();
    assert_eq!(backend.summary.origin, ModelOrigin::Synthetic);
    assert!(backend.summary.name.contains("synthetic"));
    for _ in 0..2 {
        assert!(
            run(backend, &request(&PROMPT, 3))[0]
                .text
                .starts_with("[synthetic]")
        );
    }
}

#[test]
fn seeds_determine_the_tokens_whatever_came_before() {
    let mut used = backend();
    run(&mut used, &request(&[9, 9, 9], 20));
    let expected = run(&mut backend(), &request(&PROMPT, 40));
    assert_eq!(run(&mut used, &request(&PROMPT, 40)), expected);

    let mut other = request(&PROMPT, 40);
    other.sampling.seed = 1;
    assert_ne!(ids(&run(&mut backend(), &other)), ids(&expected));
}

#[test]
fn zero_temperature_takes_the_most_likely_token() {
    let mut greedy = request(&PROMPT, 30);
    greedy.sampling.temperature = 0.0;
    greedy.record.top_logprobs = Some(2);
    for token in run(&mut backend(), &greedy) {
        assert_eq!(token.id, token.top_logprobs[0].id);
        assert_eq!(token.logprob, Some(token.top_logprobs[0].logprob));
        assert!(token.top_logprobs[1].logprob <= token.top_logprobs[0].logprob);
    }
}

#[test]
fn new_sampling_changes_the_tokens_from_the_index_returned() {
    let mut backend = backend();
    let expected = ids(&run(&mut backend, &request(&PROMPT, 40)));
    backend.start(&request(&PROMPT, 40)).unwrap();
    backend.prefill().unwrap();
    let mut tokens = Vec::new();
    while let Step::Token(token) = backend.step().unwrap() {
        tokens.push(token);
        if tokens.len() == 10 {
            let sampling = SamplingParams {
                seed: 99,
                ..SamplingParams::default()
            };
            assert_eq!(backend.update_sampling(&sampling).unwrap(), 10);
        }
    }
    assert_eq!(ids(&tokens)[..10], expected[..10]);
    assert_ne!(ids(&tokens)[10..], expected[10..]);
}

#[test]
fn a_stopped_run_continues_as_if_it_had_not_been_stopped() {
    let whole = ids(&run(&mut backend(), &request(&PROMPT, 30)));
    let mut stopped = backend();
    let mut sequence = PROMPT.to_vec();
    sequence.extend(ids(&run(&mut stopped, &request(&PROMPT, 12))));
    let start = stopped.start(&request(&sequence, 18)).unwrap();
    assert_eq!(start.reused_tokens, sequence.len() - 1);
    assert_eq!(
        ids(&run(&mut stopped, &request(&sequence, 18))),
        whole[12..]
    );
}

#[test]
fn routing_has_the_models_form_and_distinct_experts() {
    let mut model = SyntheticModel::gpt_oss_120b();
    model.num_experts_per_tok = 6;
    let mut recorded = request(&PROMPT, 3);
    recorded.record.routing = true;
    for token in run(&mut SyntheticBackend::new(model), &recorded) {
        let routing = token.routing.expect("routing was asked for");
        assert_eq!(
            (routing.num_layers(), routing.num_experts_per_tok()),
            (36, 6)
        );
        for (experts, weights) in routing.layers() {
            let distinct: std::collections::BTreeSet<_> = experts.iter().collect();
            assert_eq!(distinct.len(), 6);
            assert!(experts.iter().all(|expert| *expert < 128));
            assert!(weights.is_sorted_by(|a, b| a >= b));
            assert!((weights.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        }
    }
}

#[test]
fn stop_tokens_are_reported_and_end_the_run() {
    let mut free = request(&PROMPT, 30);
    let expected = ids(&run(&mut backend(), &free));
    free.stop.tokens = vec![expected[5]];
    let first = expected.iter().position(|id| *id == expected[5]).unwrap();
    assert_eq!(ids(&run(&mut backend(), &free)), expected[..=first]);
}

#[test]
fn bad_prompts_and_forms_are_refused() {
    let mut small = SyntheticModel::gpt_oss_20b();
    small.max_context_tokens = 4;
    let mut backend = SyntheticBackend::new(small);
    let error = backend.start(&request(&PROMPT, 1)).unwrap_err();
    assert_eq!(
        error.message,
        "the prompt has 5 tokens, the context holds 4"
    );
    assert!(backend.start(&request(&[], 1)).is_err());
    assert_eq!(run(&mut backend, &request(&PROMPT[..2], 100)).len(), 2);

    small.num_experts_per_tok = 33;
    assert!(small.validate().is_err());
}

#[test]
fn cache_figures_are_those_of_gpt_oss() {
    let summary = SyntheticModel::gpt_oss_120b().summary();
    let cache = nominal::usage(&summary, 131_072, 0).cache;
    assert_eq!((cache.full.num_layers, cache.sliding.num_layers), (18, 18));
    assert_eq!(cache.full.bytes, 18 * 131_072 * 2048);
    assert_eq!(
        (cache.sliding.tokens, cache.sliding.capacity_tokens),
        (128, 128)
    );
    let total_gb = (cache.full.bytes + cache.sliding.bytes) as f64 / 1e9;
    assert!((total_gb - 4.84).abs() < 0.005, "{total_gb}");
}
