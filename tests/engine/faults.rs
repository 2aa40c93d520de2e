//! Errors and panics of a backend: reported, contained, survived.

use gptoss::engine::protocol::{ErrorKind, Event, RequestId};
use gptoss::engine::scripted::{Pacing, ScriptedBackend};

use crate::rig::{ERROR, PANIC, Rig, TURN, ids, prefill, script, token, turn_of};

/// The request that a crash names, and its message.
fn crash(events: &[Event]) -> (Option<RequestId>, String) {
    match events.last() {
        Some(Event::Crashed { request, report }) => {
            assert_eq!(report.kind, ErrorKind::Crash);
            assert!(report.hint.is_some());
            (*request, report.message.clone())
        }
        other => panic!("it ended with {other:?}"),
    }
}

#[test]
fn an_error_fails_its_request_and_the_next_one_works() {
    for place in [
        vec![ERROR],
        vec![&prefill(4), ERROR],
        vec![&token(0), &token(1), ERROR],
    ] {
        let mut lines = vec![TURN];
        lines.extend(place);
        let second = turn_of(2);
        lines.extend(second.iter().map(String::as_str));
        let mut rig = Rig::playing(&lines);
        let id = rig.generate();
        match rig.until_end(id).last() {
            Some(Event::Failed { request, report }) => {
                assert_eq!((*request, report.kind), (id, ErrorKind::Generation));
                assert_eq!(report.message, "the device is gone");
            }
            other => panic!("it ended with {other:?}"),
        }
        let id = rig.generate();
        assert_eq!(ids(&rig.until_end(id)), [0, 1]);
    }
}

#[test]
fn a_panic_is_reported_and_a_new_load_revives_the_engine() {
    let broken = script(&[TURN, &token(0), PANIC]);
    let mut rig = Rig::of_scripts(vec![broken, script(&turn_of(2))]);
    rig.load_and_wait();
    let id = rig.generate();
    let events = rig.until_end(id);
    assert_eq!(ids(&events), [0], "what came before is kept");
    assert_eq!(
        crash(&events),
        (Some(id), "the engine crashed: deliberate".to_owned())
    );
    assert_eq!(
        rig.engine.telemetry().borrow().memory.weights_bytes,
        0,
        "the model is gone"
    );

    let id = rig.generate();
    let events = rig.until_end(id);
    assert!(
        matches!(&events[..], [Event::Failed { report, .. }] if report.kind == ErrorKind::NoModel)
    );

    rig.load_and_wait();
    let id = rig.generate();
    assert_eq!(ids(&rig.until_end(id)), [0, 1]);
}

#[test]
fn a_panic_while_loading_or_building_is_contained_too() {
    let mut rig = Rig::of_scripts(vec![script(&[PANIC]), script(&turn_of(1))]);
    let id = rig.load();
    assert_eq!(crash(&rig.until_end(id)).0, Some(id));
    rig.load_and_wait();

    let mut builds = 0;
    let good = script(&turn_of(1));
    let mut rig = Rig::of(move || {
        builds += 1;
        assert_ne!(builds, 1, "the first build fails");
        ScriptedBackend::new(good.clone(), Pacing::Immediate)
    });
    let id = rig.load();
    assert_eq!(crash(&rig.until_end(id)).0, Some(id));
    rig.load_and_wait();
}

#[test]
fn a_failed_load_leaves_an_engine_that_can_load_again() {
    let mut rig = Rig::of_scripts(vec![script(&[ERROR]), script(&turn_of(1))]);
    let id = rig.load();
    match rig.until_end(id).last() {
        Some(Event::Failed { report, .. }) => assert_eq!(report.kind, ErrorKind::Load),
        other => panic!("it ended with {other:?}"),
    }
    rig.load_and_wait();
    let id = rig.generate();
    assert_eq!(ids(&rig.until_end(id)), [0]);
}

#[test]
fn routing_that_does_not_fit_the_model_fails_the_request() {
    let odd = r#"{"type":"token","id":1,"text":"x","routing":{"num_layers":1,"num_experts_per_tok":1,"experts":[0],"weights":[1.0]}}"#;
    let mut rig = Rig::playing(&[TURN, odd, TURN, &token(4)]);
    let mut request = rig.request();
    request.record.routing = true;
    let id = request.id;
    rig.send(gptoss::engine::protocol::Command::Generate(request));
    match rig.until_end(id).last() {
        Some(Event::Failed { report, .. }) => {
            assert_eq!(report.message, "routing has 1 layers, the model 2");
        }
        other => panic!("it ended with {other:?}"),
    }
    let id = rig.generate();
    assert_eq!(ids(&rig.until_end(id)), [4]);
}
