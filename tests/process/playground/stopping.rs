//! Ctrl+C stops the model first, and never quits at once.

use super::screen::Screen;

#[test]
fn ctrl_c_stops_the_model_keeps_the_partial_answer_and_does_not_leave() {
    let home = tempfile::tempdir().expect("a folder");
    let mut screen = Screen::open(home.path(), &["--synthetic", "20b"]);
    screen.wait_ready();
    screen.press("a long one\r");
    screen.wait("some tokens", |text| {
        text.contains("[synthetic]") && text.contains("writing,")
    });
    screen.press("\u{3}");
    screen.wait("stopped answer", |text| {
        text.contains("stopped; c goes on") && text.contains("tok/s")
    });
    assert!(!screen.text().contains("Ctrl+C again"), "{}", screen.text());
    screen.press("half a thought\u{3}");
    screen.wait("cleared draft", |text| {
        !text.contains("half a thought") && text.contains("Write a message")
    });
    screen.press("\u{3}");
    screen.wait("armed end", |text| text.contains("Ctrl+C again"));
    screen.press("\u{3}");
    assert_eq!(screen.end(), 0);
    screen.check_given_back();
}
