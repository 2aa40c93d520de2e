//! What stands under an answer: progress, changes of settings, figures, how it ended.

use super::message::Block;
use super::plain_text::wrapped;
use super::words;
use crate::app::state::State;
use crate::app::token_lab::Tint;
use crate::engine::protocol::ModelOrigin;
use crate::session::{NodeId, Turn};
use crate::ui::chrome;
use crate::ui::panes::quoted;
use crate::ui::sanitize::sanitize;
use crate::ui::theme::{Theme, ThemeRole};

/// What tokens are if no model computed them.
pub(in crate::ui) fn origin(origin: ModelOrigin) -> Option<&'static str> {
    match origin {
        ModelOrigin::Model => None,
        ModelOrigin::Recorded => Some("replay, no model"),
        ModelOrigin::Scripted => Some("scripted, no model"),
        ModelOrigin::Synthetic => Some("synthetic, no model"),
    }
}

/// A row with a mark before it.
pub(super) fn note(text: &str, role: ThemeRole, theme: &Theme) -> Block {
    let mark = format!("{} ", theme.glyphs().warning);
    Block::Row {
        left: vec![(mark, role), (text.to_owned(), role)],
        right: String::new(),
    }
}

/// What the engine does for the answer while there is no text yet.
pub(super) fn running(blocks: &mut Vec<Block>, state: &State, turn: &Turn, theme: &Theme) {
    let Some(running) = &state.running else {
        return;
    };
    let has_text = turn.parts.last().is_some_and(|part| part.ending.is_none());
    let spinner = theme.glyphs().spinner_at(state.now_ms);
    let waiting = |text: &str| Block::Row {
        left: vec![
            (format!("{spinner} "), ThemeRole::Accent),
            (text.to_owned(), ThemeRole::Faint),
        ],
        right: String::new(),
    };
    match running.prefill {
        None if running.generated_tokens == 0 => blocks.push(waiting("waiting for the engine")),
        Some((done, total)) if running.first_token_ms.is_none() => {
            let text = format!("reading the prompt {done}/{total}");
            let share = done as f64 / total.max(1) as f64;
            blocks.push(Block::Progress { share, text });
        }
        _ if !has_text => blocks.push(waiting("writing")),
        _ => {}
    }
}

/// Settings that were changed while the answer was written, and where it was cut short by hand.
pub(super) fn changes(blocks: &mut Vec<Block>, turn: &Turn, width: u16, theme: &Theme) {
    for words in turn.expert_words() {
        let words = sanitize(&words);
        blocks.extend(wrapped(&words, width).into_iter().map(|row| Block::Row {
            left: vec![(row, ThemeRole::Danger)],
            right: String::new(),
        }));
    }
    let mut before = &turn.settings.sampling;
    for (index, change) in turn.sampling_changes.iter().enumerate() {
        // Of several changes before one token only the last ever counted.
        let next = turn.sampling_changes.get(index + 1);
        if next.is_some_and(|next| next.token_index == change.token_index) {
            continue;
        }
        let what = words::changes(before, &change.sampling);
        if !what.is_empty() {
            let text = format!(
                "changed at token {} of the answer: {}",
                change.token_index,
                what.join(chrome::dot(theme))
            );
            faint(blocks, &text, width);
        }
        before = &change.sampling;
    }
    if let Some(words) = turn.fork_words() {
        faint(blocks, &sanitize(&words), width);
    }
    let fork = turn.fork.as_ref().map(|fork| fork.token_index);
    let is_fork = |at: usize| fork == Some(at);
    for inserted in turn
        .inserted
        .iter()
        .filter(|range| !range.is_empty() && !is_fork(range.start))
    {
        faint(
            blocks,
            &format!("answer asked for at its token {}", inserted.start),
            width,
        );
    }
}

/// The figures of a finished answer, and how it ended.
pub(super) fn outcome(blocks: &mut Vec<Block>, turn: &Turn, width: u16, theme: &Theme) {
    let Some(outcome) = &turn.outcome else {
        return;
    };
    if let Some((text, is_error)) =
        words::ending(outcome, turn.settings.max_tokens, turn.settings.origin)
    {
        let role = if is_error {
            ThemeRole::Danger
        } else {
            ThemeRole::Warning
        };
        let mut rows = wrapped(&text, width.saturating_sub(2)).into_iter();
        blocks.extend(rows.next().map(|first| note(&first, role, theme)));
        blocks.extend(rows.map(|row| Block::Row {
            left: vec![(format!("  {row}"), role)],
            right: String::new(),
        }));
    }
    if let crate::session::TurnOutcome::Finished { stats, .. } = outcome {
        let items = words::figures(stats, &turn.settings, turn.ids.len());
        let rows = rows_of_items(&items, chrome::dot(theme), width);
        blocks.extend(rows.into_iter().map(|row| Block::Row {
            left: vec![(row, ThemeRole::Faint)],
            right: String::new(),
        }));
    }
}

/// What the token lab has to say of an answer: the ghost, and that its tokens have no record.
pub(super) fn lab(blocks: &mut Vec<Block>, state: &State, node: NodeId, width: u16, theme: &Theme) {
    if state.token_lab.tint != Tint::Off && state.runs.get(node).is_none() {
        let text = "not colored: only the newest 8 answers keep probabilities";
        faint(blocks, text, width);
    }
    let Some(ghost) = state.ghost_of(node) else {
        return;
    };
    // The prompt's length is known as long as the answer's record is kept.
    let from = state.runs.get(node).map_or_else(String::new, |run| {
        let position = run.prompt.len() + ghost.branching.token_index;
        format!(" from position {position}")
    });
    let text = format!(
        "ghost{from}, not in the chat{}{}",
        chrome::dot(theme),
        quoted(&ghost.text())
    );
    faint(blocks, &text, width);
}

/// Items in rows that end between them, so that no figure is parted from its unit.
fn rows_of_items(items: &[String], dot: &str, width: u16) -> Vec<String> {
    let mut rows: Vec<String> = Vec::new();
    for item in items {
        match rows.last_mut() {
            Some(row) if chrome::width(row) + chrome::width(dot) + chrome::width(item) <= width => {
                row.push_str(dot);
                row.push_str(item);
            }
            _ => rows.extend(wrapped(item, width)),
        }
    }
    rows
}

fn faint(blocks: &mut Vec<Block>, text: &str, width: u16) {
    blocks.extend(wrapped(text, width).into_iter().map(|row| Block::Row {
        left: vec![(row, ThemeRole::Faint)],
        right: String::new(),
    }));
}
