//! Answers recorded from the screen.

use std::path::{Path, PathBuf};

use gptoss::analytics::Span;
use gptoss::trace_file::{TraceFile, TraceToken};

use super::screen::Screen;
use crate::support::{arg, done};

/// F8.
const RECORD: &str = "\u{1b}[19~";

fn traces(home: &Path) -> Vec<PathBuf> {
    let folder = home.join(".local/share/gptoss-tui/sessions/traces");
    let entries = std::fs::read_dir(folder).expect("the traces' folder");
    entries
        .map(|entry| entry.expect("an entry").path())
        .collect()
}

#[test]
fn a_recorded_answer_has_the_routing_that_the_command_trace_writes() {
    let home = tempfile::tempdir().expect("a folder");
    let set = [
        "--set",
        "sampling.temperature=0",
        "--set",
        "sampling.seed=7",
    ];
    let mut screen = Screen::open(home.path(), &set);
    screen.wait_ready();
    screen.press(RECORD);
    screen.wait("recording", |text| text.contains("REC on"));
    screen.press("What is 48 + 75?\r");
    screen.wait("the file", |text| text.contains(".safetensors in "));
    screen.press("\u{11}");
    assert_eq!(screen.end(), 0);

    let files = traces(home.path());
    assert_eq!(files.len(), 1, "{files:?}");
    let found = TraceFile::open(&files[0]).expect("readable");
    let prompt = found.prompt_tokens();
    let ids: Vec<String> = found.ids().iter().map(ToString::to_string).collect();
    let headless = home.path().join("headless.safetensors");
    let generated = (found.len() - prompt).to_string();
    done(&[
        "trace",
        "--tokens",
        &ids[..prompt].join(","),
        "--temperature",
        "0",
        "-n",
        &generated,
        "-o",
        arg(&headless),
    ]);
    let expected = TraceFile::open(&headless).expect("readable");
    assert_eq!(found.ids(), expected.ids());
    let last = found.len() - 1;
    for (position, (one, other)) in found.tokens().iter().zip(expected.tokens()).enumerate() {
        let experts = |token: &TraceToken| token.routing.as_ref().map(|one| one.experts().to_vec());
        // No pass of the chat has read the answer's last token.
        let expected = experts(other).filter(|_| position < last);
        assert_eq!(experts(one), expected, "position {position}");
    }
    let finals = found
        .tokens()
        .iter()
        .filter(|token| token.span == Span::Final);
    let text: String = finals.map(|token| &*token.text).collect();
    assert!(text.contains("123") && !text.contains("<|"), "{text}");
    let (one, other) = (found.header(), expected.header());
    assert_eq!(one.weights_digest, other.weights_digest);
    assert_eq!(one.tokenizer_digest, other.tokenizer_digest);
    assert_eq!(one.shape, other.shape);
}
