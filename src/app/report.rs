//! What the results of effects change.

use super::effect::{Effect, Report};
use super::inside::InsideView;
use super::popup::Popup;
use super::recording;
use super::replay;
use super::state::{Level, ModelFailure, ModelStatus, SessionState, State};
use super::update::{self, ghost, inside, models, profile, say, traces};
use crate::engine::protocol::{Command, ErrorKind, ErrorReport, RequestId};
use crate::session::{Access, Opened, SessionId, StoreEvent, TreeOp, TurnOutcome};

/// Takes what became of an effect.
pub fn report(state: &mut State, report: Report, now_ms: u64) -> Vec<Effect> {
    state.now_ms = now_ms;
    if state.behind.is_some() && is_of_the_chat(&report) {
        return replay::unseen(state, |behind| super::report(behind, report, now_ms));
    }
    state.take_arrivals();
    let mut effects = if matches!(report, Report::Tick) {
        replay::unseen(state, |behind| super::report(behind, Report::Tick, now_ms))
    } else {
        Vec::new()
    };
    effects.extend(take(state, report));
    effects.extend(update::after(state));
    effects
}

/// Whether a report concerns the chat, not what lies over it.
fn is_of_the_chat(report: &Report) -> bool {
    matches!(
        report,
        Report::EngineBusy(_)
            | Report::EngineRefused { .. }
            | Report::EngineGone
            | Report::Recorded(_)
            | Report::EditorClosed(_)
            | Report::SessionOpened { .. }
            | Report::Store(_)
    )
}

fn take(state: &mut State, report: Report) -> Vec<Effect> {
    match report {
        Report::Done(text) => say(state, Level::Info, text),
        Report::Failed(text) => say(state, Level::Error, text),
        Report::EngineBusy(command) => return engine_busy(state, *command),
        Report::EngineRefused { request, message } => return refused(state, request, &message),
        Report::EngineGone => return engine_gone(state),
        Report::ProfileRead { name, text } => return profile::read(state, name, text),
        Report::Trace(read) => return traces::take(state, read),
        Report::Recorded(report) => recording::report(state, report),
        Report::EditorClosed(text) => {
            state.composer.set_text(text.trim_end_matches('\n'));
            state.enter_composer();
        }
        Report::SessionOpened { id, opened, offset } => {
            return session_opened(state, id, *opened, offset);
        }
        Report::Sessions(mut sessions) => {
            // The open one's title may be on its way to the disk.
            let own = state.session.id.as_ref();
            for info in sessions.iter_mut().filter(|info| Some(&info.id) == own) {
                info.title = state.session.tree.title_or_beginning();
            }
            if let Some(Popup::Sessions(list)) = state.popups.last_mut() {
                let chosen = list.chosen().map(|info| info.id.clone());
                let place = sessions
                    .iter()
                    .position(|info| Some(&info.id) == chosen.as_ref());
                list.shown = (0..sessions.len()).collect();
                list.entries = sessions;
                list.selected = place.unwrap_or(list.selected);
                list.step(0);
            }
        }
        Report::SessionSavedAs(id) => {
            say(
                state,
                Level::Info,
                format!("saved as a session of its own, {id}"),
            );
            state.session.id = Some(id);
            state.session.access = Access::Writable;
            state.session.trouble = None;
        }
        Report::Store(event) => store(state, event),
        Report::Models(found) => return models::found(state, found),
        Report::Model(entry) => return models::load(state, &entry),
        Report::Log(lines) => state.log = lines,
        Report::Gpu(readings) => state.meters.gpu(readings, state.now_ms),
        Report::FrameCost { micros } => state.meters.frame_micros.push(state.now_ms, micros as f64),
        Report::Tick => {}
    }
    Vec::new()
}

fn engine_busy(state: &mut State, command: Command) -> Vec<Effect> {
    match command {
        Command::Generate(generate) => {
            refused(state, Some(generate.id), "the engine is busy; try again")
        }
        Command::Load(load) => refused(state, Some(load.id), "the engine is busy; try again"),
        Command::Inspect(inspect) => {
            refused(state, Some(inspect.id), "the engine is busy; try again")
        }
        Command::InspectCost { seq, .. } => {
            inside::unheard(state, seq);
            Vec::new()
        }
        Command::UpdateSampling { .. } => {
            state.sampling.is_unsent = true;
            Vec::new()
        }
        Command::Predict { .. } => {
            // It is asked again a little later.
            state.predicted_for.prompt = None;
            Vec::new()
        }
        _ => {
            say(
                state,
                Level::Warning,
                "the engine is busy; the change was not taken",
            );
            Vec::new()
        }
    }
}

fn refused(state: &mut State, request: Option<RequestId>, message: &str) -> Vec<Effect> {
    say(state, Level::Error, message);
    let report = ErrorReport::new(ErrorKind::Busy, message);
    if let Some(request) = request
        && inside::failed(state, request, &report)
    {
        return Vec::new();
    }
    if request.is_some() && state.summing.as_ref().map(|summing| summing.request) == request {
        state.summing = None;
        return Vec::new();
    }
    if let ModelStatus::Loading {
        request: loading,
        source,
        ..
    } = &state.model
        && Some(*loading) == request
    {
        state.model = ModelStatus::Failed {
            source: source.clone(),
            failure: ModelFailure::Load,
            report,
        };
        return Vec::new();
    }
    let running = state
        .running
        .take_if(|running| Some(running.request) == request);
    match running {
        Some(running) => {
            let at_ms = state.wall_ms();
            let outcome = TurnOutcome::Failed(report);
            state.change(vec![TreeOp::Finish {
                node: running.node,
                outcome,
                events: Vec::new(),
                at_ms,
            }])
        }
        None => Vec::new(),
    }
}

fn engine_gone(state: &mut State) -> Vec<Effect> {
    state.popups.push(Popup::Trouble {
        title: "The engine has ended".to_owned(),
        lines: vec![
            "It ended without being asked to; the log tells more.".to_owned(),
            "The conversation is saved. Leave with Ctrl+Q and start the program again.".to_owned(),
        ],
        remedy: None,
    });
    if let Some(request) = state.inside.as_ref().and_then(InsideView::request) {
        let report = ErrorReport::new(ErrorKind::Crash, "the engine has ended");
        inside::failed(state, request, &report);
    }
    let request = state.running.as_ref().map(|running| running.request);
    refused(state, request, "the engine has ended")
}

fn session_opened(
    state: &mut State,
    id: SessionId,
    opened: Opened,
    offset: Option<u64>,
) -> Vec<Effect> {
    let damage = opened.damage.as_ref().map(ToString::to_string);
    let unsaved = match &opened.access {
        Access::ReadOnly { reason } => Some(format!(
            "this session is read-only: {reason}; what you change is saved in a copy"
        )),
        Access::Unsaved { reason } => Some(format!("nothing is saved yet: {reason}")),
        Access::Writable | Access::InMemory => None,
    };
    let draft = opened.tree.draft().to_owned();
    state.session = SessionState {
        id: Some(id),
        tree: opened.tree,
        access: opened.access,
        trouble: None,
    };
    state.chat = super::chat::ChatView {
        is_unfolded: state.chat.is_unfolded,
        is_raw: state.chat.is_raw,
        ..Default::default()
    };
    let effects = match offset {
        Some(offset) => {
            keep_running(state, offset);
            Vec::new()
        }
        None => leave_running(state),
    };
    state.predicted_for.prompt = None;
    // What was typed before the session was open is not lost.
    if state.composer.is_blank() {
        state.composer.set_text(&draft);
    }
    let troubles: Vec<String> = damage.into_iter().chain(unsaved).collect();
    let trouble = (!troubles.is_empty()).then(|| troubles.join("; "));
    if let Some(trouble) = trouble {
        say(state, Level::Warning, trouble);
    }
    effects
}

/// What was said before the session was open goes on in it, under other names.
fn keep_running(state: &mut State, offset: u64) {
    state.runs.rename(offset);
    if let Some(current) = &mut state.recording.current {
        current.node.0 += offset;
    }
    let lab = &mut state.token_lab;
    lab.marked.iter_mut().for_each(|mark| mark.node.0 += offset);
    lab.ghost
        .iter_mut()
        .for_each(|ghost| ghost.branching.node.0 += offset);
    if let Some(running) = &mut state.running {
        running.node.0 += offset;
    }
}

/// The session before is closed already; an answer that was begun in it since is over.
fn leave_running(state: &mut State) -> Vec<Effect> {
    let mut effects = ghost::clear(state);
    effects.extend(state.forget_summing());
    state.forget_runs();
    state.map.token = super::map::TokenCursor::Newest;
    let Some(running) = state.running.take() else {
        return effects;
    };
    say(
        state,
        Level::Warning,
        "the answer in the session before was interrupted",
    );
    effects.push(Effect::Cancel(running.request));
    effects
}

fn store(state: &mut State, event: StoreEvent) {
    match event {
        StoreEvent::Failed { message } => {
            say(state, Level::Error, format!("not saved: {message}"));
            state.session.trouble = Some(message);
        }
        StoreEvent::Recovered => {
            say(state, Level::Info, "saved again");
            state.session.trouble = None;
        }
    }
}
