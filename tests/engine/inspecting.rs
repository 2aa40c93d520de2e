//! Looking inside: what is answered, refused, and left as it was.

use std::time::Duration;

use gptoss::engine::protocol::{
    Command, EnginePhase, ErrorKind, ErrorReport, Event, InspectReport, InspectRequest,
    ModelOrigin, Prompt, RequestId,
};
use gptoss::engine::synthetic::{SyntheticBackend, SyntheticModel};
use gptoss::generate::{FinishReason, HeadIndex, InspectOptions, LensLayers};

use crate::rig::{PAUSE, Rig, TURN, token, turn_of};

/// What a case asks for.
type Change = fn(&mut InspectOptions);

const HEAD: HeadIndex = HeadIndex { layer: 2, head: 5 };

fn synthetic(change: impl FnOnce(&mut SyntheticModel)) -> Rig {
    let mut model = SyntheticModel::gpt_oss_20b();
    change(&mut model);
    let mut rig = Rig::of(move || SyntheticBackend::new(model));
    let id = rig.load();
    rig.until_end(id);
    rig
}

/// Asks for a look at the last of `tokens` tokens.
fn ask(rig: &mut Rig, tokens: u32, change: impl FnOnce(&mut InspectOptions)) -> RequestId {
    let mut options = InspectOptions {
        head: Some(HEAD),
        ..InspectOptions::default()
    };
    change(&mut options);
    let id = rig.next_id();
    let ids = (0..tokens).collect();
    rig.send(Command::Inspect(InspectRequest { id, ids, options }));
    id
}

fn until_inspected(rig: &mut Rig, id: RequestId) -> Vec<Event> {
    let mut events = Vec::new();
    loop {
        let event = rig.next();
        let is_end = match &event {
            Event::Inspected { request, .. } | Event::Failed { request, .. } => *request == id,
            _ => false,
        };
        events.push(event);
        if is_end {
            return events;
        }
    }
}

fn report(rig: &mut Rig, id: RequestId) -> InspectReport {
    match until_inspected(rig, id).pop() {
        Some(Event::Inspected { report, .. }) => *report,
        other => panic!("it gave {other:?}"),
    }
}

fn failure(rig: &mut Rig, id: RequestId) -> ErrorReport {
    match until_inspected(rig, id).pop() {
        Some(Event::Failed { report, .. }) => report,
        other => panic!("it gave {other:?}"),
    }
}

#[test]
fn synthetic_figures_are_right_in_form_and_say_that_they_are_synthetic() {
    let mut rig = synthetic(|_| {});
    let id = ask(&mut rig, 300, |options| options.target = Some(7));
    let report = report(&mut rig, id);
    assert_eq!(report.origin, ModelOrigin::Synthetic);
    let found = &report.inspection;
    assert_eq!((found.position, found.token), (299, 299));
    assert_eq!((found.lens.len(), found.sinks.len()), (24, 24));
    let norms = [&found.norms.after_attention, &found.norms.after_experts];
    assert!(norms.iter().all(|norms| norms.len() == 24));
    for row in &found.lens {
        assert_eq!((row.top.len(), row.target.unwrap().id), (5, 7));
        assert!(row.top.iter().all(|token| report.text(token.id).is_some()));
    }
    let first: Vec<usize> = found
        .sinks
        .iter()
        .map(|sinks| sinks.first_position)
        .collect();
    assert_eq!(first, [172, 0].repeat(12), "a window of 128, then all");
    let head = found.head.as_ref().unwrap();
    assert_eq!(
        (head.index, head.first_position, head.weights.len()),
        (HEAD, 172, 128)
    );
    assert!((head.weights.iter().sum::<f32>() + head.sink - 1.0).abs() < 1e-5);
    assert_eq!(head.sink.to_bits(), found.sinks[2].shares[5].to_bits());
    let again = ask(&mut rig, 300, |options| options.target = Some(7));
    let again = self::report(&mut rig, again);
    assert_eq!(again, report, "the same sequence gives the same figures");
}

#[test]
fn progress_is_told_and_the_conversations_cache_stays() {
    let mut rig = synthetic(|_| {});
    let mut request = rig.request();
    request.prompt = Prompt::Tokens((0..600).collect());
    request.max_tokens = Some(2);
    let id = request.id;
    rig.send(Command::Generate(request.clone()));
    rig.until_end(id);
    let before = rig.engine.telemetry().borrow().clone();

    let id = ask(&mut rig, 1500, |_| {});
    let events = until_inspected(&mut rig, id);
    let done: Vec<usize> = events
        .iter()
        .filter_map(|event| match event {
            Event::InspectProgress {
                request,
                done_tokens,
                total_tokens,
            } => {
                assert_eq!((*request, *total_tokens), (id, 1500));
                Some(*done_tokens)
            }
            _ => None,
        })
        .collect();
    assert_eq!(done, [512, 1024]);
    let after = rig.engine.telemetry().borrow().clone();
    assert_eq!(
        (after.cache, &after.routing),
        (before.cache, &before.routing)
    );
    assert_eq!(after.speed.phase, EnginePhase::Idle);

    request.id = rig.next_id();
    let id = request.id;
    rig.send(Command::Generate(request));
    let events = rig.until_end(id);
    assert!(
        matches!(
            events[0],
            Event::Started {
                reused_tokens: 599,
                ..
            }
        ),
        "{:?}",
        events[0]
    );
}

#[test]
fn it_is_refused_while_a_generation_runs_which_goes_on() {
    let mut rig = Rig::playing(&[TURN, &token(0), PAUSE, &token(1)]);
    let running = rig.generate();
    rig.gate.wait_for_arrivals(1);
    let look = ask(&mut rig, 3, |_| {});
    rig.gate.let_one_pass();
    let events = rig.until_end(running);
    let refused = events.iter().find_map(|event| match event {
        Event::Failed { request, report } => Some((*request, report.kind)),
        _ => None,
    });
    assert_eq!(refused, Some((look, ErrorKind::Busy)));
    let finished = events.last().unwrap();
    let stop = FinishReason::Stop;
    assert!(
        matches!(finished, Event::Finished { finish_reason, .. } if *finish_reason == stop),
        "{finished:?}"
    );
}

#[test]
fn a_cancel_ends_it_before_the_next_chunk() {
    // Slow enough that the cancel comes long before its end, which would take a minute.
    let mut rig = synthetic(|model| model.time_per_prefill_chunk = Duration::from_millis(300));
    let id = ask(&mut rig, 100_000, |_| {});
    assert!(matches!(rig.next(), Event::InspectProgress { .. }));
    rig.engine.cancel(id);
    assert_eq!(failure(&mut rig, id).kind, ErrorKind::Cancelled);
    let id = ask(&mut rig, 10, |_| {});
    report(&mut rig, id);
}

#[test]
fn questions_are_answered_requests_refused_and_a_reset_ends_it_meanwhile() {
    let mut rig = synthetic(|model| model.time_per_prefill_chunk = Duration::from_millis(300));
    let look = ask(&mut rig, 100_000, |_| {});
    assert!(matches!(rig.next(), Event::InspectProgress { .. }));
    let options = InspectOptions {
        layers: LensLayers::Only(vec![3, 1, 3]),
        ..InspectOptions::default()
    };
    let (seq, tokens) = (9, 50);
    rig.send(Command::InspectCost {
        seq,
        tokens,
        options,
    });
    let generation = rig.generate();
    rig.send(Command::Reset);
    let events = until_inspected(&mut rig, look);
    let cost = events.iter().find_map(|event| match event {
        Event::InspectCost { seq: 9, cost } => Some((cost.tokens, cost.unembeddings)),
        _ => None,
    });
    assert_eq!(cost, Some((50, 2)));
    let busy = events.iter().any(|event| {
        matches!(event, Event::Failed { request, report }
            if *request == generation && report.kind == ErrorKind::Busy)
    });
    assert!(busy, "{events:?}");
    let last = events.last().unwrap();
    assert!(
        matches!(last, Event::Failed { report, .. } if report.kind == ErrorKind::Cancelled),
        "{last:?}"
    );
    assert_eq!(rig.next(), Event::CacheCleared);
}

#[test]
fn a_script_refuses_and_says_why() {
    let mut rig = Rig::playing(&turn_of(2));
    let id = ask(&mut rig, 3, |_| {});
    let report = failure(&mut rig, id);
    assert_eq!(report.kind, ErrorKind::InvalidRequest);
    assert!(
        report.message.contains("nothing inside to look at"),
        "{report}"
    );
    assert!(report.hint.is_some());
    let id = rig.generate();
    assert!(matches!(
        rig.until_end(id).last(),
        Some(Event::Finished { .. })
    ));
}

#[test]
fn what_the_model_lacks_is_refused() {
    let mut rig = synthetic(|model| model.max_context_tokens = 64);
    let cases: [(u32, Change, &str); 6] = [
        (5, |o| o.interventions = "mask 24:0".parse().unwrap(), "24"),
        (0, |_| {}, "no tokens"),
        (65, |_| {}, "the context holds 64"),
        (5, |o| o.layers = LensLayers::Only(vec![24]), "no layer 24"),
        (
            5,
            |o| o.head = Some(HeadIndex { layer: 0, head: 64 }),
            "no head 64",
        ),
        (5, |o| o.target = Some(u32::MAX), "out of range"),
    ];
    for (tokens, change, part) in cases {
        let id = ask(&mut rig, tokens, change);
        let report = failure(&mut rig, id);
        assert_eq!(report.kind, ErrorKind::InvalidRequest);
        assert!(report.message.contains(part), "{report}");
    }
}

#[test]
fn without_a_model_it_fails_and_says_what_to_do() {
    let mut rig = Rig::of(|| SyntheticBackend::new(SyntheticModel::gpt_oss_20b()));
    let id = ask(&mut rig, 3, |_| {});
    let report = failure(&mut rig, id);
    assert_eq!(report.kind, ErrorKind::NoModel);
    assert!(report.hint.is_some());
}
