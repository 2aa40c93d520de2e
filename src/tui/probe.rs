//! What the terminal tells about itself when asked: its background, and its keyboard protocol.
//!
//! The questions go out on a thread of their own while the first frame is drawn. Answers and typed
//! keys come in on the same line, so the same thread reads both and hands the keys on at once:
//! nothing that is typed waits for a terminal that does not answer, and nothing is lost.
//!
//! Invariant: from [`start`] until its keys end nobody else reads the terminal.

use std::io::{self, Write};
use std::thread;
use std::time::{Duration, Instant};

use crossterm::event::Event as TerminalEvent;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::early::{Early, Said};
use super::sources::Keys;
use crate::ui::theme::Backdrop;

/// How long the terminal has for its answers. Keys come through meanwhile, so that this costs a
/// terminal that never answers no more than its colors.
const TIMEOUT: Duration = Duration::from_secs(1);
/// How long a paste that has begun may stay silent. However long it takes, it is read to its end: what
/// is left of it would count as typed, and each of its lines as sent.
const PASTE_SILENCE: Duration = Duration::from_secs(2);
/// How soon it is noticed that nobody wants the keys any more.
const SLICE: Duration = Duration::from_millis(20);

const ASK_BACKGROUND: &[u8] = b"\x1b]11;?\x1b\\";
const ASK_KITTY_KEYS: &[u8] = b"\x1b[?u";
/// Every terminal answers this one, and answers come in order: it ends the asking.
const ASK_ATTRIBUTES: &[u8] = b"\x1b[c";

/// What the terminal answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Answers {
    /// Its background, where it tells.
    pub backdrop: Option<Backdrop>,
    /// Whether it speaks the kitty keyboard protocol.
    pub kitty_keys: bool,
}

/// Asks on a thread; `answer` gets the answers there. The terminal must be in raw mode.
///
/// Gives what is typed meanwhile; it ends with the asking. None where the terminal is not asked.
pub fn start(answer: impl FnOnce(Answers) + Send + 'static) -> Option<Keys> {
    let questions = questions(std::env::var("TERM").ok().as_deref())?;
    let (keys, mut typed) = unbounded_channel();
    let spawned = thread::Builder::new()
        .name("gptoss-probe".to_owned())
        .spawn(move || {
            let answers = ask(&questions, &keys).unwrap_or_else(|error| {
                tracing::debug!(%error, "the terminal cannot be asked");
                Answers::default()
            });
            tracing::debug!(?answers, "the terminal about itself");
            answer(answers);
        });
    if let Err(error) = spawned {
        tracing::error!(%error, "the terminal was not asked about itself");
        return None;
    }
    Some(Box::pin(futures_util::stream::poll_fn(move |context| {
        typed.poll_recv(context).map(|key| key.map(Ok))
    })))
}

/// What is asked; none where the terminal is known to make nothing of questions.
fn questions(term: Option<&str>) -> Option<Vec<u8>> {
    let term = term.filter(|term| !matches!(*term, "" | "dumb" | "Eterm"))?;
    // GNU screen passes this question on and answers the others first, so that the late answer would
    // look typed.
    let is_screen = term == "screen" || term.starts_with("screen.");
    let background = if is_screen { b"" } else { ASK_BACKGROUND };
    Some([background, ASK_KITTY_KEYS, ASK_ATTRIBUTES].concat())
}

fn ask(questions: &[u8], keys: &UnboundedSender<TerminalEvent>) -> io::Result<Answers> {
    let mut out = io::stdout().lock();
    out.write_all(questions)?;
    out.flush()?;
    drop(out);
    let stdin = rustix::stdio::stdin();
    let start = Instant::now();
    let mut last_read = start;
    let mut is_over = false;
    let mut early = Early::default();
    let mut answers = Answers::default();
    let mut buffer = [0; 1024];
    while !keys.is_closed() {
        let end = match early.is_in_paste() {
            true => last_read + PASTE_SILENCE,
            false if is_over => break,
            false => start + TIMEOUT,
        };
        if Instant::now() >= end {
            tracing::debug!("the terminal does not answer");
            break;
        }
        if !is_readable(stdin)? {
            continue;
        }
        let count = rustix::io::read(stdin, &mut buffer)?;
        if count == 0 {
            break;
        }
        last_read = Instant::now();
        for said in early.read(&buffer[..count], count == buffer.len()) {
            match said {
                // Whoever waited for keys may have left; then the loop ends.
                Said::Key(key) => drop(keys.send(key)),
                Said::Backdrop(backdrop) => answers.backdrop = Some(backdrop),
                Said::KittyKeys => answers.kitty_keys = true,
                Said::Attributes => is_over = true,
            }
        }
    }
    Ok(answers)
}

/// Waits a moment for something to read.
fn is_readable(stdin: rustix::fd::BorrowedFd<'_>) -> io::Result<bool> {
    let mut polled = [PollFd::from_borrowed_fd(stdin, PollFlags::IN)];
    let slice = Timespec::try_from(SLICE).map_err(io::Error::other)?;
    match poll(&mut polled, Some(&slice)) {
        // A signal, such as a new size.
        Err(rustix::io::Errno::INTR) => return Ok(false),
        polled => polled?,
    };
    let seen = polled[0].revents();
    if seen.contains(PollFlags::IN) {
        return Ok(true);
    }
    if seen.is_empty() {
        return Ok(false);
    }
    Err(io::Error::other(format!("stdin: {seen:?}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminals_are_asked_what_they_understand() {
        for (term, background, rest) in [
            (None, false, false),
            (Some("dumb"), false, false),
            (Some("screen"), false, true),
            (Some("screen.xterm-256color"), false, true),
            (Some("xterm-256color"), true, true),
        ] {
            let questions = questions(term).unwrap_or_default();
            let asks = |question: &[u8]| {
                questions
                    .windows(question.len())
                    .any(|window| window == question)
            };
            assert_eq!(asks(ASK_BACKGROUND), background, "{term:?}");
            assert_eq!(asks(ASK_ATTRIBUTES), rest, "{term:?}");
            assert_eq!(questions.ends_with(ASK_ATTRIBUTES), rest, "{term:?}");
        }
    }
}
