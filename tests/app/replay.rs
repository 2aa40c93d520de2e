//! A trace on the screen without a model: everything can be looked at, nothing changed.

use std::sync::Arc;

use gptoss::analytics::Span;
use gptoss::app::map::MapSource;
use gptoss::app::popup::Popup;
use gptoss::app::traces::OpenTrace;
use gptoss::app::{self, Action, Effect, Focus, Input, Key, State};
use gptoss::generate::TokenRouting;
use gptoss::trace_file::{
    Comparison, TraceFile, TraceHeader, TraceRecorder, TraceRow, TraceShape, TraceToken,
};
use gptoss::ui::{self, theme::Theme};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use serde_json::json;

use crate::panes::text_of;

fn row(id: u32, text: &str, span: Span) -> TraceRow {
    let experts = vec![id as u16 % 4, 4, 5, id as u16 % 4];
    let routing = TokenRouting::new(2, 2, experts, vec![0.75, 0.25, 0.5, 0.5]);
    TraceRow {
        token: TraceToken {
            id,
            text: text.to_owned(),
            span,
            routing: Some(Arc::new(routing.expect("a shape"))),
            logprob: Some(-0.5),
            top_logprobs: vec![(id, -0.5), (9, -1.0)],
        },
        router_logits: None,
        logits: None,
    }
}

/// How a recording ended.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ending {
    Finished,
    CutOff,
}

/// A recorded question with a reasoned answer.
pub(crate) fn trace(ending: Ending) -> OpenTrace {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut path = folder.path().join("run.safetensors");
    let header = TraceHeader {
        program_version: "0.1.0".to_owned(),
        recorded_at: "2026-01-02T03:04:05Z".to_owned(),
        model_name: "tiny".to_owned(),
        weights_digest: "0123456789abcdef".to_owned(),
        tokenizer_digest: String::new(),
        settings: json!({}),
        interventions: json!(["mask 0:1"]),
        shape: TraceShape {
            num_layers: 2,
            num_local_experts: 8,
            num_experts_per_tok: 2,
            vocab_size: 10,
        },
    };
    let mut recorder = TraceRecorder::create(&path, header).expect("a new recording");
    let rows = [
        row(1, "<|start|>user<|message|>", Span::Prompt),
        row(2, "How many?", Span::Prompt),
        row(3, "<|end|>", Span::Prompt),
        row(4, "Let me see.", Span::Analysis),
        row(5, "<|end|>", Span::Other),
        row(6, "Four", Span::Final),
        row(7, ".", Span::Final),
    ];
    recorder.append(&rows).expect("appended");
    match ending {
        Ending::Finished => recorder.finish().expect("finished"),
        // Killed: only the journal is left.
        Ending::CutOff => {
            recorder.journal().clone_into(&mut path);
            drop(recorder);
        }
    }
    OpenTrace {
        trace: Arc::new(TraceFile::open(&path).expect("opens")),
        name: "run.safetensors".to_owned(),
        path,
    }
}

/// The trace compared with itself.
pub(crate) fn comparison() -> Arc<Comparison> {
    let found = trace(Ending::Finished);
    let side = (&*found.name, &*found.trace);
    Arc::new(Comparison::of(side, side).expect("of one model"))
}

fn replay() -> State {
    replay_of(Ending::Finished)
}

fn replay_of(ending: Ending) -> State {
    let mut state = State::default();
    app::replay::open(&mut state, &trace(ending), None);
    state
}

#[test]
fn a_trace_is_shown_as_the_conversation_that_it_was() {
    let state = replay();
    let tree = &state.session.tree;
    let path = tree.path();
    let turn = tree.turn(path[1]).expect("an answer");
    assert_eq!(turn.final_text(), "Four.");
    assert_eq!(turn.parts[0].text, "Let me see.");
    assert_eq!(turn.settings.interventions.to_string(), "mask 0:1");
    let run = state.shown_run().expect("a record");
    assert_eq!(
        (run.prompt.len(), run.tokens.len(), run.log.len()),
        (3, 4, 7)
    );
    assert_eq!(run.tokens[0].top_logprobs[1].text, "id 9");
}

#[test]
fn the_map_shows_every_source() {
    let mut state = replay();
    for source in MapSource::ALL {
        state.map.source = source;
        let grid = state.grid().expect("a map");
        assert!(
            grid.values().iter().any(|value| *value != 0.0),
            "{source:?}"
        );
    }
    state.map.source = MapSource::Cumulative;
    assert_eq!(state.grid().expect("a map").tokens(), 7);
}

#[test]
fn nothing_that_needs_a_model_happens_and_the_reason_is_told() {
    for action in [
        Action::Compose,
        Action::Regenerate,
        Action::Continue,
        Action::Edit,
        Action::Models,
        Action::NewSession,
        Action::ClearCache,
        Action::CycleEffort,
        Action::Record,
        Action::MaskExpert,
        Action::Sampler,
    ] {
        let mut state = replay();
        let before = state.session.tree.clone();
        let effects = app::update(&mut state, action, 5);
        let is_harmless =
            |effect: &Effect| !matches!(effect, Effect::Engine(_) | Effect::Session(_));
        assert!(effects.iter().all(is_harmless), "{action:?}: {effects:?}");
        assert_eq!(state.session.tree.path(), before.path(), "{action:?}");
        assert_ne!(state.focus, Focus::Composer, "{action:?}");
        assert!(state.notice.is_some(), "{action:?}: the reason is told");
    }
    let mut state = replay();
    app::update(&mut state, Action::Regenerate, 5);
    let notice = state.notice.expect("a reason").text;
    assert!(notice.contains("replay of run.safetensors"), "{notice}");
}

#[test]
fn pasted_text_is_refused_with_the_reason() {
    let mut state = replay();
    app::input(&mut state, Input::Paste("hello".to_owned()), 5);
    assert!(state.composer.is_blank());
    assert!(state.notice.is_some());
}

#[test]
fn the_palette_has_what_can_be_done_and_no_more() {
    let mut state = replay();
    app::update(&mut state, Action::Palette, 5);
    let Some(Popup::Palette(list)) = state.popups.last() else {
        panic!("it is open");
    };
    for (action, is_listed) in [
        (Action::Send, false),
        (Action::Record, false),
        (Action::CycleEffort, false),
        (Action::CompareTrace, true),
        (Action::OpenTrace, true),
        (Action::ShareMap, true),
    ] {
        assert_eq!(list.entries.contains(&action), is_listed, "{action:?}");
    }
    let mut chat = State::default();
    app::update(&mut chat, Action::Palette, 5);
    let Some(Popup::Palette(list)) = chat.popups.last() else {
        panic!("it is open");
    };
    assert!(list.entries.contains(&Action::OpenTrace));
    assert!(!list.entries.contains(&Action::CloseTrace));
}

#[test]
fn a_key_that_does_nothing_says_where_the_keys_are() {
    let mut state = replay();
    app::input(&mut state, Input::Key(Key::new("Q")), 5);
    let notice = state.notice.expect("a reason").text;
    assert!(
        notice.contains("Q does nothing") && notice.contains('?'),
        "{notice}"
    );
}

#[test]
fn what_a_trace_does_not_hold_is_not_shown_as_zeros() {
    let mut state = replay();
    app::update(&mut state, Action::ViewMemory, 5);
    let screen = screen(&state);
    assert!(screen.contains("not recorded"), "{screen}");
    assert!(!screen.contains("KV full"), "{screen}");
    assert!(
        !screen.contains("[medium]"),
        "an effort that cannot be chosen: {screen}"
    );
}

#[test]
fn looking_works() {
    let mut state = replay();
    app::update(&mut state, Action::ViewExperts, 5);
    assert_eq!(state.focus, Focus::Experts);
    app::update(&mut state, Action::TokenBack, 6);
    app::update(&mut state, Action::Help, 7);
    assert_eq!(state.popups.len(), 1);
    assert_eq!(app::update(&mut state, Action::Quit, 8), [Effect::Quit]);
}

#[test]
fn a_comparison_opens_over_the_replay_and_can_be_opened_again() {
    let mut state = State::default();
    let found = Some(comparison());
    app::replay::open(&mut state, &trace(Ending::Finished), found);
    assert_eq!(state.popups.len(), 1);
    app::input(&mut state, Input::Key(Key::new("esc")), 5);
    assert!(state.popups.is_empty());
    app::update(&mut state, Action::ShowAblation, 6);
    assert_eq!(state.popups.len(), 1);
}

#[test]
fn a_recording_that_was_cut_off_says_so_and_offers_no_key_that_needs_a_model() {
    for (ending, is_told) in [(Ending::CutOff, true), (Ending::Finished, false)] {
        let state = replay_of(ending);
        let screen = screen(&state);
        assert_eq!(
            screen.contains("the recording was cut off; it ends here"),
            is_told,
            "{ending:?}: {screen}"
        );
        assert!(!screen.contains("c goes on"), "{ending:?}: {screen}");
    }
}

fn screen(state: &State) -> String {
    let mut terminal = Terminal::new(TestBackend::new(120, 40)).expect("memory");
    let theme = Theme::default();
    terminal
        .draw(|frame| {
            ui::draw(frame, state, &theme, &mut ui::Cache::default());
        })
        .expect("drawn");
    text_of(terminal.backend().buffer())
}
