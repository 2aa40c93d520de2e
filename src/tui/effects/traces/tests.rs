use std::sync::Arc;

use serde_json::json;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::*;
use crate::analytics::Span;
use crate::app::traces::{TraceChoice, TraceRead, TraceRequest};
use crate::generate::TokenRouting;
use crate::trace_file::{Completeness, TraceFile, TraceShape, TraceToken, recover};
use crate::tui::effects::Files;

fn row(id: u32) -> TraceRow {
    let routing = TokenRouting::new(1, 2, vec![id as u16 % 4, 4], vec![0.75, 0.25]).unwrap();
    TraceRow {
        token: TraceToken {
            id,
            text: "word".to_owned(),
            span: Span::Final,
            routing: Some(Arc::new(routing)),
            logprob: None,
            top_logprobs: Vec::new(),
        },
        router_logits: None,
        logits: None,
    }
}

fn begin(source: Option<ModelSource>) -> RecordRequest {
    RecordRequest::Begin {
        name: "7-turn-2".to_owned(),
        header: Box::new(TraceHeader {
            program_version: "0".to_owned(),
            recorded_at: String::new(),
            model_name: "tiny".to_owned(),
            weights_digest: "synthetic".to_owned(),
            tokenizer_digest: String::new(),
            settings: json!({}),
            interventions: json!([]),
            shape: TraceShape {
                num_layers: 1,
                num_local_experts: 8,
                num_experts_per_tok: 4,
                vocab_size: 10,
            },
        }),
        source,
    }
}

#[expect(clippy::unnecessary_wraps, reason = "as a reader of digests has to be")]
fn read(_: &ModelSource) -> Result<TraceDigests, String> {
    Ok(TraceDigests {
        weights: "abc".to_owned(),
        tokenizer: "def".to_owned(),
    })
}

fn refuse(_: &ModelSource) -> Result<TraceDigests, String> {
    Err("the model's folder is gone".to_owned())
}

fn traces(folder: Option<&Path>, digests: ReadDigests) -> (Traces, UnboundedReceiver<Outcome>) {
    let (sender, outcomes) = unbounded_channel();
    let folder = folder.map(|folder| folder.join("sessions/traces"));
    (Traces::new(folder, Some(digests), sender), outcomes)
}

/// What was told in the end.
fn ending(traces: &mut Traces, outcomes: &mut UnboundedReceiver<Outcome>) -> Option<RecordReport> {
    traces.finish();
    let mut last = None;
    while let Ok(Outcome::Report(Report::Recorded(report))) = outcomes.try_recv() {
        last = Some(report);
    }
    last
}

/// Records an answer of these tokens; the path of its file.
fn record(folder: &Path, ids: &[u32]) -> PathBuf {
    let (mut traces, mut outcomes) = traces(Some(folder), read);
    traces.record(begin(Some(ModelSource::Demo)));
    for id in ids {
        traces.record(RecordRequest::Append(vec![row(*id)]));
    }
    match ending(&mut traces, &mut outcomes) {
        Some(RecordReport::Finished {
            name,
            folder,
            tokens,
        }) => {
            assert_eq!(tokens, ids.len());
            Path::new(&folder).join(name)
        }
        other => unreachable!("{other:?}"),
    }
}

#[test]
fn an_answer_becomes_a_finished_file_and_none_is_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let first = record(folder.path(), &[1, 2, 3]);
    // Somebody else's journal is in the way, too.
    fs::write(first.with_file_name("7-turn-2-2.safetensors.part"), "x").unwrap();
    let second = record(folder.path(), &[4]);
    let trace = TraceFile::open(&first).unwrap();
    assert_eq!(trace.ids(), [1, 2, 3]);
    assert_eq!(trace.completeness(), Completeness::Finished);
    let header = trace.header();
    assert_eq!(
        (&*header.weights_digest, &*header.tokenizer_digest),
        ("abc", "def")
    );
    assert_eq!(header.shape.num_experts_per_tok, 2, "as wide as its rows");
    assert_eq!(second.file_name().unwrap(), "7-turn-2-3.safetensors");
    assert_eq!(TraceFile::open(&second).unwrap().ids(), [4]);
}

#[test]
fn every_appended_token_is_in_the_journal_before_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let (mut traces, mut outcomes) = traces(Some(folder.path()), read);
    traces.record(begin(None));
    traces.record(RecordRequest::Append(vec![row(1), row(2)]));
    // The first write is told at once.
    let Some(Outcome::Report(Report::Recorded(told))) = outcomes.blocking_recv() else {
        unreachable!("writing is told");
    };
    assert!(matches!(told, RecordReport::Written { tokens: 2, bytes } if bytes > 0));
    let journal = folder
        .path()
        .join("sessions/traces/7-turn-2.safetensors.part");
    assert_eq!(TraceFile::open(&journal).unwrap().ids(), [1, 2]);
}

#[test]
fn what_cannot_be_written_is_told_once_and_ends_the_recording() {
    let file = tempfile::tempdir().unwrap();
    // A file where the folder should be: nobody can write there, not even root.
    fs::write(file.path().join("sessions"), "").unwrap();
    let cases: [(Option<&Path>, ReadDigests, &str); 3] = [
        (None, read, "no folder"),
        (Some(file.path()), read, "cannot make"),
        (Some(file.path()), refuse, "the model's folder is gone"),
    ];
    for (folder, digests, expected) in cases {
        let (mut traces, mut outcomes) = traces(folder, digests);
        traces.record(begin(Some(ModelSource::Demo)));
        traces.record(RecordRequest::Append(vec![row(1)]));
        traces.finish();
        let told = outcomes.try_recv();
        let Ok(Outcome::Report(Report::Recorded(RecordReport::Failed { message }))) = told else {
            unreachable!("{told:?}");
        };
        assert!(message.contains(expected), "{message}");
        assert!(outcomes.try_recv().is_err(), "{expected} is told once");
    }
}

#[test]
fn what_was_written_before_a_failure_can_be_recovered() {
    let folder = tempfile::tempdir().unwrap();
    let (mut traces, mut outcomes) = traces(Some(folder.path()), read);
    traces.record(begin(None));
    traces.record(RecordRequest::Append(vec![row(1), row(2)]));
    // An id beyond the vocabulary stands for any failure to append.
    traces.record(RecordRequest::Append(vec![row(99)]));
    let Some(RecordReport::Failed { message }) = ending(&mut traces, &mut outcomes) else {
        unreachable!("it failed");
    };
    assert!(message.contains("2 tokens are in"), "{message}");
    let journal = folder
        .path()
        .join("sessions/traces/7-turn-2.safetensors.part");
    assert_eq!(recover(&journal).unwrap().tokens, 2);
}

/// What comes of reading, with the traces of `folder`.
fn reading(folder: &Path, request: TraceRequest) -> TraceRead {
    let files = Files {
        traces: Some(folder.join("sessions/traces")),
        digests: Some(read),
        current: folder.to_owned(),
        ..Files::default()
    };
    super::super::read_traces::read(&files, request)
}

#[test]
fn traces_are_listed_opened_compared_and_followed() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(
        reading(folder.path(), TraceRequest::List),
        TraceRead::Listed(Vec::new())
    );
    let (a, b) = (
        record(folder.path(), &[1, 2]),
        record(folder.path(), &[1, 3]),
    );
    fs::write(a.with_file_name("notes.txt"), "no trace").unwrap();
    let TraceRead::Listed(listed) = reading(folder.path(), TraceRequest::List) else {
        unreachable!("a list");
    };
    let mut names: Vec<&str> = listed.iter().map(TraceChoice::name).collect();
    names.sort_unstable();
    assert_eq!(names, ["7-turn-2-2.safetensors", "7-turn-2.safetensors"]);
    let relative = a.strip_prefix(folder.path()).unwrap().to_owned();
    let TraceRead::Opened(opened) = reading(folder.path(), TraceRequest::Open(relative)) else {
        unreachable!("it opens");
    };
    assert_eq!(
        (&*opened.name, opened.trace.len()),
        ("7-turn-2.safetensors", 2)
    );
    let (shown, other) = (a.clone(), b);
    let compared = reading(folder.path(), TraceRequest::Compare { shown, other });
    let TraceRead::Compared(found) = compared else {
        unreachable!("{compared:?}");
    };
    assert_eq!(found.diff.alignment.first_difference, Some(1));
    let shape = opened.trace.shape();
    let follow = |weights: &str, source, shape| TraceRequest::Follow {
        path: a.clone(),
        shape,
        source,
        weights: weights.to_owned(),
    };
    let followed = reading(folder.path(), follow("", Some(ModelSource::Demo), shape));
    let TraceRead::Followed(trace) = followed else {
        unreachable!("{followed:?}");
    };
    assert_eq!((trace.ids, trace.routing.len()), (vec![1, 2], 2));
    let wider = TraceShape {
        num_layers: 2,
        ..shape
    };
    for (request, expected) in [
        (
            follow("synthetic", None, shape),
            "is of other weights (tiny, digest abc)",
        ),
        (
            follow("", Some(ModelSource::Demo), wider),
            "with 1 layers, this one has 2",
        ),
        (TraceRequest::Open("missing".into()), "cannot read"),
    ] {
        let refused = reading(folder.path(), request);
        let TraceRead::Refused { message, .. } = refused else {
            unreachable!("{refused:?}");
        };
        assert!(message.contains(expected), "{message}");
    }
}
