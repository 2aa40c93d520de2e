//! The token lab on the demo: forks of an answer, answers beside the conversation, and what the
//! samplers made of each token.

use gptoss::engine::protocol::{
    AnswerOpening, CacheUse, Event, GenerateRequest, Prompt, RequestId, TokenEvent,
};
use gptoss::generate::sampler::{History, reference};
use gptoss::generate::{
    FinishReason, GenerateOptions, RecordOptions, SamplingParams, TokenGenerator, XtcParams,
};
use gptoss::harmony::{Conversation, Message, SystemContent};

use crate::engine::Engine;
use crate::golden::{Golden, load};

/// The ids that a request began with, and those that it generated.
struct Answer {
    inserted: Vec<u32>,
    reused_tokens: usize,
    prompt_tokens: usize,
    tokens: Vec<TokenEvent>,
    finish_reason: Option<FinishReason>,
}

impl Answer {
    fn ids(&self) -> Vec<u32> {
        let drawn = self.tokens.iter().map(|token| token.id);
        self.inserted.iter().copied().chain(drawn).collect()
    }
}

fn ask(
    engine: &mut Engine,
    opening: AnswerOpening,
    change: impl FnOnce(&mut GenerateRequest),
) -> Answer {
    let conversation = Conversation {
        system: Some(SystemContent::default()),
        developer: None,
        messages: vec![Message::user("What is the capital of France?")],
    };
    let events = engine.run_prompt(Prompt::conversation(conversation, opening), change);
    let mut answer = Answer {
        inserted: Vec::new(),
        reused_tokens: 0,
        prompt_tokens: 0,
        tokens: Vec::new(),
        finish_reason: None,
    };
    for event in events {
        match event {
            Event::Started {
                inserted,
                reused_tokens,
                prompt_tokens,
                ..
            } => {
                answer.inserted = inserted.iter().map(|token| token.id).collect();
                (answer.reused_tokens, answer.prompt_tokens) = (reused_tokens, prompt_tokens);
            }
            Event::Token { token, .. } => answer.tokens.push(token),
            Event::Finished { finish_reason, .. } => answer.finish_reason = Some(finish_reason),
            Event::Prefill { .. } => {}
            other => unreachable!("{other:?}"),
        }
    }
    answer
}

/// Everything that depends on history, seed or chance is on.
fn lively(request: &mut GenerateRequest) {
    request.record.top_logprobs = Some(10);
    request.sampling = SamplingParams {
        temperature: 1.1,
        top_p: 0.98,
        repetition_penalty: 1.05,
        presence_penalty: 0.3,
        frequency_penalty: 0.1,
        xtc: XtcParams {
            probability: 0.3,
            threshold: 0.2,
        },
        seed: 11,
        ..SamplingParams::default()
    };
}

#[test]
fn a_fork_from_the_taken_token_gives_the_rest_of_the_answer_bit_for_bit() {
    let mut engine = Engine::with_demo();
    let whole = ask(&mut engine, AnswerOpening::Fresh, lively);
    assert!(whole.tokens.len() > 8);
    for token_index in [0, 5, whole.tokens.len() - 2] {
        let ids = whole.ids()[..=token_index].to_vec();
        let fork = ask(
            &mut engine,
            AnswerOpening::Forced { ids: ids.clone() },
            lively,
        );
        assert_eq!(fork.inserted, ids);
        assert_eq!(fork.ids(), whole.ids(), "from token {token_index}");
        let rest = whole.tokens[token_index + 1..].iter().zip(&fork.tokens);
        for (one, other) in rest {
            assert_eq!(one.logprob, other.logprob);
            assert_eq!(one.chain, other.chain);
        }
        // The cache still held everything but what has to be read for the next token.
        assert_eq!(fork.reused_tokens + 1, fork.prompt_tokens);
    }
}

#[test]
fn a_fork_begins_with_the_same_tokens_and_then_the_alternative() {
    let mut engine = Engine::with_demo();
    let whole = ask(&mut engine, AnswerOpening::Fresh, lively);
    let taken = &whole.tokens[5];
    let mut others = taken.top_logprobs.iter().filter(|one| one.id != taken.id);
    let alternative = others.nth(1).unwrap().id;
    let ids = [&whole.ids()[..5], &[alternative]].concat();
    let fork = ask(&mut engine, AnswerOpening::Forced { ids }, lively);
    assert_eq!(fork.ids()[..5], whole.ids()[..5]);
    assert_eq!(fork.ids()[5], alternative);
    assert!(!fork.tokens.is_empty());
}

#[test]
fn an_answer_that_begins_with_its_end_is_over() {
    let mut engine = Engine::with_demo();
    let whole = ask(&mut engine, AnswerOpening::Fresh, |_| {});
    assert_eq!(whole.finish_reason, Some(FinishReason::Stop));
    let again = ask(
        &mut engine,
        AnswerOpening::Forced { ids: whole.ids() },
        |_| {},
    );
    assert!(again.tokens.is_empty(), "{:?}", again.tokens);
    assert_eq!(again.finish_reason, Some(FinishReason::Stop));
}

#[test]
fn a_borrowed_cache_is_as_before_and_gives_what_the_conversation_would_get() {
    let mut engine = Engine::with_demo();
    let whole = ask(&mut engine, AnswerOpening::Fresh, lively);
    let taken = &whole.tokens[3];
    let other = taken.top_logprobs.iter().find(|one| one.id != taken.id);
    let ids = [&whole.ids()[..3], &[other.unwrap().id]].concat();
    let forced = || AnswerOpening::Forced { ids: ids.clone() };
    let held = engine.telemetry().cache;
    let counted = engine.telemetry().routing;
    let ghost = ask(&mut engine, forced(), |request| {
        lively(request);
        request.cache = CacheUse::Borrow;
        request.max_tokens = Some(6);
        request.record.routing = true;
    });
    assert_eq!(ghost.tokens.len(), 6);
    assert!(ghost.reused_tokens > 0, "the prefix is not computed again");
    assert_eq!(engine.telemetry().cache.full, held.full);
    assert_eq!(engine.telemetry().cache.sliding, held.sliding);
    assert_eq!(engine.telemetry().routing.cumulative, counted.cumulative);
    // The conversation goes on from all that it had.
    let resumed = ask(
        &mut engine,
        AnswerOpening::Resume { ids: whole.ids() },
        |request| {
            request.max_tokens = Some(1);
        },
    );
    assert_eq!(resumed.reused_tokens + 1, resumed.prompt_tokens);
    let fork = ask(&mut engine, forced(), lively);
    assert_eq!(fork.ids()[..ghost.ids().len()], ghost.ids());
}

#[test]
fn the_record_of_the_chain_is_what_f64_gives_from_the_same_logits() {
    let model = load("pub-b/hf");
    let prompt = Golden::open("pub-b").prompts["len40"].0.clone();
    let mut request = GenerateRequest::new(RequestId::default(), Prompt::Tokens(Vec::new()));
    lively(&mut request);
    request.sampling.top_k = 12;
    request.sampling.min_p = 0.02;
    let params = request.sampling;
    let options = GenerateOptions {
        max_tokens: Some(30),
        sampling: params.clone(),
        record: RecordOptions {
            top_logprobs: Some(20),
            logits: true,
            ..RecordOptions::default()
        },
        ..GenerateOptions::default()
    };
    let mut history = History::new(&prompt);
    let mut cuts = 0;
    for token in TokenGenerator::new(&model, &prompt, options).unwrap() {
        let token = token.unwrap();
        let logits = token.predicted_from.unwrap().logits.unwrap();
        let position = history.tokens().len();
        let expected = reference::distribution(&params, &logits, &history, position);
        let chain = token.chain.unwrap();
        let asked = token
            .top_logprobs
            .iter()
            .map(|(id, _)| *id)
            .chain([token.id]);
        for (place, id) in asked.enumerate() {
            assert_eq!(chain.cut_by(place), expected.cut_by(id));
            cuts += usize::from(chain.cut_by(place).is_some());
            let found = chain.drawn_with(place).map_or(0.0, f64::from);
            let expected = expected.last().probability(id);
            assert!((found - expected).abs() < 1e-6, "{id}: {found} {expected}");
        }
        let own = chain.drawn_with(token.top_logprobs.len());
        assert!(
            own.is_some_and(|own| own > 0.0),
            "the drawn token was not cut"
        );
        let model = &expected.model.probabilities;
        let entropy: f64 = model
            .iter()
            .map(|p| if *p > 0.0 { -p * p.ln() } else { 0.0 })
            .sum();
        assert!((f64::from(token.entropy.unwrap()) - entropy).abs() < 1e-3);
        history.push(token.id);
    }
    assert!(cuts > 50, "only {cuts} alternatives were cut");
}
