//! Trace files come back as written; anything else is refused.

use std::path::Path;

use gptoss::trace_file::{TraceData, TraceFile, TraceMetadata, TraceShape};
use proptest::prelude::*;
use serde_json::json;

use crate::support::{check_message, file};

const SHAPE: TraceShape = TraceShape {
    num_tokens: 3,
    num_layers: 2,
    num_experts_per_tok: 2,
};
const TOKENS: [i32; 3] = [5, 0, 6];
const EXPERTS: [i32; 12] = [0, 1, 2, 3, 3, 0, 1, 2, 0, 2, 1, 3];
const WEIGHTS: [f32; 12] = [0.5, 0.5, 0.75, 0.25, 1.0, 0.0, 0.6, 0.4, 0.9, 0.1, 0.5, 0.5];

fn metadata() -> TraceMetadata {
    TraceMetadata {
        program_version: "0.1.0".to_owned(),
        model_name: "tiny \"quoted\"".to_owned(),
        weights_digest: "abc".to_owned(),
        settings: json!({"temperature": 0.0, "nested": [1, null]}),
        prompt_tokens: 2,
    }
}

fn floats(count: usize) -> Vec<f32> {
    (0..count).map(|number| number as f32 - 10.5).collect()
}

fn data<'a>(logits: Option<&'a [f32]>, router_logits: Option<&'a [f32]>) -> TraceData<'a> {
    TraceData {
        shape: SHAPE,
        tokens: &TOKENS,
        experts: &EXPERTS,
        expert_weights: &WEIGHTS,
        logits,
        router_logits,
    }
}

fn open(path: &Path) -> Result<TraceFile, String> {
    TraceFile::open(path).map_err(|error| error.to_string())
}

fn open_bytes(bytes: &[u8]) -> Result<TraceFile, String> {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("trace.safetensors");
    std::fs::write(&path, bytes).expect("written");
    open(&path)
}

/// A whole trace, with both kinds of logits, as bytes.
fn golden() -> Vec<u8> {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("trace.safetensors");
    let (logits, router_logits) = (floats(3 * 7), floats(3 * 2 * 4));
    data(Some(&logits), Some(&router_logits))
        .write(&path, &metadata())
        .expect("written");
    std::fs::read(&path).expect("readable")
}

#[test]
fn a_trace_comes_back_as_written() {
    let trace = open_bytes(&golden()).expect("opens");
    assert_eq!(trace.metadata(), &metadata());
    assert_eq!(trace.shape(), SHAPE);
    assert_eq!(trace.tokens(), TOKENS);
    assert_eq!(trace.experts(), EXPERTS);
    assert_eq!(trace.expert_weights(), WEIGHTS);
    assert_eq!(
        (trace.vocab_size(), trace.num_local_experts()),
        (Some(7), Some(4))
    );
    assert_eq!(trace.logits(2).expect("recorded"), floats(21)[14..]);
    assert_eq!(trace.router_logits(1).expect("recorded"), floats(24)[8..16]);
    assert_eq!(trace.logits(3), None);
}

#[test]
fn logits_are_optional() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("trace.safetensors");
    data(None, None).write(&path, &metadata()).expect("written");
    let trace = open(&path).expect("opens");
    assert_eq!((trace.logits(0), trace.router_logits(0)), (None, None));
    let names: Vec<_> = std::fs::read_dir(dir.path()).expect("readable").collect();
    assert_eq!(names.len(), 1, "no partial file is left");
}

#[test]
fn other_programs_can_read_a_trace() {
    let bytes = golden();
    let tensors = safetensors::SafeTensors::deserialize(&bytes).expect("well formed");
    assert_eq!(
        tensors.tensor("experts").expect("present").shape(),
        [3, 2, 2]
    );
    assert_eq!(tensors.tensor("logits").expect("present").shape(), [3, 7]);
    let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).expect("well formed");
    assert_eq!(
        header.metadata().as_ref().expect("metadata")["prompt_tokens"],
        "2"
    );
}

#[test]
fn arrays_that_do_not_fit_are_refused_before_anything_is_written() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("trace.safetensors");
    let good = data(None, None);
    let twenty = floats(20);
    let descending = [1.0, 0.0].repeat(6);
    let ascending = [0.0, 1.0].repeat(6);
    let mut nan = descending.clone();
    nan[3] = f32::NAN;
    for (bad, parts) in [
        (
            TraceData {
                tokens: &TOKENS[1..],
                ..good
            },
            &["tokens", "expected 3", "found 2"][..],
        ),
        (
            TraceData {
                experts: &[],
                ..good
            },
            &["experts", "expected 12"],
        ),
        (
            TraceData {
                tokens: &[-1, 0, 0],
                ..good
            },
            &["tokens", "id -1"],
        ),
        (
            TraceData {
                experts: &[0; 12],
                ..good
            },
            &["experts", "twice"],
        ),
        (
            TraceData {
                expert_weights: &ascending,
                ..good
            },
            &["expert_weights", "descend"],
        ),
        (
            TraceData {
                expert_weights: &nan,
                ..good
            },
            &["expert_weights", "NaN"],
        ),
        (
            TraceData {
                logits: Some(&twenty),
                ..good
            },
            &["logits", "3 rows"],
        ),
        (
            TraceData {
                logits: Some(&twenty[..18]),
                ..good
            },
            &["tokens", "id 6", "0..=5"],
        ),
        (
            TraceData {
                router_logits: Some(&twenty[..18]),
                ..good
            },
            &["experts", "id 3", "0..=2"],
        ),
    ] {
        let outcome = bad
            .write(&path, &metadata())
            .map_err(|error| error.to_string());
        check_message(outcome, parts);
    }
    let late = TraceMetadata {
        prompt_tokens: 4,
        ..metadata()
    };
    check_message(
        good.write(&path, &late).map_err(|e| e.to_string()),
        &["prompt_tokens", "4 of 3"],
    );
    let nowhere = dir.path().join("nowhere/trace.safetensors");
    let outcome = good.write(&nowhere, &metadata()).map_err(|e| e.to_string());
    check_message(outcome, &["cannot write", "nowhere"]);
    assert_eq!(std::fs::read_dir(dir.path()).expect("readable").count(), 0);
}

#[test]
fn a_failed_write_keeps_the_former_trace() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("trace.safetensors");
    data(None, None).write(&path, &metadata()).expect("written");
    let before = std::fs::read(&path).expect("readable");
    let bad = TraceData {
        tokens: &[],
        ..data(None, None)
    };
    bad.write(&path, &metadata()).expect_err("refused");
    assert_eq!(std::fs::read(&path).expect("readable"), before);
}

/// The golden trace with a piece of its header replaced.
fn edited(from: &str, to: &str) -> Vec<u8> {
    let bytes = golden();
    let length = u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes")) as usize;
    let header = String::from_utf8(bytes[8..8 + length].to_vec()).expect("text");
    assert!(header.contains(from), "{from} is not in {header}");
    file(&header.replace(from, to), &bytes[8 + length..])
}

#[test]
fn a_trace_that_contradicts_itself_is_refused() {
    for (from, to, parts) in [
        ("gptoss-trace", "other", &["\"format\"", "other"][..]),
        (
            "\"format_version\":\"1\"",
            "\"format_version\":\"2\"",
            &["format_version", "\"2\""],
        ),
        (
            "\"weights_digest\"",
            "\"digest\"",
            &["weights_digest", "missing"],
        ),
        (
            "\"prompt_tokens\":\"2\"",
            "\"prompt_tokens\":\"4\"",
            &["prompt_tokens", "0..=3"],
        ),
        (
            "\"prompt_tokens\":\"2\"",
            "\"prompt_tokens\":\"-1\"",
            &["prompt_tokens"],
        ),
        (
            "\"settings\":\"{",
            "\"settings\":\"",
            &["settings", "not JSON"],
        ),
        (
            "\"tokens\":{\"dtype\":\"I32\"",
            "\"tokens\":{\"dtype\":\"F32\"",
            &["tokens", "expected I32"],
        ),
        ("\"tokens\":{", "\"ids\":{", &["ids", "no array of a trace"]),
        (
            "\"shape\":[3]",
            "\"shape\":[1,3]",
            &["tokens", "expected shape [3]"],
        ),
        (
            "\"experts\":{\"dtype\":\"I32\",\"shape\":[3,2,2]",
            "\"experts\":{\"dtype\":\"I32\",\"shape\":[12]",
            &["experts", "[T, L, K]"],
        ),
        (
            "\"shape\":[3,7]",
            "\"shape\":[7,3]",
            &["logits", "one more dimension"],
        ),
        ("\"shape\":[3,7]", "\"shape\":[21]", &["logits"]),
    ] {
        check_message(open_bytes(&edited(from, to)), parts);
    }
    check_message(open_bytes(b""), &["truncated"]);
    check_message(
        open(Path::new("no/such/file")),
        &["cannot read", "no/such/file"],
    );
}

#[test]
fn empty_dimensions_are_refused_without_overflow() {
    let entry = |name: &str, dtype: &str, shape: &str| {
        format!("\"{name}\":{{\"dtype\":\"{dtype}\",\"shape\":{shape},\"data_offsets\":[0,0]}}")
    };
    let chosen = format!("[0,{0},{0}]", u64::MAX / 2);
    let header = format!(
        "{{{},{},{},{}}}",
        entry("tokens", "I32", "[0]"),
        entry("experts", "I32", &chosen),
        entry("expert_weights", "F32", &chosen),
        entry("router_logits", "F32", &chosen),
    );
    check_message(open_bytes(&file(&header, b"")), &["experts", "above zero"]);
}

#[test]
fn a_trace_cut_anywhere_is_refused() {
    let bytes = golden();
    for length in 0..bytes.len() {
        assert!(
            open_bytes(&bytes[..length]).is_err(),
            "{length} of {}",
            bytes.len()
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn damaged_traces_never_panic(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), any::<bool>()), 1..5),
    ) {
        let mut bytes = golden();
        for (at, byte, replace) in edits {
            let at = at.index(bytes.len());
            if replace { bytes[at] = byte } else { bytes.insert(at, byte) }
        }
        if let Ok(trace) = open_bytes(&bytes) {
            (0..SHAPE.num_tokens).for_each(|token| { trace.logits(token); trace.router_logits(token); });
        }
    }
}
