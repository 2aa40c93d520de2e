//! However it ends, the terminal is as it was.

use std::path::Path;

use portable_pty::CommandBuilder;
use rustix::process::Signal;

use super::screen::{Screen, program, surroundings};
use super::scripts;

#[test]
fn sigterm_gives_the_terminal_back() {
    let home = tempfile::tempdir().expect("a folder");
    let mut screen = Screen::open(home.path(), &["--synthetic", "20b"]);
    screen.wait_ready();
    screen.signal(Signal::TERM);
    assert_eq!(screen.end(), 143);
    screen.check_given_back();
    assert_eq!(last_logged(home.path()), "ended by SIGTERM");
}

#[test]
fn leaving_by_a_key_is_logged() {
    let home = tempfile::tempdir().expect("a folder");
    let mut screen = Screen::open(home.path(), &["--synthetic", "20b"]);
    screen.wait_ready();
    screen.press("\u{11}");
    assert_eq!(screen.end(), 0);
    assert_eq!(last_logged(home.path()), "ended: done");
}

/// The message of the log's last line.
fn last_logged(home: &Path) -> String {
    let state = home.join(".local/state/gptoss-tui/log");
    let logs = std::fs::read_dir(state).expect("a folder").flatten();
    let mut logs = logs.filter(|entry| entry.path().extension().is_some_and(|ext| ext == "log"));
    let named = |entry: &std::fs::DirEntry| {
        let name = entry.file_name();
        name.to_string_lossy().starts_with("gptoss-tui.")
    };
    let log = logs.find(named).expect("a log").path();
    let text = std::fs::read_to_string(log).expect("readable");
    let line = text.lines().last().expect("a line");
    let message = line.split_once(": ").map_or(line, |(_, message)| message);
    message.to_owned()
}

#[test]
fn a_panic_of_the_screen_gives_the_terminal_back_and_says_where_the_report_is() {
    let home = tempfile::tempdir().expect("a folder");
    let mut command = program(home.path(), &["--synthetic", "20b"]);
    command.env("GPTOSS_TEST_PANIC_AT", "boom");
    let mut screen = Screen::start(command, 120, 40);
    screen.wait_ready();
    screen.press("keep me\r");
    screen.wait("sent message", |text| text.contains("keep me"));
    screen.press("boom");
    assert_eq!(screen.end(), 1);
    screen.check_given_back();
    let text = screen.text();
    assert!(text.contains("which is a bug: "), "{text}");
    assert!(text.contains("the report is in"), "{text}");
    let reports = std::fs::read_dir(home.path().join(".local/state/gptoss-tui"))
        .expect("a folder for reports")
        .filter(|entry| {
            let name = entry.as_ref().expect("an entry").file_name();
            name.to_string_lossy().starts_with("crash-")
        });
    assert_eq!(reports.count(), 1);

    // What was said before is in the session.
    let mut again = Screen::open(home.path(), &["--synthetic", "20b", "--session", "last"]);
    again.wait("the message", |text| text.contains("keep me"));
    again.press("\u{11}");
    assert_eq!(again.end(), 0);
}

#[test]
fn a_crashed_engine_leaves_the_chat_and_a_usable_program() {
    let home = tempfile::tempdir().expect("a folder");
    let panic = serde_json::json!({"type": "panic", "message": "deliberate"});
    let script = scripts::write(home.path(), &["half ", "an ", "answer"], &[panic]);
    let script = script.to_str().expect("a name in UTF-8");
    let mut screen = Screen::open(home.path(), &["--replay-script", script]);
    screen.wait_ready();
    screen.press("break\r");
    screen.wait("told crash", |text| {
        text.contains("The engine crashed") && text.contains("deliberate")
    });
    screen.press("\u{1b}");
    screen.wait("the partial answer without the popup", |text| {
        text.contains("half an answer")
            && text.contains("was lost when the engine crashed")
            && !text.contains("The engine crashed")
    });
    screen.press("i");
    screen.wait("composer", |text| text.contains("Ctrl+J new line"));
    screen.press("still here");
    screen.wait("a draft", |text| text.contains("still here"));
    screen.press("\u{11}");
    assert_eq!(screen.end(), 0);
    screen.check_given_back();

    let mut again = Screen::open(home.path(), &["--synthetic", "20b", "--session", "last"]);
    again.wait("the partial answer", |text| text.contains("half an answer"));
    again.press("\u{11}");
    assert_eq!(again.end(), 0);
}

#[test]
fn suspended_and_continued_the_screen_is_drawn_anew() {
    let home = tempfile::tempdir().expect("a folder");
    let mut command = CommandBuilder::new("/bin/sh");
    command.args(["-i"]);
    surroundings(&mut command, home.path());
    command.env("PS1", "prompt> ");
    let mut screen = Screen::start(command, 100, 30);
    screen.wait("shell", |text| text.contains("prompt> "));
    let shell_modes = screen.modes();
    let binary = env!("CARGO_BIN_EXE_gptoss-tui");
    screen.press(&format!("{binary} --synthetic 20b\n"));
    screen.wait_ready();
    screen.press("draft");
    screen.wait("draft", |text| text.contains("draft"));
    screen.press("\u{1a}");
    screen.wait("word of the shell", |text| text.contains("Stopped"));
    screen.press("echo in between\n");
    screen.wait("shell's answer", |text| {
        // Typed before the shell had written its prompt, the command stands above it.
        let mut lines = text.lines().map(str::trim_end);
        lines.any(|line| line.trim_start_matches("prompt> ") == "in between")
    });
    assert_eq!(shell_modes, screen.modes(), "as the shell had them");
    screen.press("fg\n");
    screen.wait_for("screen with the draft", |screen| {
        screen.parser.screen().alternate_screen() && screen.text().contains("draft")
    });
    screen.wait_ready();
    screen.press("\u{11}");
    screen.wait_for("shell after the end", |screen| {
        !screen.parser.screen().alternate_screen()
    });
    screen.press("exit\n");
    assert_eq!(screen.end(), 0);
    screen.check_given_back();
}

#[test]
fn a_closed_window_ends_the_program_and_keeps_the_session() {
    let home = tempfile::tempdir().expect("a folder");
    let mut screen = Screen::open(home.path(), &["--synthetic", "20b"]);
    screen.wait_ready();
    screen.press("before the window closes\r");
    screen.wait("some tokens", |text| text.contains("[synthetic]"));
    screen.hang_up();
    screen.end();

    let mut again = Screen::open(home.path(), &["--synthetic", "20b", "--session", "last"]);
    again.wait("the message", |text| {
        text.contains("before the window closes")
    });
    again.press("\u{11}");
    assert_eq!(again.end(), 0);
}
