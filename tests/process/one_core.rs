//! On one core: the same text, from a pool without a second thread.
#![cfg(target_os = "linux")]

use std::process::Command;

use crate::support::{Outcome, done};

const ARGS: [&str; 9] = [
    "generate",
    "-p",
    "What is 48 + 75?",
    "-n",
    "24",
    "--temperature",
    "0",
    "--seed",
    "0",
];

/// The first core that this process may use.
fn a_core() -> String {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux has it");
    let list = status
        .lines()
        .find_map(|line| line.strip_prefix("Cpus_allowed_list:"))
        .expect("it tells the cores");
    let digits = list.trim().split(|c: char| !c.is_ascii_digit());
    digits.map(str::to_owned).next().expect("there is a core")
}

#[test]
fn one_core_gives_the_same_text() {
    let core = a_core();
    let confined = |args: &[&str]| {
        let mut command = Command::new("taskset");
        command.args(["-c", &core, env!("CARGO_BIN_EXE_gptoss-tui")]);
        let output = command.args(args).output().expect("taskset is there");
        Outcome::new(output)
    };
    let doctor = confined(&["doctor", "--json"]).json_lines();
    assert_eq!(doctor[0]["cpu_threads"], 1);
    let outcome = confined(&ARGS);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert_eq!(outcome.stdout, done(&ARGS).stdout);
}
