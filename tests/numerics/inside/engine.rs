//! Looks inside through the engine, on the demo: reports, refusals, and a conversation's cache that
//! stays as it is.

use gptoss::engine::protocol::{
    Command, ErrorKind, Event, InspectReport, InspectRequest, ModelOrigin, Prompt,
};
use gptoss::generate::{HeadIndex, InspectOptions, LensLayers};

use crate::engine::Engine;

/// Asks for a look, cancelled before it begins if so wanted, and collects its events.
fn look(
    engine: &mut Engine,
    ids: Vec<u32>,
    options: InspectOptions,
    is_cancelled: bool,
) -> Vec<Event> {
    let id = engine.new_id();
    if is_cancelled {
        engine.cancel(id);
    }
    engine.send(Command::Inspect(InspectRequest { id, ids, options }));
    engine.until(|event| matches!(event, Event::Inspected { .. } | Event::Failed { .. }))
}

fn report(events: Vec<Event>) -> InspectReport {
    match events.into_iter().last() {
        Some(Event::Inspected { report, .. }) => *report,
        other => unreachable!("{other:?}"),
    }
}

fn reused_and_text(events: &[Event]) -> (usize, String) {
    let mut reused = 0;
    let mut text = String::new();
    for event in events {
        match event {
            Event::Started { reused_tokens, .. } => reused = *reused_tokens,
            Event::Token { token, .. } => text.push_str(&token.text),
            _ => {}
        }
    }
    (reused, text)
}

/// Two turns of 150 and more tokens, past the demo's window, with `between` between them.
fn second_turn(between: impl FnOnce(&mut Engine)) -> (usize, String) {
    let mut engine = Engine::with_demo();
    let ids: Vec<u32> = (100..250).collect();
    engine.run_prompt(Prompt::Tokens(ids.clone()), |request| {
        request.max_tokens = Some(4);
    });
    between(&mut engine);
    let longer = [ids, vec![300; 20]].concat();
    let events = engine.run_prompt(Prompt::Tokens(longer), |request| {
        request.max_tokens = Some(8);
    });
    reused_and_text(&events)
}

#[test]
fn the_conversations_cache_is_as_it_was() {
    let undisturbed = second_turn(|_| {});
    assert_eq!(undisturbed.0, 150);
    let disturbed = second_turn(|engine| {
        let before = engine.telemetry().cache;
        for len in [1, 40, 700] {
            let events = look(engine, vec![7; len], InspectOptions::default(), false);
            assert_eq!(report(events).inspection.position, len - 1);
        }
        look(engine, vec![7; 700], InspectOptions::default(), true);
        let after = engine.telemetry().cache;
        assert_eq!((after.full, after.sliding), (before.full, before.sliding));
    });
    assert_eq!(disturbed, undisturbed);
}

#[test]
fn a_report_has_the_texts_of_its_tokens_and_chunks_are_told() {
    let mut engine = Engine::with_demo();
    let options = InspectOptions {
        target: Some(9),
        head: Some(HeadIndex { layer: 1, head: 3 }),
        ..InspectOptions::default()
    };
    let ids: Vec<u32> = (0..600).collect();
    let events = look(&mut engine, ids.clone(), options, false);
    let told = |event: &Event| {
        matches!(
            event,
            Event::InspectProgress {
                done_tokens: 512,
                ..
            }
        )
    };
    assert_eq!(events.iter().filter(|event| told(event)).count(), 1);
    let report = report(events);
    assert_eq!(report.origin, ModelOrigin::Model);
    let head = report.inspection.head.as_ref().unwrap();
    assert_eq!((head.first_position, &head.tokens), (0, &ids));
    assert!(ids.iter().filter(|&&id| report.text(id).is_some()).count() > 590);
    let rows = &report.inspection.lens;
    assert_eq!((rows.len(), rows[5].target.unwrap().id), (6, 9));
}

#[test]
fn a_cancelled_look_computes_nothing() {
    let mut engine = Engine::with_demo();
    let events = look(&mut engine, vec![7; 700], InspectOptions::default(), true);
    let [Event::Failed { report, .. }] = &events[..] else {
        unreachable!("{events:?}");
    };
    assert_eq!(report.kind, ErrorKind::Cancelled);
}

#[test]
fn bad_looks_fail_and_the_engine_lives_on() {
    let mut engine = Engine::with_demo();
    let layer = InspectOptions {
        layers: LensLayers::Only(vec![6]),
        ..InspectOptions::default()
    };
    let cases = [
        (vec![1], layer, "no layer 6"),
        (vec![1, 3072], InspectOptions::default(), "out of range"),
        (vec![], InspectOptions::default(), "empty"),
    ];
    for (ids, options, part) in cases {
        let events = look(&mut engine, ids, options, false);
        let Some(Event::Failed { report, .. }) = events.last() else {
            unreachable!("{events:?}");
        };
        assert_eq!(report.kind, ErrorKind::InvalidRequest);
        assert!(report.message.contains(part), "{report}");
    }
    report(look(&mut engine, vec![1], InspectOptions::default(), false));
}

#[test]
fn the_cost_grows_with_the_sequence_and_counts_the_conversations_cache() {
    let mut engine = Engine::with_demo();
    let cost = |engine: &mut Engine, tokens| {
        let options = InspectOptions::default();
        engine.send(Command::InspectCost {
            seq: 3,
            tokens,
            options,
        });
        let events = engine.until(|event| matches!(event, Event::InspectCost { .. }));
        match events.last() {
            Some(Event::InspectCost { seq: 3, cost }) => *cost,
            other => unreachable!("{other:?}"),
        }
    };
    let (short, long) = (cost(&mut engine, 10), cost(&mut engine, 1000));
    assert_eq!(
        (short.tokens, long.tokens, long.unembeddings),
        (10, 1000, 6)
    );
    assert!(short.peak_bytes < long.peak_bytes);
    engine.run_prompt(Prompt::Tokens(vec![5; 300]), |request| {
        request.max_tokens = Some(1);
    });
    assert!(cost(&mut engine, 10).peak_bytes > short.peak_bytes);
}
