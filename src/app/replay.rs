//! A recorded run on the screen: the playground's panes on a trace, without a model.
//!
//! [`open`] makes the state to begin with. Afterwards everything that looks works, and everything
//! that would need a model or change the conversation is refused with the reason.

mod recorded;

use std::path::PathBuf;
use std::sync::Arc;

use super::action::Action;
use super::effect::Effect;
use super::key::Key;
use super::popup::Popup;
use super::run::Run;
use super::state::{Focus, Level, ModelStatus, State};
use super::traces::OpenTrace;
use super::update::say;
use crate::share::Figure;
pub use crate::share::LineKind;
use crate::trace_file::Comparison;

/// What is replayed.
#[derive(Debug, Clone)]
pub struct Replay {
    /// Where the file is.
    pub path: PathBuf,
    /// The file's name.
    pub name: String,
    /// Model, weights and time of the recording, in a line.
    pub origin: String,
    /// What another trace does differently; none where none was named.
    pub comparison: Option<Arc<Comparison>>,
    /// The same in lines, each with what it is.
    pub lines: Vec<(LineKind, String)>,
    /// Whether there is a chat to go back to.
    has_chat: bool,
}

impl Replay {
    /// Whether there is a chat to go back to.
    pub fn has_chat(&self) -> bool {
        self.has_chat
    }

    /// Takes a comparison with another trace.
    pub(super) fn compare(&mut self, comparison: Arc<Comparison>) {
        self.lines = comparison.figure(COMPARED, false).lines();
        self.comparison = Some(comparison);
    }

    /// The comparison with another trace, to be shared.
    pub(super) fn figure(&self) -> Option<Figure> {
        let comparison = self.comparison.as_ref()?;
        Some(comparison.figure(COMPARED, true))
    }
}

/// Experts and tokens listed where two traces are compared.
const COMPARED: usize = 20;

/// Shows a trace, and over it how another one differs.
pub fn open(state: &mut State, opened: &OpenTrace, comparison: Option<Arc<Comparison>>) {
    let (name, trace) = (&opened.name, &*opened.trace);
    let log = trace.routing_log();
    state.model = ModelStatus::Ready(recorded::model(name, trace));
    state.telemetry.seq = 1;
    state.telemetry.routing.cumulative = Arc::new(recorded::totals(&log));
    let (prompt, answer) = trace.tokens().split_at(trace.prompt_tokens());
    for op in recorded::conversation(state, trace, prompt, answer) {
        if let Err(error) = state.session.tree.apply(&op) {
            say(state, Level::Error, error.to_string());
        }
    }
    state.runs.add(Run::recorded(
        recorded::ANSWER,
        recorded::prompt_tokens(prompt),
        recorded::records(trace, answer),
        log,
    ));
    state.focus = Focus::Chat;
    let mut replay = Replay {
        path: opened.path.clone(),
        name: name.clone(),
        origin: recorded::origin(trace),
        comparison: None,
        lines: Vec::new(),
        has_chat: state.behind.is_some(),
    };
    if let Some(comparison) = comparison {
        replay.compare(comparison);
        state.popups.push(Popup::Difference { scroll: 0 });
    }
    state.replay = Some(replay);
}

/// Shows a trace over the chat, or in place of the one that is shown.
pub(super) fn enter(state: &mut State, opened: &OpenTrace) {
    let fresh = State {
        preferences: state.preferences.clone(),
        keymap: state.keymap.clone(),
        size: state.size,
        is_mouse_on: state.is_mouse_on,
        log: state.log.clone(),
        started_wall_ms: state.started_wall_ms,
        now_ms: state.now_ms,
        ..State::default()
    };
    let mut before = std::mem::replace(state, fresh);
    state.behind = if before.replay.is_some() {
        before.behind.take()
    } else {
        Some(Box::new(before))
    };
    open(state, opened, None);
    if state.behind.is_some() {
        let key = state.keymap.first_key(Action::CloseTrace);
        let key = key.map_or_else(|| "close-trace".to_owned(), |(_, key)| key.to_string());
        let text = format!("{} is open; {key} goes back to the chat", opened.name);
        say(state, Level::Info, text);
    }
}

/// Asks to go back to the chat.
pub(super) fn close(state: &mut State) -> Vec<Effect> {
    match &state.replay {
        Some(replay) if replay.has_chat => state.replay = None,
        Some(_) => {
            let text = "the program was started with this trace: there is no chat to go back to";
            say(state, Level::Info, text);
        }
        None => say(
            state,
            Level::Info,
            "no trace is open; Ctrl+Q leaves the program",
        ),
    }
    Vec::new()
}

/// Goes back to the chat, which has gone on.
fn leave(state: &mut State, behind: Box<State>) {
    let front = std::mem::replace(state, *behind);
    state.preferences.theme = front.preferences.theme;
    state.size = front.size;
    state.is_mouse_on = front.is_mouse_on;
    state.log = front.log;
    state.now_ms = front.now_ms;
    state.viewport = front.viewport;
}

/// Does something to the chat while a trace lies over it; what it has to say is said here.
pub(super) fn unseen(
    state: &mut State,
    act: impl FnOnce(&mut State) -> Vec<Effect>,
) -> Vec<Effect> {
    let Some(behind) = &mut state.behind else {
        return Vec::new();
    };
    let said = behind.notice.clone();
    let effects = act(behind);
    if behind.notice != said && behind.notice.is_some() {
        state.notice.clone_from(&behind.notice);
    }
    effects
}

/// Does something in a replay, unless it needs a model or changes the conversation.
///
/// It is tried on a copy: whatever an action grows to ask for, nothing of it happens here.
pub(super) fn guarded(
    state: &mut State,
    act: impl FnOnce(&mut State) -> Vec<Effect>,
) -> Vec<Effect> {
    // The chat behind is no part of what is tried.
    let behind = state.behind.take();
    let mut tried = state.clone();
    let effects = act(&mut tried);
    let behind = match behind {
        Some(behind) if tried.replay.is_none() => {
            leave(state, behind);
            return effects;
        }
        behind => behind,
    };
    let needs_more = effects.iter().any(|effect| {
        matches!(
            effect,
            Effect::Engine(_) | Effect::Session(_) | Effect::Save(_) | Effect::Editor(_)
        )
    });
    let is_refused = needs_more || tried.focus == Focus::Composer;
    if !is_refused {
        *state = tried;
    }
    state.behind = behind;
    if is_refused {
        refuse(state);
        return Vec::new();
    }
    effects
}

/// What a replay refuses: it needs a model, or changes a conversation.
pub fn needs_a_model(action: Action) -> bool {
    use Action as A;
    matches!(
        action,
        A::CycleEffort
            | A::Models
            | A::ReloadModel
            | A::HowToGetModels
            | A::ClearCache
            | A::NewSession
            | A::Sessions
            | A::RenameSession
            | A::NewSessionFromHere
            | A::ImportJson
            | A::AnswerNow
            | A::Record
            | A::FollowTrace
            | A::Compose
            | A::Send
            | A::Newline
            | A::Editor
            | A::HistorySearch
            | A::Undo
            | A::Redo
            | A::Regenerate
            | A::RegenerateSameSeed
            | A::Edit
            | A::Continue
            | A::Branch
            | A::PreviousSibling
            | A::NextSibling
            | A::EditSystem
            | A::EditDeveloper
            | A::DropOldestTurns
            | A::SummarizeOldestTurns
            | A::EditSummary
            | A::KeepAllTurns
            | A::MaskExpert
            | A::ForceExpert
            | A::ZeroExpert
            | A::AddRule
            | A::Interventions
            | A::ClearInterventions
            | A::Ablate
            | A::ShareAblation
            | A::ForkToken
            | A::GhostToken
            | A::LookInside
            | A::InsideLens
            | A::InsideSinks
            | A::InsideAttention
            | A::InsideNorms
            | A::InsidePass
            | A::InsideOrder
            | A::ShareLens
            | A::ShareSinks
            | A::ShareAttention
            | A::ShareNorms
            | A::Sampler
            | A::ResetValue
            | A::ResetAll
            | A::SeedLock
            | A::NewSeed
            | A::Presets
            | A::SavePreset
    )
}

/// What has a meaning in a replay alone.
pub(super) fn needs_a_replay(action: Action) -> bool {
    matches!(
        action,
        Action::CompareTrace | Action::CloseTrace | Action::ShareTraces
    )
}

/// Says why nothing happens.
pub(super) fn refuse(state: &mut State) {
    let Some(replay) = &state.replay else {
        return;
    };
    let back = if replay.has_chat {
        "q goes back to the chat"
    } else {
        "? lists the keys"
    };
    let text = format!(
        "a replay of {} can only be looked at: there is no model; {back}",
        replay.name
    );
    say(state, Level::Info, text);
}

/// Says that a key does nothing here.
pub(super) fn unbound(state: &mut State, key: &Key) {
    let text = format!("{key} does nothing in a replay; ? lists the keys, Ctrl+P all actions");
    say(state, Level::Info, text);
}
