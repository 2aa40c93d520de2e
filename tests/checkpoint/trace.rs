//! Trace files come back as recorded, cut ones up to their last whole chunk.

use std::path::Path;
use std::sync::Arc;

use gptoss::generate::TokenRouting;
use gptoss::intervention::NO_EXPERT;
use gptoss::trace_file::{Completeness, TraceRecorder, TraceShape, journal_path, recover};

use crate::support::check_message;
use crate::trace_rig::{
    Folder, SHAPE, bare, check_content, finished, header, journal, open, routing, rows,
};

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
