//! Recording answers as trace files: what is handed over to be written, and what is told.

use std::sync::Arc;

use gptoss::app::recording::{RecordReport, RecordRequest};
use gptoss::app::state::Level;
use gptoss::app::traces::OpenTrace;
use gptoss::app::{self, Effect, Report, State};
use gptoss::harmony::MessageEnding;
use gptoss::session::Turn;
use gptoss::trace_file::{TraceFile, TraceHeader, TraceRecorder, TraceRow};

use crate::rig::Rig;

/// A file as the shell would write it.
#[derive(Debug)]
struct Recorded {
    name: String,
    header: TraceHeader,
    rows: Vec<TraceRow>,
    is_ended: bool,
}

fn recorded(rig: &Rig) -> Vec<Recorded> {
    let mut files: Vec<Recorded> = Vec::new();
    for effect in &rig.effects {
        let Effect::Record(request) = effect else {
            continue;
        };
        match request.clone() {
            RecordRequest::Begin { name, header, .. } => files.push(Recorded {
                name,
                header: *header,
                rows: Vec::new(),
                is_ended: false,
            }),
            RecordRequest::Append(rows) => {
                let file = files.last_mut().expect("it was begun");
                assert!(!file.is_ended, "nothing follows the end");
                file.rows.extend(rows);
            }
            RecordRequest::End => files.last_mut().expect("it was begun").is_ended = true,
        }
    }
    files
}

/// The file has the newest run's tokens and routing, all of it.
#[track_caller]
fn check_is_run(rig: &Rig, file: &Recorded) {
    let run = rig.state.runs.latest().expect("something was asked");
    assert!(file.is_ended);
    assert_eq!(file.rows.len(), run.len());
    let prompt = run.prompt.iter().map(|token| token.id);
    let ids = prompt.chain(run.tokens.iter().map(|token| token.id));
    let written = file.rows.iter().map(|row| row.token.id);
    assert!(written.eq(ids));
    for (position, row) in file.rows.iter().enumerate() {
        let known = run.log.get(position).map(|token| &token.routing);
        assert_eq!(row.token.routing.as_ref(), known, "position {position}");
    }
    let without = file.rows.iter().filter(|row| row.token.routing.is_none());
    assert_eq!(without.count(), 1, "only the last token is read by no pass");
}

#[test]
fn while_recording_is_on_each_answer_becomes_a_file_of_its_own() {
    let mut rig = Rig::new();
    rig.ask("before");
    rig.press("f8");
    rig.draw();
    assert!(rig.text().contains("REC on"), "{}", rig.text());
    rig.ask("first");
    check_is_run(&rig, &recorded(&rig)[0]);
    rig.ask("second");
    let files = recorded(&rig);
    // What the cache still held was routed before, and is known.
    check_is_run(&rig, &files[1]);
    assert_eq!(files.len(), 2);
    assert_ne!(files[0].name, files[1].name);
    assert_eq!(files[0].header.weights_digest, "synthetic, no weights");
    rig.press("f8");
    rig.ask("after");
    assert_eq!(recorded(&rig).len(), 2);
    rig.check();
}

/// Where each message stands in an answer, with its ending.
fn messages(turn: &Turn) -> Vec<(String, std::ops::Range<usize>, Option<MessageEnding>)> {
    let parts = turn.parts.iter();
    parts
        .map(|part| {
            (
                part.channel_name().to_owned(),
                part.tokens.clone(),
                part.ending,
            )
        })
        .collect()
}

#[test]
fn a_replay_counts_each_messages_tokens_as_the_live_answer_does() {
    let mut rig = Rig::new();
    rig.press("f8");
    rig.ask("hello");
    let file = recorded(&rig).remove(0);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("run.safetensors");
    let mut recorder = TraceRecorder::create(&path, file.header).expect("a new recording");
    recorder.append(&file.rows).expect("appended");
    recorder.finish().expect("finished");
    let mut replay = State::default();
    let opened = OpenTrace {
        trace: Arc::new(TraceFile::open(&path).expect("opens")),
        name: file.name,
        path,
    };
    app::replay::open(&mut replay, &opened, None);
    let tree = &replay.session.tree;
    let shown = tree.turn(tree.path()[1]).expect("an answer");
    let live = messages(rig.turn(rig.last()));
    assert!(live.len() > 1, "{live:?}");
    assert_eq!(messages(shown), live);
}

#[test]
fn recording_begun_and_ended_within_an_answer_has_the_tokens_up_to_there() {
    let mut rig = Rig::slow();
    rig.state.focus = gptoss::app::Focus::Composer;
    rig.type_text("hello");
    rig.press("enter");
    rig.tokens(3);
    rig.press("f8");
    rig.tokens(6);
    let given = recorded(&rig)[0].rows.len();
    assert!(
        given > 5,
        "the prompt and what was written before are in it"
    );
    rig.press("f8");
    let files = recorded(&rig);
    assert!(files[0].is_ended);
    assert!(rig.state.running.is_some(), "the answer goes on");
    rig.settle();
    let run = rig.state.runs.latest().expect("asked");
    assert!(recorded(&rig)[0].rows.len() < run.len());
    rig.check();
}

#[test]
fn an_answer_that_is_stopped_or_crashes_still_ends_its_file() {
    for crashes in [false, true] {
        let mut rig = Rig::slow();
        rig.press("f8");
        rig.state.focus = gptoss::app::Focus::Composer;
        rig.type_text("hello");
        rig.press("enter");
        rig.tokens(4);
        if crashes {
            rig.crash();
        } else {
            rig.press("ctrl-c");
            rig.settle();
        }
        let files = recorded(&rig);
        assert!(files[0].is_ended, "crashes: {crashes}");
        assert!(files[0].rows.len() > 4, "crashes: {crashes}");
    }
}

#[test]
fn routing_is_asked_for_while_recording_even_if_it_is_off() {
    let mut rig = Rig::new();
    rig.state.preferences.record_routing = false;
    rig.press("f8");
    rig.ask("hello");
    check_is_run(&rig, &recorded(&rig)[0]);
}

#[test]
fn other_rules_within_an_answer_end_its_file() {
    let mut rig = Rig::slow();
    rig.press("f8");
    rig.state.focus = gptoss::app::Focus::Composer;
    rig.type_text("hello");
    rig.press("enter");
    rig.tokens(3);
    rig.press("esc 2 x");
    rig.settle();
    let files = recorded(&rig);
    assert_eq!(files.len(), 1);
    assert!(files[0].is_ended);
    assert!(files[0].header.is_untouched());
    let run = rig.state.runs.latest().expect("asked");
    assert!(files[0].rows.len() < run.len());
}

#[test]
fn what_became_of_the_file_is_told() {
    let mut rig = Rig::slow();
    rig.press("f8");
    rig.state.focus = gptoss::app::Focus::Composer;
    rig.type_text("hello");
    rig.press("enter");
    rig.tokens(2);
    rig.report(Report::Recorded(RecordReport::Written {
        tokens: 7,
        bytes: 2048,
    }));
    for (columns, rows) in [(120, 40), (80, 24), (60, 12)] {
        rig.state.size = (columns, rows);
        rig.draw();
        assert!(rig.text().contains("REC 7 tokens"), "{}", rig.text());
    }
    let message = "disk full".to_owned();
    rig.report(Report::Recorded(RecordReport::Failed { message }));
    let notice = rig.state.notice.clone().expect("it is told");
    assert_eq!(notice.level, Level::Error);
    assert!(notice.text.contains("the answer goes on: disk full"));
    assert!(!rig.state.recording.is_on);
    rig.settle();
    assert!(
        recorded(&rig).iter().all(|file| !file.is_ended),
        "no more is asked of the writer"
    );
    rig.report(Report::Recorded(RecordReport::Finished {
        name: "a.safetensors".to_owned(),
        folder: "traces".to_owned(),
        tokens: 9,
    }));
    let notice = rig.state.notice.clone().expect("it is told");
    assert_eq!(notice.text, "recorded 9 tokens: a.safetensors in traces");
}
