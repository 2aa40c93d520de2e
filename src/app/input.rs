//! From keys, pastes and the mouse to actions.

use tui_input::InputRequest;

use super::action::{Action, Context};
use super::effect::Effect;
use super::key::Key;
use super::replay;
use super::state::{Focus, State, View};
use super::update::{self, chat, map, popups, sampler};

/// Something that came from the terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A key was pressed.
    Key(Key),
    /// A text was pasted.
    Paste(String),
    /// The mouse did something.
    Mouse(MouseInput),
    /// The terminal has another size.
    Resize {
        /// Columns.
        columns: u16,
        /// Rows.
        rows: u16,
    },
}

/// Something that the mouse did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MouseInput {
    /// What.
    pub kind: MouseKind,
    /// The column.
    pub x: u16,
    /// The row.
    pub y: u16,
}

/// What the mouse can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MouseKind {
    /// The left button went down.
    Press,
    /// It moved with the left button down.
    Drag,
    /// The wheel turned up.
    WheelUp,
    /// The wheel turned down.
    WheelDown,
}

/// Takes what came from the terminal.
pub fn input(state: &mut State, input: Input, now_ms: u64) -> Vec<Effect> {
    state.now_ms = now_ms;
    state.take_arrivals();
    if state.replay.is_some() && !matches!(input, Input::Resize { .. }) {
        if is_text(state, &input) {
            match &input {
                Input::Key(key) => replay::unbound(state, key),
                _ => replay::refuse(state),
            }
            return Vec::new();
        }
        return replay::guarded(state, |state| take(state, input));
    }
    take(state, input)
}

/// Whether this can only be meant as a message: a letter without a binding, or a paste.
fn is_text(state: &State, input: &Input) -> bool {
    let context = state.context();
    match input {
        Input::Key(key) => {
            let is_free = state.keymap.resolve(context, key).is_none();
            is_free && key.character().is_some() && !context.takes_text()
        }
        Input::Paste(_) => state.popups.is_empty(),
        Input::Mouse(_) | Input::Resize { .. } => false,
    }
}

fn take(state: &mut State, input: Input) -> Vec<Effect> {
    let mut effects = match input {
        Input::Key(key) => press(state, &key),
        Input::Paste(text) => paste(state, &text),
        Input::Mouse(mouse) => point(state, mouse),
        Input::Resize { columns, rows } => {
            state.size = (columns, rows);
            Vec::new()
        }
    };
    effects.extend(update::after(state));
    effects
}

impl State {
    /// Where keys are looked up now.
    pub fn context(&self) -> Context {
        if let Some(popup) = self.popups.last() {
            return popup.context();
        }
        match self.focus {
            Focus::Composer => Context::Composer,
            Focus::Chat => Context::Chat,
            Focus::Experts => Context::Experts,
            Focus::Tokens => Context::Tokens,
            Focus::Memory => Context::Memory,
            Focus::Sampler if self.sampling.typing.is_some() => Context::Field,
            Focus::Sampler => Context::Sampler,
            Focus::Log => Context::Log,
        }
    }
}

fn press(state: &mut State, key: &Key) -> Vec<Effect> {
    let context = state.context();
    if let Some(action) = state.keymap.resolve(context, key) {
        return update::perform(state, action);
    }
    match key.character() {
        Some(character) if context.takes_text() => type_character(state, character),
        _ => Vec::new(),
    }
}

fn type_character(state: &mut State, character: char) -> Vec<Effect> {
    let request = InputRequest::InsertChar(character);
    match state.popups.last_mut() {
        Some(popup) => popups::edit(popup, request),
        None if state.focus == Focus::Sampler => sampler::edit(state, request),
        None => {
            state.composer.insert(character);
            return Vec::new();
        }
    }
    popups::input_changed(state)
}

fn paste(state: &mut State, text: &str) -> Vec<Effect> {
    if let Some(popup) = state.popups.last_mut() {
        // A field is one line.
        for character in text.chars().filter(|character| !character.is_control()) {
            popups::edit(popup, InputRequest::InsertChar(character));
        }
        popups::input_changed(state)
    } else {
        state.enter_composer();
        state.composer.paste(text);
        Vec::new()
    }
}

fn point(state: &mut State, mouse: MouseInput) -> Vec<Effect> {
    let notch = i64::from(state.preferences.wheel_lines);
    let lines = match mouse.kind {
        MouseKind::WheelUp => -notch,
        MouseKind::WheelDown => notch,
        MouseKind::Press | MouseKind::Drag => return click(state, mouse),
    };
    if !state.popups.is_empty() {
        popups::wheel(state, lines);
        return Vec::new();
    }
    match pane_at(state, mouse) {
        Some(Focus::Experts) => map::wheel(state, lines),
        Some(Focus::Sampler) => sampler::select(state, lines.signum()),
        Some(Focus::Log) => update::scroll_log(state, -lines),
        _ => chat::scroll(state, lines),
    }
    Vec::new()
}

fn click(state: &mut State, mouse: MouseInput) -> Vec<Effect> {
    if !state.popups.is_empty() {
        return Vec::new();
    }
    if mouse.y == 0 && mouse.kind == MouseKind::Press {
        let tab = state
            .viewport
            .tabs
            .iter()
            .find(|(_, columns)| columns.contains(&mouse.x));
        if let Some((view, _)) = tab.cloned() {
            return update::show(state, view);
        }
    }
    let Some(pane) = pane_at(state, mouse) else {
        return Vec::new();
    };
    if pane == Focus::Composer {
        state.enter_composer();
    } else {
        state.focus = pane;
    }
    match pane {
        Focus::Experts => map::point(state, mouse.x, mouse.y),
        Focus::Chat => chat::point(state, mouse.y),
        _ => {}
    }
    Vec::new()
}

fn pane_at(state: &State, mouse: MouseInput) -> Option<Focus> {
    let panes = &state.viewport.panes;
    let found = panes
        .iter()
        .rev()
        .find(|(_, area)| area.contains(mouse.x, mouse.y));
    found.map(|(focus, _)| *focus)
}

/// The panes that Tab goes through: those on screen, in the order of drawing.
pub(super) fn next_pane(state: &State) -> Focus {
    let panes: Vec<Focus> = state
        .viewport
        .panes
        .iter()
        .map(|(focus, _)| *focus)
        .collect();
    let place = panes.iter().position(|focus| *focus == state.focus);
    let next = place.map_or(0, |place| place + 1) % panes.len().max(1);
    panes.get(next).copied().unwrap_or(state.focus)
}

/// The focus that a view gives to the keys: the composer where the chat is, else its pane.
pub(super) fn focus_of(view: View) -> Focus {
    view.focus()
}

/// What a text field is asked by an editing action.
pub(super) fn field_request(action: Action) -> Option<InputRequest> {
    Some(match action {
        Action::CursorLeft => InputRequest::GoToPrevChar,
        Action::CursorRight => InputRequest::GoToNextChar,
        Action::WordLeft => InputRequest::GoToPrevWord,
        Action::WordRight => InputRequest::GoToNextWord,
        Action::LineStart => InputRequest::GoToStart,
        Action::LineEnd => InputRequest::GoToEnd,
        Action::DeleteBack => InputRequest::DeletePrevChar,
        Action::DeleteForward => InputRequest::DeleteNextChar,
        Action::DeleteWord => InputRequest::DeletePrevWord,
        Action::DeleteToEnd => InputRequest::DeleteTillEnd,
        Action::DeleteToStart => InputRequest::DeleteLine,
        _ => return None,
    })
}
