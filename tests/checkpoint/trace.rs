//! Trace files come back as recorded, cut ones up to their last whole chunk; anything else is refused.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use gptoss::analytics::Span;
use gptoss::generate::TokenRouting;
use gptoss::intervention::NO_EXPERT;
use gptoss::trace_file::{
    Completeness, TraceFile, TraceHeader, TraceRecorder, TraceRow, TraceShape, TraceToken,
    journal_path, recover,
};
use proptest::prelude::*;
use serde_json::json;

use crate::support::{check_message, file};

const SHAPE: TraceShape = TraceShape {
    num_layers: 2,
    num_local_experts: 4,
    num_experts_per_tok: 2,
    vocab_size: 7,
};

fn header(shape: TraceShape) -> TraceHeader {
    TraceHeader {
        program_version: "0.1.0".to_owned(),
        recorded_at: "2026-01-02T03:04:05Z".to_owned(),
        model_name: "tiny \"quoted\"".to_owned(),
        weights_digest: "abc".to_owned(),
        tokenizer_digest: String::new(),
        settings: json!({"temperature": 0.0, "nested": [1, null]}),
        interventions: json!([]),
        shape,
    }
}

fn routing(experts: &[u16], weights: &[f32]) -> TokenRouting {
    TokenRouting::new(2, experts.len() / 2, experts.to_vec(), weights.to_vec()).expect("a shape")
}

/// A token without anything beside.
fn bare(id: u32) -> TraceRow {
    TraceRow {
        token: TraceToken {
            id,
            text: String::new(),
            span: Span::Prompt,
            routing: None,
            logprob: None,
            top_logprobs: Vec::new(),
        },
        router_logits: None,
        logits: None,
    }
}

fn floats(count: usize, from: f32) -> Vec<f32> {
    (0..count).map(|number| number as f32 + from).collect()
}

/// Tokens with all that there can be, and one with nothing. Their weights are exact in half precision.
fn rows() -> Vec<TraceRow> {
    let mut first = bare(5);
    "Gr\u{fc}\u{df}e".clone_into(&mut first.token.text);
    first.token.routing = Some(Arc::new(
        routing(&[0, 1, 2, 3], &[0.5, 0.5, 0.75, 0.25])
            .with_entropies(vec![0.5, 1.25])
            .expect("two layers"),
    ));
    first.router_logits = Some(floats(8, -3.5));
    first.logits = Some(floats(7, 0.25));
    let mut third = bare(6);
    third.token.span = Span::Final;
    third.token.routing = Some(Arc::new(routing(&[3, 0, 1, 2], &[1.0, 0.0, 0.625, 0.375])));
    third.token.logprob = Some(-0.5);
    third.token.top_logprobs = vec![(6, -0.5), (0, -1.5)];
    vec![first, bare(0), third]
}

fn tokens(rows: &[TraceRow]) -> Vec<TraceToken> {
    rows.iter().map(|row| row.token.clone()).collect()
}

fn open(path: &Path) -> Result<TraceFile, String> {
    TraceFile::open(path).map_err(|error| error.to_string())
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("run.safetensors")
    }

    fn recorder(&self) -> TraceRecorder {
        TraceRecorder::create(&self.path(), header(SHAPE)).expect("a new recording")
    }

    fn open_bytes(&self, bytes: &[u8]) -> Result<TraceFile, String> {
        let path = self.0.path().join("other");
        std::fs::write(&path, bytes).expect("written");
        open(&path)
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.path()).expect("readable");
        let names = entries.map(|entry| entry.expect("readable").file_name());
        let mut names: Vec<_> = names.map(|name| name.to_string_lossy().into()).collect();
        names.sort();
        names
    }
}

/// A journal of one chunk a token, and where each chunk ends.
fn journal() -> (Vec<u8>, Vec<usize>) {
    let folder = Folder::new();
    let mut recorder = folder.recorder();
    let size = || {
        let data = std::fs::metadata(journal_path(&folder.path()));
        data.expect("it is there").len() as usize
    };
    let mut ends = vec![size()];
    for row in rows() {
        recorder.append(&[row]).expect("appended");
        ends.push(size());
    }
    let bytes = std::fs::read(recorder.journal()).expect("readable");
    (bytes, ends)
}

fn finished() -> Vec<u8> {
    let folder = Folder::new();
    let mut recorder = folder.recorder();
    recorder.append(&rows()).expect("appended");
    recorder.finish().expect("finished");
    std::fs::read(folder.path()).expect("readable")
}

#[test]
fn a_trace_comes_back_as_recorded_and_leaves_no_journal() {
    let folder = Folder::new();
    let mut recorder = folder.recorder();
    recorder.append(&rows()[..1]).expect("appended");
    recorder.append(&[]).expect("nothing is no chunk");
    recorder.append(&rows()[1..]).expect("appended");
    assert_eq!(recorder.tokens(), 3);
    recorder.finish().expect("finished");
    assert_eq!(folder.names(), ["run.safetensors"]);
    let trace = open(&folder.path()).expect("opens");
    assert_eq!(trace.completeness(), Completeness::Finished);
    check_content(&trace, 3);
}

#[track_caller]
fn check_content(trace: &TraceFile, count: usize) {
    let rows = &rows()[..count];
    assert_eq!(trace.header(), &header(SHAPE));
    assert_eq!(trace.tokens(), tokens(rows));
    for (at, row) in rows.iter().enumerate() {
        assert_eq!(trace.logits(at), row.logits, "token {at}");
        assert_eq!(trace.router_logits(at), row.router_logits, "token {at}");
    }
    assert_eq!(
        (trace.logits(count), trace.router_logits(count)),
        (None, None)
    );
    let routed = rows.iter().filter(|row| row.token.routing.is_some());
    assert_eq!(trace.routing_log().len(), routed.count());
}

#[test]
fn a_journal_cut_anywhere_opens_up_to_its_last_whole_chunk() {
    let (bytes, ends) = journal();
    let folder = Folder::new();
    for length in 0..=bytes.len() {
        let trace = folder.open_bytes(&bytes[..length]);
        let whole = ends.iter().filter(|end| **end <= length).count();
        if whole == 0 {
            assert!(trace.is_err(), "{length} bytes are no header");
            continue;
        }
        let trace = trace.expect("whole chunks open");
        check_content(&trace, whole - 1);
        let unread_bytes = (length - ends[whole - 1]) as u64;
        assert_eq!(trace.completeness(), Completeness::Journal { unread_bytes });
    }
}

#[test]
fn a_damaged_chunk_ends_the_trace_before_it() {
    let (bytes, ends) = journal();
    let folder = Folder::new();
    for at in ends[1]..ends[2] {
        let mut bytes = bytes.clone();
        bytes[at] ^= 0x10;
        check_content(
            &folder.open_bytes(&bytes).expect("the first chunk is whole"),
            1,
        );
    }
}

#[test]
fn a_recording_left_behind_can_be_recovered_and_is_never_overwritten() {
    let folder = Folder::new();
    let (bytes, ends) = journal();
    let journal = journal_path(&folder.path());
    std::fs::write(&journal, &bytes[..ends[2] + 5]).expect("written");
    let again = TraceRecorder::create(&folder.path(), header(SHAPE));
    check_message(again.map_err(|e| e.to_string()), &["unfinished", ".part"]);
    let found = recover(&journal).expect("recovered");
    assert_eq!((found.tokens, found.lost_bytes), (2, 5));
    assert_eq!(folder.names(), ["run.safetensors"]);
    let trace = open(&found.path).expect("opens");
    assert_eq!(trace.completeness(), Completeness::Recovered);
    check_content(&trace, 2);

    // It holds a token more than the file does.
    std::fs::write(&journal, &bytes).expect("written");
    let outcome = recover(&journal).map_err(|error| error.to_string());
    check_message(outcome, &["there already"]);
    let outcome = recover(&folder.path()).map_err(|error| error.to_string());
    check_message(outcome, &["no journal"]);
}

#[test]
fn a_beginning_cut_anywhere_does_not_block_the_name() {
    let (bytes, ends) = journal();
    for cut in 0..ends[0] {
        let folder = Folder::new();
        std::fs::write(journal_path(&folder.path()), &bytes[..cut]).expect("written");
        let mut recorder = folder.recorder();
        recorder.append(&rows()).expect("appended");
        recorder.finish().expect("finished");
        assert_eq!(folder.names(), ["run.safetensors"], "cut at {cut}");
        check_content(&open(&folder.path()).expect("opens"), 3);
    }
    // Whatever else has the name stays: a whole beginning, one of another length, another file.
    let mut longer = bytes.clone();
    longer[14] ^= 1;
    for other in [&bytes[..ends[0]], &longer, b"notes", b"gptossTX"] {
        let folder = Folder::new();
        let journal = journal_path(&folder.path());
        std::fs::write(&journal, other).expect("written");
        let again = TraceRecorder::create(&folder.path(), header(SHAPE));
        check_message(again.map_err(|e| e.to_string()), &["unfinished"]);
        assert_eq!(std::fs::read(&journal).expect("readable"), other);
    }
}

#[test]
fn a_journal_that_outlived_its_finished_file_is_cleared_away() {
    let folder = Folder::new();
    let (bytes, ends) = journal();
    let journal = journal_path(&folder.path());
    for left in [&bytes[..], &bytes[..ends[2] + 5]] {
        std::fs::write(folder.path(), finished()).expect("written");
        std::fs::write(&journal, left).expect("written");
        let found = recover(&journal);
        if left.len() == bytes.len() {
            let found = found.expect("cleared away");
            assert_eq!((found.tokens, found.lost_bytes), (3, 0));
            assert_eq!(folder.names(), ["run.safetensors"]);
        } else {
            // Another recording's.
            check_message(found.map_err(|e| e.to_string()), &["there already"]);
            assert_eq!(std::fs::read(&journal).expect("readable"), left);
        }
        assert_eq!(std::fs::read(folder.path()).expect("readable"), finished());
    }
}

#[test]
fn a_recording_that_goes_on_is_left_alone() {
    let folder = Folder::new();
    let mut recorder = folder.recorder();
    recorder.append(&rows()).expect("appended");
    let outcome = recover(recorder.journal()).map_err(|error| error.to_string());
    check_message(outcome, &["still being recorded"]);
    let second = TraceRecorder::create(&folder.path(), header(SHAPE));
    check_message(second.map_err(|e| e.to_string()), &["still being recorded"]);
    check_content(&open(recorder.journal()).expect("can be read meanwhile"), 3);
    recorder.discard();
    assert!(folder.names().is_empty());
}

#[test]
fn an_empty_recording_is_no_file() {
    let folder = Folder::new();
    let outcome = folder
        .recorder()
        .finish()
        .map_err(|error| error.to_string());
    check_message(outcome, &["holds no token"]);
    assert_eq!(folder.names(), ["run.safetensors.part"]);
}

#[test]
fn other_programs_can_read_a_trace() {
    let bytes = finished();
    let tensors = safetensors::SafeTensors::deserialize(&bytes).expect("well formed");
    let tensor = |name| tensors.tensor(name).expect("present");
    assert_eq!(tensor("experts").shape(), [3, 2, 2]);
    assert_eq!(tensor("experts").dtype(), safetensors::Dtype::U8);
    assert_eq!(tensor("expert_weights").dtype(), safetensors::Dtype::F16);
    assert_eq!(tensor("logits").shape(), [3, 7]);
    let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).expect("well formed");
    let metadata = header.metadata().as_ref().expect("metadata");
    assert_eq!(metadata["format"], "gptoss-trace");
    assert!(metadata["header"].contains("\"weights_digest\":\"abc\""));
}

#[test]
fn routing_takes_288_bytes_a_token_of_the_20b_model() {
    let shape = TraceShape {
        num_layers: 24,
        num_local_experts: 32,
        num_experts_per_tok: 4,
        vocab_size: 201_088,
    };
    let folder = Folder::new();
    let mut recorder = TraceRecorder::create(&folder.path(), header(shape)).expect("begun");
    let experts = [31, 0, 7, 12].repeat(24);
    let weights = [0.5, 0.25, 0.125, 0.125].repeat(24);
    let routing = Arc::new(TokenRouting::new(24, 4, experts, weights).expect("a shape"));
    let mut row = bare(1);
    row.token.routing = Some(routing.clone());
    recorder.append(&vec![row; 1000]).expect("appended");
    let journal = std::fs::metadata(recorder.journal()).expect("there").len();
    recorder.finish().expect("finished");
    let file = std::fs::metadata(folder.path()).expect("there").len();
    // Beside the routing: id and span, in the journal lengths and flags, and one header.
    assert!(file < 1000 * (288 + 5) + 1500, "{file}");
    assert!(journal < 1000 * (288 + 11) + 1000, "{journal}");
    let trace = open(&folder.path()).expect("opens");
    assert_eq!(trace.tokens()[999].routing, Some(routing));
}

#[test]
fn weights_are_kept_in_half_precision_and_fewer_experts_leave_room() {
    let folder = Folder::new();
    let mut recorder = folder.recorder();
    let mut row = bare(1);
    row.token.routing = Some(Arc::new(routing(&[2, 3], &[0.3, 1.0])));
    recorder.append(&[row]).expect("fewer experts fit");
    recorder.finish().expect("finished");
    let trace = open(&folder.path()).expect("opens");
    assert_eq!(trace.experts(), [2, NO_EXPERT, 3, NO_EXPERT]);
    for (found, expected) in trace.expert_weights().iter().zip([0.3, 0.0, 1.0, 0.0]) {
        assert!((found - expected).abs() <= expected / 2048.0, "{found}");
    }
}

#[test]
fn models_with_more_experts_than_a_byte_counts_are_recorded() {
    let shape = TraceShape {
        num_local_experts: 300,
        ..SHAPE
    };
    let folder = Folder::new();
    let mut recorder = TraceRecorder::create(&folder.path(), header(shape)).expect("begun");
    let mut row = bare(1);
    row.token.routing = Some(Arc::new(routing(&[299, 255, 0, 1], &[0.5; 4])));
    recorder.append(&[row]).expect("appended");
    let ids = |path: &Path| open(path).expect("opens").experts();
    assert_eq!(ids(recorder.journal()), [299, 255, 0, 1]);
    recorder.finish().expect("finished");
    assert_eq!(ids(&folder.path()), [299, 255, 0, 1]);
}

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
