//! The composer: sending, the history, the editor, and the ways out.

use super::super::action::Action;
use super::super::composer::Target;
use super::super::effect::Effect;
use super::super::popup::{ListPopup, Popup};
use super::super::state::{Focus, Level, State};
use super::super::viewport::ComposerViewport;
use super::generate::{self, Seed};
use super::{chat, popups, say, summary};
use crate::harmony::{Channel, Header};
use crate::session::{Framing, Node, NodeId, NodeKind, TreeOp, Turn};

/// Does what concerns the composer alone.
pub(in crate::app) fn perform(state: &mut State, action: Action) -> Option<Vec<Effect>> {
    Some(match action {
        Action::Send => send(state),
        Action::CursorUp => up(state),
        Action::CursorDown => down(state),
        Action::Editor => vec![Effect::Editor(state.composer.text())],
        Action::HistorySearch => {
            let entries = state.history.entries.iter().rev().cloned().collect();
            popups::open(state, |_| Popup::History(ListPopup::new(entries)))
        }
        Action::Back => {
            leave(state);
            Vec::new()
        }
        _ if state.composer.edit(action) => Vec::new(),
        _ => return None,
    })
}

/// Ends an edit, else goes back to the pane that had the keys before.
fn leave(state: &mut State) {
    if *state.composer.target() == Target::Message {
        state.leave_composer();
    } else {
        state.composer.end();
        say(state, Level::Info, "edit given up; nothing was changed");
    }
}

/// What was drawn of the composer, if the cursor is still there.
fn drawn(state: &State) -> Option<ComposerViewport> {
    let drawn = state.viewport.composer;
    let composer = &state.composer;
    drawn.filter(|drawn| (drawn.cursor, drawn.line_len) == (composer.cursor(), composer.line_len()))
}

fn up(state: &mut State) -> Vec<Effect> {
    if let Some(place) = drawn(state).and_then(|drawn| drawn.up) {
        state.composer.go_to(place);
    } else if state.composer.is_at_first_line() && *state.composer.target() == Target::Message {
        walk_history(state, 1);
    } else {
        state.composer.edit(Action::CursorUp);
    }
    Vec::new()
}

fn down(state: &mut State) -> Vec<Effect> {
    if let Some(place) = drawn(state).and_then(|drawn| drawn.down) {
        state.composer.go_to(place);
    } else if state.composer.is_at_last_line() && state.history.steps_back > 0 {
        walk_history(state, -1);
    } else {
        state.composer.edit(Action::CursorDown);
    }
    Vec::new()
}

fn walk_history(state: &mut State, by: i64) {
    let history = &mut state.history;
    let steps = (history.steps_back as i64 + by).clamp(0, history.entries.len() as i64) as usize;
    if steps == history.steps_back {
        return;
    }
    if history.steps_back == 0 {
        history.draft = state.composer.text();
    }
    history.steps_back = steps;
    let text = match steps.checked_sub(1) {
        None => history.draft.clone(),
        Some(back) => history
            .entries
            .iter()
            .rev()
            .nth(back)
            .cloned()
            .unwrap_or_default(),
    };
    state.composer.set_text(&text);
}

fn send(state: &mut State) -> Vec<Effect> {
    match state.composer.target().clone() {
        Target::Identity | Target::Instructions => set_framing(state),
        Target::Summary => summary::edited(state),
        Target::EditAnswer(node) => edited_answer(state, node),
        Target::Message | Target::EditUser(_) | Target::ToolResult { .. } => message(state),
    }
}

fn message(state: &mut State) -> Vec<Effect> {
    if state.composer.is_blank() || !generate::can_ask(state) || !generate::fits(state) {
        return Vec::new();
    }
    let target = state.composer.target().clone();
    let text = state.composer.take();
    let tree = &state.session.tree;
    let (parent, kind) = match target {
        Target::EditUser(node) => (
            tree.node(node).and_then(|node| node.parent),
            NodeKind::User { text: text.clone() },
        ),
        Target::ToolResult { call, name } => (
            Some(call),
            NodeKind::Tool {
                name,
                text: text.clone(),
            },
        ),
        _ => (
            tree.path().last().copied(),
            NodeKind::User { text: text.clone() },
        ),
    };
    if *state.composer.target() != Target::Message {
        state.composer.end();
    }
    let id = state.session.tree.next_id();
    let created_ms = state.wall_ms();
    let mut ops = vec![TreeOp::AddNode(Node {
        id,
        parent,
        created_ms,
        kind,
        edited: false,
    })];
    if !state.session.tree.draft().is_empty() {
        ops.push(TreeOp::SetDraft {
            text: state.composer.draft(),
        });
    }
    let mut effects = state.change(ops);
    effects.extend(remember(state, text));
    effects.extend(generate::answer(state, Some(id), Seed::Own));
    chat::follow(state);
    effects
}

fn remember(state: &mut State, text: String) -> Vec<Effect> {
    let history = &mut state.history;
    history.steps_back = 0;
    history.draft.clear();
    if history.entries.back() == Some(&text) {
        return Vec::new();
    }
    history.entries.push_back(text.clone());
    vec![Effect::Remember(text)]
}

/// Another answer beside the edited one; the model does not go on by itself.
fn edited_answer(state: &mut State, node: NodeId) -> Vec<Effect> {
    let Some(before) = state.session.tree.node(node).cloned() else {
        return Vec::new();
    };
    let NodeKind::Assistant(turn) = before.kind else {
        return Vec::new();
    };
    let text = state.composer.take();
    state.composer.end();
    let kept = turn
        .messages()
        .into_iter()
        .filter(|message| !message.is_final());
    let mut parts: Vec<_> = kept.map(|message| (message.header, message.text)).collect();
    parts.push((Header::assistant(Channel::Final), text));
    let op = TreeOp::AddNode(Node {
        id: state.session.tree.next_id(),
        parent: before.parent,
        created_ms: state.wall_ms(),
        kind: NodeKind::Assistant(Turn::edited(turn.settings, parts, state.wall_ms())),
        edited: true,
    });
    let effects = state.change(vec![op]);
    state.focus = Focus::Chat;
    say(
        state,
        Level::Info,
        "saved as a branch; c lets the model go on from it",
    );
    effects
}

fn set_framing(state: &mut State) -> Vec<Effect> {
    let target = state.composer.target().clone();
    let text = state.composer.take();
    state.composer.end();
    let mut framing: Framing = state.session.tree.framing().clone();
    if target == Target::Identity {
        framing.system.identity = text;
    } else {
        let text = text.trim();
        framing.developer.instructions = (!text.is_empty()).then(|| text.to_owned());
    }
    say(state, Level::Info, "in force from the next answer on");
    state.change(vec![TreeOp::SetFraming(framing)])
}
