//! Runs the program and looks at what came out.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// What a run left behind.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The exit code; `None` after a signal.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    pub(crate) fn new(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("stdout is UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("stderr is UTF-8"),
        }
    }

    /// Each line of stdout as JSON.
    pub(crate) fn json_lines(&self) -> Vec<Value> {
        self.stdout
            .lines()
            .map(|line| serde_json::from_str(line).expect("each line is JSON"))
            .collect()
    }
}

/// The program, free of the surroundings' settings.
pub(crate) fn program(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gptoss-tui"));
    command
        .args(args)
        .env_remove("GPTOSS_LOG")
        .env_remove("RUST_LOG")
        .stdin(Stdio::null());
    command
}

pub(crate) fn run(args: &[&str]) -> Outcome {
    Outcome::new(program(args).output().expect("the program starts"))
}

/// Sends a signal by the system's call: not every machine has the command.
pub(crate) fn send(signal: Signal, process_id: u32) {
    let pid = Pid::from_raw(process_id as i32).expect("no process has number 0");
    kill_process(pid, signal).expect("it runs");
}

/// Runs with text on stdin.
pub(crate) fn run_with_input(args: &[&str], input: &str) -> Outcome {
    let mut child = program(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("stdin is piped");
    stdin.write_all(input.as_bytes()).expect("it reads stdin");
    drop(stdin);
    Outcome::new(child.wait_with_output().expect("it ends"))
}

/// Runs what must work.
#[track_caller]
pub(crate) fn done(args: &[&str]) -> Outcome {
    let outcome = run(args);
    assert_eq!(outcome.code, Some(0), "{args:?}: {outcome:?}");
    outcome
}

/// Checks that a run was refused with one clear line, and perhaps a hint, that names all `parts`.
#[track_caller]
pub(crate) fn check_refused(outcome: &Outcome, code: i32, parts: &[&str]) {
    let stderr = &outcome.stderr;
    assert_eq!(outcome.code, Some(code), "{outcome:?}");
    assert!(!stderr.contains("panicked"), "{stderr}");
    let lines: Vec<&str> = stderr.lines().collect();
    assert!(lines.len() == 1 || lines.len() == 2, "{stderr}");
    assert!(lines[0].starts_with("error: "), "{stderr}");
    if let Some(hint) = lines.get(1) {
        assert!(hint.starts_with("hint: "), "{stderr}");
    }
    for part in parts {
        assert!(stderr.contains(part), "{part:?} is not in: {stderr}");
    }
}

/// The same for arguments alone.
#[track_caller]
pub(crate) fn refused(args: &[&str], code: i32, parts: &[&str]) {
    check_refused(&run(args), code, parts);
}

/// All golden checkpoints, each with the folder of its expected values.
pub(crate) const CHECKPOINTS: [(&str, &str); 6] = [
    ("pub-a/hf", "pub-a"),
    ("pub-a/mlx-q8", "pub-a/mlx-q8"),
    ("pub-b/hf", "pub-b"),
    ("pub-b/openai", "pub-b"),
    ("pub-b/mlx", "pub-b"),
    ("pub-b/mlx-q8", "pub-b/mlx-q8"),
];

pub(crate) fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/reference")
        .join(path)
}

/// A path as an argument.
pub(crate) fn arg(path: &Path) -> &str {
    path.to_str().expect("paths of tests are UTF-8")
}

/// The names in a folder.
pub(crate) fn names_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("the folder is there");
    let mut names: Vec<String> = entries
        .map(|entry| {
            entry
                .expect("readable")
                .file_name()
                .to_string_lossy()
                .into()
        })
        .collect();
    names.sort();
    names
}
