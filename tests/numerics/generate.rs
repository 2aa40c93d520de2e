//! Generation: seeds, look-ahead, prefix reuse, cancelling, limits, recording.

use gptoss::generate::{
    FinishReason, GenerateError, GenerateOptions, MemoryModel, PromptCache, RecordOptions,
    SamplingParams, TokenGenerator,
};
use gptoss::model::gpt_oss::{KvPrecision, Transformer};

use crate::golden::{Golden, load};

fn options(max_tokens: usize, sampling: SamplingParams) -> GenerateOptions {
    GenerateOptions {
        max_tokens: Some(max_tokens),
        sampling,
        ..GenerateOptions::default()
    }
}

fn seeded(seed: u64) -> SamplingParams {
    SamplingParams {
        seed,
        ..SamplingParams::default()
    }
}

fn fresh(model: &Transformer, prompt: &[u32], options: GenerateOptions) -> Vec<u32> {
    let tokens = TokenGenerator::new(model, prompt, options).unwrap();
    tokens.map(|token| token.unwrap().id).collect()
}

fn cached(
    model: &Transformer,
    cache: &mut PromptCache,
    prompt: &[u32],
    options: GenerateOptions,
) -> (Vec<u32>, usize) {
    let mut generator = TokenGenerator::with_cache(model, cache, prompt, options).unwrap();
    let tokens = generator.by_ref().map(|token| token.unwrap().id).collect();
    (tokens, generator.stats().reused_tokens)
}

#[test]
fn a_seed_gives_the_same_tokens_whatever_came_before() {
    let model = load("pub-a/hf");
    let prompt = Golden::open("pub-a").prompts["len17"].0.clone();
    let first = fresh(&model, &prompt, options(24, seeded(7)));
    let _other = fresh(&model, &prompt[..5], options(9, seeded(1)));
    assert_eq!(fresh(&model, &prompt, options(24, seeded(7))), first);
    assert_ne!(fresh(&model, &prompt, options(24, seeded(8))), first);
}

#[test]
fn a_stopped_answer_continues_as_if_it_had_not_been_stopped() {
    let model = load("pub-b/hf");
    let prompt = Golden::open("pub-b").prompts["len40"].0.clone();
    let whole = fresh(&model, &prompt, options(30, seeded(3)));
    for stop_at in [1, 2, 11, 29] {
        let mut cache = PromptCache::new(&model, KvPrecision::Activations);
        let mut generator =
            TokenGenerator::with_cache(&model, &mut cache, &prompt, options(30, seeded(3)))
                .unwrap();
        let part: Vec<u32> = generator
            .by_ref()
            .take(stop_at)
            .map(|t| t.unwrap().id)
            .collect();
        generator.cancel();
        assert!(generator.next().is_none());
        assert_eq!(generator.finish_reason(), Some(FinishReason::Cancelled));
        assert_eq!(part, whole[..stop_at]);
        drop(generator);

        let so_far = [prompt.clone(), part].concat();
        let (rest, reused) = cached(
            &model,
            &mut cache,
            &so_far,
            options(30 - stop_at, seeded(3)),
        );
        assert_eq!(rest, whole[stop_at..], "stopped at {stop_at}");
        assert!(
            reused >= so_far.len() - 2,
            "only {reused} of {} reused",
            so_far.len()
        );
    }
}

#[test]
fn the_next_turn_reuses_its_prefix_after_the_ring_has_wrapped() {
    let model = load("pub-a/hf");
    let tokens = Golden::open("pub-a").prompts["len100"].0.clone();
    let (first, rest) = tokens.split_at(60);
    let mut cache = PromptCache::new(&model, KvPrecision::Activations);
    // The answer is much longer than the window of 8, and the next turn leaves it out, as harmony
    // leaves out analysis.
    cached(&model, &mut cache, first, options(40, seeded(5)));
    let next = [first, rest].concat();
    let expected = fresh(&model, &next, options(20, seeded(6)));
    let (found, reused) = cached(&model, &mut cache, &next, options(20, seeded(6)));
    assert_eq!(reused, first.len());
    assert_eq!(found, expected);
    // And back to the first prompt: its end was kept, but its last token has to be read again.
    let (again, _) = cached(&model, &mut cache, first, options(40, seeded(5)));
    assert_eq!(again, fresh(&model, first, options(40, seeded(5))));
}

#[test]
fn a_forked_cache_leaves_the_original_alone() {
    let model = load("pub-b/hf");
    let prompt = Golden::open("pub-b").prompts["len40"].0.clone();
    let mut cache = PromptCache::new(&model, KvPrecision::Activations);
    let (answer, _) = cached(&model, &mut cache, &prompt, options(10, seeded(1)));
    let mut fork = cache.clone();
    let longer = [prompt.clone(), answer, vec![3, 4, 5]].concat();
    let expected = fresh(&model, &longer, options(10, seeded(2)));
    cached(
        &model,
        &mut fork,
        &[prompt.clone(), vec![9; 30]].concat(),
        options(5, seeded(4)),
    );
    assert_eq!(
        cached(&model, &mut cache, &longer, options(10, seeded(2))).0,
        expected
    );
}

#[test]
fn recording_changes_nothing_and_covers_every_position() {
    let model = load("pub-a/hf");
    let config = model.config().clone();
    let prompt = Golden::open("pub-a").prompts["len40"].0.clone();
    let plain = fresh(&model, &prompt, options(12, seeded(9)));
    let record = RecordOptions {
        top_logprobs: Some(4),
        routing: true,
        router_logits: true,
        logits: true,
    };
    let mut recorded = options(12, seeded(9));
    recorded.record = record;
    recorded.prefill_chunk_tokens = 16;
    let mut generator = TokenGenerator::new(&model, &prompt, recorded).unwrap();
    let tokens: Vec<_> = generator.by_ref().map(|token| token.unwrap()).collect();
    assert_eq!(
        tokens.iter().map(|token| token.id).collect::<Vec<_>>(),
        plain
    );
    assert_eq!(generator.prompt_records().len(), prompt.len());
    let last = generator.record_of_last_token().unwrap().unwrap();
    let records = generator.prompt_records().iter().chain([&last]);
    let records = records.chain(
        tokens
            .iter()
            .filter_map(|token| token.predicted_from.as_ref()),
    );
    for record in records {
        let routing = record.routing.as_ref().unwrap();
        assert_eq!(routing.num_layers(), config.num_hidden_layers);
        assert!(
            routing
                .layers()
                .all(|(_, w)| (w.iter().sum::<f32>() - 1.0).abs() < 1e-5)
        );
        let cells = config.num_hidden_layers * config.num_local_experts;
        assert_eq!(record.router_logits.as_ref().unwrap().len(), cells);
        assert_eq!(record.logits.as_ref().unwrap().len(), config.vocab_size);
    }
    for token in &tokens {
        assert!(token.logprob.unwrap() <= 0.0);
        assert!(
            token
                .top_logprobs
                .windows(2)
                .all(|pair| pair[0].1 >= pair[1].1)
        );
        let logits = token
            .predicted_from
            .as_ref()
            .unwrap()
            .logits
            .as_ref()
            .unwrap();
        let best = (0..logits.len()).max_by(|&a, &b| logits[a].total_cmp(&logits[b]));
        assert_eq!(token.top_logprobs[0].0, best.unwrap() as u32);
    }
}

#[test]
fn sampling_changes_act_from_the_reported_token() {
    let model = load("pub-a/hf");
    let prompt = Golden::open("pub-a").prompts["len17"].0.clone();
    let greedy = SamplingParams {
        temperature: 0.0,
        ..SamplingParams::default()
    };
    let only_five = SamplingParams {
        logit_bias: [(5, 100.0)].into(),
        ..greedy.clone()
    };
    let mut generator = TokenGenerator::new(&model, &prompt, options(12, greedy)).unwrap();
    let mut ids: Vec<u32> = generator.by_ref().take(4).map(|t| t.unwrap().id).collect();
    let from = generator.set_sampling(only_five).unwrap();
    assert!((4..=5).contains(&from), "index {from}");
    ids.extend(generator.map(|t| t.unwrap().id));
    assert!(ids[from..].iter().all(|&id| id == 5), "{ids:?}");
    assert!(ids[..4].iter().any(|&id| id != 5), "{ids:?}");
}

#[test]
fn stop_tokens_and_limits_end_the_answer() {
    let model = load("pub-b/hf");
    let (prompt, greedy) = Golden::open("pub-b").prompts["len5"].clone();
    let zero = SamplingParams {
        temperature: 0.0,
        ..SamplingParams::default()
    };
    let mut stopping = options(32, zero.clone());
    stopping.stop_tokens = vec![greedy[6]];
    let end = greedy.iter().position(|&id| id == greedy[6]).unwrap();
    let mut generator = TokenGenerator::new(&model, &prompt, stopping).unwrap();
    let ids: Vec<u32> = generator.by_ref().map(|t| t.unwrap().id).collect();
    assert_eq!(ids, greedy[..=end]);
    assert_eq!(generator.finish_reason(), Some(FinishReason::Stop));

    let mut generator = TokenGenerator::new(&model, &prompt, options(0, zero.clone())).unwrap();
    assert!(generator.next().is_none());
    assert_eq!(generator.finish_reason(), Some(FinishReason::Length));

    let empty = TokenGenerator::new(&model, &[], options(1, zero.clone()));
    assert!(matches!(empty, Err(GenerateError::EmptyPrompt)));
    let unknown = TokenGenerator::new(&model, &[1, 320], options(1, zero.clone()));
    assert!(matches!(
        unknown,
        Err(GenerateError::TokenOutOfRange {
            id: 320,
            position: 1,
            ..
        })
    ));
    let long = vec![1; model.config().max_position_embeddings + 1];
    let long = TokenGenerator::new(&model, &long, options(1, zero));
    assert!(matches!(long, Err(GenerateError::PromptTooLong { .. })));
}

#[test]
fn requests_above_the_memory_limit_are_refused_with_what_fits() {
    let model = load("pub-b/hf");
    let memory = MemoryModel::new(&model, KvPrecision::Activations, 512);
    let limit = memory.demand(4000, 0).total_bytes();
    let mut request = options(1000, SamplingParams::default());
    request.memory_limit_bytes = Some(limit);
    let refused = TokenGenerator::new(&model, &vec![1; 4000], request.clone()).unwrap_err();
    let GenerateError::Memory {
        largest_context_tokens: fits,
        predicted_bytes,
        ..
    } = refused
    else {
        unreachable!("{refused}");
    };
    assert!(predicted_bytes > limit);
    assert!(memory.demand(fits, 0).total_bytes() <= limit);
    assert!(memory.demand(fits + 1, 0).total_bytes() > limit);
    request.max_tokens = Some(fits - 3000);
    assert!(TokenGenerator::new(&model, &[1; 3000], request).is_ok());
}

#[test]
fn a_failed_pass_leaves_an_empty_cache_that_works() {
    let (model, other) = (load("pub-b/hf"), load("pub-a/hf"));
    let prompt = Golden::open("pub-b").prompts["len100"].0.clone();
    let greedy = || {
        options(
            8,
            SamplingParams {
                temperature: 0.0,
                ..seeded(0)
            },
        )
    };
    let tokens = |cache: &mut PromptCache| -> Vec<u32> {
        TokenGenerator::with_cache(&model, cache, &prompt, greedy())
            .unwrap()
            .map(|token| token.unwrap().id)
            .collect()
    };
    let mut cache = PromptCache::new(&model, KvPrecision::Activations);
    let expected = tokens(&mut cache);
    // Another model's heads do not fit behind what the cache holds: MLX refuses in the first layer.
    let longer = [&prompt[..], &[1, 2, 3]].concat();
    let mut broken = TokenGenerator::with_cache(&other, &mut cache, &longer, greedy()).unwrap();
    let failed = broken.next();
    assert!(
        matches!(failed, Some(Err(GenerateError::Mlx(_)))),
        "{failed:?}"
    );
    assert!(broken.next().is_none());
    assert!(cache.is_empty() && cache.tokens().is_empty());
    assert_eq!(tokens(&mut cache), expected);
}

#[test]
fn eight_bit_keys_and_values_stay_near_and_take_half_the_space() {
    let model = load("pub-a/hf");
    let prompt = Golden::open("pub-a").prompts["len100"].0.clone();
    let record = |kv_precision| {
        let mut options = options(1, seeded(0));
        options.kv_precision = kv_precision;
        options.record.logits = true;
        options.prefill_chunk_tokens = 32;
        let mut generator = TokenGenerator::new(&model, &prompt, options).unwrap();
        generator.next().unwrap().unwrap();
        let logits: Vec<Vec<f32>> = generator
            .prompt_records()
            .iter()
            .map(|record| record.logits.clone().unwrap())
            .collect();
        (logits, generator.cache().usage().full.bytes)
    };
    let (plain, plain_bytes) = record(KvPrecision::Activations);
    let (packed, packed_bytes) = record(KvPrecision::EightBit);
    // f32 to 8 bits with two f32 a group of 64.
    assert!(
        packed_bytes * 3 < plain_bytes,
        "{packed_bytes} of {plain_bytes}"
    );
    let mut errors: Vec<f32> = plain
        .iter()
        .zip(&packed)
        .flat_map(|(a, b)| a.iter().zip(b).map(|(a, b)| (a - b).abs()))
        .collect();
    errors.sort_by(f32::total_cmp);
    let median = errors[errors.len() / 2];
    assert!(median > 0.0 && median < 0.05, "median error {median}");
}
