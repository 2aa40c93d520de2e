//! Lists, questions and texts over the screen.

use std::path::PathBuf;

use nucleo_matcher::pattern::{AtomKind, CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use tui_input::{Input, InputRequest};

use super::super::action::{Action, Context, REGISTRY};
use super::super::effect::{Effect, SessionRequest};
use super::super::input;
use super::super::popup::{CodeChoice, CodePurpose, ExportFormat, ListPopup, Popup, Question};
use super::super::replay;
use super::super::sampling::Preset;
use super::super::state::{Level, State};
use super::{ablate, inside, lab, models, profile, sampler, say, search, share, traces};
use crate::catalog::{HOW_TO_GET, Step};
use crate::session::{Access, TreeOp, export};

/// Puts something over the screen.
pub(in crate::app) fn open(state: &mut State, make: impl FnOnce(&State) -> Popup) -> Vec<Effect> {
    let popup = make(state);
    state.popups.push(popup);
    Vec::new()
}

/// Asks for a text.
pub(in crate::app) fn ask(state: &mut State, question: Question, proposal: &str) -> Vec<Effect> {
    let input = Input::new(proposal.to_owned());
    open(state, |_| Popup::Ask { question, input })
}

/// All actions by name.
pub(in crate::app) fn palette(state: &mut State) -> Vec<Effect> {
    let actions = REGISTRY
        .iter()
        .map(|info| info.action)
        .filter(|action| is_for_palette(*action))
        .filter(|action| state.replay.is_none() || !replay::needs_a_model(*action))
        .filter(|action| state.replay.is_some() || !replay::needs_a_replay(*action));
    let figures = state.popups.last().map(Popup::context);
    let actions =
        actions.filter(|action| figures_of(*action).is_none_or(|context| figures == Some(context)));
    let actions = actions.collect();
    open(state, |_| Popup::Palette(ListPopup::new(actions)))
}

/// The figures over the screen that an action is about, where it is about nothing else.
fn figures_of(action: Action) -> Option<Context> {
    let contexts: Vec<Context> = action.info().keys.iter().map(|(place, _)| *place).collect();
    match contexts[..] {
        [only @ (Context::Inside | Context::Profile)] => Some(only),
        _ => None,
    }
}

/// Moving a cursor by name makes no sense.
fn is_for_palette(action: Action) -> bool {
    !matches!(
        action,
        Action::Palette
            | Action::Back
            | Action::Up
            | Action::Down
            | Action::Left
            | Action::Right
            | Action::Open
            | Action::Delete
            | Action::UndoDelete
            | Action::Rename
            | Action::CursorUp
            | Action::CursorDown
            | Action::CursorLeft
            | Action::CursorRight
            | Action::WordLeft
            | Action::WordRight
            | Action::LineStart
            | Action::LineEnd
            | Action::DeleteBack
            | Action::DeleteForward
            | Action::DeleteWord
            | Action::DeleteToEnd
            | Action::DeleteToStart
            | Action::Increase
            | Action::Decrease
            | Action::IncreaseMuch
            | Action::DecreaseMuch
            | Action::NextTab
            | Action::PreviousTab
    )
}

/// Does what the popup on top makes of an action; none where it leaves it to others.
pub(in crate::app) fn perform(state: &mut State, action: Action) -> Option<Vec<Effect>> {
    if state.focus == super::Focus::Sampler
        && state.popups.is_empty()
        && state.sampling.typing.is_some()
    {
        return sampler::perform_typing(state, action);
    }
    if matches!(state.popups.last(), Some(Popup::Inside | Popup::Profile)) {
        return figures(state, action);
    }
    let rows = i64::from(state.viewport.list_rows.max(1));
    let last = state.viewport.last_scroll;
    let popup = state.popups.last_mut()?;
    match action {
        Action::Back => {
            state.popups.pop();
        }
        Action::Up => scroll(popup, -1, last),
        Action::Down => scroll(popup, 1, last),
        Action::PageUp => scroll(popup, -rows, last),
        Action::PageDown => scroll(popup, rows, last),
        Action::Top => scroll(popup, i64::from(i32::MIN), last),
        Action::Bottom => scroll(popup, i64::from(i32::MAX), last),
        Action::Open => return Some(choose(state)),
        Action::Delete | Action::UndoDelete | Action::Rename => {
            return Some(change_listed(state, action));
        }
        // Stopping and leaving work everywhere; Ctrl+C closes a list before it arms leaving.
        Action::StopOrQuit if state.running.is_none() => {
            if let Some(effects) = ablate::stop(state).or_else(|| inside::stop(state)) {
                return Some(effects);
            }
            state.popups.pop();
        }
        Action::StopOrQuit | Action::Quit | Action::Redraw | Action::Suspend => return None,
        Action::Help | Action::Palette => {
            state.popups.pop();
            return None;
        }
        _ => {
            if let Some(request) = input::field_request(action) {
                edit(popup, request);
                return Some(input_changed(state));
            }
        }
    }
    Some(Vec::new())
}

/// Does what figures over the screen make of an action; none where they leave it to others.
fn figures(state: &mut State, action: Action) -> Option<Vec<Effect>> {
    let done = match state.popups.last() {
        Some(Popup::Inside) => inside::perform(state, action),
        _ => profile::perform(state, action),
    };
    let stays = matches!(
        action,
        Action::StopOrQuit
            | Action::Quit
            | Action::Redraw
            | Action::Suspend
            | Action::Help
            | Action::Palette
            | Action::LookInside
            | Action::OpenProfile
            | Action::ShowProfile
            | Action::ShareProfile
            | Action::ShareLens
            | Action::ShareSinks
            | Action::ShareAttention
            | Action::ShareNorms
    );
    // What belongs to the screen below is done there, in sight.
    if done.is_none() && !stays {
        state.popups.pop();
    }
    done
}

/// Turns the wheel over the popup on top.
pub(in crate::app) fn wheel(state: &mut State, lines: i64) {
    match state.popups.last_mut() {
        Some(Popup::Inside) => inside::step(state, lines.signum(), 0),
        Some(Popup::Profile) => profile::step(state, lines.signum(), 0),
        Some(popup) => scroll(popup, lines, state.viewport.last_scroll),
        None => {}
    }
}

/// Edits the popup's line.
#[expect(
    clippy::match_same_arms,
    reason = "the arms bind lists of different types"
)]
pub(in crate::app) fn edit(popup: &mut Popup, request: InputRequest) {
    let input = match popup {
        Popup::Palette(list) => &mut list.input,
        Popup::Sessions(list) => &mut list.input,
        Popup::Models(list) => &mut list.input,
        Popup::Presets(list) => &mut list.input,
        Popup::History(list) => &mut list.input,
        Popup::Code { list, .. } => &mut list.input,
        Popup::Tree(list) => &mut list.input,
        Popup::Rules(list) => &mut list.input,
        Popup::Traces { list, .. } => &mut list.input,
        Popup::Ask { input, .. } => input,
        Popup::Help { .. }
        | Popup::HowTo { .. }
        | Popup::Ablation { .. }
        | Popup::Difference { .. }
        | Popup::Inside
        | Popup::Profile
        | Popup::Trouble { .. } => return,
    };
    input.handle(request);
}

/// Filters the list on top anew.
#[expect(
    clippy::match_same_arms,
    reason = "the arms bind lists of different types"
)]
pub(in crate::app) fn input_changed(state: &mut State) -> Vec<Effect> {
    match state.popups.last_mut() {
        Some(Popup::Palette(list)) => filter_actions(list),
        Some(Popup::Models(list)) => filter(list, |model| model.name().to_owned()),
        Some(Popup::Presets(list)) => filter(list, Clone::clone),
        Some(Popup::History(list)) => filter(list, Clone::clone),
        Some(Popup::Code { list, .. }) => filter(list, |code| code.source.clone()),
        Some(Popup::Tree(list)) => filter(list, |row| row.text.clone()),
        Some(Popup::Rules(list)) => filter(list, ToString::to_string),
        Some(Popup::Traces { list, .. }) => filter(list, |trace| trace.name().to_owned()),
        // Sessions are searched by content, on disk.
        Some(Popup::Sessions(list)) => {
            let query = list.input.value().to_owned();
            return vec![Effect::Session(SessionRequest::List { query })];
        }
        _ => {}
    }
    Vec::new()
}

/// Actions whose name fits what was typed, the nearest first; then those whose help holds its words.
fn filter_actions(list: &mut ListPopup<Action>) {
    let query = list.input.value().to_owned();
    let by_name = Pattern::parse(&query, CaseMatching::Ignore, Normalization::Smart);
    let words = Pattern::new(
        &query,
        CaseMatching::Ignore,
        Normalization::Smart,
        AtomKind::Substring,
    );
    scored(list, |action, score| {
        let info = action.info();
        let spaced = info.name.replace('-', " ");
        let named = score(&by_name, info.name).max(score(&by_name, &spaced));
        // Letters that lie scattered over a sentence fit anything.
        named
            .map(|score| score.saturating_add(u32::from(u16::MAX)))
            .or_else(|| score(&words, info.help))
    });
}

fn filter<T>(list: &mut ListPopup<T>, text: impl Fn(&T) -> String) {
    let query = list.input.value().to_owned();
    let pattern = Pattern::parse(&query, CaseMatching::Ignore, Normalization::Smart);
    scored(list, |entry, score| score(&pattern, &text(entry)));
}

/// Shows the entries that have a score, the best first.
fn scored<T>(
    list: &mut ListPopup<T>,
    score_of: impl Fn(&T, &mut dyn FnMut(&Pattern, &str) -> Option<u32>) -> Option<u32>,
) {
    let mut matcher = Matcher::new(Config::DEFAULT);
    let mut buffer = Vec::new();
    let mut score = |pattern: &Pattern, text: &str| {
        pattern.score(Utf32Str::new(text, &mut buffer), &mut matcher)
    };
    let entries = list.entries.iter().enumerate();
    let mut scored: Vec<(usize, u32)> = entries
        .filter_map(|(index, entry)| Some((index, score_of(entry, &mut score)?)))
        .collect();
    scored.sort_by_key(|(index, score)| (std::cmp::Reverse(*score), *index));
    list.shown = scored.into_iter().map(|(index, _)| index).collect();
    list.selected = 0;
}

/// How far a text can be scrolled before it is known how long it is.
const MOST_SCROLL: usize = 10_000;

/// Scrolls a text, at most to `last_scroll`, or moves a list's selection.
#[expect(
    clippy::match_same_arms,
    reason = "the arms bind lists of different types"
)]
fn scroll(popup: &mut Popup, by: i64, last_scroll: Option<usize>) {
    match popup {
        Popup::Palette(list) => list.step(by),
        Popup::Sessions(list) => list.step(by),
        Popup::Models(list) => list.step(by),
        Popup::Presets(list) => list.step(by),
        Popup::History(list) => list.step(by),
        Popup::Code { list, .. } => list.step(by),
        Popup::Tree(list) => list.step(by),
        Popup::Rules(list) => list.step(by),
        Popup::Traces { list, .. } => list.step(by),
        Popup::Help { scroll, .. }
        | Popup::HowTo { scroll }
        | Popup::Ablation { scroll }
        | Popup::Difference { scroll } => {
            let last = last_scroll.unwrap_or(MOST_SCROLL);
            let from = (*scroll).min(last) as i64;
            *scroll = from.saturating_add(by).clamp(0, last as i64) as usize;
        }
        Popup::Ask { .. } | Popup::Inside | Popup::Profile | Popup::Trouble { .. } => {}
    }
}

/// Takes the selected entry, or the text asked for.
fn choose(state: &mut State) -> Vec<Effect> {
    let Some(popup) = state.popups.pop() else {
        return Vec::new();
    };
    match popup {
        Popup::Palette(list) => match list.chosen() {
            Some(action) => super::perform(state, *action),
            None => Vec::new(),
        },
        Popup::Sessions(list) => match list.chosen() {
            // Opened once more it would find the file locked, by this very program.
            Some(info)
                if state.session.id.as_ref() == Some(&info.id)
                    && state.session.access == Access::Writable =>
            {
                say(state, Level::Info, "this session is open already");
                Vec::new()
            }
            Some(info) if state.running.is_none() => {
                vec![Effect::Session(SessionRequest::Open(info.id.clone()))]
            }
            Some(_) => {
                say(state, Level::Warning, "stop the model first");
                Vec::new()
            }
            None => Vec::new(),
        },
        Popup::Models(list) => models::chosen(state, &list),
        Popup::Presets(list) => match list.chosen().cloned() {
            Some(name) => sampler::take_preset(state, &name),
            None => Vec::new(),
        },
        Popup::History(list) => {
            if let Some(text) = list.chosen() {
                state.composer.set_text(text);
            }
            Vec::new()
        }
        Popup::Code { list, purpose } => match list.chosen().cloned() {
            Some(code) => take_code(state, code, purpose),
            None => Vec::new(),
        },
        Popup::Tree(list) => match list.chosen().map(|row| row.node) {
            Some(node) => {
                state.chat.selected = Some(node);
                state.chat.scroll =
                    super::super::chat::Scroll::At(super::super::effect::Anchor { node, line: 0 });
                state.change(vec![TreeOp::Select { node }])
            }
            None => Vec::new(),
        },
        Popup::Rules(list) => match list.chosen() {
            Some(rule) => ask(state, Question::Rule, &rule.to_string()),
            None => Vec::new(),
        },
        Popup::Traces { list, purpose } => traces::chosen(state, &list, purpose),
        Popup::Ask { question, input } => answer(state, question, input.value()),
        Popup::HowTo { .. } => {
            let step = HOW_TO_GET.steps.get(HOW_TO_GET.download);
            let copy = |step: &Step| Effect::Copy(step.command.to_owned());
            step.map(copy).into_iter().collect()
        }
        Popup::Trouble { remedy, .. } => {
            remedy.map_or_else(Vec::new, |remedy| super::perform(state, remedy))
        }
        Popup::Help { .. }
        | Popup::Ablation { .. }
        | Popup::Difference { .. }
        | Popup::Inside
        | Popup::Profile => Vec::new(),
    }
}

/// Copies a code block, or asks where to save it.
pub(in crate::app) fn take_code(
    state: &mut State,
    code: CodeChoice,
    purpose: CodePurpose,
) -> Vec<Effect> {
    match purpose {
        CodePurpose::Copy => vec![Effect::Copy(code.source)],
        CodePurpose::Save => {
            let name = format!("code.{}", extension(code.language.as_deref()));
            ask(state, Question::SaveCode(code.source), &name)
        }
    }
}

/// What files in a language end in; a language that is not known is an ending itself.
fn extension(language: Option<&str>) -> String {
    let language = language.unwrap_or("txt").to_lowercase();
    let known = match language.as_str() {
        "rust" => "rs",
        "python" => "py",
        "javascript" => "js",
        "typescript" => "ts",
        "markdown" => "md",
        "bash" | "shell" | "console" => "sh",
        "ruby" => "rb",
        "haskell" => "hs",
        "csharp" | "c#" => "cs",
        "c++" => "cpp",
        other if other != "text" && other.chars().all(char::is_alphanumeric) => other,
        _ => "txt",
    };
    known.to_owned()
}

fn answer(state: &mut State, question: Question, text: &str) -> Vec<Effect> {
    let text = text.trim().to_owned();
    if text.is_empty() {
        state.chat.search = None;
        return Vec::new();
    }
    match question {
        Question::Search => {
            search::begin(state, text);
            Vec::new()
        }
        Question::RenameSession => {
            let mut effects = state.change(vec![TreeOp::SetTitle { title: text }]);
            effects.extend(listed_again(state));
            effects
        }
        Question::RenameListed(id) => changed(state, SessionRequest::Rename { id, title: text }),
        Question::SaveCode(source) => vec![Effect::WriteFile {
            path: PathBuf::from(text),
            text: source,
        }],
        Question::Export(format) => {
            let tree = &state.session.tree;
            let content = match format {
                ExportFormat::Markdown => export::markdown(tree),
                ExportFormat::Json => export::json(tree),
                ExportFormat::Html => export::html(tree),
            };
            vec![Effect::WriteFile {
                path: PathBuf::from(text),
                text: content,
            }]
        }
        Question::Share(shared) => share::typed(state, shared, &text),
        Question::Import => vec![Effect::Session(SessionRequest::Import(PathBuf::from(text)))],
        Question::Rule => lab::typed(state, &text),
        Question::Ablation => ablate::typed(state, &text),
        Question::Profile => profile::typed(&text),
        Question::Model => models::look(PathBuf::from(text)),
        Question::Trace(purpose) => traces::read(state, PathBuf::from(text), purpose),
        Question::PresetName => {
            let preset = Preset {
                name: text,
                sampling: state.sampling.params.clone(),
            };
            state
                .sampling
                .presets
                .retain(|known| known.name != preset.name);
            state.sampling.presets.push(preset);
            vec![Effect::SavePresets(state.sampling.presets.clone())]
        }
    }
}

/// Changes a session on disk and lists those again that hold what was typed.
fn changed(state: &State, request: SessionRequest) -> Vec<Effect> {
    let mut effects = vec![Effect::Session(request)];
    effects.extend(listed_again(state));
    effects
}

/// Lists the sessions again where they are on the screen.
fn listed_again(state: &State) -> Option<Effect> {
    let Some(Popup::Sessions(list)) = state.popups.last() else {
        return None;
    };
    let query = list.input.value().to_owned();
    Some(Effect::Session(SessionRequest::List { query }))
}

/// Deletes, brings back or renames what is listed.
fn change_listed(state: &mut State, action: Action) -> Vec<Effect> {
    if let (Some(Popup::Rules(_)), Action::Delete) = (state.popups.last(), action) {
        return lab::remove_listed(state);
    }
    let Some(Popup::Sessions(list)) = state.popups.last() else {
        return Vec::new();
    };
    let chosen = list
        .chosen()
        .map(|info| (info.id.clone(), info.title.clone()));
    match (action, chosen) {
        (Action::UndoDelete, _) => changed(state, SessionRequest::UndoDelete),
        (Action::Delete, Some((id, _))) if state.session.id.as_ref() == Some(&id) => {
            say(
                state,
                Level::Warning,
                "this session is open; Ctrl+N begins another one first",
            );
            Vec::new()
        }
        (Action::Delete, Some((id, _))) => changed(state, SessionRequest::Delete(id)),
        (Action::Rename, Some((id, title))) if state.session.id.as_ref() == Some(&id) => {
            ask(state, Question::RenameSession, &title)
        }
        (Action::Rename, Some((id, title))) => ask(state, Question::RenameListed(id), &title),
        _ => Vec::new(),
    }
}
