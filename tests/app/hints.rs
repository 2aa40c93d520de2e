//! The keys that the footer names do something now, and texts end between words.

use gptoss::app::popup::Popup;
use gptoss::app::{Focus, Input, View};

use crate::rig::Rig;

fn footer(rig: &mut Rig) -> String {
    rig.draw();
    let text = rig.text();
    let rows: Vec<&str> = text.lines().collect();
    rows[rows.len() - 3].to_owned()
}

#[track_caller]
fn check(footer: &str, named: &[&str], not_named: &[&str]) {
    for hint in named {
        assert!(footer.contains(hint), "{hint}: {footer}");
    }
    for hint in not_named {
        assert!(!footer.contains(hint), "{hint}: {footer}");
    }
}

#[test]
fn the_chats_footer_names_what_works_with_the_selected_message() {
    let mut rig = Rig::slow();
    rig.press("esc");
    let answers = [
        "r regenerate",
        "c continue",
        "a answer now",
        "branch",
        "t fold",
        "y copy",
    ];
    check(&footer(&mut rig), &["i write", "Tab next pane"], &answers);
    rig.press("i");
    rig.type_text("hello");
    rig.press("enter");
    rig.tokens(4);
    rig.press("esc");
    assert!(!rig.turn(rig.last()).has_final());
    check(
        &footer(&mut rig),
        &["a answer now", "Ctrl+C stop", "y copy", "t fold"],
        &["r regenerate", "c continue", "e edit", "branch"],
    );
    rig.settle();
    check(
        &footer(&mut rig),
        &["r regenerate", "e edit", "c continue", "t fold", "y copy"],
        &["a answer now", "branch"],
    );
    rig.press("r");
    rig.settle();
    check(&footer(&mut rig), &["[ branch before"], &["a answer now"]);
}

#[test]
fn the_composers_footer_names_sending_and_stopping_when_there_is_something_to() {
    let mut rig = Rig::slow();
    check(
        &footer(&mut rig),
        &["Ctrl+J new line"],
        &["Enter send", "Ctrl+C stop"],
    );
    rig.type_text("hello");
    check(&footer(&mut rig), &["Enter send"], &["Ctrl+C stop"]);
    rig.press("enter");
    rig.tokens(2);
    rig.type_text("next");
    check(&footer(&mut rig), &["Ctrl+C stop"], &["Enter send"]);
}

#[test]
fn esc_goes_back_to_the_pane_from_which_the_message_was_begun() {
    for (columns, rows) in [(80, 24), (120, 40)] {
        let mut rig = Rig::new();
        rig.input(Input::Resize { columns, rows });
        rig.draw();
        rig.press("esc 2 i");
        rig.draw();
        assert_eq!(rig.state.focus, Focus::Composer);
        rig.type_text("hello");
        rig.press("enter");
        rig.settle();
        rig.draw();
        rig.press("esc");
        assert_eq!(
            (rig.state.focus, rig.state.view),
            (Focus::Experts, View::Experts)
        );
        rig.press("1 i esc");
        assert_eq!((rig.state.focus, rig.state.view), (Focus::Chat, View::Chat));
    }
}

#[test]
fn a_rule_is_proposed_for_the_cell_under_the_cursor_where_the_map_shows_one() {
    let mut rig = Rig::new();
    rig.press("esc 2 r");
    let typed = |rig: &Rig| match rig.state.popups.last() {
        Some(Popup::Ask { input, .. }) => input.value().to_owned(),
        other => panic!("{other:?}"),
    };
    assert_eq!(typed(&rig), "");
    rig.draw();
    assert!(
        rig.text().contains("bias LAYER:EXPERT +1"),
        "{}",
        rig.text()
    );
    rig.press("esc");
    rig.ask("hello");
    rig.press("esc 2 g home down right right r");
    let cursor = rig.state.map.cursor;
    assert_eq!(
        typed(&rig),
        format!("bias {}:{} +1", cursor.layer, cursor.expert)
    );
    rig.draw();
    assert!(!rig.text().contains("LAYER"), "{}", rig.text());
}

#[test]
fn nothing_is_cut_within_a_word() {
    let mut rig = Rig::slow();
    rig.type_text("hello");
    rig.press("enter");
    rig.tokens(4);
    rig.press("ctrl-c");
    rig.settle();
    rig.press("esc");
    for (columns, rows) in [(60, 16), (80, 24), (100, 30), (120, 40)] {
        rig.input(Input::Resize { columns, rows });
        rig.draw();
        let text = rig.text();
        let chat = text.lines().find(|row| row.contains("analysis"));
        let row = chat.expect("a folded analysis");
        // The bar beside the selected message.
        let row = row.trim_start_matches('\u{2502}');
        let row = row.split('\u{2502}').next().expect("the chat's column");
        let is_whole = |fact: &str| {
            [
                "tokens",
                "token",
                "cut off",
                "s",
                "effort medium",
                "t unfolds",
            ]
            .iter()
            .any(|end| fact.trim_end().ends_with(end))
        };
        assert!(row.contains("cut off"), "{columns}: {row:?}");
        assert!(is_whole(row), "{columns}: {row:?}");
        let header = text.lines().next().expect("a header");
        let name = header.split('\u{2026}').next().expect("a beginning");
        assert!(name.contains("synthetic 4\u{d7}8"), "{columns}: {header:?}");
        assert!(!name.ends_with("(synthetic"), "{columns}: {header:?}");
    }
}

#[test]
fn a_comparison_names_the_rules_that_are_in_force_in_both_runs() {
    let mut rig = Rig::new();
    rig.ask("hello");
    rig.press("esc 2 r ctrl-u");
    rig.type_text("bias 1:2 +1");
    rig.press("enter A ctrl-u");
    rig.type_text("mask 1:3");
    rig.press("enter");
    rig.until(|state| {
        let view = state.ablation.as_ref();
        view.is_some_and(|view| !view.is_running())
    });
    rig.draw();
    let text = rig.text();
    assert!(text.contains("changed: mask 1:3"), "{text}");
    assert!(
        text.contains("in force in both runs: bias 1:2 +1"),
        "{text}"
    );
    assert!(!text.contains("as it is"), "{text}");
}
