//! The program in a pseudo-terminal: keys go in, and a terminal's own reading of what comes out.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, SlavePty, native_pty_system};
use rustix::process::Signal;

use crate::support::send;

/// How long a wanted screen may take; reached only by a failing test.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the program asks a terminal last; its answer ends the asking.
pub(super) const ASKED: &[u8] = b"\x1b[c";
/// What a terminal answers: dark, with the kitty protocol.
pub(super) const ANSWERS: &str = "\u{1b}]11;rgb:1e1e/1e1e/1e1e\u{1b}\\\u{1b}[?0u\u{1b}[?62;22c";

/// A program on a screen.
pub(super) struct Screen {
    pub(super) child: Box<dyn Child + Send + Sync>,
    pub(super) parser: vt100::Parser,
    /// All bytes that the program wrote.
    pub(super) raw: Vec<u8>,
    keys: Option<Box<dyn Write + Send>>,
    output: Receiver<Vec<u8>>,
    reader: Option<JoinHandle<()>>,
    is_hung_up: Arc<AtomicBool>,
    terminal: Option<Box<dyn MasterPty + Send>>,
    /// Open until the program has ended, so that the terminal's modes can still be asked for.
    slave: Option<Box<dyn SlavePty + Send>>,
    before: String,
}

/// The program with these arguments, free of the surroundings' settings.
pub(super) fn program(home: &Path, args: &[&str]) -> CommandBuilder {
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_gptoss-tui"));
    command.args(args);
    surroundings(&mut command, home);
    command
}

/// Takes the surroundings' settings away.
pub(super) fn surroundings(command: &mut CommandBuilder, home: &Path) {
    command.env("HOME", home);
    command.env("TERM", "xterm-256color");
    for name in [
        "XDG_CONFIG_HOME",
        "XDG_DATA_HOME",
        "XDG_STATE_HOME",
        "XDG_CACHE_HOME",
        "GPTOSS_LOG",
        "RUST_LOG",
        "COLORFGBG",
        "NO_COLOR",
        "ENV",
    ] {
        command.env_remove(name);
    }
}

impl Screen {
    /// The program on 120x40.
    pub(super) fn open(home: &Path, args: &[&str]) -> Self {
        Self::start(program(home, args), 120, 40)
    }

    pub(super) fn start(command: CommandBuilder, columns: u16, rows: u16) -> Self {
        let pair = native_pty_system()
            .openpty(size(columns, rows))
            .expect("a terminal");
        let before = modes(&*pair.master);
        let child = pair
            .slave
            .spawn_command(command)
            .expect("the program starts");
        let mut reader = pair.master.try_clone_reader().expect("its output");
        let keys = pair.master.take_writer().expect("its keys");
        let is_hung_up = Arc::new(AtomicBool::new(false));
        let (sender, output) = channel();
        let is_over = Arc::clone(&is_hung_up);
        let reader = std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count) = reader.read(&mut buffer) {
                let is_lost = count == 0 || sender.send(buffer[..count].to_vec()).is_err();
                if is_lost || is_over.load(Ordering::SeqCst) {
                    return;
                }
            }
        });
        Self {
            child,
            parser: parser(columns, rows),
            raw: Vec::new(),
            keys: Some(keys),
            output,
            reader: Some(reader),
            is_hung_up,
            terminal: Some(pair.master),
            slave: Some(pair.slave),
            before,
        }
    }

    pub(super) fn text(&self) -> String {
        self.parser.screen().contents()
    }

    pub(super) fn press(&mut self, keys: &str) {
        self.press_bytes(keys.as_bytes());
    }

    pub(super) fn press_bytes(&mut self, keys: &[u8]) {
        let line = self.keys.as_mut().expect("the terminal is open");
        line.write_all(keys).expect("it reads keys");
        line.flush().expect("it reads keys");
    }

    /// Takes output until the screen is as wanted.
    #[track_caller]
    pub(super) fn wait(&mut self, what: &str, is_wanted: impl Fn(&str) -> bool) {
        self.wait_for(what, |screen| is_wanted(&screen.text()));
    }

    /// Waits for the status row to say that the model is ready; "no model is ready" stands elsewhere.
    #[track_caller]
    pub(super) fn wait_ready(&mut self) {
        self.wait("ready model", |text| {
            let mut rows = text.lines();
            rows.any(|row| row.trim_start().starts_with("ready"))
        });
    }

    /// Takes output until the program and its screen are as wanted.
    #[track_caller]
    pub(super) fn wait_for(&mut self, what: &str, is_wanted: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is_wanted(self) {
            let left = deadline.saturating_duration_since(Instant::now());
            let bytes = self.output.recv_timeout(left);
            assert!(bytes.is_ok(), "no {what} on the screen:\n{}", self.text());
            self.take(&bytes.unwrap_or_default());
        }
    }

    /// Takes what comes within a time, and tells how many bytes it was.
    pub(super) fn listen(&mut self, time: Duration) -> usize {
        let (deadline, before) = (Instant::now() + time, self.raw.len());
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.output.recv_timeout(left) {
                Ok(bytes) => self.take(&bytes),
                Err(_) => return self.raw.len() - before,
            }
        }
    }

    /// Whether the program has written these bytes.
    pub(super) fn has_written(&self, bytes: &[u8]) -> bool {
        self.raw.windows(bytes.len()).any(|window| window == bytes)
    }

    fn take(&mut self, bytes: &[u8]) {
        self.raw.extend_from_slice(bytes);
        self.parser.process(bytes);
    }

    /// Waits for the end; takes what it still says.
    #[track_caller]
    pub(super) fn end(&mut self) -> u32 {
        let deadline = Instant::now() + PATIENCE;
        let code = loop {
            if let Some(status) = self.child.try_wait().expect("it was started") {
                break status.exit_code();
            }
            assert!(Instant::now() < deadline, "no end:\n{}", self.text());
            self.listen(Duration::from_millis(10));
        };
        // Of the slave's last holder the reader learns that nothing comes any more.
        if let Some(terminal) = &self.terminal {
            let after = modes(&**terminal);
            assert_eq!(self.before, after, "the terminal's modes are as before");
        }
        self.slave = None;
        loop {
            match self.output.recv_timeout(Duration::from_secs(5)) {
                Ok(bytes) => self.take(&bytes),
                Err(RecvTimeoutError::Disconnected | RecvTimeoutError::Timeout) => return code,
            }
        }
    }

    /// Checks that a screen was taken and everything was given back.
    #[track_caller]
    pub(super) fn check_given_back(&self) {
        let screen = self.parser.screen();
        assert!(self.has_written(b"\x1b[?1049h"), "the screen was in use");
        assert!(!screen.alternate_screen(), "the screen was given back");
        assert!(!screen.hide_cursor(), "the cursor is back");
        assert!(!screen.bracketed_paste(), "pastes are as before");
        assert_eq!(
            screen.mouse_protocol_mode(),
            vt100::MouseProtocolMode::None,
            "the mouse is free"
        );
        let count = |code: &[u8]| {
            let windows = self.raw.windows(code.len());
            windows.filter(|window| *window == code).count()
        };
        assert_eq!(
            count(b"\x1b[>1u"),
            count(b"\x1b[<1u"),
            "the keyboard protocol was popped as often as pushed"
        );
    }

    /// The terminal's line modes now.
    pub(super) fn modes(&self) -> String {
        modes(&**self.terminal.as_ref().expect("the terminal is open"))
    }

    /// Makes the terminal another size.
    pub(super) fn resize(&mut self, columns: u16, rows: u16) {
        let terminal = self.terminal.as_ref().expect("the terminal is open");
        terminal
            .resize(size(columns, rows))
            .expect("it has any size");
        let (rows, columns) = (cells(rows), cells(columns));
        self.parser.screen_mut().set_size(rows, columns);
    }

    /// Closes the terminal's window. Something must still come, which the reader waits for.
    pub(super) fn hang_up(&mut self) {
        self.is_hung_up.store(true, Ordering::SeqCst);
        if let Some(reader) = self.reader.take() {
            reader.join().expect("it ends with the next output");
        }
        (self.keys, self.slave, self.terminal) = (None, None, None);
    }

    pub(super) fn signal(&self, signal: Signal) {
        send(signal, self.child.process_id().expect("it runs"));
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // What a failed test leaves running would keep the terminal's reader waiting.
        let _ = self.child.kill();
    }
}

fn modes(terminal: &dyn MasterPty) -> String {
    format!(
        "{:?}",
        terminal.get_termios().expect("a terminal has modes")
    )
}

fn size(columns: u16, rows: u16) -> PtySize {
    PtySize {
        rows,
        cols: columns,
        pixel_width: 0,
        pixel_height: 0,
    }
}

fn cells(count: u16) -> std::num::NonZero<u16> {
    std::num::NonZero::new(count).expect("not none")
}

fn parser(columns: u16, rows: u16) -> vt100::Parser {
    vt100::Parser::new(cells(rows), cells(columns), 0)
}
