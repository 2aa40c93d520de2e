//! Trace files against the golden data, through the program.

use std::collections::BTreeMap;
use std::path::Path;

use gptoss::intervention::NO_EXPERT;
use gptoss::trace_file::TraceFile;
use safetensors::SafeTensors;
use serde_json::Value;

use gptoss::trace_file::{Completeness, journal_path, recover};

use crate::support::{CHECKPOINTS, arg, check_refused, done, fixture, names_in, program, run};

/// Logits in f32; the references differ among themselves by 2.5e-5.
const LOGITS_TOLERANCE: f32 = 1e-4;
/// Experts are compared where the last chosen logit is ahead of the next by more.
const ROUTING_MARGIN: f32 = 1e-3;
/// What a weight below 1 may lose where the file keeps it in half precision.
const F16_ROUNDING: f32 = 1.0 / 4096.0;

/// A folder's expected values, with the prompts and what follows them greedily.
struct Golden {
    bytes: Vec<u8>,
    prompts: BTreeMap<String, (Vec<i32>, Vec<i32>)>,
}

impl Golden {
    fn open(folder: &str) -> Self {
        let base = folder.split('/').next().expect("a first part");
        let own = json(&fixture(folder).join("golden.json"));
        let shared = json(&fixture(base).join("golden.json"));
        let prompts = shared["prompts"].as_object().expect("an object");
        Self {
            bytes: std::fs::read(fixture(folder).join("golden.safetensors")).expect("readable"),
            prompts: prompts
                .iter()
                .map(|(name, ids)| (name.clone(), (ints(ids), ints(&own["greedy"][name]))))
                .collect(),
        }
    }

    fn words(&self, name: &str) -> Option<Vec<[u8; 4]>> {
        let file = SafeTensors::deserialize(&self.bytes).expect("golden data is well-formed");
        let view = file.tensor(name).ok()?;
        Some(view.data().as_chunks::<4>().0.to_vec())
    }

    fn f32(&self, name: &str) -> Option<Vec<f32>> {
        let words = self.words(name)?;
        Some(words.into_iter().map(f32::from_le_bytes).collect())
    }

    fn i32(&self, name: &str) -> Option<Vec<i32>> {
        let words = self.words(name)?;
        Some(words.into_iter().map(i32::from_le_bytes).collect())
    }
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).expect("readable")).expect("JSON")
}

/// The trace's ids as the golden files have them.
fn ids(trace: &TraceFile) -> Vec<i32> {
    trace.ids().into_iter().map(|id| id as i32).collect()
}

fn ints(value: &Value) -> Vec<i32> {
    serde_json::from_value(value.clone()).expect("a list of ids")
}

/// Runs `trace` on some tokens.
fn trace(model: &str, ids: &[i32], flags: &[&str]) -> TraceFile {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("trace.safetensors");
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    let (model, ids) = (fixture(model), ids.join(","));
    let args = ["trace", arg(&model), "--tokens", &ids, "-o", arg(&path)];
    done(&[&args[..], flags].concat());
    TraceFile::open(&path).expect("the program reads what it writes")
}

#[track_caller]
fn check_close(what: &str, found: &[f32], expected: &[f32]) {
    check_within(what, found, expected, LOGITS_TOLERANCE);
}

#[track_caller]
fn check_within(what: &str, found: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let worst = found.iter().zip(expected).map(|(a, b)| (a - b).abs());
    let worst = worst.fold(0.0, |worst, next| {
        if next > worst || next.is_nan() {
            next
        } else {
            worst
        }
    });
    assert!(worst <= tolerance, "{what}: off by {worst:e}");
}

#[test]
fn logits_and_experts_are_the_golden_ones_in_every_layout() {
    for (model, folder) in CHECKPOINTS {
        let golden = Golden::open(folder);
        for (name, (prompt, _)) in &golden.prompts {
            let Some(expected) = golden.f32(&format!("{name}.logits")) else {
                continue;
            };
            let found = trace(model, prompt, &["--logits", "--router-logits"]);
            assert_eq!(ids(&found), *prompt, "{model} {name}");
            assert_eq!(found.prompt_tokens(), prompt.len());
            let logits: Vec<f32> = (0..prompt.len())
                .flat_map(|token| found.logits(token).expect("logits were asked for"))
                .collect();
            check_close(&format!("{model} {name}"), &logits, &expected);
            check_experts(&format!("{model} {name}"), &found, &golden, name);
        }
    }
}

/// Compares the chosen experts wherever the choice is clear.
#[track_caller]
fn check_experts(what: &str, found: &TraceFile, golden: &Golden, name: &str) {
    let shape = found.shape();
    let (layers, k) = (shape.num_layers, shape.num_experts_per_tok);
    let (chosen, chosen_weights) = (found.experts(), found.expert_weights());
    let mut compared = 0;
    for layer in 0..layers {
        let part = |part: &str| format!("{name}.layer{layer}.{part}");
        let Some(expected) = golden.i32(&part("experts")) else {
            continue;
        };
        let weights = golden.f32(&part("expert_weights")).expect("golden weights");
        let router = golden.f32(&part("router_logits")).expect("golden logits");
        let experts = router.len() / found.len();
        for token in 0..found.len() {
            let at = (token * layers + layer) * k;
            check_within(
                &format!("{what} weights"),
                &chosen_weights[at..at + k],
                &weights[token * k..(token + 1) * k],
                LOGITS_TOLERANCE + F16_ROUNDING,
            );
            let all = found
                .router_logits(token)
                .expect("router logits were asked for");
            let row = &router[token * experts..(token + 1) * experts];
            check_close(
                &format!("{what} router"),
                &all[layer * experts..][..experts],
                row,
            );
            if is_clear(row, k) {
                compared += 1;
                let expected = &expected[token * k..(token + 1) * k];
                let chosen: Vec<i32> = chosen[at..at + k].iter().map(|&id| id.into()).collect();
                assert_eq!(chosen, expected, "{what} {layer} {token}");
            }
        }
    }
    let is_golden = golden.i32(&format!("{name}.layer0.experts")).is_some();
    assert!(
        compared > 0 || !is_golden || found.len() < 5,
        "{what}: nothing was compared"
    );
}

/// Whether each of the first `k + 1` logits is well ahead of the next.
fn is_clear(row: &[f32], k: usize) -> bool {
    let mut sorted = row.to_vec();
    sorted.sort_by(|a, b| b.total_cmp(a));
    sorted
        .windows(2)
        .take(k)
        .all(|pair| pair[0] - pair[1] > ROUTING_MARGIN)
}

#[test]
fn generated_tokens_have_their_own_rows_in_order() {
    for (model, folder) in CHECKPOINTS {
        let golden = Golden::open(folder);
        let (name, (prompt, greedy)) = golden
            .prompts
            .iter()
            .find(|(_, (prompt, _))| prompt.len() == 40)
            .expect("a prompt of 40 tokens");
        let flags = ["--logits", "--max-tokens", "32", "--temperature", "0"];
        let found = trace(model, prompt, &flags);
        let all = [&prompt[..], &greedy[..]].concat();
        assert_eq!(ids(&found), all, "{model}");
        assert_eq!(found.prompt_tokens(), 40);
        let Some(expected) = golden.f32(&format!("{name}.continued_logits")) else {
            continue;
        };
        let rows: Vec<f32> = (39..72)
            .flat_map(|token| found.logits(token).expect("logits were asked for"))
            .collect();
        check_close(&format!("{model} continued"), &rows, &expected);
    }
}

#[test]
fn only_what_was_asked_for_is_recorded() {
    let found = trace("pub-b/openai", &[1, 2, 3, 4, 5], &[]);
    assert!(!found.has_logits() && !found.has_router_logits());
    assert_eq!(found.tokens().len(), 5);
    let metadata = found.header();
    assert_eq!(metadata.program_version, env!("CARGO_PKG_VERSION"));
    assert_eq!(metadata.model_name, "openai");
    assert!(!metadata.weights_digest.is_empty());
    assert_eq!(metadata.settings["max_tokens"], 0);
}

#[test]
fn a_chat_turn_is_traced_with_its_answer() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("trace.safetensors");
    let question = ["-p", "What is 2 + 3?", "--temperature", "0"];
    done(&[&["trace", "-o", arg(&path)], &question[..]].concat());
    let found = TraceFile::open(&path).expect("readable");
    let lines = done(&[&["generate", "--json"], &question[..]].concat()).json_lines();
    let answer = ints(&lines.last().expect("a last line")["ids"]);
    assert_eq!(ids(&found)[found.prompt_tokens()..], answer);
}

#[test]
fn a_choice_changed_by_rules_is_traced_as_it_was_made() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("trace.safetensors");
    let traced = |rule: &str| -> (usize, usize, Vec<Vec<u16>>) {
        let ids = [
            "trace",
            "pub-b",
            "--tokens",
            "1,2,3,4,5",
            "--force",
            "-o",
            arg(&path),
        ];
        let model = fixture("pub-b/hf");
        let args: Vec<&str> = ids
            .iter()
            .map(|word| if *word == "pub-b" { arg(&model) } else { *word })
            .collect();
        done(&[&args[..], &["--rule", rule]].concat());
        let file = TraceFile::open(&path).expect("what was written can be read");
        assert_eq!(file.header().interventions[0], rule);
        let width = file.shape().num_experts_per_tok;
        let experts = file.experts();
        let rows = experts.chunks(width).map(<[u16]>::to_vec).collect();
        (width, file.shape().num_layers, rows)
    };
    let (as_ever, layers, untouched) = traced("noise 0 0");
    let (width, _, rows) = traced("top-k * 1");
    assert_eq!(width, 1);
    let firsts = |rows: &[Vec<u16>]| {
        rows.iter()
            .step_by(layers)
            .map(|row| row[0])
            .collect::<Vec<_>>()
    };
    assert_eq!(
        firsts(&rows),
        firsts(&untouched),
        "the first layer sees the same input"
    );
    let (width, _, rows) = traced("top-k 0 1");
    assert_eq!(width, as_ever);
    for (at, row) in rows.iter().enumerate() {
        let missing = row.iter().filter(|id| **id == NO_EXPERT).count();
        assert_eq!(
            missing,
            if at % layers == 0 { as_ever - 1 } else { 0 },
            "{row:?}"
        );
    }
    let (_, _, rows) = traced("swap *:0 1");
    assert!(rows.iter().all(|row| !row.contains(&0)));
    assert!(
        rows.iter()
            .any(|row| row.iter().filter(|id| **id == 1).count() == 2)
    );
}

/// The newest tokens may be missing, but nothing that was written before.
#[test]
fn a_recording_that_is_killed_opens_to_its_last_whole_chunk() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("trace.safetensors");
    let flags = ["--tokens", "5,6", "--temperature", "0", "-o", arg(&path)];
    let args = [&["trace", "-n", "1500"], &flags[..]].concat();
    let mut child = program(&args).spawn().expect("the program starts");
    let journal = journal_path(&path);
    let is_under_way = || TraceFile::open(&journal).is_ok_and(|trace| trace.len() > 12);
    while !is_under_way() {
        assert_eq!(
            child.try_wait().expect("it can be asked"),
            None,
            "it ended first"
        );
        std::thread::yield_now();
    }
    // SIGKILL, which no program can answer.
    child.kill().expect("it was running");
    child.wait().expect("it has ended");
    assert_eq!(names_in(folder.path()), ["trace.safetensors.part"]);
    let left = TraceFile::open(&journal).expect("whole chunks open");
    assert!(matches!(left.completeness(), Completeness::Journal { .. }));

    check_refused(&run(&args), 1, &["unfinished", "trace.safetensors.part"]);
    let found = recover(&journal).expect("nobody records any more");
    assert_eq!(
        (found.tokens, found.path.as_path()),
        (left.len(), path.as_path())
    );
    let recovered = TraceFile::open(&path).expect("opens");
    assert_eq!(recovered.tokens(), left.tokens());
    let count = (left.len() - 2).to_string();
    done(&[&["trace", "--force", "-n", &count], &flags[..]].concat());
    let whole = TraceFile::open(&path).expect("opens");
    assert_eq!(whole.tokens(), left.tokens());
}
