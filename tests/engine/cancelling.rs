//! Cancels: where they take effect, what they overtake, what they leave.

use gptoss::engine::protocol::{Command, ErrorKind, Event, RequestId};
use gptoss::engine::{COMMAND_CAPACITY, EngineError};
use gptoss::generate::{FinishReason, GenerationStats, SamplingParams};

use crate::rig::{PAUSE, PROMPT_TOKENS, Rig, TURN, ids, prefill, script, token, turn_of};

fn check_cancelled(events: &[Event]) -> GenerationStats {
    match events.last() {
        Some(Event::Finished {
            finish_reason: FinishReason::Cancelled,
            stats,
            ..
        }) => *stats,
        other => panic!("it ended with {other:?}"),
    }
}

#[test]
fn cancel_during_prefill_stops_before_the_next_chunk() {
    let chunk = prefill(4);
    let mut rig = Rig::playing(&[TURN, &chunk, PAUSE, &chunk, &chunk, &token(0)]);
    let id = rig.generate();
    rig.gate.wait_for_arrivals(1);
    rig.engine.cancel(id);
    rig.gate.let_one_pass();
    let events = rig.until_end(id);
    let done: Vec<usize> = events
        .iter()
        .filter_map(|event| match event {
            Event::Prefill { done_tokens, .. } => Some(*done_tokens),
            _ => None,
        })
        .collect();
    assert_eq!(done, [4, 8]);
    assert_eq!(check_cancelled(&events).generated_tokens, 0);
    assert_eq!(rig.engine.telemetry().borrow().cache.full.tokens, 8);
}

#[test]
fn cancel_during_decode_stops_before_the_next_token_and_keeps_the_partial_answer() {
    let mut rig = Rig::playing(&[TURN, &token(0), PAUSE, &token(1), &token(2), &token(3)]);
    let id = rig.generate();
    rig.gate.wait_for_arrivals(1);
    rig.engine.cancel(id);
    rig.gate.let_one_pass();
    let events = rig.until_end(id);
    // Token 1 was being computed: its keys are in the cache's future, so it is reported.
    assert_eq!(ids(&events), [0, 1]);
    assert_eq!(check_cancelled(&events).generated_tokens, 2);
    assert_eq!(
        rig.engine.telemetry().borrow().cache.full.tokens,
        PROMPT_TOKENS + 1
    );
}

#[test]
fn cancel_gets_through_when_the_command_queue_is_full() {
    let mut rig = Rig::playing(&[TURN, &token(0), PAUSE, &token(1), &token(2)]);
    let request = rig.generate();
    rig.gate.wait_for_arrivals(1);
    let update = Command::UpdateSampling {
        request,
        sampling: SamplingParams::default(),
    };
    for _ in 0..COMMAND_CAPACITY {
        rig.send(update.clone());
    }
    match rig.engine.try_send(update.clone()) {
        Err(EngineError::Busy(command)) => assert_eq!(*command, update),
        other => panic!("the full queue gave {other:?}"),
    }
    rig.engine.cancel(request);
    rig.gate.let_one_pass();
    let events = rig.until_end(request);
    assert_eq!(ids(&events), [0, 1]);
    check_cancelled(&events);
    assert!(
        !events
            .iter()
            .any(|event| matches!(event, Event::SamplingChanged { .. }))
    );
}

#[test]
fn a_queued_generation_that_is_cancelled_never_starts() {
    let mut rig = Rig::playing(&turn_of(3));
    let id = rig.next_id();
    rig.engine.cancel(id);
    let mut request = rig.request();
    request.id = id;
    rig.send(Command::Generate(request));
    let events = rig.until_end(id);
    assert_eq!(events.len(), 1);
    check_cancelled(&events);
}

#[test]
fn a_late_cancel_of_an_old_request_does_not_touch_the_new_one() {
    let mut rig = Rig::playing(&turn_of(3));
    let old = rig.generate();
    rig.until_end(old);
    rig.engine.cancel(old);
    let new = rig.generate();
    assert_eq!(ids(&rig.until_end(new)), [0, 1, 2]);
}

#[test]
fn cancelling_and_asking_anew_at_once_is_not_refused_as_busy() {
    let mut rig = Rig::playing(&[TURN, &token(0), PAUSE, &token(1), TURN, &token(7)]);
    let old = rig.generate();
    rig.gate.wait_for_arrivals(1);
    rig.engine.cancel(old);
    let new = rig.generate();
    rig.gate.let_one_pass();
    check_cancelled(&rig.until_end(old));
    assert_eq!(ids(&rig.until_end(new)), [7]);
}

#[test]
fn a_load_can_be_cancelled() {
    let loading = r#"{"type":"loading","stage":"weights","done":1,"total":2}"#;
    let slow = script(&[loading, PAUSE, loading, loading]);
    let mut rig = Rig::of_scripts(vec![slow, script(&turn_of(1))]);
    let id = rig.load();
    rig.gate.wait_for_arrivals(1);
    rig.engine.cancel(id);
    rig.gate.let_one_pass();
    let events = rig.until_end(id);
    assert_eq!(
        events.len(),
        2,
        "nothing is reported after the cancel: {events:?}"
    );
    assert!(
        matches!(&events[1], Event::Failed { report, .. } if report.kind == ErrorKind::Cancelled)
    );
    rig.load_and_wait();
}

#[test]
fn cancelling_covers_older_requests_only() {
    let rig = Rig::playing(&turn_of(1));
    let cancel = rig.engine.cancel_handle();
    cancel.cancel(RequestId(5));
    cancel.cancel(RequestId(3));
    let cancelled: Vec<bool> = (4..8)
        .map(|id| cancel.is_cancelled(RequestId(id)))
        .collect();
    assert_eq!(cancelled, [true, true, false, false]);
}
