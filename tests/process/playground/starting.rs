//! The first moments: what is asked of the terminal, and what is typed meanwhile.

use super::screen::{ANSWERS, ASKED, Screen, program};

#[test]
fn on_a_terminal_that_never_answers_the_first_keys_arrive_in_order() {
    let home = tempfile::tempdir().expect("a folder");
    let mut screen = Screen::open(home.path(), &["--synthetic", "20b"]);
    screen.wait_for("question to the terminal", |screen| {
        screen.has_written(ASKED)
    });
    // Typed in pieces while the program still waits for answers.
    for piece in ["one ", "two ", "thr", "ee"] {
        screen.press(piece);
    }
    screen.wait("typed words", |text| text.contains("one two three"));
    screen.press("\u{15}four");
    screen.wait("later keys", |text| {
        text.contains("four") && !text.contains("one two")
    });
    screen.press("\u{11}");
    assert_eq!(screen.end(), 0);
    screen.check_given_back();
}

#[test]
fn keys_typed_before_the_program_took_the_terminal_arrive_too() {
    let home = tempfile::tempdir().expect("a folder");
    let mut screen = Screen::open(home.path(), &["--synthetic", "20b"]);
    screen.press("early");
    screen.wait_ready();
    screen.wait("early word", |text| {
        text.lines()
            .any(|row| row.trim_start().starts_with("early"))
    });
    screen.press("\u{11}");
    assert_eq!(screen.end(), 0);
}

#[test]
fn answers_of_the_terminal_are_not_taken_for_keys() {
    let home = tempfile::tempdir().expect("a folder");
    let mut screen = Screen::open(home.path(), &["--synthetic", "20b"]);
    screen.wait_for("question to the terminal", |screen| {
        screen.has_written(ASKED)
    });
    // A key on either side of the answers, all at once.
    screen.press(&format!("a{ANSWERS}b"));
    // It speaks the kitty protocol, so that is switched on.
    screen.wait_for("kitty keys", |screen| screen.has_written(b"\x1b[>1u"));
    screen.wait("both keys, nothing else", |text| {
        text.lines()
            .any(|line| line.trim_start().starts_with("ab ") || line.trim() == "ab")
            && !text.contains("rgb:")
    });
    screen.press("\u{11}");
    assert_eq!(screen.end(), 0);
    screen.check_given_back();
}

#[test]
fn without_color_nothing_is_colored() {
    let home = tempfile::tempdir().expect("a folder");
    let mut command = program(home.path(), &["--synthetic", "20b"]);
    command.env("NO_COLOR", "1");
    let mut screen = Screen::start(command, 80, 24);
    screen.wait_ready();
    screen.press("hello\r");
    screen.wait("answer", |text| text.contains("[synthetic]"));
    screen.press("\u{11}");
    screen.end();
    let plain = vt100::Color::Default;
    let cells = (0..24).flat_map(|row| (0..80).map(move |column| (row, column)));
    let colored = cells.filter_map(|(row, column)| screen.parser.screen().cell(row, column));
    assert!(
        !colored
            .into_iter()
            .any(|cell| cell.fgcolor() != plain || cell.bgcolor() != plain)
    );
    for introducer in [&b"\x1b[38;"[..], b"\x1b[48;", b"[38;5;", b"[48;5;"] {
        assert!(!screen.has_written(introducer), "{introducer:?}");
    }
}
