//! The full screen in a pseudo-terminal.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, PtySize, native_pty_system};

/// How long a wanted screen may take; reached only by a failing test.
const PATIENCE: Duration = Duration::from_mins(1);

/// A program on a screen.
struct Screen {
    child: Box<dyn Child + Send + Sync>,
    keys: Box<dyn Write + Send>,
    output: Receiver<Vec<u8>>,
    parser: vt100::Parser,
    /// Keeps the terminal open.
    _terminal: Box<dyn portable_pty::MasterPty + Send>,
}

impl Screen {
    fn open(home: &Path, args: &[&str]) -> Self {
        let size = PtySize {
            rows: 40,
            cols: 120,
            pixel_width: 0,
            pixel_height: 0,
        };
        let pair = native_pty_system().openpty(size).expect("a terminal");
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_gptoss-tui"));
        command.args(args);
        command.env("HOME", home);
        command.env("TERM", "xterm-256color");
        for name in [
            "XDG_CONFIG_HOME",
            "XDG_DATA_HOME",
            "XDG_STATE_HOME",
            "XDG_CACHE_HOME",
        ] {
            command.env_remove(name);
        }
        let child = pair
            .slave
            .spawn_command(command)
            .expect("the program starts");
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().expect("its output");
        let keys = pair.master.take_writer().expect("its keys");
        let (sender, output) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count) = reader.read(&mut buffer) {
                if count == 0 || sender.send(buffer[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        let cells = |count| std::num::NonZero::new(count).expect("not none");
        let parser = vt100::Parser::new(cells(40), cells(120), 0);
        Self {
            child,
            keys,
            output,
            parser,
            _terminal: pair.master,
        }
    }

    fn text(&self) -> String {
        self.parser.screen().contents()
    }

    /// Takes output until the screen is as wanted.
    #[track_caller]
    fn wait(&mut self, what: &str, is_wanted: impl Fn(&str) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is_wanted(&self.text()) {
            let left = deadline.saturating_duration_since(Instant::now());
            let bytes = self.output.recv_timeout(left);
            assert!(bytes.is_ok(), "no {what} on the screen:\n{}", self.text());
            self.parser.process(&bytes.unwrap_or_default());
        }
    }

    /// Waits until keys arrive: while the program asks the terminal about itself, whose answers come
    /// in on the same line, none do.
    #[track_caller]
    fn wait_for_keys(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        while !self.text().contains('~') {
            assert!(
                Instant::now() < deadline,
                "no key arrives:\n{}",
                self.text()
            );
            self.press("~");
            while let Ok(bytes) = self.output.recv_timeout(Duration::from_millis(100)) {
                self.parser.process(&bytes);
            }
        }
        self.press("\u{15}");
        self.wait("empty line", |text| !text.contains('~'));
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("it reads keys");
        self.keys.flush().expect("it reads keys");
    }

    /// Waits for the end; takes what it still says.
    fn end(&mut self) -> u32 {
        let code = self.child.wait().expect("it ends").exit_code();
        while let Ok(bytes) = self.output.recv_timeout(Duration::from_millis(200)) {
            self.parser.process(&bytes);
        }
        code
    }
}

#[test]
fn a_question_is_answered_and_ctrl_c_leaves_the_terminal_as_it_was() {
    let home = tempfile::tempdir().expect("a folder");
    let mut screen = Screen::open(home.path(), &[]);
    screen.wait("ready model", |text| {
        text.contains("ready") && text.contains("Write a message")
    });
    assert!(screen.parser.screen().alternate_screen());
    screen.wait_for_keys();
    screen.press("What is 48 + 75?\r");
    screen.wait("answer", |text| {
        text.contains("123") && text.contains("tok/s")
    });
    screen.wait("map of experts", |text| {
        text.contains("all layers") || text.contains("H chosen")
    });
    screen.wait("end of the answer", |text| text.contains("ready"));
    screen.press("\u{3}");
    screen.wait("armed end", |text| text.contains("Ctrl+C again"));
    screen.press("\u{3}");
    assert_eq!(screen.end(), 0);
    assert!(
        !screen.parser.screen().alternate_screen(),
        "the screen was given back"
    );
    assert!(!screen.parser.screen().hide_cursor(), "the cursor is back");
}

#[test]
fn after_a_kill_the_session_is_there_but_for_the_last_moment() {
    let home = tempfile::tempdir().expect("a folder");
    let mut screen = Screen::open(home.path(), &["--synthetic", "20b"]);
    screen.wait("ready model", |text| text.contains("ready"));
    screen.wait_for_keys();
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
    again.wait_for_keys();
    again.press("\u{11}");
    assert_eq!(again.end(), 0);
}

#[test]
fn keys_wake_an_idle_program_again_and_again() {
    let home = tempfile::tempdir().expect("a folder");
    let mut screen = Screen::open(home.path(), &["--synthetic", "20b"]);
    screen.wait("ready model", |text| text.contains("ready"));
    screen.wait_for_keys();
    for _ in 0..3 {
        screen.press("\u{1b}");
        screen.wait("keys of the chat", |text| text.contains("i write"));
        screen.press("4");
        screen.wait("memory alone", |text| text.contains("[4 Memory]"));
        screen.press("1i");
        // The footer, not the composer alone: that is drawn before the key has arrived, too, and an
        // Esc close behind a digit would be read as one key with Alt.
        screen.wait("composer", |text| {
            text.contains("Enter send") && text.contains("[1 Chat]")
        });
    }
    screen.press("\u{11}");
    assert_eq!(screen.end(), 0);
}

#[test]
fn sigterm_gives_the_terminal_back() {
    let home = tempfile::tempdir().expect("a folder");
    let mut screen = Screen::open(home.path(), &["--synthetic", "20b"]);
    screen.wait("ready model", |text| text.contains("ready"));
    let pid = screen.child.process_id().expect("it runs").to_string();
    let killed = std::process::Command::new("kill")
        .args(["-TERM", &pid])
        .status();
    assert!(killed.expect("kill runs").success());
    assert_ne!(screen.end(), 0);
    assert!(!screen.parser.screen().alternate_screen());
}
