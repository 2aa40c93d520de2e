//! Ctrl+C and readers that leave.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Stdio};

use rustix::process::Signal;
use serde_json::Value;

use crate::support::{Outcome, arg, names_in, program, send};

const INTERRUPTED: Option<i32> = Some(130);

/// Tokens that no test waits for.
const MANY: &str = "2000";

fn spawn(args: &[&str]) -> Child {
    program(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts")
}

fn interrupt(child: &Child) {
    send(Signal::INT, child.id());
}

/// Reads lines until one holds `text`.
fn wait_for(reader: &mut impl BufRead, text: &str) {
    let mut line = String::new();
    while !line.contains(text) {
        line.clear();
        let bytes = reader.read_line(&mut line).expect("readable");
        assert!(bytes > 0, "the program ended before {text:?}");
    }
}

#[test]
fn an_interrupted_answer_ends_with_what_there_is_of_it() {
    let mut child = spawn(&["generate", "--tokens", "5,6", "-n", MANY, "--json"]);
    let mut stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
    wait_for(&mut stdout, "\"index\":3,");
    interrupt(&child);
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).expect("readable");
    let last: Value =
        serde_json::from_str(rest.lines().last().expect("a last line")).expect("JSON");
    assert_eq!(last["finish_reason"], "cancelled");
    assert!(last["ids"].as_array().is_some_and(|ids| ids.len() >= 4));
    let outcome = Outcome::new(child.wait_with_output().expect("it ends"));
    assert_eq!((outcome.code, outcome.stderr.as_str()), (INTERRUPTED, ""));
}

#[test]
fn an_interrupted_trace_leaves_no_file() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("trace.safetensors");
    let flags = [
        "-n",
        MANY,
        "--logits",
        "--log",
        "/dev/stderr",
        "-o",
        arg(&path),
    ];
    let mut child = spawn(&[&["trace", "--tokens", "5,6"], &flags[..]].concat());
    let mut stderr = BufReader::new(child.stderr.take().expect("stderr is piped"));
    wait_for(&mut stderr, "loaded");
    interrupt(&child);
    assert_eq!(child.wait().expect("it ends").code(), INTERRUPTED);
    assert_eq!(names_in(folder.path()), Vec::<String>::new());
}

#[test]
fn a_chat_that_waits_for_a_line_can_be_left() {
    let mut child = spawn(&["chat", "--temperature", "0"]);
    let mut stdin = child.stdin.take().expect("stdin is piped");
    writeln!(stdin, "What is 48 + 75?").expect("it reads stdin");
    let mut stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
    wait_for(&mut stdout, "123");
    interrupt(&child);
    assert_eq!(child.wait().expect("it ends").code(), INTERRUPTED);
}

#[test]
fn sigterm_has_a_code_of_its_own_and_a_line_in_the_log() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let log = folder.path().join("log");
    let mut child = spawn(&[
        "generate",
        "--tokens",
        "5,6",
        "-n",
        MANY,
        "--json",
        "--log",
        arg(&log),
    ]);
    let mut stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
    wait_for(&mut stdout, "\"index\":3,");
    send(Signal::TERM, child.id());
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).expect("readable");
    assert_eq!(child.wait().expect("it ends").code(), Some(143));
    let log = std::fs::read_to_string(&log).expect("a log");
    assert!(log.trim_end().ends_with("ended by SIGTERM"), "{log}");
}

#[test]
fn the_playground_in_lines_ends_with_the_signals_code() {
    let home = tempfile::tempdir().expect("a temporary folder");
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)] {
        let mut child = program(&["--plain", "--synthetic", "20b"])
            .env("HOME", home.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
        wait_for(&mut stdout, "synthetic");
        // Waiting closes a stdin that is still the child's, and its end ends the lines, too.
        let _stdin = child.stdin.take();
        send(signal, child.id());
        let ended = child.wait().expect("it ends");
        assert_eq!(ended.code(), Some(code), "{signal:?}");
    }
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let mut child = spawn(&["generate", "--tokens", "5,6", "-n", MANY, "--json"]);
    let mut stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
    wait_for(&mut stdout, "token");
    drop(stdout);
    let outcome = Outcome::new(child.wait_with_output().expect("it ends"));
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""));
}
