//! What the lanes promise: events complete and in order, telemetry fresh, waiting free of cost.

use std::thread;
use std::time::Instant;

use gptoss::engine::protocol::{Command, EnginePhase, ErrorReport, Event, Telemetry};
use gptoss::engine::synthetic::SyntheticModel;
use gptoss::engine::{CancelHandle, EVENT_CAPACITY, EngineError, EngineHandle, TELEMETRY_MAX_HZ};
use gptoss::generate::{FinishReason, SamplingParams};

use crate::rig::{PROMPT_TOKENS, Rig, ids, tokens, turn_of};

const _: () = {
    const fn crosses_threads<T: Send + Sync + 'static>() {}
    crosses_threads::<Command>();
    crosses_threads::<Event>();
    crosses_threads::<Telemetry>();
    crosses_threads::<ErrorReport>();
    crosses_threads::<SamplingParams>();
    crosses_threads::<EngineHandle>();
    crosses_threads::<CancelHandle>();
    crosses_threads::<EngineError>();
    crosses_threads::<SyntheticModel>();
};

/// Waits until the engine waits for its reader.
pub(crate) fn wait_for_full_lane(rig: &Rig) {
    while rig.events.len() < EVENT_CAPACITY {
        thread::yield_now();
    }
}

#[test]
fn a_slow_reader_gets_every_event_in_order() {
    let mut rig = Rig::playing(&turn_of(1000));
    let id = rig.generate();
    wait_for_full_lane(&rig);
    let events = rig.until_end(id);
    assert!(matches!(events[0], Event::Started { .. }));
    assert!(matches!(events[1], Event::Prefill { .. }));
    assert_eq!(ids(&events), (0..1000).collect::<Vec<_>>());
    assert!(
        tokens(&events)
            .iter()
            .enumerate()
            .all(|(index, token)| token.index == index)
    );
    assert_eq!(events.len(), 1003);
}

#[test]
fn events_taken_once_are_gone_from_the_handle() {
    let mut rig = Rig::playing(&turn_of(1));
    assert!(rig.engine.take_events().is_none());
}

#[test]
fn telemetry_keeps_the_newest_snapshot_and_counts_the_skipped() {
    let mut rig = Rig::playing(&turn_of(300));
    let mut telemetry = rig.engine.telemetry();
    let seen = telemetry.borrow_and_update().seq;
    let begun = Instant::now();
    let mut requests = 0;
    for _ in 0..3 {
        let id = rig.generate();
        rig.until_end(id);
        requests += 1;
        assert_eq!(telemetry.borrow().request, Some(id));
    }
    let snapshot = telemetry.borrow_and_update().clone();
    assert!(
        snapshot.seq >= seen + 3,
        "each end makes a snapshot: {}",
        snapshot.seq
    );
    assert!(
        !telemetry.has_changed().expect("the engine lives"),
        "only the newest is kept"
    );
    let by_rate = begun.elapsed().as_secs_f64() * f64::from(TELEMETRY_MAX_HZ) + 1.0;
    let published = (snapshot.seq - seen) as f64;
    assert!(
        published <= by_rate + f64::from(requests),
        "{published} snapshots"
    );

    assert_eq!(snapshot.speed.phase, EnginePhase::Idle);
    assert_eq!(snapshot.speed.generated_tokens, 300);
    assert_eq!(snapshot.speed.prefill_done_tokens, PROMPT_TOKENS);
    // The last token was not fed back, so its keys and values do not exist.
    assert_eq!(snapshot.cache.full.tokens, PROMPT_TOKENS + 299);
    assert_eq!(snapshot.cache.sliding.tokens, 128);
    assert_eq!(snapshot.memory.weights_bytes, 1000);
}

#[test]
fn figures_follow_the_scripts_clock() {
    let mut rig = Rig::playing(&turn_of(11));
    let id = rig.generate();
    let events = rig.until_end(id);
    let Some(Event::Finished {
        stats,
        finish_reason,
        ..
    }) = events.last()
    else {
        panic!("it ended with {events:?}");
    };
    assert_eq!(*finish_reason, FinishReason::Stop);
    assert_eq!(
        (stats.prompt_tokens, stats.generated_tokens),
        (PROMPT_TOKENS, 11)
    );
    assert_eq!(stats.decode_tps, Some(100.0));
    assert_eq!(stats.time_to_first_token_ms, Some(10.0));
    assert!((stats.total_ms - 110.0).abs() < 1e-9, "{}", stats.total_ms);
    // The script gives the prompt no time.
    assert_eq!(stats.prefill_tps, None);
}

#[cfg(target_os = "linux")]
mod idle {
    use std::fs;
    use std::path::{Path, PathBuf};
    use std::sync::mpsc;

    use gptoss::engine::ENGINE_THREAD_NAME;
    use gptoss::engine::synthetic::{SyntheticBackend, SyntheticModel};

    use super::*;

    /// Time on the CPU in nanoseconds, and how often the thread was put there.
    fn cpu_use(thread: &Path) -> (u64, u64) {
        let text = fs::read_to_string(thread.join("schedstat")).expect("the thread lives");
        let numbers: Vec<u64> = text
            .split_whitespace()
            .map(|n| n.parse().unwrap())
            .collect();
        (numbers[0], numbers[2])
    }

    fn is_asleep(thread: &Path) -> bool {
        let text = fs::read_to_string(thread.join("stat")).expect("the thread lives");
        let state = text
            .rsplit(')')
            .next()
            .and_then(|rest| rest.split_whitespace().next());
        state == Some("S")
    }

    fn synthetic() -> SyntheticBackend {
        SyntheticBackend::new(SyntheticModel::gpt_oss_20b())
    }

    /// An engine that waits, and its thread's directory.
    fn waiting_engine() -> (Rig, PathBuf) {
        let (sender, receiver) = mpsc::channel();
        let mut rig = Rig::of(move || {
            sender
                .send(fs::read_link("/proc/thread-self").unwrap())
                .unwrap();
            synthetic()
        });
        rig.load_and_wait();
        let id = rig.generate_some(5);
        rig.until_end(id);
        let thread = Path::new("/proc").join(receiver.recv().unwrap());
        (rig, thread)
    }

    impl Rig {
        fn generate_some(&mut self, max_tokens: usize) -> gptoss::engine::protocol::RequestId {
            let mut request = self.request();
            request.max_tokens = Some(max_tokens);
            let id = request.id;
            self.send(Command::Generate(request));
            id
        }
    }

    #[test]
    fn a_waiting_engine_uses_no_cpu() {
        let (mut waiting, thread) = waiting_engine();
        let name = fs::read_to_string(thread.join("comm")).unwrap();
        assert_eq!(name.trim(), ENGINE_THREAD_NAME);
        // It has sent its last event; let it come to rest in the kernel.
        while !is_asleep(&thread) {
            thread::yield_now();
        }
        let before = cpu_use(&thread);

        // Another engine's work is the clock: a polling thread would run many times during it.
        let mut working = Rig::of(synthetic);
        working.load_and_wait();
        let id = working.generate_some(3000);
        assert_eq!(tokens(&working.until_end(id)).len(), 3000);
        assert_eq!(cpu_use(&thread), before);

        let id = waiting.generate_some(5);
        waiting.until_end(id);
        assert!(cpu_use(&thread) > before, "the figure counts work");
    }
}
