//! Ending an engine, whatever it is doing and whoever holds its lanes.

use gptoss::engine::protocol::Event;
use gptoss::engine::{EVENT_CAPACITY, EventReceiver};

use crate::lanes::wait_for_full_lane;
use crate::rig::{PAUSE, Rig, TURN, script, token, turn_of};

fn drain(mut events: EventReceiver) -> Vec<Event> {
    std::iter::from_fn(|| events.blocking_recv()).collect()
}

#[test]
fn a_full_event_lane_that_is_still_held_does_not_hold_up_the_end() {
    let mut rig = Rig::playing(&turn_of(1000));
    rig.generate();
    wait_for_full_lane(&rig);
    let Rig { engine, events, .. } = rig;
    engine.shutdown().expect("the thread ends well");
    assert_eq!(drain(events).len(), EVENT_CAPACITY);
}

#[test]
fn dropping_the_handle_with_a_full_lane_ends_the_thread() {
    let mut rig = Rig::playing(&turn_of(1000));
    rig.generate();
    wait_for_full_lane(&rig);
    let Rig { engine, events, .. } = rig;
    drop(engine);
    // The receiver ends only when the thread has dropped the sender.
    assert_eq!(drain(events).len(), EVENT_CAPACITY);
}

#[test]
fn dropping_the_receiver_ends_the_engine() {
    let mut rig = Rig::playing(&turn_of(1000));
    rig.generate();
    wait_for_full_lane(&rig);
    let Rig { engine, events, .. } = rig;
    let mut telemetry = engine.telemetry();
    drop(events);
    // The thread drops its telemetry sender as it ends, without any word from the handle.
    while telemetry.has_changed().is_ok() {
        let _ = telemetry.borrow_and_update();
        std::thread::yield_now();
    }
    engine.shutdown().expect("the thread ends well");
}

#[test]
fn an_idle_engine_says_that_it_stops() {
    let rig = Rig::playing(&turn_of(1));
    let Rig { engine, events, .. } = rig;
    engine.shutdown().expect("the thread ends well");
    assert_eq!(drain(events), [Event::Stopped]);
}

#[test]
fn shutdown_waits_for_the_token_being_computed_only() {
    let mut rig = Rig::playing(&[TURN, &token(0), PAUSE, &token(1), &token(2)]);
    rig.generate();
    rig.gate.wait_for_arrivals(1);
    let Rig {
        gate,
        engine,
        events,
        ..
    } = rig;
    let ending = std::thread::spawn(move || engine.shutdown());
    gate.open();
    ending
        .join()
        .expect("no panic")
        .expect("the thread ends well");
    let tokens = crate::rig::ids(&drain(events));
    assert!(tokens.len() <= 3 && tokens.starts_with(&[0]), "{tokens:?}");
}

#[test]
fn a_load_is_given_up_at_its_next_report() {
    let loading = r#"{"type":"loading","stage":"weights","done":1,"total":2}"#;
    let mut lines = vec![loading, PAUSE];
    lines.extend([loading; 1000]);
    let mut rig = Rig::of_scripts(vec![script(&lines)]);
    rig.load();
    rig.gate.wait_for_arrivals(1);
    let Rig {
        gate,
        engine,
        events,
        ..
    } = rig;
    let cancel = engine.cancel_handle();
    let ending = std::thread::spawn(move || engine.shutdown());
    while !cancel.is_cancelled(crate::rig::LOAD_ID) {
        std::thread::yield_now();
    }
    gate.open();
    ending
        .join()
        .expect("no panic")
        .expect("the thread ends well");
    let reports = drain(events);
    let loadings = reports
        .iter()
        .filter(|event| matches!(event, Event::Loading { .. }))
        .count();
    assert_eq!(loadings, 1, "{reports:?}");
}
