//! Traces from within the playground: opened over the chat, compared, shared, followed.

use gptoss::app::popup::Popup;
use gptoss::app::traces::{FollowedTrace, TraceChoice, TracePurpose, TraceRead, TraceRequest};
use gptoss::app::{Action, Effect, Focus, Report};
use gptoss::engine::protocol::Command;
use gptoss::intervention::ForcedRouting;
use gptoss::session::FollowedRouting;
use gptoss::ui::theme::ThemeRole;

use crate::replay::{Ending, comparison, trace};
use crate::rig::Rig;

fn open(rig: &mut Rig) {
    let opened = trace(Ending::Finished);
    rig.report(Report::Trace(TraceRead::Opened(opened)));
    assert!(rig.state.replay.is_some());
}

/// What was asked to be read last.
fn request(rig: &Rig) -> Option<TraceRequest> {
    rig.effects.iter().rev().find_map(|effect| match effect {
        Effect::Trace(request) => Some(request.clone()),
        _ => None,
    })
}

#[test]
fn a_trace_lies_over_the_chat_which_goes_on_and_comes_back_whole() {
    let mut rig = Rig::slow();
    rig.ask("first");
    rig.state.focus = Focus::Composer;
    rig.type_text("second");
    rig.press("enter");
    rig.tokens(3);
    rig.type_text("a draft");
    open(&mut rig);
    rig.draw();
    for part in ["How many?", "run.safetensors is open", "q back to chat"] {
        assert!(rig.text().contains(part), "{part}: {}", rig.text());
    }
    // Another trace takes the first one's place, not the chat's.
    open(&mut rig);
    rig.until(|state| {
        let behind = state.behind.as_ref();
        behind.is_some_and(|behind| behind.running.is_none())
    });
    rig.press("q");
    assert!(rig.state.replay.is_none() && rig.state.behind.is_none());
    let turn = rig.turn(rig.last());
    assert_eq!(turn.ids.len(), 60, "the answer went on unseen");
    assert_eq!(rig.state.composer.draft(), "a draft");
    rig.check();
    rig.draw();
    assert!(rig.text().contains("second"), "{}", rig.text());
}

#[test]
fn traces_are_chosen_from_the_folder_or_by_their_path() {
    let mut rig = Rig::new();
    rig.act(Action::OpenTrace);
    assert_eq!(request(&rig), Some(TraceRequest::List));
    let file = |name: &str| TraceChoice::File {
        path: format!("traces/{name}").into(),
        name: name.to_owned(),
        modified_ms: 0,
        bytes: 2048,
    };
    let files = vec![file("sum.safetensors"), file("story.safetensors.part")];
    rig.report(Report::Trace(TraceRead::Listed(files)));
    rig.draw();
    for part in [
        "open a trace",
        "2.05 kB",
        "sum.safetensors",
        "not finished",
        "another file",
    ] {
        assert!(rig.text().contains(part), "{part}: {}", rig.text());
    }
    rig.type_text("story");
    rig.press("enter");
    let path = "traces/story.safetensors.part".into();
    assert_eq!(request(&rig), Some(TraceRequest::Open(path)));
    for elsewhere in ["another", "my/own.safetensors"] {
        rig.act(Action::OpenTrace);
        rig.type_text(elsewhere);
        rig.press("enter");
        if elsewhere == "another" {
            rig.type_text("my/own.safetensors");
            rig.press("enter");
        }
        let path = "my/own.safetensors".into();
        assert_eq!(request(&rig), Some(TraceRequest::Open(path)), "{elsewhere}");
    }
    let (purpose, message) = (TracePurpose::Open, "it is no trace".to_owned());
    rig.report(Report::Trace(TraceRead::Refused { purpose, message }));
    rig.draw();
    assert!(rig.text().contains("it is no trace"), "{}", rig.text());
    assert!(rig.state.replay.is_none());
}

#[test]
fn a_comparison_of_traces_is_shown_and_shared_in_all_formats() {
    let mut rig = Rig::new();
    rig.act(Action::CompareTrace);
    assert!(rig.state.popups.is_empty(), "there is nothing to compare");
    open(&mut rig);
    rig.act(Action::ShareTraces);
    assert!(rig.state.popups.is_empty(), "nothing is compared yet");
    rig.press("d");
    rig.type_text("other.safetensors");
    rig.press("enter");
    assert!(matches!(
        request(&rig),
        Some(TraceRequest::Compare { other, .. }) if other.ends_with("other.safetensors")
    ));
    rig.report(Report::Trace(TraceRead::Compared(comparison())));
    assert!(matches!(
        rig.state.popups.last(),
        Some(Popup::Difference { .. })
    ));
    rig.draw();
    for part in [
        "the runs are the same",
        "JS all tokens",
        "aligned pairs only",
    ] {
        assert!(rig.text().contains(part), "{part}: {}", rig.text());
    }
    // Headings look like headings, and nothing like a comment of a file.
    assert!(!rig.text().contains("# "), "{}", rig.text());
    let text = rig.text();
    let styled = |part: &str| {
        let row = text
            .lines()
            .position(|row| row.contains(part))
            .expect("a row");
        let line = text.lines().nth(row).expect("it");
        let column = line[..line.find(part).expect("a place")].chars().count();
        let cell = &rig.screen[(column as u16, row as u16)];
        (cell.fg, cell.modifier)
    };
    let of = |role: ThemeRole| {
        let style = rig.theme.style(role);
        (style.fg.unwrap_or_default(), style.add_modifier)
    };
    assert_eq!(styled("the runs are the same"), of(ThemeRole::Text));
    assert_eq!(styled("JS all tokens"), of(ThemeRole::Faint));
    assert_eq!(styled("Layers"), of(ThemeRole::Title));
    rig.press("esc");
    for (name, start) in [
        ("d.txt", "run.safetensors against"),
        ("d.svg", "<?xml"),
        ("d.html", "<"),
    ] {
        rig.act(Action::ShareTraces);
        rig.press("ctrl-u");
        rig.type_text(name);
        rig.press("enter");
        let Some(Effect::WriteFile { path, text }) = rig.effects.last() else {
            panic!("{name} is to be written: {:?}", rig.effects.last());
        };
        assert!(path.ends_with(name));
        assert!(text.starts_with(start), "{name}: {}", &text[..80]);
        assert!(
            text.contains("0123456789ab") || text.contains("tiny"),
            "its provenance"
        );
    }
}

/// The newest answer as a trace to be followed.
fn followed(rig: &Rig) -> FollowedTrace {
    let run = rig.state.runs.latest().expect("something was asked");
    let mut routing = ForcedRouting::new();
    for token in run.log.tokens() {
        routing.set(token.position, token.routing.experts().to_vec());
    }
    let prompt = run.prompt.iter().map(|token| token.id);
    FollowedTrace {
        name: "own.safetensors".to_owned(),
        ids: prompt
            .chain(run.tokens.iter().map(|token| token.id))
            .collect(),
        routing,
    }
}

#[test]
fn a_question_is_answered_again_with_a_traces_experts_and_said_so() {
    let mut rig = Rig::new();
    rig.ask("hello");
    let (first, trace) = (rig.last(), followed(&rig));
    rig.act(Action::FollowTrace);
    rig.type_text("own.safetensors");
    rig.press("enter");
    let Some(TraceRequest::Follow { shape, weights, .. }) = request(&rig) else {
        panic!("{:?}", request(&rig));
    };
    assert_eq!((shape.num_layers, &*weights), (4, "synthetic, no weights"));
    rig.report(Report::Trace(TraceRead::Followed(Box::new(trace.clone()))));
    rig.draw();
    assert!(
        rig.text().contains("experts as in own.safetensors"),
        "{}",
        rig.text()
    );
    let asked = rig.commands.iter().rev().find_map(|command| match command {
        Command::Generate(generate) => generate.forced_routing.as_deref(),
        _ => None,
    });
    assert_eq!(asked, Some(&trace.routing));
    rig.settle();
    let second = rig.last();
    assert_ne!(first, second, "the first answer stays as a branch");
    assert_eq!(rig.turn(first).ids, rig.turn(second).ids);
    let followed = FollowedRouting::of("own.safetensors".to_owned());
    assert_eq!(rig.turn(second).settings.followed, Some(followed));
    let notice = rig.state.notice.clone().expect("the end is told").text;
    assert!(
        notice.contains("the same") && notice.contains("own.safetensors"),
        "{notice}"
    );
    rig.check();
}

#[test]
fn what_goes_on_after_a_followed_answer_tells_where_the_models_own_choice_begins() {
    let mut rig = Rig::slow();
    rig.ask("hello");
    rig.settle();
    let trace = followed(&rig);
    rig.act(Action::FollowTrace);
    rig.type_text("own.safetensors");
    rig.press("enter");
    rig.report(Report::Trace(TraceRead::Followed(Box::new(trace))));
    rig.until(|state| {
        let running = state.running.as_ref();
        running.is_some_and(|running| running.generated_tokens > 3)
    });
    rig.press("ctrl-c");
    rig.settle();
    let node = rig.last();
    let stopped_at = rig.turn(node).ids.len();
    let until = |rig: &Rig, node| {
        let settings = &rig.turn(node).settings;
        settings.followed.as_ref().expect("it followed").until_token
    };
    assert_eq!(until(&rig, node), None);
    rig.act(Action::Continue);
    rig.settle();
    assert!(rig.turn(node).ids.len() > stopped_at, "it went on");
    assert_eq!(until(&rig, node), Some(stopped_at));
    rig.draw();
    let words = format!("experts as in own.safetensors up to token {stopped_at}");
    assert!(rig.text().contains(&words), "{}", rig.text());
    let forked = rig.turn(node).forked(node, 2).expect("it has that token");
    let fork = forked.settings.followed.expect("its first tokens followed");
    assert_eq!(fork.until_token, Some(2), "the fork parts there");
    rig.check();
}

#[test]
fn rules_and_a_traces_experts_exclude_each_other() {
    let mut rig = Rig::new();
    rig.ask("hello");
    let trace = followed(&rig);
    rig.press("esc 2 x");
    rig.act(Action::FollowTrace);
    assert!(rig.state.popups.is_empty());
    let before = rig.last();
    rig.report(Report::Trace(TraceRead::Followed(Box::new(trace))));
    assert_eq!(rig.last(), before, "nothing was asked");
    let notice = rig.state.notice.clone().expect("told").text;
    assert!(notice.contains("clear the rules"), "{notice}");
}
