//! Lets the demo model talk for thousands of turns and shows what that does to memory, to the
//! session's file and to the cache.
//!
//! ```text
//! cargo run --example soak -- [TURNS [SEED]]
//! ```
//!
//! Without arguments 2,000 turns. Ends with exit code 1 where the cached figures have drifted from
//! fresh ones, or the session's file does not give back the conversation that was written.
//! `talk` says what happens in a turn, `runner` drives the engine, `table` prints.

#[path = "../../tests/faults/counting.rs"]
mod counting;
mod dice;
mod runner;
mod table;
mod talk;

use std::error::Error;
use std::process::ExitCode;
use std::sync::atomic::Ordering::Relaxed;

use gptoss::session::{SessionFile, Tree};

use self::dice::Dice;
use self::runner::Runner;
use self::table::{Row, Table};
use self::talk::Talk;

/// Turns between two comparisons of cached with fresh figures.
const TURNS_A_CHECK: usize = 100;

/// The most that a log-probability of a cached pass may differ from that of a fresh one. Their sums
/// of f32 run in different orders.
const TOLERATED_DRIFT: f32 = 1e-3;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let turns = args.next().map_or(Ok(2000), |text| text.parse())?;
    let seed = args.next().map_or(Ok(0), |text| text.parse())?;
    let path = std::env::temp_dir().join(format!("gptoss-soak-{}.jsonl", std::process::id()));
    let outcome = soak(turns, seed, &path);
    let _ = std::fs::remove_file(&path);
    outcome
}

fn soak(turns: usize, seed: u64, path: &std::path::Path) -> Result<ExitCode, Box<dyn Error>> {
    let file = SessionFile::create(path, &Tree::default(), 0)?;
    let mut talk = Talk::new(Dice::new(seed), file);
    // The second engine computes every check from nothing.
    let (mut runner, mut fresh) = (Runner::with_demo()?, Runner::with_demo()?);
    let checks = TURNS_A_CHECK.min(turns.max(1));
    let mut table = Table::new(turns);
    Table::print_head();
    for turn in 1..=turns {
        talk.turn(&mut runner)?;
        let drift = if turn % checks == 0 {
            fresh.reset()?;
            Some(talk.drift(&mut runner, &mut fresh)?)
        } else {
            None
        };
        table.add(Row {
            turn,
            resident_bytes: runner::resident_bytes()?,
            heap_bytes: heap_bytes(),
            device_bytes: runner.device_bytes(),
            session_bytes: std::fs::metadata(path)?.len(),
            tokens: runner.tokens(),
            drift,
        });
    }
    let whole = talk.is_what_the_file_says(path)?;
    let drift = table.print_summary();
    println!("the session's file gives the conversation back: {whole}");
    println!("{}", talk.counts());
    let (resident, heap) = (runner::resident_bytes()?, heap_bytes());
    drop(talk);
    println!(
        "the conversation took {} bytes of Rust's heap, {} a turn; resident memory was {resident} bytes with it, {} without",
        heap.saturating_sub(heap_bytes()),
        heap.saturating_sub(heap_bytes()) / turns.max(1) as u64,
        runner::resident_bytes()?
    );
    Ok(ExitCode::from(u8::from(
        !whole || drift.is_none_or(|drift| drift > TOLERATED_DRIFT),
    )))
}

/// What Rust's code has in use; MLX allocates for itself.
fn heap_bytes() -> u64 {
    counting::NOW.load(Relaxed) as u64
}
