//! What each action does. One file a part of the screen; this one divides the work.

pub(super) mod ablate;
pub(super) mod chat;
pub(super) mod code;
pub(super) mod compose;
mod follows;
pub(super) mod generate;
pub(super) mod ghost;
pub(super) mod inside;
pub(super) mod lab;
mod leave;
pub(super) mod map;
pub(super) mod models;
mod own_pane;
pub(super) mod popups;
pub(super) mod profile;
pub(in crate::app) mod sampler;
pub(super) mod search;
pub(super) mod sessions;
pub(super) mod share;
pub(super) mod summary;
pub(super) mod tokens;
pub(super) mod traces;
pub(super) mod tree;

use super::action::Action;
use super::effect::Effect;
use super::input;
use super::popup::{ExportFormat, Popup, Question};
use super::recording;
use super::replay;
use super::share::Shared;
use super::state::{Focus, Level, ModelStatus, Notice, State, View};
use super::traces::TracePurpose;
use super::viewport::SMALLEST_PANES;
use crate::engine::protocol::{Command, LoadRequest, ModelSource, RequestId};
use crate::harmony::ReasoningEffort;
use crate::session::TreeOp;
pub(super) use follows::{DRAFT_REST_MS, after};

/// How long a notice stays.
const NOTICE_MS: u64 = 6_000;

/// Does what a person asked for.
pub fn update(state: &mut State, action: Action, now_ms: u64) -> Vec<Effect> {
    state.now_ms = now_ms;
    state.take_arrivals();
    if state.replay.is_some() {
        return replay::guarded(state, |state| act(state, action));
    }
    act(state, action)
}

fn act(state: &mut State, action: Action) -> Vec<Effect> {
    let mut effects = perform(state, action);
    effects.extend(after(state));
    effects
}

pub(super) fn perform(state: &mut State, action: Action) -> Vec<Effect> {
    if let Some(effects) = popups::perform(state, action) {
        return effects;
    }
    if state.replay.is_some() && replay::needs_a_model(action) {
        replay::refuse(state);
        return Vec::new();
    }
    let from_pane = match state.focus {
        Focus::Experts => map::perform(state, action),
        Focus::Sampler => sampler::perform(state, action),
        Focus::Composer => compose::perform(state, action),
        Focus::Log => log_action(state, action),
        Focus::Tokens => tokens::perform(state, action),
        Focus::Chat | Focus::Memory => None,
    };
    from_pane.unwrap_or_else(|| everywhere(state, action))
}

fn everywhere(state: &mut State, action: Action) -> Vec<Effect> {
    match action {
        Action::StopOrQuit => leave::stop_or_quit(state),
        Action::Quit => leave::quit(state),
        Action::Help => popups::open(state, |state| Popup::Help {
            context: state.context(),
            scroll: 0,
        }),
        Action::Palette => popups::palette(state),
        Action::CycleEffort => cycle_effort(state),
        Action::Models => models::list(state),
        Action::HowToGetModels => models::how_to(state),
        Action::ReloadModel => reload(state),
        Action::Redraw => vec![Effect::Redraw],
        Action::Suspend => vec![Effect::Suspend],
        Action::Mouse => {
            state.is_mouse_on = !state.is_mouse_on;
            vec![Effect::Mouse(state.is_mouse_on)]
        }
        Action::Compose => focus(state, Focus::Composer),
        Action::Back => focus(state, Focus::Chat),
        Action::NextPane => {
            let next = input::next_pane(state);
            focus(state, next)
        }
        Action::ViewChat => show(state, View::Chat),
        Action::ViewExperts => show(state, View::Experts),
        Action::ViewTokens => show(state, View::Tokens),
        Action::ViewMemory => show(state, View::Memory),
        Action::ViewLog => show(state, View::Log),
        Action::ZoomPane => {
            state.is_zoomed = !state.is_zoomed;
            Vec::new()
        }
        Action::Sampler => sampler::toggle(state),
        Action::Freeze => map::freeze(state),
        Action::TokenBack => map::step_token(state, false),
        Action::TokenOn => map::step_token(state, true),
        Action::TokenFollow => map::follow(state),
        Action::ForkToken => tokens::fork(state),
        Action::GhostToken => ghost::toggle(state),
        Action::TintTokens => tokens::tint(state),
        Action::Ablate => ablate::begin(state),
        Action::ShowAblation if has_comparison(state) => {
            popups::open(state, |_| Popup::Difference { scroll: 0 })
        }
        Action::ShowAblation => ablate::show(state),
        Action::LookInside => inside::begin(state),
        Action::Record => recording::toggle(state),
        Action::OpenTrace => traces::choose(state, TracePurpose::Open),
        Action::CompareTrace => traces::choose(state, TracePurpose::Compare),
        Action::FollowTrace => traces::choose(state, TracePurpose::Follow),
        Action::CloseTrace => replay::close(state),
        Action::OpenProfile => popups::ask(state, Question::Profile, ""),
        Action::ShowProfile => profile::show(state),
        Action::MaskExpert
        | Action::ForceExpert
        | Action::ZeroExpert
        | Action::AddRule
        | Action::Interventions
        | Action::ClearInterventions => lab::perform(state, action),
        Action::CycleTheme => cycle_theme(state),
        Action::ClearCache => clear_cache(state),
        Action::NewSession
        | Action::Sessions
        | Action::RenameSession
        | Action::NewSessionFromHere => sessions::perform(state, action),
        Action::ExportMarkdown => export(state, ExportFormat::Markdown, "md"),
        Action::ExportJson => export(state, ExportFormat::Json, "json"),
        Action::ExportHtml => export(state, ExportFormat::Html, "html"),
        Action::ShareMap => share::begin(state, Shared::Map),
        Action::ShareCard => share::begin(state, Shared::Card),
        Action::ShareAblation => share::begin(state, Shared::Ablation),
        Action::ShareLens => share::begin(state, Shared::Lens),
        Action::ShareSinks => share::begin(state, Shared::Sinks),
        Action::ShareAttention => share::begin(state, Shared::Attention),
        Action::ShareProfile => share::begin(state, Shared::Profile),
        Action::ShareNorms => share::begin(state, Shared::Norms),
        Action::ShareTraces => share::begin(state, Shared::Traces),
        Action::ImportJson => popups::ask(state, Question::Import, ""),
        _ => own_pane::perform(state, action),
    }
}

/// Asks for a file, and proposes one that is called like the conversation.
fn export(state: &mut State, format: ExportFormat, extension: &str) -> Vec<Effect> {
    let title = state.session.tree.title_or_beginning();
    let name = format!("{}.{extension}", file_name(&title));
    popups::ask(state, Question::Export(format), &name)
}

/// A title as a file's name: its letters and digits, with hyphens between the words.
fn file_name(title: &str) -> String {
    let words = title.split(|character: char| !character.is_alphanumeric());
    let words: Vec<String> = words
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .take(8)
        .collect();
    if words.is_empty() {
        "conversation".to_owned()
    } else {
        words.join("-")
    }
}

/// Whether a replay is compared with another one.
fn has_comparison(state: &State) -> bool {
    let replay = state.replay.as_ref();
    replay.is_some_and(|replay| !replay.lines.is_empty())
}

fn log_action(state: &mut State, action: Action) -> Option<Vec<Effect>> {
    let page = i64::from(state.size.1.saturating_sub(6).max(1));
    match action {
        Action::Up => scroll_log(state, 1),
        Action::Down => scroll_log(state, -1),
        Action::PageUp => scroll_log(state, page),
        Action::PageDown => scroll_log(state, -page),
        Action::Top => scroll_log(state, i64::MAX),
        Action::Bottom => state.log_scroll = 0,
        _ => return None,
    }
    Some(Vec::new())
}

pub(super) fn scroll_log(state: &mut State, lines: i64) {
    let last = state.log.len().saturating_sub(1) as i64;
    state.log_scroll = (state.log_scroll as i64)
        .saturating_add(lines)
        .clamp(0, last) as usize;
}

fn focus(state: &mut State, to: Focus) -> Vec<Effect> {
    if to == Focus::Composer {
        state.enter_composer();
    } else {
        state.focus = to;
    }
    let shows_chat = matches!(to, Focus::Chat | Focus::Composer);
    // On a narrow screen the composer and the chat are one view.
    if shows_chat && !state.viewport.panes.iter().any(|(pane, _)| *pane == to) {
        state.view = View::Chat;
        state.is_zoomed = false;
    }
    Vec::new()
}

pub(super) fn show(state: &mut State, view: View) -> Vec<Effect> {
    if view != View::Chat && is_too_small(state) {
        let (columns, rows) = SMALLEST_PANES;
        let text = format!("panes need {columns} columns and {rows} rows; this is the chat alone");
        say(state, Level::Info, text);
        return Vec::new();
    }
    state.view = view;
    state.is_zoomed = false;
    state.focus = input::focus_of(view);
    if view == View::Log {
        return vec![Effect::ReadLog];
    }
    Vec::new()
}

/// Whether the screen has room for the chat alone; before its size is known, it has not.
fn is_too_small(state: &State) -> bool {
    let (columns, rows) = state.size;
    let is_known = columns > 0 && rows > 0;
    is_known && (columns < SMALLEST_PANES.0 || rows < SMALLEST_PANES.1)
}

fn cycle_effort(state: &mut State) -> Vec<Effect> {
    state.preferences.effort = match state.preferences.effort {
        ReasoningEffort::Low => ReasoningEffort::Medium,
        ReasoningEffort::Medium => ReasoningEffort::High,
        ReasoningEffort::High => ReasoningEffort::Low,
    };
    // The effort is told in the system message.
    state.predicted_for.prompt = None;
    Vec::new()
}

fn cycle_theme(state: &mut State) -> Vec<Effect> {
    let themes = &state.preferences.themes;
    let place = themes
        .iter()
        .position(|name| *name == state.preferences.theme);
    let next = place.map_or(0, |place| (place + 1) % themes.len().max(1));
    let Some(name) = themes.get(next).cloned() else {
        return Vec::new();
    };
    say(state, Level::Info, format!("theme: {name}"));
    state.preferences.theme.clone_from(&name);
    vec![Effect::Theme(name)]
}

fn clear_cache(state: &mut State) -> Vec<Effect> {
    if state.running.is_some() {
        say(state, Level::Warning, "stop the model first");
        return Vec::new();
    }
    vec![Effect::Engine(Command::Reset)]
}

fn reload(state: &mut State) -> Vec<Effect> {
    match &state.model {
        ModelStatus::Failed { source, .. } | ModelStatus::Loading { source, .. } => {
            let source = source.clone();
            load(state, source)
        }
        ModelStatus::Ready(_) | ModelStatus::None => match state.loaded_source.clone() {
            Some(source) => load(state, source),
            None => models::list(state),
        },
    }
}

/// Asks the engine for a model.
pub(super) fn load(state: &mut State, source: ModelSource) -> Vec<Effect> {
    let request = state.next_request();
    state.model = ModelStatus::Loading {
        request,
        source: source.clone(),
        progress: None,
    };
    state.loaded_source = Some(source.clone());
    let options = state.preferences.load;
    vec![Effect::Engine(Command::Load(LoadRequest {
        id: request,
        source,
        options,
    }))]
}

/// Begins with a model: what the program does when it starts.
pub fn start(state: &mut State, source: ModelSource, now_ms: u64) -> Vec<Effect> {
    state.now_ms = now_ms;
    load(state, source)
}

/// Shows a line in the status bar.
pub(super) fn say(state: &mut State, level: Level, text: impl Into<String>) {
    state.notice = Some(Notice {
        text: text.into(),
        level,
        until_ms: state.now_ms + NOTICE_MS,
    });
}

impl State {
    /// A new request's id.
    pub(super) fn next_request(&mut self) -> RequestId {
        self.newest_request = self.newest_request.next();
        self.newest_request
    }

    /// Changes the conversation; what was changed is to be saved.
    pub(super) fn change(&mut self, ops: Vec<TreeOp>) -> Vec<Effect> {
        if ops.iter().any(|op| !matches!(op, TreeOp::SetDraft { .. })) {
            self.predicted_for.prompt = None;
        }
        let mut done = Vec::with_capacity(ops.len());
        for op in ops {
            match self.session.tree.apply(&op) {
                Ok(()) => done.push(op),
                Err(error) => say(self, Level::Error, error.to_string()),
            }
        }
        if done.is_empty() {
            return Vec::new();
        }
        vec![Effect::Save(done)]
    }
}
