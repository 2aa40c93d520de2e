//! The fuzz targets without libFuzzer: every input kept in `corpus/`, and a few thousand changes of
//! them from a fixed seed.
//!
//! `fuzz/` runs the same functions for as long as one likes: docs/RELIABILITY.md has the commands. A
//! crash found there becomes a file in `corpus/`, so that it is tried here for good. For other
//! mutations: `GPTOSS_FUZZ_SEED`; for more of them: `GPTOSS_FUZZ_ROUNDS`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod mutate;
mod targets;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use mutate::Mutator;

/// Runs a target over its corpus and over `rounds` inputs that come from it.
fn check(name: &str, target: fn(&[u8]), rounds: usize) {
    let corpus = corpus(name);
    assert!(!corpus.is_empty(), "{name} has no corpus");
    for (path, input) in &corpus {
        run(target, input, &path.display().to_string());
    }
    let rounds = number("GPTOSS_FUZZ_ROUNDS").map_or(rounds, |rounds| rounds as usize);
    let seed = number("GPTOSS_FUZZ_SEED").unwrap_or(1);
    let inputs: Vec<Vec<u8>> = corpus.into_iter().map(|(_, input)| input).collect();
    let mut mutator = Mutator::new(seed, &inputs);
    for round in 0..rounds {
        let input = mutator.next_input();
        run(target, &input, &format!("round {round} from seed {seed}"));
    }
}

/// Names the input where the target panics.
fn run(target: fn(&[u8]), input: &[u8], what: &str) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| target(input))) {
        eprintln!("{what}: b\"{}\"", input.escape_ascii());
        std::panic::resume_unwind(panic);
    }
}

/// All kept inputs of a target, by name.
fn corpus(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fuzz/corpus")
        .join(name);
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths
        .into_iter()
        .map(|path| (path.clone(), std::fs::read(path).unwrap()))
        .collect()
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable)
        .ok()
        .map(|value| value.parse().unwrap())
}

#[test]
fn safetensors_headers() {
    check("safetensors", targets::safetensors, 4000);
}

#[test]
fn configurations() {
    check("config", targets::config, 4000);
}

#[test]
fn tokenizer_files() {
    check("tokenizer", targets::tokenizer, 300);
}

#[test]
fn harmony_streams_and_messages() {
    check("harmony", targets::harmony, 2000);
}

#[test]
fn markdown_text() {
    check("markdown", targets::markdown, 500);
}

#[test]
fn session_files() {
    check("session", targets::session, 200);
}

#[test]
fn traces() {
    check("trace", targets::trace, 500);
}

#[test]
fn changed_keys() {
    check("keymap", targets::keymap, 1000);
}
