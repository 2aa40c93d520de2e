//! Commands that arrive while a generation runs, and commands that make no sense.

use gptoss::engine::EngineError;
use gptoss::engine::protocol::{Command, ErrorKind, Event, RecordOptions, RequestId};
use gptoss::generate::{FinishReason, SamplingParams};

use crate::rig::{PAUSE, Rig, TURN, ids, token, tokens, turn_of};

const ROUTED: &str = r#"{"type":"token","id":5,"text":"r","routing":{"num_layers":2,
    "num_experts_per_tok":2,"experts":[0,1,2,3],"weights":[0.75,0.25,0.5,0.5]}}"#;

/// A rig whose generation waits while token 1 is being computed.
fn paused_in_token_1() -> (Rig, RequestId) {
    let routed = ROUTED.replace('\n', "");
    let mut rig = Rig::playing(&[
        TURN,
        &token(0),
        PAUSE,
        &routed,
        &routed,
        &token(3),
        TURN,
        &token(9),
    ]);
    let id = rig.generate();
    rig.gate.wait_for_arrivals(1);
    (rig, id)
}

fn finish_reason(events: &[Event]) -> Option<FinishReason> {
    match events.last() {
        Some(Event::Finished { finish_reason, .. }) => Some(*finish_reason),
        _ => None,
    }
}

#[test]
fn new_sampling_holds_from_the_next_token_whose_index_is_reported() {
    let (mut rig, id) = paused_in_token_1();
    let sampling = SamplingParams {
        temperature: 0.25,
        seed: 7,
        ..Default::default()
    };
    rig.send(Command::UpdateSampling {
        request: id,
        sampling: sampling.clone(),
    });
    rig.gate.let_one_pass();
    let events = rig.until_end(id);
    let at = events
        .iter()
        .position(|event| matches!(event, Event::SamplingChanged { .. }))
        .expect("the change is reported");
    assert_eq!(
        events[at],
        Event::SamplingChanged {
            request: id,
            token_index: 2,
            sampling
        }
    );
    assert_eq!(ids(&events[..at]), [0, 5]);
    assert_eq!(ids(&events[at..]), [5, 3]);
}

#[test]
fn updates_of_other_requests_are_ignored() {
    let (mut rig, id) = paused_in_token_1();
    for request in [RequestId(0), RequestId(id.0 - 1), id.next()] {
        rig.send(Command::UpdateSampling {
            request,
            sampling: SamplingParams::default(),
        });
        let record = RecordOptions {
            routing: true,
            ..Default::default()
        };
        rig.send(Command::UpdateRecording { request, record });
    }
    rig.gate.let_one_pass();
    let events = rig.until_end(id);
    assert!(
        !events
            .iter()
            .any(|event| matches!(event, Event::SamplingChanged { .. }))
    );
    assert!(tokens(&events).iter().all(|token| token.routing.is_none()));
    assert_eq!(finish_reason(&events), Some(FinishReason::Stop));
}

#[test]
fn recording_can_be_switched_on_during_a_generation() {
    let (mut rig, id) = paused_in_token_1();
    let record = RecordOptions {
        routing: true,
        ..Default::default()
    };
    rig.send(Command::UpdateRecording {
        request: id,
        record,
    });
    rig.gate.let_one_pass();
    let events = rig.until_end(id);
    let recorded: Vec<bool> = tokens(&events)
        .iter()
        .map(|token| token.routing.is_some())
        .collect();
    assert_eq!(recorded, [false, false, true, false]);
    let routing = rig.engine.telemetry().borrow().routing.clone();
    assert_eq!(routing.answer.counts, [1, 1, 0, 0, 0, 0, 1, 1]);
    assert_eq!(routing.prompt.tokens, 0);
}

#[test]
fn a_second_generation_is_refused_while_one_runs() {
    let (mut rig, id) = paused_in_token_1();
    let second = rig.generate();
    rig.gate.let_one_pass();
    let events = rig.until_end(id);
    let refused = events.iter().find_map(|event| match event {
        Event::Failed { request, report } => Some((*request, report.kind)),
        _ => None,
    });
    assert_eq!(refused, Some((second, ErrorKind::Busy)));
    assert_eq!(ids(&events), [0, 5, 5, 3], "the first one goes on");
}

#[test]
fn reset_ends_a_generation_and_empties_the_cache() {
    let (mut rig, id) = paused_in_token_1();
    rig.send(Command::Reset);
    rig.gate.let_one_pass();
    assert_eq!(
        finish_reason(&rig.until_end(id)),
        Some(FinishReason::Cancelled)
    );
    assert_eq!(rig.next(), Event::CacheCleared);
    let telemetry = rig.engine.telemetry().borrow().clone();
    assert_eq!(telemetry.cache.full.tokens, 0);
    assert_eq!(telemetry.routing.cumulative.tokens, 0);
    assert_eq!(telemetry.memory.weights_bytes, 1000, "the model stays");
}

#[test]
fn a_load_ends_a_generation_and_comes_next() {
    let (mut rig, id) = paused_in_token_1();
    let load = rig.load();
    rig.gate.let_one_pass();
    assert_eq!(
        finish_reason(&rig.until_end(id)),
        Some(FinishReason::Cancelled)
    );
    assert!(matches!(
        rig.until_end(load).last(),
        Some(Event::Ready { .. })
    ));
}

#[test]
fn the_shutdown_command_ends_everything_in_order() {
    let (mut rig, id) = paused_in_token_1();
    rig.send(Command::Shutdown);
    rig.gate.let_one_pass();
    assert_eq!(
        finish_reason(&rig.until_end(id)),
        Some(FinishReason::Cancelled)
    );
    assert_eq!(rig.next(), Event::Stopped);
    assert_eq!(rig.events.blocking_recv(), None);
    let request = rig.request();
    assert!(matches!(
        rig.engine.try_send(Command::Generate(request)),
        Err(EngineError::Stopped(_))
    ));
}

#[test]
fn ids_that_are_not_newer_are_refused_at_once() {
    let mut rig = Rig::playing(&turn_of(2));
    let id = rig.generate();
    rig.until_end(id);
    for stale in [id, RequestId(id.0 - 1)] {
        let mut request = rig.request();
        request.id = stale;
        match rig.engine.try_send(Command::Generate(request)) {
            Err(EngineError::StaleRequest { request, newest }) => {
                assert_eq!((request, newest), (stale, id));
            }
            other => panic!("{stale} gave {other:?}"),
        }
    }
}

#[test]
fn sampling_out_of_range_does_not_reach_the_engine() {
    let mut rig = Rig::playing(&turn_of(2));
    let mut request = rig.request();
    request.sampling.temperature = -1.0;
    let id = request.id;
    let sampling = request.sampling.clone();
    for command in [
        Command::Generate(request),
        Command::UpdateSampling {
            request: id,
            sampling,
        },
    ] {
        let error = rig
            .engine
            .try_send(command)
            .expect_err("it is out of range");
        assert_eq!(
            error.to_string(),
            "temperature is -1, it must be from 0 to 100"
        );
    }
}

#[test]
fn without_a_model_a_generation_fails_and_says_what_to_do() {
    let mut rig = Rig::of_scripts(vec![crate::rig::script(&turn_of(1))]);
    let id = rig.generate();
    match rig.next() {
        Event::Failed { request, report } => {
            assert_eq!((request, report.kind), (id, ErrorKind::NoModel));
            assert!(report.hint.is_some());
        }
        other => panic!("it gave {other:?}"),
    }
}

#[test]
fn max_and_stop_tokens_end_a_generation() {
    let mut rig = Rig::playing(&turn_of(10));
    let mut request = rig.request();
    request.max_tokens = Some(4);
    let id = request.id;
    rig.send(Command::Generate(request));
    let events = rig.until_end(id);
    assert_eq!(
        (ids(&events).len(), finish_reason(&events)),
        (4, Some(FinishReason::Length))
    );

    let mut request = rig.request();
    request.stop.tokens = vec![2];
    let id = request.id;
    rig.send(Command::Generate(request));
    let events = rig.until_end(id);
    assert_eq!(
        (ids(&events).len(), finish_reason(&events)),
        (3, Some(FinishReason::Stop))
    );
}
