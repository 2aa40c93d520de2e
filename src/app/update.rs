//! What each action does. One file a part of the screen; this one divides the work.

pub(super) mod ablate;
pub(super) mod chat;
pub(super) mod code;
pub(super) mod compose;
pub(super) mod generate;
pub(super) mod ghost;
pub(super) mod inside;
pub(super) mod lab;
pub(super) mod map;
pub(super) mod models;
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

use super::action::{Action, Context};
use super::effect::Effect;
use super::input;
use super::popup::{ExportFormat, Popup, Question};
use super::prediction;
use super::recording;
use super::replay;
use super::share::Shared;
use super::state::{Focus, Level, ModelStatus, Notice, State, View};
use super::traces::TracePurpose;
use super::viewport::SMALLEST_PANES;
use crate::engine::protocol::{Command, LoadRequest, ModelSource, RequestId};
use crate::harmony::ReasoningEffort;
use crate::session::TreeOp;

/// How long a notice stays.
const NOTICE_MS: u64 = 6_000;

/// How long a first Ctrl+C waits for a second.
const QUIT_ARMED_MS: u64 = 2_000;

/// How long the draft has to rest before it is predicted and saved.
pub(super) const DRAFT_REST_MS: u64 = 400;

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
        Action::StopOrQuit => stop_or_quit(state),
        Action::Quit => quit(state),
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
        _ => in_own_pane(state, action),
    }
}

/// Goes where an action belongs and does it there: it was asked for by name from elsewhere.
fn in_own_pane(state: &mut State, action: Action) -> Vec<Effect> {
    match action {
        Action::PageLeft
        | Action::PageRight
        | Action::ZoomIn
        | Action::ZoomOut
        | Action::MapSource
        | Action::MapSourceBack
        | Action::MapMeasure
        | Action::MapScale
        | Action::MapFigure
        | Action::NextChoice
        | Action::PreviousChoice
        | Action::ExpertCard => on_the_map(state, action),
        Action::ResetValue
        | Action::ResetAll
        | Action::SeedLock
        | Action::NewSeed
        | Action::Presets
        | Action::SavePreset => in_the_sampler(state, action),
        Action::Send
        | Action::Newline
        | Action::Editor
        | Action::HistorySearch
        | Action::Undo
        | Action::Redo => in_the_composer(state, action),
        _ => chat::perform(state, action),
    }
}

/// Does it in the composer.
fn in_the_composer(state: &mut State, action: Action) -> Vec<Effect> {
    let mut effects = focus(state, Focus::Composer);
    effects.extend(compose::perform(state, action).unwrap_or_default());
    effects
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

/// Does it on the map.
fn on_the_map(state: &mut State, action: Action) -> Vec<Effect> {
    let is_shown = |(pane, _): &(Focus, _)| *pane == Focus::Experts;
    if state.viewport.panes.iter().any(is_shown) {
        state.focus = Focus::Experts;
    } else {
        show(state, View::Experts);
    }
    let done = (state.focus == Focus::Experts).then(|| map::perform(state, action));
    done.flatten().unwrap_or_default()
}

/// Does it in the sampling panel.
fn in_the_sampler(state: &mut State, action: Action) -> Vec<Effect> {
    state.is_sampler_open = true;
    state.focus = Focus::Sampler;
    sampler::perform(state, action).unwrap_or_default()
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

fn stop_or_quit(state: &mut State) -> Vec<Effect> {
    if state.running.is_some() {
        return generate::stop(state);
    }
    let stopped = ghost::stop(state)
        .or_else(|| ablate::stop(state))
        .or_else(|| summary::stop(state))
        .or_else(|| inside::stop(state));
    if let Some(effects) = stopped {
        return effects;
    }
    if let ModelStatus::Loading { request, .. } = state.model {
        say(state, Level::Info, "stopping the load");
        return vec![Effect::Cancel(request)];
    }
    if !state.composer.is_blank() {
        state.composer.clear();
        let undo = state.keymap.keys(Context::Composer, Action::Undo);
        let text = match undo.first() {
            Some(key) => format!("draft cleared; {key} brings it back"),
            None => "draft cleared".to_owned(),
        };
        say(state, Level::Info, text);
        return Vec::new();
    }
    if state
        .quit_armed_until_ms
        .is_some_and(|until| state.now_ms <= until)
    {
        return vec![Effect::Quit];
    }
    state.quit_armed_until_ms = Some(state.now_ms + QUIT_ARMED_MS);
    say(state, Level::Info, "press Ctrl+C again to leave");
    Vec::new()
}

fn quit(state: &mut State) -> Vec<Effect> {
    let mut effects = Vec::new();
    if let Some(running) = &state.running {
        effects.push(Effect::Cancel(running.request));
    }
    effects.push(Effect::Quit);
    effects
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

/// What follows from whatever has changed: the draft is predicted and saved once it rests.
pub(super) fn after(state: &mut State) -> Vec<Effect> {
    if state
        .notice
        .as_ref()
        .is_some_and(|notice| notice.until_ms <= state.now_ms)
    {
        state.notice = None;
    }
    if state
        .quit_armed_until_ms
        .is_some_and(|until| until < state.now_ms)
    {
        state.quit_armed_until_ms = None;
    }
    let draft = state.composer.draft();
    let prediction = prediction::predict(state);
    let mut effects = Vec::new();
    if draft != state.session.tree.draft() && rests(state, &draft) {
        effects = state.change(vec![TreeOp::SetDraft { text: draft }]);
    }
    effects.extend(prediction);
    effects.extend(recording::follow(state));
    traces::follow_to_the_end(state);
    map::place_cursor(state);
    effects.extend(inside::ask_again(state));
    effects
}

/// Whether the draft has been the same for a while.
fn rests(state: &mut State, draft: &str) -> bool {
    if state.resting.0 != draft {
        state.resting = (draft.to_owned(), state.now_ms);
    }
    state.resting.1 + DRAFT_REST_MS <= state.now_ms
}

impl State {
    /// When something changes without an input: a notice ends, a draft has rested.
    pub fn next_deadline_ms(&self) -> Option<u64> {
        let notice = self.notice.as_ref().map(|notice| notice.until_ms);
        let armed = self.quit_armed_until_ms.map(|until| until + 1);
        let draft = self.composer.draft();
        let resting =
            (draft != self.session.tree.draft()).then_some(self.resting.1 + DRAFT_REST_MS);
        let predicting = self.prediction_due_ms();
        let cost = self.inside.as_ref().and_then(|view| view.cost_again_ms);
        let arrivals = self.arrivals.due_ms();
        let behind = self.behind.as_ref();
        let behind = behind.and_then(|behind| behind.next_deadline_ms());
        [notice, armed, resting, predicting, cost, arrivals, behind]
            .into_iter()
            .flatten()
            .min()
    }

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
