//! Bytes that would command a terminal are shown, never passed on.

use std::path::{Path, PathBuf};

use gptoss::session::{SessionFolder, Tree, TreeOp};

use super::screen::{Screen, program};
use super::scripts;
use crate::support::{done, fixture};

/// Would set the title, write the clipboard, link, leave the screen, and answer as a terminal.
const COMMANDS: &str = "A\u{1b}]0;title\u{7}B\u{1b}]52;c;aGFja2Vk\u{7}C\u{1b}]8;;http://x\u{1b}\\D\u{1b}[?1049lE\u{9b}31mF\u{202e}G";

#[track_caller]
fn check_inert(screen: &Screen) {
    check_quiet(screen);
    assert!(screen.parser.screen().alternate_screen(), "still there");
}

/// The same where no screen is taken.
#[track_caller]
fn check_quiet(screen: &Screen) {
    for command in [
        &b"\x1b]0;"[..],
        b"\x1b]52;",
        b"\x1b]8;",
        "\u{9b}".as_bytes(),
        "\u{202e}".as_bytes(),
    ] {
        assert!(!screen.has_written(command), "{command:?} got through");
    }
}

/// A model folder that is called what a terminal would obey.
fn hostile_model(home: &Path) -> PathBuf {
    let folder = home.join("m\u{1b}]0;x\u{7}\u{1b}]52;c;QQ\u{7}\u{9b}31m\u{202e}model");
    std::fs::create_dir(&folder).expect("any name is a name");
    for entry in std::fs::read_dir(fixture("pub-b/hf")).expect("a fixture") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name");
        std::fs::copy(&path, folder.join(name)).expect("copied");
    }
    folder
}

/// Runs a subcommand in a terminal to its end.
fn in_terminal(home: &Path, args: &[&str]) -> (u32, Screen) {
    let mut screen = Screen::start(program(home, args), 120, 200);
    (screen.end(), screen)
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

#[test]
fn what_a_model_writes_in_lines_cannot_command_the_terminal() {
    let home = tempfile::tempdir().expect("a folder");
    let script = scripts::write(home.path(), &["before ", COMMANDS, " after"], &[]);
    let script = script.to_str().expect("a name in UTF-8");
    let mut screen = Screen::open(home.path(), &["--plain", "--replay-script", script]);
    screen.press("go\r");
    screen.wait("end of the answer", |text| text.contains("after"));
    check_quiet(&screen);
}

#[test]
fn generated_escapes_are_pictures_on_a_terminal_and_bytes_in_a_pipe() {
    let home = tempfile::tempdir().expect("a folder");
    // Of the built-in model's vocabulary: the byte of ESC.
    let args = [
        "generate",
        "--raw",
        "-p",
        "x",
        "-n",
        "3",
        "--temperature",
        "0",
        "--logit-bias",
        "215=100",
    ];
    let (code, screen) = in_terminal(home.path(), &args);
    assert_eq!(code, 0);
    assert!(
        screen.text().contains("\u{241b}\u{241b}\u{241b}"),
        "{}",
        screen.text()
    );
    assert!(
        !screen.has_written(b"\x1b\x1b"),
        "no byte of it got through"
    );
    assert_eq!(done(&args).stdout, "\u{1b}\u{1b}\u{1b}\n");
}

#[test]
fn a_chats_escapes_are_pictures_on_a_terminal() {
    let home = tempfile::tempdir().expect("a folder");
    let args = [
        "chat",
        "-n",
        "3",
        "--temperature",
        "0",
        "--show-analysis",
        "--logit-bias",
        "215=100",
    ];
    let mut screen = Screen::start(program(home.path(), &args), 120, 40);
    screen.wait("an invitation", |text| text.contains("> "));
    screen.press("hello\r");
    screen.wait("pictures", |text| text.contains("\u{241b}\u{241b}"));
    assert!(
        !screen.has_written(b"\x1b\x1b"),
        "no byte of it got through"
    );
}

#[test]
fn a_model_folders_name_cannot_command_the_terminal() {
    let home = tempfile::tempdir().expect("a folder");
    let model = hostile_model(home.path());
    let path = model.to_str().expect("a name in UTF-8");
    for args in [
        &["inspect", path][..],
        &["generate", path, "-p", "x"],
        &["inspect", &format!("{path}/none")],
    ] {
        let (_, screen) = in_terminal(home.path(), args);
        assert!(screen.text().contains("model"), "{}", screen.text());
        check_quiet(&screen);
    }
    let mut screen = Screen::open(home.path(), &[path]);
    screen.wait("the model's name", |text| text.contains("model"));
    screen.wait_for("a screen", |screen| {
        screen.parser.screen().alternate_screen()
    });
    screen.press("\u{10}");
    check_inert(&screen);
    screen.press("\u{11}");
    screen.end();
    check_quiet(&screen);
}

#[test]
fn a_sessions_title_cannot_command_the_terminal() {
    let home = tempfile::tempdir().expect("a folder");
    let folder = SessionFolder::new(home.path().join("sessions"));
    let mut tree = Tree::default();
    let title = format!("title {COMMANDS} end");
    tree.apply(&TreeOp::SetTitle { title }).expect("it fits");
    drop(folder.create(&tree, 1).expect("written"));
    let setting = format!("session.folder={}", folder.path().display());
    let mut screen = Screen::open(home.path(), &["--synthetic", "20b", "--set", &setting]);
    screen.wait_ready();
    screen.press("\u{13}");
    screen.wait("the list of sessions", |text| text.contains("title A"));
    check_inert(&screen);
    screen.press("\r");
    screen.wait("the session", |text| {
        !text.contains("resume") && text.contains("title A")
    });
    check_inert(&screen);
    screen.press("\u{11}");
    assert_eq!(screen.end(), 0);
}

#[test]
fn a_line_of_a_megabyte_streams_in_and_the_screen_stays_alive() {
    let home = tempfile::tempdir().expect("a folder");
    let piece = format!("{}\u{1b}[2J\u{9b}31m", "word\u{202e}".repeat(150));
    let pieces: Vec<&str> = std::iter::repeat_n(&*piece, 1100)
        .chain([" the end"])
        .collect();
    assert!(piece.len() * 1100 > 1 << 20);
    let script = scripts::write(home.path(), &pieces, &[]);
    let script = script.to_str().expect("a name in UTF-8");
    let mut screen = Screen::open(home.path(), &["--replay-script", script]);
    screen.wait_ready();
    screen.press("go\r");
    screen.wait("end of the answer", |text| text.contains("the end"));
    check_inert(&screen);
    screen.press("\u{11}");
    assert_eq!(screen.end(), 0);
}
