//! Writing: rows of a long line, clearing and bringing back, pastes as chips.

use gptoss::app::{Focus, Input};

use crate::rig::Rig;

/// A program on a screen of this size, with a draft of one long line.
fn with_draft(columns: u16, rows: u16) -> Rig {
    let mut rig = Rig::new();
    rig.state
        .history
        .entries
        .push_back("sent before".to_owned());
    rig.input(Input::Resize { columns, rows });
    rig.state.focus = Focus::Composer;
    rig.type_text(&format!("first {}last", "word ".repeat(30)));
    rig.draw();
    rig
}

#[test]
fn a_line_that_wraps_is_shown_whole_on_every_layout() {
    for (columns, rows) in [(60, 24), (80, 24), (120, 40), (200, 60)] {
        let rig = with_draft(columns, rows);
        let screen = rig.text();
        assert!(screen.contains("first word"), "{columns}x{rows}\n{screen}");
        assert!(screen.contains("last"), "{columns}x{rows}\n{screen}");
    }
}

#[test]
fn up_goes_through_the_rows_of_a_line_before_it_goes_to_earlier_messages() {
    let mut rig = with_draft(80, 24);
    let draft = rig.state.composer.text();
    let mut places = vec![rig.state.composer.cursor().1];
    for _ in 0..2 {
        rig.press("up");
        rig.draw();
        assert_eq!(rig.state.composer.text(), draft);
        places.push(rig.state.composer.cursor().1);
    }
    assert!(
        places.is_sorted_by(|before, after| before > after),
        "{places:?}"
    );
    rig.press("up");
    assert_eq!(rig.state.composer.text(), "sent before");
    rig.press("down");
    assert_eq!(rig.state.composer.text(), draft);
}

#[test]
fn a_cleared_draft_comes_back_with_its_pastes() {
    let mut rig = Rig::new();
    rig.state.focus = Focus::Composer;
    rig.type_text("see ");
    rig.input(Input::Paste("line\n".repeat(40)));
    let draft = rig.state.composer.text();
    rig.press("ctrl-c");
    assert_eq!(rig.state.composer.text(), "");
    let notice = rig.state.notice.clone().expect("it is told");
    assert_eq!(notice.text, "draft cleared; Ctrl+Y brings it back");
    rig.press("ctrl-y");
    assert_eq!(rig.state.composer.text(), draft);
}

#[test]
fn backspace_takes_a_whole_paste_away() {
    let mut rig = Rig::new();
    rig.state.focus = Focus::Composer;
    rig.type_text("see ");
    rig.input(Input::Paste("line\n".repeat(40)));
    rig.press("backspace");
    assert_eq!(rig.state.composer.text(), "see ");
}
