//! This test program once more, in a process of its own that is killed while it writes.

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use super::made::Random;

const FOLDER: &str = "GPTOSS_TEST_FOLDER";
const SEED: &str = "GPTOSS_TEST_SEED";

/// What stands before an acknowledgement.
const MARK: &str = "done: ";

/// Acknowledgements after which a process is killed, at most.
const MAX_ACKNOWLEDGED: usize = 30;

/// Microseconds after the last awaited acknowledgement, at most: a few operations' time.
const MAX_DELAY_US: u64 = 1500;

/// Runs an ignored test in another process, kills it at a random moment, and returns all that it had
/// acknowledged.
pub(crate) fn run_and_kill(test: &str, folder: &Path, seed: u64) -> Vec<String> {
    let mut random = Random(seed ^ 0x6b69_6c6c);
    let awaited = random.below(MAX_ACKNOWLEDGED);
    let delay = Duration::from_micros(random.next() % MAX_DELAY_US);
    let mut child = start(test, folder, seed);
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut acknowledged: Vec<String> = (0..=awaited).map(|_| next(&mut lines)).collect();
    let start = Instant::now();
    // A moment within an operation, which no event could tell and no sleep hits.
    while start.elapsed() < delay {
        std::hint::spin_loop();
    }
    child.kill().unwrap();
    assert!(!child.wait().unwrap().success(), "it ended before");
    // What it had said before it died is in the pipe; half a line was never said.
    let mut rest = String::new();
    while lines.read_line(&mut rest).unwrap() > 0 && rest.ends_with('\n') {
        acknowledged.extend(said(&rest));
        rest.clear();
    }
    // The first only says that it has started.
    acknowledged.remove(0);
    acknowledged
}

fn start(test: &str, folder: &Path, seed: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--ignored", "--nocapture"])
        .envs(task_for(folder, seed))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn next(lines: &mut BufReader<ChildStdout>) -> String {
    loop {
        let mut line = String::new();
        assert_ne!(
            lines.read_line(&mut line).unwrap(),
            0,
            "the other process ended"
        );
        if let Some(said) = said(&line) {
            return said;
        }
    }
}

fn said(line: &str) -> Option<String> {
    let (_, said) = line.split_once(MARK)?;
    Some(said.trim_end().to_owned())
}

/// What tells another process its [`task`].
pub(crate) fn task_for(folder: &Path, seed: u64) -> [(&'static str, OsString); 2] {
    [(FOLDER, folder.into()), (SEED, seed.to_string().into())]
}

/// The folder and the seed of the other process; none where somebody runs ignored tests by hand.
pub(crate) fn task() -> Option<(PathBuf, u64)> {
    let folder = std::env::var_os(FOLDER)?;
    acknowledge("started");
    Some((folder.into(), std::env::var(SEED).unwrap().parse().unwrap()))
}

/// Tells that something is written. Standard output hands each line on at once.
pub(crate) fn acknowledge(what: impl std::fmt::Display) {
    println!("\n{MARK}{what}");
}
