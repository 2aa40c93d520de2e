//! Drafted tokens change what is computed together, and nothing that comes of it.

use gptoss::generate::{
    GenerateOptions, GeneratedToken, Generation, PromptCache, RecordOptions, SamplingParams,
    Speculation,
};
use gptoss::intervention::Interventions;
use gptoss::model::gpt_oss::{KvPrecision, Transformer};

use crate::golden::{Golden, load};
use crate::tolerance::{F32_LOGITS, assert_close};

/// Longer than both models' rings, and long enough for their greedy text to run in circles.
const ANSWER_TOKENS: usize = 120;

fn prompt(name: &str) -> Vec<u32> {
    Golden::open(name).prompts["len40"].0.repeat(2)
}

fn options(speculation: Speculation, sampling: SamplingParams) -> GenerateOptions {
    GenerateOptions {
        max_tokens: Some(ANSWER_TOKENS),
        sampling,
        speculation,
        record: RecordOptions {
            top_logprobs: Some(3),
            routing: true,
            ..RecordOptions::default()
        },
        ..GenerateOptions::default()
    }
}

fn greedy() -> SamplingParams {
    SamplingParams {
        temperature: 0.0,
        ..SamplingParams::default()
    }
}

/// Little left to chance, so that the text repeats itself and departs from it now and then.
fn warm() -> SamplingParams {
    SamplingParams {
        temperature: 0.6,
        top_k: 4,
        seed: 11,
        ..SamplingParams::default()
    }
}

/// An answer, and how many of its tokens were drafted.
struct Answer {
    tokens: Vec<GeneratedToken>,
    cache: PromptCache,
    accepted_tokens: usize,
    drafted_tokens: usize,
}

/// Answers the prompt; `change` is called before each token with its index.
fn answer(
    model: &Transformer,
    prompt: &[u32],
    options: GenerateOptions,
    mut change: impl FnMut(usize, &mut Generation, &mut PromptCache),
) -> Answer {
    let mut cache = PromptCache::new(model, KvPrecision::Activations);
    let mut generation = Generation::start(model, &mut cache, prompt, options).unwrap();
    let mut tokens = Vec::new();
    loop {
        change(tokens.len(), &mut generation, &mut cache);
        match generation.step(model, &mut cache).unwrap() {
            Some(token) => tokens.push(token),
            None => break,
        }
    }
    let stats = generation.stats();
    Answer {
        tokens,
        cache,
        accepted_tokens: stats.accepted_tokens,
        drafted_tokens: stats.drafted_tokens,
    }
}

fn ids(answer: &Answer) -> Vec<u32> {
    answer.tokens.iter().map(|token| token.id).collect()
}

/// Asserts that both wrote the same and left the same behind.
fn assert_same(what: &str, drafted: &Answer, plain: &Answer) {
    assert_eq!(plain.drafted_tokens, 0);
    assert_eq!(ids(drafted), ids(plain), "{what}");
    assert_eq!(drafted.cache.tokens(), plain.cache.tokens(), "{what}");
    assert_eq!(drafted.cache.len(), plain.cache.len(), "{what}");
    let logprobs = |answer: &Answer| -> Vec<f32> {
        let tokens = answer.tokens.iter();
        tokens.map(|token| token.logprob.unwrap()).collect()
    };
    assert_close(what, &logprobs(drafted), &logprobs(plain), F32_LOGITS);
    for (a, b) in drafted.tokens.iter().zip(&plain.tokens) {
        let routing = |token: &GeneratedToken| {
            let record = token.predicted_from.clone().unwrap();
            record.routing.unwrap().experts().to_vec()
        };
        assert_eq!(routing(a), routing(b), "{what}");
        assert_eq!(a.top_logprobs.len(), b.top_logprobs.len(), "{what}");
    }
}

#[test]
fn drafts_give_the_same_tokens_records_and_cache() {
    let mut accepted_tokens = 0;
    for name in ["pub-a", "pub-b"] {
        let (model, prompt) = (load(&format!("{name}/hf")), prompt(name));
        let mut penalized = warm();
        penalized.frequency_penalty = 0.4;
        penalized.dry.multiplier = 0.3;
        for (index, sampling) in [greedy(), warm(), penalized].into_iter().enumerate() {
            let run = |speculation| {
                let options = options(speculation, sampling.clone());
                answer(&model, &prompt, options, |_, _, _| {})
            };
            let (drafted, plain) = (run(Speculation::Auto), run(Speculation::Off));
            assert_same(&format!("{name} {index}"), &drafted, &plain);
            assert!(drafted.accepted_tokens <= drafted.drafted_tokens);
            accepted_tokens += drafted.accepted_tokens;
        }
    }
    assert!(
        accepted_tokens > 0,
        "nothing was drafted: the test shows nothing"
    );
}

#[test]
fn an_answer_goes_on_from_a_cache_that_drafts_have_left() {
    let (model, prompt) = (load("pub-b/hf"), prompt("pub-b"));
    let whole = answer(
        &model,
        &prompt,
        options(Speculation::Off, greedy()),
        |_, _, _| {},
    );
    let whole = ids(&whole);
    let mut drafted_tokens = 0;
    // Stopped after any number of tokens, in the midst of a block or not.
    for stop_at in 60..76 {
        let mut cache = PromptCache::new(&model, KvPrecision::Activations);
        let mut first = Generation::start(
            &model,
            &mut cache,
            &prompt,
            options(Speculation::Auto, greedy()),
        )
        .unwrap();
        for expected in &whole[..stop_at] {
            let token = first.step(&model, &mut cache).unwrap().unwrap();
            assert_eq!(token.id, *expected);
        }
        first.cancel(&mut cache);
        drafted_tokens += first.stats().drafted_tokens;
        let so_far = [&prompt[..], &whole[..stop_at]].concat();
        assert_eq!(cache.tokens(), &so_far[..so_far.len() - 1]);
        let mut options = options(Speculation::Auto, greedy());
        options.record = RecordOptions::default();
        let mut rest = Generation::start(&model, &mut cache, &so_far, options).unwrap();
        assert_eq!(rest.progress().reused_tokens, so_far.len() - 1);
        for expected in &whole[stop_at..] {
            let token = rest.step(&model, &mut cache).unwrap().unwrap();
            assert_eq!(token.id, *expected);
        }
    }
    assert!(
        drafted_tokens > 0,
        "nothing was drafted: the test shows nothing"
    );
}

#[test]
fn live_changes_act_on_the_same_token_with_drafts() {
    let (model, prompt) = (load("pub-b/hf"), prompt("pub-b"));
    let rules: Interventions = "mask 1:2".parse().unwrap();
    for at in [70, 71, 72, 73, 74, 75, 76, 77] {
        let run = |speculation| {
            let change = |index: usize, generation: &mut Generation, cache: &mut PromptCache| {
                if index == at {
                    assert_eq!(generation.set_sampling(warm()).unwrap(), at);
                    let rules = rules.clone();
                    let first = generation.set_interventions(&model, cache, rules);
                    assert_eq!(first.unwrap(), at);
                }
                if index == at + 9 {
                    generation.set_sampling(greedy()).unwrap();
                }
            };
            answer(&model, &prompt, options(speculation, greedy()), change)
        };
        let (drafted, plain) = (run(Speculation::Auto), run(Speculation::Off));
        assert!(drafted.drafted_tokens > 0);
        assert_same(&format!("changed at {at}"), &drafted, &plain);
    }
}
