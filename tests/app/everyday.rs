//! What a person meets in the first hour: hints that work, lists that keep their place, notices.

use gptoss::app::popup::Popup;
use gptoss::app::{Action, Focus, Input, Report, View};
use gptoss::harmony::{Channel, Header};
use gptoss::session::{Node, NodeKind, SessionId, SessionInfo, TreeOp, Turn};
use gptoss::ui::plain::{self, PlainPrinter};

use crate::rig::Rig;

fn rows_of(rig: &mut Rig, columns: u16, rows: u16) -> String {
    rig.input(Input::Resize { columns, rows });
    rig.draw();
    rig.text()
}

fn info(name: &str, title: &str) -> SessionInfo {
    SessionInfo {
        id: SessionId::new(name).expect("a name"),
        title: title.to_owned(),
        created_ms: 0,
        modified_ms: 0,
        num_messages: 2,
        num_branches: 1,
        problem: None,
        excerpt: None,
    }
}

#[test]
fn the_first_screen_names_keys_that_work_from_where_one_is() {
    let mut rig = Rig::new();
    rig.state.focus = Focus::Composer;
    let screen = rows_of(&mut rig, 80, 24);
    for words in ["Enter", "Esc 2", "Ctrl+O", "Ctrl+P", "F1"] {
        assert!(screen.contains(words), "{words}\n{screen}");
    }
    rig.press("esc 2");
    assert_eq!(rig.state.view, View::Experts);
    rig.press("1");
    let screen = rows_of(&mut rig, 80, 24);
    assert!(!screen.contains("Esc 2"), "{screen}");
    rig.press("2");
    assert_eq!(rig.state.view, View::Experts);
}

#[test]
fn the_hint_at_an_analysis_works_from_where_one_is() {
    let mut rig = Rig::new();
    rig.ask("hello");
    let screen = rows_of(&mut rig, 80, 99);
    assert!(screen.contains("Esc t unfolds"), "{screen}");
    rig.press("esc");
    let screen = rows_of(&mut rig, 80, 99);
    assert!(
        screen.contains("t unfolds") && !screen.contains("Esc t"),
        "{screen}"
    );
    rig.press("t");
    assert!(rig.state.chat.is_unfolded(rig.last()));
}

#[test]
fn an_edited_answer_claims_neither_tokens_nor_times() {
    let mut rig = Rig::new();
    rig.ask("hello");
    rig.press("esc e");
    rig.type_text(" indeed");
    rig.press("enter");
    let screen = rows_of(&mut rig, 80, 99);
    assert!(screen.contains("written by you"), "{screen}");
    let row = screen.lines().find(|row| row.contains("analysis"));
    let row = row.expect("the analysis was kept");
    assert!(!row.contains("tokens") && !row.contains("0.00 s"), "{row}");
}

#[test]
fn a_screen_without_room_for_panes_says_so() {
    let mut rig = Rig::new();
    rig.input(Input::Resize {
        columns: 50,
        rows: 14,
    });
    rig.press("esc 2");
    assert_eq!(rig.state.view, View::Chat);
    let notice = rig.state.notice.clone().expect("it is told");
    assert!(notice.text.contains("60 columns and 16 rows"), "{notice:?}");
}

#[test]
fn a_new_session_is_ready_to_be_written_in() {
    let mut rig = Rig::new();
    rig.ask("hello");
    rig.press("esc ctrl-n");
    assert_eq!(rig.state.focus, Focus::Composer);
}

#[test]
fn a_text_scrolled_to_its_end_comes_back_at_once() {
    let mut rig = Rig::new();
    rig.press("f1");
    let first = rows_of(&mut rig, 80, 24);
    assert!(first.contains("  row "), "how long it is\n{first}");
    rig.press("end");
    rig.draw();
    let last = rig.text();
    assert_ne!(first, last);
    rig.press("up");
    rig.draw();
    assert_ne!(rig.text(), last, "one key goes one row back");
}

#[test]
fn notices_are_seen_beside_lists_and_long_ones_whole() {
    let mut rig = Rig::new();
    rig.press("ctrl-s");
    let long = "this session is read-only: another program has it open; what you change is saved in a \
                copy of it";
    rig.report(Report::Failed("cannot do that".to_owned()));
    let screen = rows_of(&mut rig, 80, 24);
    assert!(screen.contains("error: cannot do that"), "{screen}");
    rig.press("esc");
    rig.report(Report::Failed(long.to_owned()));
    let screen = rows_of(&mut rig, 80, 24);
    let told: String = screen.lines().skip(22).collect();
    let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(told, format!("error: {long}"));
}

#[test]
fn the_list_of_sessions_keeps_its_place_and_what_was_typed() {
    let mut rig = Rig::new();
    rig.press("ctrl-s");
    rig.type_text("moon");
    rig.report(Report::Sessions(vec![info("1", "one"), info("2", "two")]));
    rig.press("down");
    rig.effects.clear();
    rig.press("ctrl-r");
    rig.press("ctrl-u");
    rig.type_text("second");
    rig.press("enter");
    let asked = format!("{:?}", rig.effects);
    assert!(
        asked.contains("Rename") && asked.contains("query: \"moon\""),
        "{asked}"
    );
    rig.report(Report::Sessions(vec![
        info("2", "second"),
        info("1", "one"),
    ]));
    match rig.state.popups.last() {
        Some(Popup::Sessions(list)) => {
            assert_eq!(
                list.chosen().map(|info| info.title.as_str()),
                Some("second")
            );
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_action_chosen_by_name_goes_to_its_pane() {
    for (columns, rows) in [(80, 24), (120, 40)] {
        let mut rig = Rig::new();
        rig.ask("hello");
        rows_of(&mut rig, columns, rows);
        let before = rig.state.map.measure;
        rig.press("ctrl-p");
        rig.type_text("map-measure");
        rig.press("enter");
        assert_eq!(rig.state.focus, Focus::Experts);
        assert_ne!(rig.state.map.measure, before);
        rig.press("ctrl-p");
        rig.type_text("seed-lock");
        rig.press("enter");
        assert_eq!(rig.state.focus, Focus::Sampler);
        assert!(rig.state.sampling.is_seed_locked);
    }
}

#[test]
fn every_action_of_the_palette_does_something_or_says_why_not() {
    let mut rig = Rig::new();
    rig.ask("hello");
    rig.draw();
    rig.press("esc ctrl-p");
    let Some(Popup::Palette(list)) = rig.state.popups.pop() else {
        panic!("no palette");
    };
    let mut silent = Vec::new();
    for action in list.entries {
        let mut one = Rig::new();
        one.ask("hello");
        one.ask("again");
        one.press("esc");
        one.draw();
        one.state.notice = None;
        one.effects.clear();
        let before = format!("{:?}", one.state);
        let (commands, saved) = (one.commands.len(), one.saved.len());
        one.act(action);
        let asked = one.commands.len() > commands || one.saved.len() > saved;
        // The time passes in any case.
        one.state.now_ms -= 10;
        let is_changed = asked || !one.effects.is_empty() || format!("{:?}", one.state) != before;
        // What is asked for is so already.
        let is_so = matches!(
            action,
            Action::ViewChat
                | Action::Bottom
                | Action::PageUp
                | Action::PageDown
                | Action::TokenOn
                | Action::TokenFollow
        );
        if !is_changed && !is_so {
            silent.push(action);
        }
    }
    assert_eq!(silent, [], "they do nothing and do not say so");
}

#[test]
fn what_is_typed_finds_actions_by_name_and_by_words_of_their_help() {
    let mut rig = Rig::new();
    for (typed, expected) in [
        ("make room", Some(Action::DropOldestTurns)),
        ("regen", Some(Action::Regenerate)),
        ("export", Some(Action::ExportMarkdown)),
        ("zzzz", None),
    ] {
        rig.press("ctrl-p");
        rig.type_text(typed);
        match rig.state.popups.pop() {
            Some(Popup::Palette(list)) => assert_eq!(list.chosen().copied(), expected, "{typed}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn instructions_stand_above_the_conversation() {
    let mut rig = Rig::new();
    rig.act(Action::EditDeveloper);
    rig.type_text("Talk like a bird.");
    rig.press("enter");
    rig.ask("hello");
    let screen = rows_of(&mut rig, 80, 99);
    assert!(screen.contains("Talk like a bird."), "{screen}");
}

#[test]
fn names_that_a_model_makes_up_command_nothing() {
    let mut rig = Rig::new();
    rig.ask("hello");
    let mut printer = PlainPrinter::default();
    printer.news(&rig.state);
    let hostile = "\u{1b}]0;title\u{7}\u{202e}";
    let header = Header {
        channel: Some(Channel::Other(hostile.to_owned())),
        ..Header::assistant(Channel::Analysis)
    };
    let called = Header {
        recipient: Some(format!("functions.{hostile}")),
        ..Header::assistant(Channel::Commentary)
    };
    let settings = rig.turn(rig.last()).settings.clone();
    let parts = vec![(header, "one".to_owned()), (called, "two".to_owned())];
    let node = Node {
        id: rig.tree().next_id(),
        parent: Some(rig.last()),
        created_ms: 0,
        kind: NodeKind::Assistant(Turn::edited(settings, parts, 0)),
        edited: false,
    };
    let added = rig.state.session.tree.apply(&TreeOp::AddNode(node));
    added.expect("it can be added");
    let told = printer.news(&rig.state) + &plain::analysis(&rig.state);
    assert!(told.contains("one") && told.contains("two"), "{told:?}");
    let screen = rows_of(&mut rig, 80, 99);
    for text in [told, screen] {
        for bad in ['\u{1b}', '\u{7}', '\u{202e}'] {
            assert!(!text.contains(bad), "{text:?}");
        }
    }
}
