//! The transcript: moving, selecting, folding, and what is done with the selected message.

use super::super::action::Action;
use super::super::chat::Scroll;
use super::super::composer::Target;
use super::super::effect::{Anchor, Effect};
use super::super::popup::{CodePurpose, Question};
use super::super::state::{Focus, Level, State};
use super::generate::{self, Seed};
use super::{code, popups, say, search, summary, tree};
use crate::session::{NodeId, NodeKind, TreeOp};

/// Does what concerns the conversation.
pub(in crate::app) fn perform(state: &mut State, action: Action) -> Vec<Effect> {
    let page = i64::from(state.viewport.chat.height.saturating_sub(2).max(1));
    match action {
        Action::Up => scroll(state, -1),
        Action::Down => scroll(state, 1),
        Action::PageUp => scroll(state, -page),
        Action::PageDown => scroll(state, page),
        Action::Top => to_top(state),
        Action::Bottom => follow(state),
        Action::PreviousMessage => select(state, -1),
        Action::NextMessage => select(state, 1),
        Action::Fold => fold(state),
        Action::FoldAll => state.chat.toggle_all(),
        Action::RawView => state.chat.is_raw = !state.chat.is_raw,
        Action::SearchNext => search::step(state, 1),
        Action::SearchPrevious => search::step(state, -1),
        _ => return with_effects(state, action),
    }
    Vec::new()
}

fn with_effects(state: &mut State, action: Action) -> Vec<Effect> {
    match action {
        Action::PreviousSibling => step_sibling(state, -1),
        Action::NextSibling => step_sibling(state, 1),
        Action::Regenerate => regenerate(state, Seed::New),
        Action::RegenerateSameSeed => {
            let answer = selected_answer(state);
            let turn = answer.and_then(|answer| state.session.tree.turn(answer));
            let seed = turn.map_or(Seed::Own, |turn| Seed::Same(turn.settings.sampling.seed));
            regenerate(state, seed)
        }
        Action::Edit => edit(state),
        Action::Branch => branch(state),
        Action::Continue => go_on(state),
        Action::AnswerNow => generate::answer_now(state),
        Action::Copy => copy(state),
        Action::CopyCode => code::choose(state, CodePurpose::Copy),
        Action::SaveCode => code::choose(state, CodePurpose::Save),
        Action::TreeOverview => popups::open(state, tree::popup),
        Action::Search => popups::ask(state, Question::Search, ""),
        Action::EditSystem => {
            let text = state.session.tree.framing().system.identity.clone();
            compose(state, Target::Identity, &text)
        }
        Action::EditDeveloper => {
            let developer = &state.session.tree.framing().developer;
            let text = developer.instructions.clone().unwrap_or_default();
            compose(state, Target::Instructions, &text)
        }
        Action::DropOldestTurns => drop_oldest(state),
        Action::SummarizeOldestTurns => summary::begin(state),
        Action::EditSummary => summary::edit(state),
        Action::KeepAllTurns => state.change(vec![TreeOp::SetHistoryStart {
            node: None,
            summary: None,
        }]),
        _ => Vec::new(),
    }
}

/// Goes along with what comes.
pub(in crate::app) fn follow(state: &mut State) {
    state.chat.scroll = Scroll::Follow;
    state.chat.selected = None;
}

/// Scrolls by lines; at the end it goes along with what comes again.
pub(in crate::app) fn scroll(state: &mut State, lines: i64) {
    let drawn = &state.viewport.chat;
    let top = match state.chat.scroll {
        Scroll::At(anchor) => Some(anchor),
        Scroll::Follow => drawn.top,
    };
    let Some(top) = top else {
        return;
    };
    if lines > 0
        && (state.chat.scroll == Scroll::Follow || lines as usize >= drawn.lines_below.max(1))
    {
        state.chat.scroll = Scroll::Follow;
        return;
    }
    state.chat.scroll = Scroll::At(Anchor {
        line: top.line.saturating_add(lines),
        ..top
    });
    // A second step before the next frame must not take the same lines as left.
    state.viewport.chat.lines_below = if lines > 0 {
        drawn.lines_below.saturating_sub(lines as usize)
    } else {
        drawn
            .lines_below
            .saturating_add(lines.unsigned_abs() as usize)
    };
}

fn to_top(state: &mut State) {
    let path = state.session.tree.path();
    if let Some(first) = path.first().copied() {
        state.chat.selected = Some(first);
        state.chat.scroll = Scroll::At(Anchor {
            node: first,
            line: 0,
        });
    }
}

impl State {
    /// The selected message: the chosen one while it is on the branch shown, else the last.
    pub fn selected_message(&self) -> Option<NodeId> {
        let path = self.session.tree.path();
        let chosen = self.chat.selected.filter(|chosen| path.contains(chosen));
        chosen.or(path.last().copied())
    }
}

fn select(state: &mut State, by: i64) {
    let path = state.session.tree.path();
    let Some(place) = state
        .selected_message()
        .and_then(|node| path.iter().position(|other| *other == node))
    else {
        return;
    };
    let next = (place as i64 + by).clamp(0, path.len() as i64 - 1) as usize;
    show(state, path[next]);
}

/// Selects a message and brings it on screen.
fn show(state: &mut State, node: NodeId) {
    state.chat.selected = Some(node);
    let is_visible = |state: &State| {
        let rows = state
            .viewport
            .chat
            .messages
            .iter()
            .find(|(shown, _)| *shown == node);
        rows.is_some_and(|(_, rows)| rows.start > 0)
    };
    if !is_visible(state) {
        state.chat.scroll = Scroll::At(Anchor { node, line: 0 });
    }
}

/// Selects the message under the mouse.
pub(in crate::app) fn point(state: &mut State, y: u16) {
    let pane = state
        .viewport
        .panes
        .iter()
        .find(|(pane, _)| *pane == Focus::Chat);
    let Some(row) = pane.and_then(|(_, area)| y.checked_sub(area.y)) else {
        return;
    };
    let message = state
        .viewport
        .chat
        .messages
        .iter()
        .find(|(_, rows)| rows.contains(&row));
    if let Some((node, _)) = message {
        state.chat.selected = Some(*node);
    }
}

fn fold(state: &mut State) {
    let path = state.session.tree.path();
    let selected = state.selected_message();
    let answers = |node: &NodeId| state.session.tree.turn(*node).is_some();
    let below = path
        .iter()
        .skip_while(|node| Some(**node) != selected)
        .find(|node| answers(node));
    let answer = below.or_else(|| path.iter().rev().find(|node| answers(node)));
    if let Some(answer) = answer.copied() {
        state.chat.toggle(answer);
    }
}

/// The nearest message with branches beside it, at or above the selected one.
pub(in crate::app) fn branching(state: &State) -> Option<NodeId> {
    let node = state.selected_message()?;
    let path = state.session.tree.path();
    path.iter()
        .take_while(|other| **other != node)
        .chain([&node])
        .filter(|other| state.session.tree.siblings(**other).len() > 1)
        .last()
        .copied()
}

fn step_sibling(state: &mut State, by: i64) -> Vec<Effect> {
    if state.selected_message().is_none() {
        return Vec::new();
    }
    let Some(branching) = branching(state) else {
        say(
            state,
            Level::Info,
            "there is no other branch here; r, e and b make one",
        );
        return Vec::new();
    };
    let siblings = state.session.tree.siblings(branching);
    let place = siblings
        .iter()
        .position(|other| *other == branching)
        .unwrap_or(0);
    let next = (place as i64 + by).rem_euclid(siblings.len() as i64) as usize;
    let chosen = siblings[next];
    let effects = state.change(vec![TreeOp::Select { node: chosen }]);
    show(state, chosen);
    effects
}

pub(super) fn selected_answer(state: &mut State) -> Option<NodeId> {
    let path = state.session.tree.path();
    let node = state.selected_message()?;
    let at = path.iter().position(|other| *other == node)?;
    let found = path[at..]
        .iter()
        .find(|node| state.session.tree.turn(**node).is_some())
        .copied();
    if found.is_none() {
        say(state, Level::Info, "there is no answer yet");
    }
    found
}

fn regenerate(state: &mut State, seed: Seed) -> Vec<Effect> {
    if !generate::can_ask(state) {
        return Vec::new();
    }
    let path = state.session.tree.path();
    let Some(last) = state.selected_message() else {
        return Vec::new();
    };
    let parent = match state
        .session
        .tree
        .node(last)
        .map(|node| (&node.kind, node.parent))
    {
        Some((NodeKind::Assistant(_), parent)) => parent,
        // A message whose answer is asked for, or that has none yet.
        Some(_) => Some(last),
        None => path.last().copied(),
    };
    let effects = generate::answer(state, parent, seed);
    follow(state);
    effects
}

fn go_on(state: &mut State) -> Vec<Effect> {
    if !generate::can_ask(state) {
        return Vec::new();
    }
    let last = state.session.tree.path().last().copied();
    if let Some(node) = last.filter(|last| state.session.tree.turn(*last).is_some()) {
        let effects = generate::go_on(state, node, false);
        follow(state);
        effects
    } else {
        say(
            state,
            Level::Info,
            "the last message is yours; r asks for an answer",
        );
        Vec::new()
    }
}

fn edit(state: &mut State) -> Vec<Effect> {
    let Some(node) = state
        .selected_message()
        .and_then(|node| state.session.tree.node(node))
    else {
        return Vec::new();
    };
    let id = node.id;
    match node.kind.clone() {
        NodeKind::User { text } => compose(state, Target::EditUser(id), &text),
        NodeKind::Assistant(turn)
            if state
                .running
                .as_ref()
                .is_none_or(|running| running.node != id) =>
        {
            compose(state, Target::EditAnswer(id), &turn.final_text())
        }
        NodeKind::Assistant(_) => {
            say(state, Level::Warning, "stop the model first");
            Vec::new()
        }
        NodeKind::Tool { name, text } => {
            let call = state.session.tree.node(id).and_then(|node| node.parent);
            match call {
                Some(call) => compose(state, Target::ToolResult { call, name }, &text),
                None => Vec::new(),
            }
        }
    }
}

fn branch(state: &mut State) -> Vec<Effect> {
    let path = state.session.tree.path();
    let Some(node) = state.selected_message() else {
        return Vec::new();
    };
    let place = path.iter().position(|other| *other == node).unwrap_or(0);
    let users = path[..=place].iter().rev();
    match users.copied().find(|node| is_user(state, *node)) {
        Some(user) => compose(state, Target::EditUser(user), ""),
        None => Vec::new(),
    }
}

pub(super) fn compose(state: &mut State, target: Target, text: &str) -> Vec<Effect> {
    state.composer.begin(target, text);
    state.enter_composer();
    if !state
        .viewport
        .panes
        .iter()
        .any(|(pane, _)| *pane == Focus::Composer)
    {
        super::show(state, super::View::Chat);
        state.focus = Focus::Composer;
    }
    Vec::new()
}

fn copy(state: &mut State) -> Vec<Effect> {
    let Some(node) = state
        .selected_message()
        .and_then(|node| state.session.tree.node(node))
    else {
        return Vec::new();
    };
    let text = match &node.kind {
        NodeKind::User { text } | NodeKind::Tool { text, .. } => text.clone(),
        NodeKind::Assistant(turn) => {
            let text = turn.final_text();
            if text.is_empty() {
                turn.all_text()
            } else {
                text
            }
        }
    };
    vec![Effect::Copy(text)]
}

fn is_user(state: &State, node: NodeId) -> bool {
    let node = state.session.tree.node(node);
    node.is_some_and(|node| matches!(node.kind, NodeKind::User { .. }))
}

/// The messages of the person's that are sent with the next prompt.
fn sent_messages(state: &State) -> Vec<NodeId> {
    let tree = &state.session.tree;
    let path = tree.path();
    let start = tree
        .history_start()
        .and_then(|start| path.iter().position(|node| *node == start));
    let sent = path.into_iter().skip(start.unwrap_or(0));
    sent.filter(|node| is_user(state, *node)).collect()
}

/// Whether there are older turns that can be left out.
pub(in crate::app) fn can_drop_oldest(state: &State) -> bool {
    sent_messages(state).len() > 1
}

/// The first message of the newer half of the turns; none where there is only one turn.
pub(super) fn half(state: &State) -> Option<NodeId> {
    let users = sent_messages(state);
    (users.len() > 1).then(|| users[users.len() / 2])
}

/// Says that there is nothing to leave out.
pub(super) fn say_one_turn(state: &mut State) {
    let text = "there is only one turn to send; a new session begins empty";
    say(state, Level::Info, text);
}

/// Leaves the older half of the turns out of the prompts to come; a summary of what is before them
/// stays.
fn drop_oldest(state: &mut State) -> Vec<Effect> {
    let Some(node) = half(state) else {
        say_one_turn(state);
        return Vec::new();
    };
    let text = match sent_messages(state).len() / 2 {
        1 => "the oldest turn is not sent any more".to_owned(),
        count => format!("{count} older turns are not sent any more"),
    };
    say(state, Level::Info, text);
    let summary = state.session.tree.summary().map(str::to_owned);
    state.change(vec![TreeOp::SetHistoryStart {
        node: Some(node),
        summary,
    }])
}
