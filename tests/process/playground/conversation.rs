//! Conversations: asked, answered, killed and found again.

use super::screen::Screen;

#[test]
fn a_question_is_answered_and_ctrl_c_leaves_the_terminal_as_it_was() {
    let home = tempfile::tempdir().expect("a folder");
    let mut screen = Screen::open(home.path(), &[]);
    screen.wait_ready();
    assert!(screen.parser.screen().alternate_screen());
    screen.press("What is 48 + 75?\r");
    screen.wait("answer", |text| {
        text.contains("123") && text.contains("tok/s")
    });
    screen.wait("map of experts", |text| {
        text.contains("all layers") || text.contains("H chosen")
    });
    screen.wait_ready();
    screen.press("\u{3}");
    screen.wait("armed end", |text| text.contains("Ctrl+C again"));
    screen.press("\u{3}");
    assert_eq!(screen.end(), 0);
    screen.check_given_back();
}

#[test]
fn after_a_kill_the_session_is_there_but_for_the_last_moment() {
    let home = tempfile::tempdir().expect("a folder");
    let mut screen = Screen::open(home.path(), &["--synthetic", "20b"]);
    screen.wait_ready();
    screen.press("Remember this question\r");
    screen.wait("first text of the answer", |text| {
        text.contains("[synthetic]")
    });
    // The analysis was announced, so at least what came before it is on disk by the next second.
    screen.wait("some more tokens", |text| {
        (20..400).any(|count| text.contains(&format!("writing, {count} tokens")))
    });
    screen.child.kill().expect("it is killed");
    screen.end();

    let mut again = Screen::open(home.path(), &["--synthetic", "20b", "--session", "last"]);
    again.wait("the session", |text| {
        text.contains("Remember this question") && text.contains("interrupted")
    });
    again.press("\u{11}");
    assert_eq!(again.end(), 0);
}

#[test]
fn keys_wake_an_idle_program_again_and_again() {
    let home = tempfile::tempdir().expect("a folder");
    let mut screen = Screen::open(home.path(), &["--synthetic", "20b"]);
    screen.wait_ready();
    for _ in 0..3 {
        screen.press("\u{1b}");
        screen.wait("keys of the chat", |text| text.contains("i write"));
        screen.press("4");
        screen.wait("memory alone", |text| text.contains("[4 Memory]"));
        screen.press("1i");
        // The footer, not the composer alone: that is drawn before the key has arrived, too, and an
        // Esc close behind a digit would be read as one key with Alt.
        screen.wait("composer", |text| {
            text.contains("Ctrl+J new line") && text.contains("[1 Chat]")
        });
    }
    screen.press("\u{11}");
    assert_eq!(screen.end(), 0);
}
