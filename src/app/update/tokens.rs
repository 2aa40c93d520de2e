//! The token pane: walking a token's alternatives, and forking the chat from one of them.

use super::super::action::Action;
use super::super::effect::Effect;
use super::super::ghost::Branching;
use super::super::state::{Level, State};
use super::super::token_lab::{Marked, Tint};
use super::{chat, generate, map, say};
use crate::engine::protocol::{AnswerOpening, PromptToken};
use crate::harmony::HarmonyEvent;
use crate::session::{Fork, Node, NodeId, NodeKind, TreeOp, Turn};

/// Does what concerns the token pane alone.
pub(in crate::app) fn perform(state: &mut State, action: Action) -> Option<Vec<Effect>> {
    match action {
        Action::Up => mark(state, false),
        Action::Down => mark(state, true),
        Action::Left => return Some(map::step_token(state, false)),
        Action::Right => return Some(map::step_token(state, true)),
        _ => return None,
    }
    Some(Vec::new())
}

/// Marks the alternative above or below.
fn mark(state: &mut State, down: bool) {
    let (Some(run), Some(position)) = (state.shown_run(), state.token_position()) else {
        return;
    };
    let node = run.node;
    let (Some(place), Some(record)) = (state.marked_place(), state.shown_record()) else {
        say(state, Level::Info, "this token has no alternatives");
        return;
    };
    let last = record.alternatives().len().saturating_sub(1);
    let place = if down {
        (place + 1).min(last)
    } else {
        place.saturating_sub(1)
    };
    state.token_lab.marked = Some(Marked {
        node,
        position,
        place,
    });
}

/// Colors tokens by the next measure, in the chat too.
pub(in crate::app) fn tint(state: &mut State) -> Vec<Effect> {
    state.token_lab.tint = state.token_lab.tint.step();
    let text = match state.token_lab.tint {
        Tint::Off => "tokens are not colored any more".to_owned(),
        tint => format!("tokens are colored by {}", tint.name()),
    };
    say(state, Level::Info, text);
    Vec::new()
}

/// The marked alternative of the token under the cursor; the reason where it cannot be taken.
pub(in crate::app) fn branching(state: &State) -> Result<Branching, String> {
    let none = "ask something first: its tokens' alternatives are what is forked from";
    let (Some(run), Some(position)) = (state.shown_run(), state.token_position()) else {
        return Err(match state.selected_message() {
            Some(_) => "no alternatives are kept of this answer: only the newest 8 have them",
            None => none,
        }
        .to_owned());
    };
    let node = run.node;
    let Some(token_index) = position.checked_sub(run.prompt.len()) else {
        return Err("a token of the prompt was given; choose one of the answer".to_owned());
    };
    let Some(alternative) = state.marked_alternative() else {
        return Err("the alternatives of this token were not recorded".to_owned());
    };
    let turn = state.session.tree.turn(node).ok_or("the answer is gone")?;
    let recorded = run.tokens.get(token_index).map(|token| token.id);
    if turn.ids.is_empty() || turn.ids.get(token_index).copied() != recorded {
        return Err("an edited answer cannot be forked: a person wrote its text".to_owned());
    }
    if let Some(model) = state.model.ready()
        && model.name != turn.settings.model
    {
        let (own, now) = (&turn.settings.model, &model.name);
        return Err(format!(
            "{own} wrote this answer, {now} cannot go on with it"
        ));
    }
    Ok(Branching {
        node,
        token_index,
        id: alternative.id,
        text: alternative.text,
    })
}

/// What a request that goes on from there begins with.
pub(in crate::app) fn opening(turn: &Turn, branching: &Branching) -> AnswerOpening {
    let mut ids: Vec<u32> = turn.ids[..branching.token_index].to_vec();
    ids.push(branching.id);
    AnswerOpening::Forced { ids }
}

/// A sibling of the answer that begins like it, takes the marked alternative, and goes on with the
/// settings that the answer had there.
pub(in crate::app) fn fork(state: &mut State) -> Vec<Effect> {
    if !generate::can_ask(state) {
        return Vec::new();
    }
    let branching = match branching(state) {
        Ok(branching) => branching,
        Err(why) => {
            say(state, Level::Warning, why);
            return Vec::new();
        }
    };
    let tree = &state.session.tree;
    let (Some(source), parent) = (
        tree.turn(branching.node),
        tree.node(branching.node).and_then(|node| node.parent),
    ) else {
        return Vec::new();
    };
    let Some(turn) = source.forked(branching.node, branching.token_index) else {
        return Vec::new();
    };
    let opening = opening(source, &branching);
    let settings = source.settings_at(branching.token_index);
    let node = tree.next_id();
    let mut effects = state.change(vec![TreeOp::AddNode(Node {
        id: node,
        parent,
        created_ms: state.wall_ms(),
        kind: NodeKind::Assistant(turn),
        edited: false,
    })]);
    if (state.token_lab.ghost.as_ref()).is_some_and(|ghost| ghost.branching == branching) {
        effects.extend(super::ghost::clear(state));
    }
    state.runs.refresh(branching.node);
    effects.extend(generate::ask(state, node, parent, settings, opening, 0));
    state.map.token = super::super::map::TokenCursor::Newest;
    chat::follow(state);
    effects
}

/// Fills a fork with what it begins with: the tokens shared with the other answer as the model's
/// own, the chosen one as put in.
pub(in crate::app) fn fork_started(
    state: &mut State,
    node: NodeId,
    fork: &Fork,
    inserted: Vec<PromptToken>,
    events: Vec<HarmonyEvent>,
) -> Vec<Effect> {
    let shared = fork.token_index;
    if !state.runs.share_beginning(fork.from, shared) {
        let text = "the prompt has changed since: the shared tokens have no record";
        say(state, Level::Info, text);
    }
    let (ids, mut texts): (Vec<u32>, Vec<String>) = inserted
        .into_iter()
        .map(|token| (token.id, token.text))
        .unzip();
    if let Some(source) = state.session.tree.turn(fork.from) {
        // A character of several tokens belongs to the last of them there.
        for (index, text) in texts[..shared].iter_mut().enumerate() {
            source
                .token_text(index)
                .unwrap_or_default()
                .clone_into(text);
        }
    }
    let at_ms = state.wall_ms();
    let mut ops = vec![TreeOp::Insert {
        node,
        ids: ids[shared..].to_vec(),
        texts: texts[shared..].to_vec(),
        events,
        at_ms,
    }];
    if shared > 0 {
        ops.insert(
            0,
            TreeOp::AppendTokens {
                node,
                ids: ids[..shared].to_vec(),
                texts: texts[..shared].to_vec(),
                events: Vec::new(),
                at_ms,
            },
        );
    }
    state.change(ops)
}
