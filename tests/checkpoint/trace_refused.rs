//! What no recording holds is refused, when it is written and when it is read.

use std::path::Path;
use std::sync::Arc;

use gptoss::intervention::NO_EXPERT;
use gptoss::trace_file::{TraceFile, TraceRecorder, TraceRow, TraceShape};
use proptest::prelude::*;

use crate::support::{check_message, file};
use crate::trace_rig::{
    Folder, SHAPE, bare, check_content, finished, header, journal, open, routing,
};

#[test]
fn tokens_out_of_range_are_refused_and_nothing_is_appended() {
    type Edit = fn(&mut TraceRow);
    fn routed(row: &mut TraceRow, experts: &[u16], weights: &[f32]) {
        row.token.routing = Some(Arc::new(routing(experts, weights)));
    }
    let cases: &[(Edit, &[&str])] = &[
        (|row| row.token.id = 7, &["id 7", "0..=6"]),
        (|row| row.token.logprob = Some(f32::NAN), &["NaN"]),
        (
            |row| row.token.top_logprobs = vec![(7, 0.0)],
            &["alternative 7"],
        ),
        (
            |row| row.token.top_logprobs = vec![(1, -1.0); 256],
            &["256 alternatives"],
        ),
        (
            |row| row.logits = Some(vec![0.0; 6]),
            &["7 logits", "found 6"],
        ),
        (
            |row| row.router_logits = Some(vec![0.0; 9]),
            &["8 router logits", "found 9"],
        ),
        (
            |row| routed(row, &[4, 0, 0, 1], &[0.5; 4]),
            &["layer 0", "expert 4", "0..=3"],
        ),
        (
            |row| routed(row, &[0, 1, 2, 2], &[0.5; 4]),
            &["layer 1", "twice"],
        ),
        (
            |row| routed(row, &[0, 1, 2, 3], &[0.5, 0.5, 0.25, 0.75]),
            &["layer 1", "descend"],
        ),
        (
            |row| routed(row, &[0, 1, 2, 3], &[f32::NAN; 4]),
            &["layer 0", "NaN"],
        ),
        (
            |row| routed(row, &[0, 1, 2, 3], &[1.5, 0.5, 0.5, 0.5]),
            &["1.5"],
        ),
        (
            |row| routed(row, &[NO_EXPERT, 1, 2, 3], &[0.5; 4]),
            &["layer 0", "no expert"],
        ),
        (
            |row| routed(row, &[0, 1, 2, 0, 1, 3], &[0.25; 6]),
            &["up to 2 experts", "found 3"],
        ),
    ];
    let folder = Folder::new();
    let mut recorder = folder.recorder();
    for (edit, parts) in cases {
        let mut row = bare(1);
        edit(&mut row);
        let outcome = recorder.append(&[bare(2), row]).map_err(|e| e.to_string());
        check_message(outcome, parts);
    }
    assert_eq!(open(recorder.journal()).expect("opens").len(), 0);
}

#[test]
fn shapes_that_no_model_has_are_refused_before_anything_is_written() {
    let folder = Folder::new();
    for (shape, part) in [
        (
            TraceShape {
                num_layers: 0,
                ..SHAPE
            },
            "0 layers",
        ),
        (
            TraceShape {
                num_layers: usize::MAX,
                ..SHAPE
            },
            "layers of 4",
        ),
        (
            TraceShape {
                num_local_experts: 70_000,
                ..SHAPE
            },
            "70000 experts",
        ),
        (
            TraceShape {
                num_experts_per_tok: 5,
                ..SHAPE
            },
            "5 experts a token",
        ),
        (
            TraceShape {
                vocab_size: 1 << 40,
                ..SHAPE
            },
            "vocabulary",
        ),
    ] {
        let outcome = TraceRecorder::create(&folder.path(), header(shape));
        check_message(outcome.map_err(|error| error.to_string()), &["shape", part]);
    }
    let nowhere = folder.0.path().join("nowhere/run");
    let outcome = TraceRecorder::create(&nowhere, header(SHAPE));
    check_message(
        outcome.map_err(|e| e.to_string()),
        &["cannot write", "nowhere"],
    );
    assert!(folder.names().is_empty());
}

/// The finished trace with a piece of its header replaced.
fn edited(from: &str, to: &str) -> Vec<u8> {
    let bytes = finished();
    let length = u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes")) as usize;
    let header = String::from_utf8(bytes[8..8 + length].to_vec()).expect("text");
    assert!(header.contains(from), "{from} is not in {header}");
    file(&header.replace(from, to), &bytes[8 + length..])
}

#[test]
fn a_finished_trace_that_contradicts_itself_is_refused() {
    let folder = Folder::new();
    for (from, to, parts) in [
        ("gptoss-trace", "other", &["\"format\"", "other"][..]),
        (
            "\"format_version\":\"2\"",
            "\"format_version\":\"1\"",
            &["format_version", "\"1\""],
        ),
        (
            "\"ended\":\"finished\"",
            "\"ended\":\"maybe\"",
            &["ended", "maybe"],
        ),
        ("weights_digest", "digest", &["header", "weights_digest"]),
        (
            "\\\"num_layers\\\":2",
            "\\\"num_layers\\\":3",
            &["expected", "[3, 3"],
        ),
        (
            "\\\"num_layers\\\":2",
            "\\\"num_layers\\\":-2",
            &["header", "-2"],
        ),
        (
            "\\\"vocab_size\\\":7",
            "\\\"vocab_size\\\":6",
            &["expected F32 [3, 6]"],
        ),
        ("\"tokens\":{", "\"ids\":{", &["ids", "no array of a trace"]),
        (
            "\"tokens\":{\"dtype\":\"U32\"",
            "\"tokens\":{\"dtype\":\"F32\"",
            &["tokens"],
        ),
        (
            "\"shape\":[3,2,2]",
            "\"shape\":[12]",
            &["expected", "[3, 2, 2]"],
        ),
    ] {
        check_message(folder.open_bytes(&edited(from, to)), parts);
    }
    check_message(folder.open_bytes(b""), &["truncated"]);
    check_message(
        folder.open_bytes(&file("{}", b"")),
        &["missing", "is this a trace?"],
    );
    check_message(
        open(Path::new("no/such/file")),
        &["cannot read", "no/such/file"],
    );
}

#[test]
fn a_finished_trace_cut_anywhere_is_refused() {
    let bytes = finished();
    let folder = Folder::new();
    for length in 0..bytes.len() {
        let outcome = folder.open_bytes(&bytes[..length]);
        assert!(outcome.is_err(), "{length} of {}", bytes.len());
    }
}

/// Reads everything that an open trace gives.
fn read_all(trace: &TraceFile) {
    for at in 0..=trace.len() {
        std::hint::black_box((trace.logits(at), trace.router_logits(at)));
    }
    std::hint::black_box((trace.experts(), trace.expert_weights(), trace.ids()));
    std::hint::black_box(trace.routing_log());
}

/// The checksum of a chunk or header, over its length and itself.
fn checksum(parts: &[&[u8]]) -> [u8; 4] {
    // CRC-32 bit by bit, apart from the library's own.
    let mut crc = u32::MAX;
    for byte in parts.iter().copied().flatten() {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
        }
    }
    (!crc).to_le_bytes()
}

#[test]
fn chunks_that_claim_more_than_there_is_are_refused_without_room_for_it() {
    let (bytes, ends) = journal();
    let folder = Folder::new();
    let with_chunk = |chunk: &[u8]| {
        let length = (chunk.len() as u32).to_le_bytes();
        let crc = checksum(&[&length, chunk]);
        [&bytes[..ends[0]], &length, &crc, chunk].concat()
    };
    let first = &bytes[ends[0] + 8..ends[1]];
    check_content(
        &folder
            .open_bytes(&with_chunk(first))
            .expect("our checksum is right"),
        1,
    );
    for (at, value, parts) in [
        (
            0,
            &u32::MAX.to_le_bytes()[..],
            &["chunk 0", "expected 4 bytes"][..],
        ),
        (0, &[0; 4], &["follow its 0 tokens"]),
        (8, &[9], &["span 9"]),
        (9, &[0xff], &["flags 0xff"]),
        (11, &u32::MAX.to_le_bytes(), &["expected 4294967295 bytes"]),
        (15, &[0xff], &["UTF-8"]),
        (4, &[7], &["token 0", "id 7"]),
    ] {
        let mut chunk = first.to_vec();
        chunk[at..at + value.len()].copy_from_slice(value);
        check_message(folder.open_bytes(&with_chunk(&chunk)), parts);
    }
    // A length beyond the end is a chunk that is being written.
    let mut long = bytes.clone();
    long[ends[0]..ends[0] + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    assert_eq!(folder.open_bytes(&long).expect("opens").len(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2048) })]

    #[test]
    fn damaged_traces_never_panic(
        is_journal in any::<bool>(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 1..5),
    ) {
        let mut bytes = if is_journal { JOURNAL.clone() } else { FINISHED.clone() };
        for (at, byte, edit) in edits {
            let at = at.index(bytes.len());
            match edit {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => { bytes.remove(at); }
            }
        }
        if let Ok(trace) = Folder::new().open_bytes(&bytes) {
            read_all(&trace);
        }
    }

    /// Behind a right checksum anything may stand.
    #[test]
    fn hostile_chunks_never_panic(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let (bytes, ends) = (&*JOURNAL, &*ENDS);
        let mut chunk = bytes[ends[0] + 8..ends[1]].to_vec();
        for (at, byte) in edits {
            let at = at.index(chunk.len());
            chunk[at] = byte;
        }
        let length = (chunk.len() as u32).to_le_bytes();
        let crc = checksum(&[&length, &chunk]);
        let bytes = [&bytes[..ends[0]], &length, &crc, &chunk].concat();
        if let Ok(trace) = Folder::new().open_bytes(&bytes) {
            read_all(&trace);
        }
    }
}

static FINISHED: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(finished);
static JOURNAL: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| journal().0);
static ENDS: std::sync::LazyLock<Vec<usize>> = std::sync::LazyLock::new(|| journal().1);
