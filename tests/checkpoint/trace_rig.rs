//! A small recording, as rows, as a journal and as a finished file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use gptoss::analytics::Span;
use gptoss::generate::TokenRouting;
use gptoss::trace_file::{
    TraceFile, TraceHeader, TraceRecorder, TraceRow, TraceShape, TraceToken, journal_path,
};
use serde_json::json;

pub(crate) const SHAPE: TraceShape = TraceShape {
    num_layers: 2,
    num_local_experts: 4,
    num_experts_per_tok: 2,
    vocab_size: 7,
};

pub(crate) fn header(shape: TraceShape) -> TraceHeader {
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

pub(crate) fn routing(experts: &[u16], weights: &[f32]) -> TokenRouting {
    TokenRouting::new(2, experts.len() / 2, experts.to_vec(), weights.to_vec()).expect("a shape")
}

/// A token without anything beside.
pub(crate) fn bare(id: u32) -> TraceRow {
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

pub(crate) fn floats(count: usize, from: f32) -> Vec<f32> {
    (0..count).map(|number| number as f32 + from).collect()
}

/// Tokens with all that there can be, and one with nothing. Their weights are exact in half precision.
pub(crate) fn rows() -> Vec<TraceRow> {
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

pub(crate) fn tokens(rows: &[TraceRow]) -> Vec<TraceToken> {
    rows.iter().map(|row| row.token.clone()).collect()
}

pub(crate) fn open(path: &Path) -> Result<TraceFile, String> {
    TraceFile::open(path).map_err(|error| error.to_string())
}

pub(crate) struct Folder(pub(crate) tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.0.path().join("run.safetensors")
    }

    pub(crate) fn recorder(&self) -> TraceRecorder {
        TraceRecorder::create(&self.path(), header(SHAPE)).expect("a new recording")
    }

    pub(crate) fn open_bytes(&self, bytes: &[u8]) -> Result<TraceFile, String> {
        let path = self.0.path().join("other");
        std::fs::write(&path, bytes).expect("written");
        open(&path)
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.path()).expect("readable");
        let names = entries.map(|entry| entry.expect("readable").file_name());
        let mut names: Vec<_> = names.map(|name| name.to_string_lossy().into()).collect();
        names.sort();
        names
    }
}

/// A journal of one chunk a token, and where each chunk ends.
pub(crate) fn journal() -> (Vec<u8>, Vec<usize>) {
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

pub(crate) fn finished() -> Vec<u8> {
    let folder = Folder::new();
    let mut recorder = folder.recorder();
    recorder.append(&rows()).expect("appended");
    recorder.finish().expect("finished");
    std::fs::read(folder.path()).expect("readable")
}

/// The first `count` of [`rows`], and nothing else.
pub(crate) fn check_content(trace: &TraceFile, count: usize) {
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
