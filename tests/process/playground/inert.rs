//! Bytes that would command a terminal are shown, never passed on.

use super::screen::Screen;
use super::scripts;

/// Would set the title, write the clipboard, link, leave the screen, and answer as a terminal.
const COMMANDS: &str = "A\u{1b}]0;title\u{7}B\u{1b}]52;c;aGFja2Vk\u{7}C\u{1b}]8;;http://x\u{1b}\\D\u{1b}[?1049lE\u{9b}31mF\u{202e}G";

#[track_caller]
fn check_inert(screen: &Screen) {
    for command in [
        &b"\x1b]0;"[..],
        b"\x1b]52;",
        b"\x1b]8;",
        "\u{9b}".as_bytes(),
        "\u{202e}".as_bytes(),
    ] {
        assert!(!screen.has_written(command), "{command:?} got through");
    }
    assert!(screen.parser.screen().alternate_screen(), "still there");
}

#[test]
fn what_a_model_writes_cannot_command_the_terminal() {
    let home = tempfile::tempdir().expect("a folder");
    let script = scripts::write(home.path(), &["before ", COMMANDS, " after"], &[]);
    let script = script.to_str().expect("a name in UTF-8");
    let mut screen = Screen::open(home.path(), &["--replay-script", script]);
    screen.wait_ready();
    screen.press("go\r");
    screen.wait("end of the answer", |text| text.contains("after"));
    check_inert(&screen);
    // As raw tokens and in the token's pane, too.
    screen.press("\u{1b}");
    screen.wait("keys of the chat", |text| text.contains("i write"));
    screen.press("v");
    screen.wait("raw tokens", |text| text.contains("before"));
    screen.press(",,3");
    screen.wait("token pane", |text| text.contains("[3 Tokens]"));
    check_inert(&screen);
    screen.press("\u{11}");
    assert_eq!(screen.end(), 0);
    screen.check_given_back();
}

#[test]
fn what_is_pasted_cannot_command_the_terminal() {
    let home = tempfile::tempdir().expect("a folder");
    let mut screen = Screen::open(home.path(), &["--synthetic", "20b"]);
    screen.wait_ready();
    let mut pasted = b"\x1b[200~first ".to_vec();
    pasted.extend_from_slice(COMMANDS.as_bytes());
    // No UTF-8, and NUL.
    pasted.extend_from_slice(b"\xff\xfe\x00\x80 last\x1b[201~");
    screen.press_bytes(&pasted);
    screen.wait("pasted text", |text| text.contains("last"));
    check_inert(&screen);
    screen.press("\r");
    screen.wait("answer", |text| text.contains("[synthetic]"));
    check_inert(&screen);
    screen.press("\u{11}");
    assert_eq!(screen.end(), 0);
}
