//! The synthetic backend behind the engine.

use gptoss::engine::protocol::{Command, Event, GenerateRequest, ModelOrigin, Prompt};
use gptoss::engine::synthetic::{SyntheticBackend, SyntheticModel};
use gptoss::generate::{FinishReason, TokenRouting};

use crate::rig::{Rig, tokens};

fn rig(model: SyntheticModel) -> Rig {
    let mut rig = Rig::of(move || SyntheticBackend::new(model));
    let id = rig.load();
    match rig.until_end(id).last() {
        Some(Event::Ready { model, .. }) => assert_eq!(model.origin, ModelOrigin::Synthetic),
        other => panic!("loading gave {other:?}"),
    }
    rig
}

fn generate(rig: &mut Rig, prompt_tokens: u32, max_tokens: usize) -> Vec<Event> {
    let id = rig.next_id();
    let prompt = Prompt::Tokens((0..prompt_tokens).collect());
    let mut request = GenerateRequest::new(id, prompt);
    request.max_tokens = Some(max_tokens);
    request.record.routing = true;
    rig.send(Command::Generate(request));
    rig.until_end(id)
}

/// Counts and weight sums by brute force.
fn table<'a>(
    model: &SyntheticModel,
    routings: impl Iterator<Item = &'a TokenRouting>,
) -> (Vec<u32>, Vec<f64>) {
    let cells = model.num_hidden_layers * model.num_local_experts;
    let (mut counts, mut weight_sums) = (vec![0; cells], vec![0.0; cells]);
    for routing in routings {
        let k = routing.num_experts_per_tok();
        for (place, expert) in routing.experts().iter().enumerate() {
            let cell = place / k * model.num_local_experts + usize::from(*expert);
            counts[cell] += 1;
            weight_sums[cell] += f64::from(routing.weights()[place]);
        }
    }
    (counts, weight_sums)
}

#[test]
fn telemetry_equals_a_table_made_from_the_events() {
    for model in [
        SyntheticModel::gpt_oss_20b(),
        SyntheticModel::gpt_oss_120b(),
    ] {
        let mut rig = rig(model);
        let mut all = generate(&mut rig, 30, 10);
        let latest = generate(&mut rig, 700, 20);
        all.extend(latest.iter().cloned());
        let prompt = |events: &[Event]| -> Vec<TokenRouting> {
            let chunks = events.iter().filter_map(|event| match event {
                Event::Prefill { routing, .. } => Some(routing.clone()),
                _ => None,
            });
            chunks.flatten().collect()
        };
        let answer = |events: &[Event]| -> Vec<TokenRouting> {
            tokens(events)
                .iter()
                .filter_map(|token| token.routing.clone())
                .collect()
        };
        let snapshot = rig.engine.telemetry().borrow().routing.clone();
        let (latest_prompt, latest_answer) = (prompt(&latest), answer(&latest));
        assert_eq!(
            (latest_prompt.len(), latest_answer.len()),
            (700 - 30 - 1, 20)
        );

        let (counts, sums) = table(&model, latest_prompt.iter());
        assert_eq!(
            (&snapshot.prompt.counts, &snapshot.prompt.weight_sums),
            (&counts, &sums)
        );
        let (counts, sums) = table(&model, latest_answer.iter());
        assert_eq!(
            (&snapshot.answer.counts, &snapshot.answer.weight_sums),
            (&counts, &sums)
        );
        let (counts, _) = table(&model, prompt(&all).iter().chain(&answer(&all)));
        assert_eq!(snapshot.cumulative.counts, counts);
        let latest: Vec<_> = latest_prompt.iter().chain(&latest_answer).collect();
        let window = latest[latest.len() - gptoss::engine::ROUTING_WINDOW_TOKENS..].iter();
        assert_eq!(snapshot.window.counts, table(&model, window.copied()).0);
        assert_eq!(snapshot.last.as_deref(), latest_answer.last());
    }
}

#[test]
fn a_continued_conversation_reuses_its_prefix() {
    let mut rig = rig(SyntheticModel::gpt_oss_20b());
    generate(&mut rig, 600, 5);
    let events = generate(&mut rig, 1300, 1);
    assert!(matches!(
        events[0],
        Event::Started {
            prompt_tokens: 1300,
            reused_tokens: 600,
            ..
        }
    ));
    let cache = rig.engine.telemetry().borrow().cache;
    assert_eq!(
        (cache.full.tokens, cache.sliding.tokens, cache.reused_tokens),
        (1300, 128, 600)
    );
}

#[test]
fn the_context_ends_a_generation() {
    let model = SyntheticModel {
        max_context_tokens: 64,
        ..SyntheticModel::gpt_oss_20b()
    };
    let events = generate(&mut rig(model), 60, 1000);
    assert_eq!(tokens(&events).len(), 4);
    let reason = match events.last() {
        Some(Event::Finished { finish_reason, .. }) => Some(*finish_reason),
        _ => None,
    };
    assert_eq!(reason, Some(FinishReason::Length));
}
