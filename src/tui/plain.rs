//! The playground as lines: what is typed is a message or a command that begins with a slash.

use std::ffi::OsStr;
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::PathBuf;
use std::thread;

use tokio::sync::mpsc;

use super::clock::Clock;
use super::effects::{Effects, Outcome};
use super::run::Exit;
use super::signals::{Signal, stop};
use super::terminal::Stop;
use crate::app::action::Action;
use crate::app::{self, Effect, Focus, Report, SessionRequest, State};
use crate::engine::{EventReceiver, TelemetryReceiver};
use crate::harmony::ReasoningEffort;
use crate::session::{SessionId, export};
use crate::ui::plain::{PlainPrinter, analysis, experts, models, sessions};

/// What a line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Line {
    Message(String),
    Act(Action),
    Effort(ReasoningEffort),
    Map,
    Set(String, String),
    Help,
    Analysis,
    Sessions,
    /// The number of a listed session.
    Open(usize),
    Export(PathBuf),
    Models,
    Load(PathBuf),
    Unknown,
}

/// What can be typed.
const COMMANDS: &str = "\
A line is a message; one that begins with a slash is a command, //TEXT sends a text that does.
/stop: stop the model          /answer: end the analysis, go to the answer
/continue: let it go on        /again: answer anew
/analysis: tell the analysis   /map: tell the experts
/effort low, medium or high    /set NAME VALUE: change sampling
/new: begin a session          /sessions: list them; /open NUMBER: open one
/export FILE: write the conversation, as .md, .json or .html
/models: list those found      /load FOLDER: load another model; /load alone loads the last one again
/help: this                    /quit: leave";

/// What is said where a person sits at the keyboard.
const GREETING: &str = "type a message and press Enter; /help tells what else can be typed";

fn parse(line: &str) -> Line {
    let Some(command) = line.strip_prefix('/') else {
        return Line::Message(line.to_owned());
    };
    if command.starts_with('/') {
        return Line::Message(command.to_owned());
    }
    let mut words = command.splitn(2, ' ');
    let (name, rest) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default().trim(),
    );
    match name {
        "answer" => Line::Act(Action::AnswerNow),
        "stop" => Line::Act(Action::StopOrQuit),
        "continue" => Line::Act(Action::Continue),
        "again" => Line::Act(Action::Regenerate),
        "new" => Line::Act(Action::NewSession),
        "quit" => Line::Act(Action::Quit),
        "map" => Line::Map,
        "help" | "?" => Line::Help,
        "analysis" => Line::Analysis,
        "sessions" => Line::Sessions,
        "open" => rest.parse().map_or(Line::Unknown, Line::Open),
        "export" if !rest.is_empty() => Line::Export(PathBuf::from(rest)),
        "models" => Line::Models,
        "load" if rest.is_empty() => Line::Act(Action::ReloadModel),
        "load" => Line::Load(PathBuf::from(rest)),
        "effort" => ReasoningEffort::from_word(rest).map_or(Line::Unknown, Line::Effort),
        "set" => match rest.rsplit_once([' ', '=']) {
            Some((knob, value)) => Line::Set(knob.trim().to_owned(), value.trim().to_owned()),
            None => Line::Unknown,
        },
        _ => Line::Unknown,
    }
}

/// What the lines stand on.
#[expect(missing_debug_implementations, reason = "effects have none")]
pub struct PlainSetup {
    /// The program's clock.
    pub clock: Clock,
    /// The state to begin with.
    pub state: State,
    /// What is to be done first.
    pub effects: Vec<Effect>,
    /// Signals.
    pub signals: mpsc::UnboundedReceiver<Signal>,
    /// The engine's events.
    pub events: EventReceiver,
    /// The engine's figures.
    pub telemetry: TelemetryReceiver,
    /// What performs effects.
    pub performer: Effects,
    /// What became of them.
    pub outcomes: mpsc::UnboundedReceiver<Outcome>,
}

/// What is left when the lines have ended.
#[expect(missing_debug_implementations, reason = "effects have none")]
pub struct PlainEnded {
    /// Whether they ended without a model, so that no line could be answered.
    pub is_without_model: bool,
    /// Why they ended.
    pub exit: Exit,
    /// What performs effects; what it still has to write is to be waited for.
    pub performer: Effects,
}

/// Reads lines until they end or a command leaves; answers go to `out`.
///
/// *Errors:* where `out` cannot be written.
pub async fn run_plain(setup: PlainSetup, out: &mut dyn Write) -> io::Result<PlainEnded> {
    let PlainSetup {
        clock,
        mut state,
        effects,
        mut signals,
        mut events,
        mut telemetry,
        performer,
        mut outcomes,
    } = setup;
    let mut lines = Lines {
        performer,
        printer: PlainPrinter::default(),
        is_over: false,
        listed: Vec::new(),
        asked: 0,
    };
    if io::stdin().is_terminal() {
        writeln!(out, "{GREETING}")?;
    }
    let mut typed = read_lines();
    let mut waiting: Option<Line> = None;
    lines.perform(effects);
    lines.tell(&state, out)?;
    let mut has_ended = false;
    let mut exit = Exit::Quit;
    while !lines.is_over {
        // Without a model, and none coming, a line is refused rather than kept for ever.
        let has_settled = state.model.ready().is_some() || is_stuck(&state);
        let is_free = has_settled && state.running.is_none();
        // Piped lines wait for the answer before them.
        if is_free && let Some(line) = waiting.take() {
            lines.take(&mut state, line, clock.now_ms(), out)?;
            lines.tell(&state, out)?;
            continue;
        }
        if has_ended && waiting.is_none() && is_free && lines.asked == 0 {
            break;
        }
        tokio::select! {
            biased;
            Some(signal) = signals.recv() => match signal {
                Signal::End(signal) => {
                    exit = Exit::Signal(signal);
                    break;
                }
                Signal::Stop => stop(Stop::Process)?,
                Signal::Continue => {}
            },
            line = typed.recv(), if !has_ended && waiting.is_none() => match line.as_deref().map(parse) {
                // These are about the answer that is being written.
                Some(line @ Line::Act(Action::StopOrQuit | Action::AnswerNow)) => {
                    lines.take(&mut state, line, clock.now_ms(), out)?;
                }
                Some(line) => waiting = Some(line),
                None => has_ended = true,
            },
            Some(event) = events.recv() => {
                let effects = app::apply(&mut state, event, clock.now_ms());
                lines.perform(effects);
            }
            Ok(()) = telemetry.changed() => {
                let latest = telemetry.borrow_and_update().clone();
                state.set_telemetry(latest, clock.now_ms());
            }
            Some(outcome) = outcomes.recv() => {
                let report = match outcome {
                    Outcome::Report(report) => lines.told(report, out)?,
                    Outcome::Session(opened) => lines.performer.adopt(&opened),
                    Outcome::CopyTried(attempt) => {
                        lines.performer.copy_tried(&attempt).unwrap_or(Report::Tick)
                    }
                    Outcome::Editor(_) | Outcome::Terminal(_) => Report::Tick,
                };
                let effects = app::report(&mut state, report, clock.now_ms());
                lines.perform(effects);
            }
        }
        lines.tell(&state, out)?;
    }
    Ok(PlainEnded {
        is_without_model: is_stuck(&state),
        exit,
        performer: lines.performer,
    })
}

/// Whether no model will come by itself.
fn is_stuck(state: &State) -> bool {
    matches!(
        state.model,
        app::state::ModelStatus::Failed { .. } | app::state::ModelStatus::None
    )
}

/// Lines of stdin, read on a thread that may block.
fn read_lines() -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel(1);
    // Where the system gives no thread, stdin counts as ended.
    let _ = thread::Builder::new()
        .name("gptoss-lines".to_owned())
        .spawn(move || {
            for line in io::stdin().lock().lines() {
                let Ok(line) = line else { return };
                if !line.trim().is_empty() && sender.blocking_send(line).is_err() {
                    return;
                }
            }
        });
    receiver
}

struct Lines {
    performer: Effects,
    printer: PlainPrinter,
    is_over: bool,
    /// The sessions as they were numbered last.
    listed: Vec<SessionId>,
    /// Lists that were asked for and have not come.
    asked: usize,
}

impl Lines {
    fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Quit => self.is_over = true,
                // There is no screen to do these on.
                Effect::Mouse(_)
                | Effect::Theme(_)
                | Effect::Redraw
                | Effect::Suspend
                | Effect::Editor(_) => {}
                other => drop(self.performer.perform(other)),
            }
        }
    }

    fn take(
        &mut self,
        state: &mut State,
        line: Line,
        now_ms: u64,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        // A trouble was told of; here it hides nothing.
        state.popups.clear();
        self.printer.forget_troubles();
        match line {
            Line::Message(text) => {
                state.focus = Focus::Composer;
                state.composer.set_text(&text);
                self.act(state, Action::Send, now_ms);
            }
            Line::Act(Action::StopOrQuit) if state.running.is_none() => {
                writeln!(out, "nothing is being written")?;
            }
            Line::Act(action) => {
                state.focus = Focus::Chat;
                self.act(state, action, now_ms);
            }
            Line::Effort(effort) => {
                state.preferences.effort = effort;
                writeln!(out, "effort: {effort}")?;
            }
            Line::Map => write!(out, "{}", experts(state))?,
            Line::Set(knob, value) => match app::set_sampling(state, &knob, &value) {
                Ok(effects) => {
                    self.perform(effects);
                    writeln!(out, "{knob}: {value}")?;
                }
                Err(message) => writeln!(out, "error: {message}")?,
            },
            Line::Analysis => write!(out, "{}", analysis(state))?,
            Line::Sessions => {
                let query = String::new();
                self.ask(Effect::Session(SessionRequest::List { query }));
            }
            Line::Open(number) => match number.checked_sub(1).and_then(|at| self.listed.get(at)) {
                Some(id) => {
                    let open = SessionRequest::Open(id.clone());
                    self.perform(vec![Effect::Session(open)]);
                }
                None => writeln!(out, "error: /sessions lists them with their numbers")?,
            },
            Line::Export(path) => {
                let tree = &state.session.tree;
                let text = match path.extension().and_then(OsStr::to_str) {
                    Some("json") => export::json(tree),
                    Some("html") => export::html(tree),
                    _ => export::markdown(tree),
                };
                self.ask(Effect::WriteFile { path, text });
            }
            Line::Models => self.ask(Effect::FindModels),
            Line::Load(path) => self.ask(Effect::LookAtModel(path)),
            Line::Help => writeln!(out, "{COMMANDS}")?,
            Line::Unknown => writeln!(out, "error: there is no such command; /help lists them")?,
        }
        Ok(())
    }

    /// Has something done whose outcome is waited for before the lines end.
    fn ask(&mut self, effect: Effect) {
        self.asked += 1;
        self.perform(vec![effect]);
    }

    /// Tells of lists that came; gives what the state is to be told.
    fn told(&mut self, report: Report, out: &mut dyn Write) -> io::Result<Report> {
        match &report {
            Report::Sessions(found) => {
                write!(out, "{}", sessions(found))?;
                self.listed = found.iter().map(|info| info.id.clone()).collect();
            }
            Report::Models(found) => write!(out, "{}", models(found))?,
            Report::Model(_) | Report::Done(_) | Report::Failed(_) => {}
            _ => return Ok(report),
        }
        self.asked = self.asked.saturating_sub(1);
        Ok(report)
    }

    fn act(&mut self, state: &mut State, action: Action, now_ms: u64) {
        let effects = app::update(state, action, now_ms);
        self.perform(effects);
    }

    fn tell(&mut self, state: &State, out: &mut dyn Write) -> io::Result<()> {
        let news = self.printer.news(state);
        out.write_all(news.as_bytes())?;
        out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_messages_unless_they_begin_with_one_slash() {
        for (line, expected) in [
            ("hello", Line::Message("hello".to_owned())),
            (
                "//etc is a folder",
                Line::Message("/etc is a folder".to_owned()),
            ),
            ("/answer", Line::Act(Action::AnswerNow)),
            ("/effort high", Line::Effort(ReasoningEffort::High)),
            ("/effort huge", Line::Unknown),
            (
                "/set top-p 0.9",
                Line::Set("top-p".to_owned(), "0.9".to_owned()),
            ),
            (
                "/set temperature=0.3",
                Line::Set("temperature".to_owned(), "0.3".to_owned()),
            ),
            ("/help", Line::Help),
            ("/open 2", Line::Open(2)),
            ("/open", Line::Unknown),
            ("/export a b.md", Line::Export(PathBuf::from("a b.md"))),
            ("/load ~/models/x", Line::Load(PathBuf::from("~/models/x"))),
            ("/load", Line::Act(Action::ReloadModel)),
            ("/dance", Line::Unknown),
        ] {
            assert_eq!(parse(line), expected, "{line}");
        }
    }
}
