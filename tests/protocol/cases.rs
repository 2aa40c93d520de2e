//! What must hold under every schedule. Each case is run many times, so it is short.

use std::sync::Arc;

use crate::engine::protocol::{Command, ErrorKind, Event, RequestId};
use gptoss::generate::{FinishReason, SamplingParams};
use gptoss::intervention::Interventions;
use shuttle::future::block_on;

use crate::engine::EngineError;
use crate::fake::{Panics, id_of};
use crate::sync::thread;
use crate::user::{
    FIRST, LOAD, SECOND, check_beginning, check_whole, drain, ends, engine, generate, load, loaded,
    send, tokens, until_end,
};

/// Every case with its name.
pub(crate) const ALL: &[(&str, fn())] = &[
    ("every_event_comes_once_and_in_order", every_event_comes),
    ("shutdown_ends_a_run_that_nobody_reads", shutdown_unread),
    (
        "dropping_the_engine_ends_a_run_that_is_read",
        dropped_while_read,
    ),
    ("dropping_the_reader_ends_the_engine", reader_dropped),
    ("shutdown_in_the_midst_of_a_load_ends_it", shutdown_in_load),
    (
        "the_shutdown_command_comes_after_what_was_sent_before",
        shutdown_command,
    ),
    ("a_late_cancel_leaves_the_next_request_alone", late_cancel),
    (
        "a_request_sent_after_a_cancel_is_not_refused",
        asked_after_cancel,
    ),
    ("a_cancel_before_its_request_is_kept", early_cancel),
    (
        "a_change_of_settings_reaches_the_run",
        settings_reach_the_run,
    ),
    ("every_request_of_two_senders_ends_once", two_senders),
    ("a_panic_in_the_load_is_reported", || {
        panic_is_reported(Panics::InLoad);
    }),
    ("a_panic_in_the_prompt_is_reported", || {
        panic_is_reported(Panics::InPrefill);
    }),
    ("a_panic_at_a_token_is_reported", || {
        panic_is_reported(Panics::AtToken(1));
    }),
    ("a_panic_at_the_end_is_reported", || {
        panic_is_reported(Panics::AtEnd);
    }),
];

fn every_event_comes() {
    let (engine, mut events) = loaded(Panics::Never);
    send(&engine, generate(FIRST, 5));
    let reader = thread::spawn(move || {
        let seen = until_end(&mut events, FIRST);
        (seen, events)
    });
    let (seen, _events) = reader.join().expect("no panic");
    check_whole(&seen, FIRST, 5);
}

fn shutdown_unread() {
    let (engine, mut events) = loaded(Panics::Never);
    send(&engine, generate(FIRST, 5));
    engine.shutdown().expect("the thread ends well");
    check_beginning(&drain(&mut events));
}

fn dropped_while_read() {
    let (engine, mut events) = loaded(Panics::Never);
    send(&engine, generate(FIRST, 5));
    let reader = thread::spawn(move || drain(&mut events));
    drop(engine);
    check_beginning(&reader.join().expect("no panic"));
}

fn reader_dropped() {
    let (engine, mut events) = loaded(Panics::Never);
    send(&engine, generate(FIRST, 5));
    let mut telemetry = engine.telemetry();
    let reader = thread::spawn(move || {
        assert!(matches!(
            events.blocking_recv(),
            Some(Event::Started { .. })
        ));
    });
    // The thread drops its sender as it ends, without a word from the handle.
    block_on(async { while telemetry.changed().await.is_ok() {} });
    reader.join().expect("no panic");
    engine.shutdown().expect("the thread ends well");
}

fn shutdown_in_load() {
    let (engine, mut events) = engine(Panics::Never);
    send(&engine, load(LOAD));
    let reader = thread::spawn(move || drain(&mut events));
    engine.shutdown().expect("the thread ends well");
    let seen = reader.join().expect("no panic");
    let ends = seen.iter().filter(|event| ends(event, LOAD)).count();
    assert!(ends <= 1, "{seen:?}");
}

fn shutdown_command() {
    let (engine, mut events) = loaded(Panics::Never);
    send(&engine, Command::Reset);
    send(&engine, Command::Shutdown);
    assert_eq!(drain(&mut events), [Event::CacheCleared, Event::Stopped]);
    engine.shutdown().expect("the thread ends well");
}

fn late_cancel() {
    let (engine, mut events) = loaded(Panics::Never);
    let cancel = engine.cancel_handle();
    send(&engine, generate(FIRST, 2));
    let canceller = thread::spawn(move || cancel.cancel(FIRST));
    check_beginning(&until_end(&mut events, FIRST));
    send(&engine, generate(SECOND, 3));
    check_whole(&until_end(&mut events, SECOND), SECOND, 3);
    canceller.join().expect("no panic");
}

fn asked_after_cancel() {
    let (engine, mut events) = loaded(Panics::Never);
    send(&engine, generate(FIRST, 3));
    let asker = thread::spawn(move || {
        engine.cancel(FIRST);
        send(&engine, generate(SECOND, 2));
        engine
    });
    check_beginning(&until_end(&mut events, FIRST));
    check_whole(&until_end(&mut events, SECOND), SECOND, 2);
    drop(asker.join().expect("no panic"));
}

fn early_cancel() {
    let (engine, mut events) = loaded(Panics::Never);
    engine.cancel(FIRST);
    send(&engine, generate(FIRST, 3));
    let seen = until_end(&mut events, FIRST);
    let cancelled = Some(FinishReason::Cancelled);
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert!(
        matches!(&seen[0], Event::Finished { finish_reason, .. } if Some(*finish_reason) == cancelled),
        "{seen:?}"
    );
}

/// The run is so long that the lane cannot hold it: whatever is sent after its beginning was seen
/// has to arrive before its end.
fn settings_reach_the_run() {
    let (engine, mut events) = loaded(Panics::Never);
    send(&engine, generate(FIRST, 9));
    assert!(matches!(
        events.blocking_recv(),
        Some(Event::Started { .. })
    ));
    let sampling = SamplingParams {
        temperature: 0.5,
        ..SamplingParams::default()
    };
    let interventions: Interventions = ["mask 0:0".parse().expect("a rule")].into_iter().collect();
    send(
        &engine,
        Command::UpdateSampling {
            request: FIRST,
            sampling,
        },
    );
    send(
        &engine,
        Command::UpdateInterventions {
            request: FIRST,
            interventions,
        },
    );
    let seen = until_end(&mut events, FIRST);
    let (mut sampled_from, mut ruled_from) = (None, None);
    for event in &seen {
        match event {
            Event::SamplingChanged { token_index, .. } => sampled_from = Some(*token_index),
            Event::InterventionsChanged { token_index, .. } => ruled_from = Some(*token_index),
            _ => {}
        }
    }
    let sampled_from = sampled_from.expect("the sampling arrived");
    let ruled_from = ruled_from.expect("the rules arrived");
    let found = tokens(&seen, FIRST);
    assert_eq!(found.len(), 9);
    for (index, id) in found {
        let temperature = if index < sampled_from { 1.0 } else { 0.5 };
        assert_eq!(
            id,
            id_of(temperature, usize::from(index >= ruled_from)),
            "token {index}"
        );
    }
}

fn two_senders() {
    let (engine, mut events) = loaded(Panics::Never);
    let engine = Arc::new(engine);
    let senders = [FIRST, SECOND].map(|id| {
        let engine = Arc::clone(&engine);
        thread::spawn(move || match engine.try_send(generate(id, 1)) {
            Ok(()) => Some(id),
            Err(EngineError::StaleRequest { .. }) => None,
            Err(error) => unreachable!("{error}"),
        })
    });
    let accepted = senders.map(|sender| sender.join().expect("no panic"));
    let accepted: Vec<RequestId> = accepted.into_iter().flatten().collect();
    send(&engine, Command::Shutdown);
    let seen = drain(&mut events);
    for id in accepted {
        let ends = seen.iter().filter(|event| ends(event, id));
        assert_eq!(ends.count(), 1, "{id} in {seen:?}");
    }
    assert_eq!(seen.last(), Some(&Event::Stopped));
}

/// The crash names its request, and the engine can be used again.
fn panic_is_reported(place: Panics) {
    let (engine, mut events) = engine(place);
    send(&engine, load(LOAD));
    let mut hit = LOAD;
    if place != Panics::InLoad {
        until_end(&mut events, LOAD);
        send(&engine, generate(FIRST, 2));
        hit = FIRST;
    }
    let seen = until_end(&mut events, hit);
    match seen.last() {
        Some(Event::Crashed { request, report }) => {
            assert_eq!((*request, report.kind), (Some(hit), ErrorKind::Crash));
            assert!(report.message.contains("deliberate"), "{report}");
        }
        other => unreachable!("a crash was expected: {other:?}"),
    }
    send(&engine, load(SECOND));
    until_end(&mut events, SECOND);
    let next = SECOND.next();
    send(&engine, generate(next, 2));
    check_whole(&until_end(&mut events, next), next, 2);
}
