//! The engine's protocol, run through many schedules of its threads.
//!
//! This program compiles the very sources of the engine's thread and handle against the stand-ins of
//! `shuttle` for threads, atomics, locks and channels (`sync` here, `src/sync.rs` in the library), and
//! plays each case under schedules drawn at random. A deadlock is found as such: nothing here
//! waits for a clock. Lanes hold two items instead of 8 and 256, so that they are often full.
//!
//! `GPTOSS_SCHEDULES=20000 cargo test --no-default-features --test protocol` looks further than the
//! few hundred schedules of an ordinary run.

use std::panic::catch_unwind;
use std::process::ExitCode;
use std::time::Instant;

use gptoss::{generate, harmony, intervention};
use shuttle::Config;
use shuttle::scheduler::{PctScheduler, RandomScheduler};

mod cases;
mod fake;
mod sync;
mod user;

/// The engine without its backend for MLX and without scripts.
#[path = "../../src/engine"]
#[allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    clippy::struct_field_names,
    reason = "the library uses and publishes more of these sources than this program"
)]
mod engine {
    pub mod backend;
    mod generation;
    mod handle;
    mod inspection;
    mod nominal;
    mod port;
    pub mod protocol;
    // The unit tests beside the sources name it.
    pub mod synthetic;
    mod telemetry;
    mod worker;

    pub(crate) use backend::Backend;
    pub(crate) use handle::{CancelHandle, EngineError, EngineHandle, EventReceiver, start};

    pub(crate) const ENGINE_THREAD_NAME: &str = gptoss::engine::ENGINE_THREAD_NAME;
    pub(crate) const COMMAND_CAPACITY: usize = 2;
    pub(crate) const EVENT_CAPACITY: usize = 2;
    pub(crate) const ROUTING_WINDOW_TOKENS: usize = 4;
    /// Snapshots by the clock would make schedules depend on it.
    pub(crate) const TELEMETRY_MAX_HZ: u32 = 0;
}

/// Schedules of each case and kind in an ordinary run.
const SCHEDULES: usize = 300;

/// How many changes of priority the second kind of schedules has.
const PRIORITY_CHANGES: usize = 3;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let filter = args.iter().find(|arg| !arg.starts_with('-'));
    let schedules = std::env::var("GPTOSS_SCHEDULES");
    let schedules = schedules.map_or(SCHEDULES, |text| text.parse().expect("a number"));
    if args.iter().any(|arg| arg == "--list") {
        for (name, _) in cases::ALL {
            println!("{name}: test");
        }
        return ExitCode::SUCCESS;
    }
    let (mut passed, mut failed) = (0, 0);
    for (name, case) in cases::ALL {
        if filter.is_some_and(|filter| !name.contains(filter.as_str())) {
            continue;
        }
        let started = Instant::now();
        let outcome = catch_unwind(|| explore(*case, schedules));
        let word = if outcome.is_ok() { "ok" } else { "FAILED" };
        let (ok, bad) = if outcome.is_ok() { (1, 0) } else { (0, 1) };
        (passed, failed) = (passed + ok, failed + bad);
        let seconds = started.elapsed().as_secs_f32();
        println!(
            "test {name} ... {word} ({} schedules, {seconds:.1} s)",
            2 * schedules
        );
    }
    let word = if failed == 0 { "ok" } else { "FAILED" };
    println!("\ntest result: {word}. {passed} passed; {failed} failed");
    ExitCode::from(u8::from(failed > 0))
}

/// Runs a case under schedules of two kinds: all choices at random, and priorities that change at a
/// few random places, which finds bugs that need few switches at just the right moment.
fn explore(case: fn(), schedules: usize) {
    let mut config = Config::new();
    // The engine's frames are larger than the checker's usual stacks.
    config.stack_size = 1 << 18;
    let random = RandomScheduler::new_from_seed(0, schedules);
    shuttle::Runner::new(random, config.clone()).run(case);
    let priorities = PctScheduler::new_from_seed(0, PRIORITY_CHANGES, schedules);
    shuttle::Runner::new(priorities, config).run(case);
}
