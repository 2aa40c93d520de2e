//! A program is killed while it records traces: every chunk that was appended is there.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use gptoss::analytics::Span;
use gptoss::generate::TokenRouting;
use gptoss::trace_file::{
    Completeness, TraceFile, TraceHeader, TraceRecorder, TraceRow, TraceShape, TraceToken,
    journal_path, recover,
};
use serde_json::json;

use super::child;
use super::made::Random;
use super::runs;

/// Large enough that a chunk's logits take the system some time.
const SHAPE: TraceShape = TraceShape {
    num_layers: 2,
    num_local_experts: 4,
    num_experts_per_tok: 2,
    vocab_size: 50_000,
};

fn header(shape: TraceShape) -> TraceHeader {
    TraceHeader {
        program_version: "0.1.0".to_owned(),
        recorded_at: "2026-01-02T03:04:05Z".to_owned(),
        model_name: "made".to_owned(),
        weights_digest: "abc".to_owned(),
        tokenizer_digest: String::new(),
        settings: json!({}),
        interventions: json!([]),
        shape,
    }
}

fn row(random: &mut Random, shape: TraceShape) -> TraceRow {
    let routing = TokenRouting::new(2, 2, vec![0, 1, 2, 3], vec![0.5, 0.5, 0.75, 0.25]).unwrap();
    let has_logits = random.below(2) == 0;
    TraceRow {
        token: TraceToken {
            id: random.below(shape.vocab_size) as u32,
            text: random.text(),
            span: Span::Final,
            routing: (random.below(4) > 0).then(|| Arc::new(routing)),
            logprob: Some(-0.5),
            top_logprobs: Vec::new(),
        },
        router_logits: None,
        logits: has_logits.then(|| vec![random.below(100) as f32; shape.vocab_size]),
    }
}

/// A recording that begins.
pub(crate) fn recorder(folder: &Path) -> TraceRecorder {
    TraceRecorder::create(&path(folder, 0), header(SHAPE)).unwrap()
}

/// A recording's chunks, the same for the same seed and number.
pub(crate) fn chunks(seed: u64, number: u64) -> Vec<Vec<TraceRow>> {
    let mut random = Random(seed.wrapping_mul(1000).wrapping_add(number));
    let count = 1 + random.below(6);
    let mut chunk = |_| {
        let rows = 1 + random.below(3);
        (0..rows).map(|_| row(&mut random, SHAPE)).collect()
    };
    (0..count).map(&mut chunk).collect()
}

/// A journal and a finished file with everything that a trace may hold, and little of each.
pub(crate) fn small_files() -> [Vec<u8>; 2] {
    let folder = runs::scratch();
    let path = folder.path().join("run.safetensors");
    let shape = TraceShape {
        vocab_size: 7,
        ..SHAPE
    };
    let mut random = Random(5);
    let mut recorder = TraceRecorder::create(&path, header(shape)).unwrap();
    for _ in 0..6 {
        let mut row = row(&mut random, shape);
        row.router_logits = Some(vec![0.5; 8]);
        row.token.top_logprobs = vec![(6, -0.5), (0, -1.5)];
        recorder.append(&[row]).unwrap();
    }
    let journal = std::fs::read(recorder.journal()).unwrap();
    recorder.finish().unwrap();
    [journal, std::fs::read(path).unwrap()]
}

/// The file of a recording.
pub(crate) fn path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number}.safetensors"))
}

#[test]
#[ignore = "run by a test in another process"]
fn records() {
    let Some((folder, seed)) = child::task() else {
        return;
    };
    for number in 0.. {
        let mut recorder = TraceRecorder::create(&path(&folder, number), header(SHAPE)).unwrap();
        child::acknowledge("begun");
        for chunk in chunks(seed, number) {
            recorder.append(&chunk).unwrap();
            child::acknowledge("appended");
        }
        recorder.finish().unwrap();
        child::acknowledge("finished");
    }
}

/// What a killed program left of its recordings, seen by the next one; the bytes that were cut.
fn check(folder: &Path, seed: u64, acknowledged: &[String]) -> u64 {
    let count = |what: &str| acknowledged.iter().filter(|said| *said == what).count();
    let finished = count("finished") as u64;
    for number in 0..finished {
        let trace = TraceFile::open(&path(folder, number)).unwrap();
        assert_eq!(trace.completeness(), Completeness::Finished, "seed {seed}");
        check_tokens(&trace, seed, number, usize::MAX);
        assert!(!journal_path(&path(folder, number)).exists(), "seed {seed}");
    }
    let since = acknowledged.iter().rev().take_while(|s| *s != "finished");
    let appended = since.clone().filter(|said| *said == "appended").count();
    let is_begun = since.count() > 0;
    let last = path(folder, finished);
    if last.exists() {
        // It died after the new name, before it could say so.
        check_tokens(&TraceFile::open(&last).unwrap(), seed, finished, usize::MAX);
        if journal_path(&last).exists() {
            recover(&journal_path(&last)).unwrap();
        }
        return 0;
    }
    if !is_begun {
        return 0;
    }
    let trace = TraceFile::open(&journal_path(&last)).unwrap();
    check_tokens(&trace, seed, finished, appended);
    if trace.is_empty() {
        return 0;
    }
    let recovery = recover(&journal_path(&last)).unwrap();
    assert_eq!(recovery.tokens, trace.len(), "seed {seed}");
    let trace = TraceFile::open(&last).unwrap();
    assert_eq!(trace.completeness(), Completeness::Recovered, "seed {seed}");
    check_tokens(&trace, seed, finished, appended);
    recovery.lost_bytes
}

/// Checks that a trace holds whole chunks of its recording, at least so many, or all.
#[track_caller]
fn check_tokens(trace: &TraceFile, seed: u64, number: u64, least_chunks: usize) {
    let chunks = chunks(seed, number);
    let least = chunks.iter().take(least_chunks).map(Vec::len).sum();
    let what = format!("seed {seed}, recording {number}");
    assert!(trace.len() >= least, "{what}: {} < {least}", trace.len());
    for (at, row) in chunks.iter().flatten().take(trace.len()).enumerate() {
        assert_eq!(trace.tokens()[at], row.token, "{what}, token {at}");
        assert_eq!(trace.logits(at), row.logits, "{what}, token {at}");
    }
}

#[test]
fn what_was_recorded_outlives_a_kill() {
    let _alone = runs::alone();
    let (mut kills, mut torn, mut acknowledged) = (0, 0, 0);
    for seed in runs::seeds("GPTOSS_KILLS", 15) {
        let folder = runs::scratch();
        let said = child::run_and_kill("kill_traces::records", folder.path(), seed);
        torn += u32::from(check(folder.path(), seed, &said) > 0);
        acknowledged += said.len();
        kills += 1;
    }
    println!("traces: {kills} kills, {acknowledged} acknowledgements, {torn} torn last chunks");
    assert!(acknowledged > 0, "nothing was ever written");
}
