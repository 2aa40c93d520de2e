//! The overview of all branches.

use super::super::popup::{ListPopup, Popup, TreeRow};
use super::super::state::State;
use crate::session::{NodeId, NodeKind};

/// The overview, with the message that is selected in the chat selected here, too.
pub(in crate::app) fn popup(state: &State) -> Popup {
    let mut list = ListPopup::new(rows(state));
    let selected = state.selected_message();
    let place = list
        .entries
        .iter()
        .position(|row| Some(row.node) == selected);
    list.selected = place.unwrap_or(0);
    Popup::Tree(list)
}

/// All messages, each below the one that it answers.
fn rows(state: &State) -> Vec<TreeRow> {
    let tree = &state.session.tree;
    let path = tree.path();
    let mut rows = Vec::new();
    let mut open: Vec<(NodeId, usize)> = tree.roots().iter().rev().map(|root| (*root, 0)).collect();
    while let Some((id, depth)) = open.pop() {
        let Some(node) = tree.node(id) else {
            continue;
        };
        let siblings = tree.siblings(id);
        let number = siblings
            .iter()
            .position(|other| *other == id)
            .map_or(1, |place| place + 1);
        let (author, text) = match &node.kind {
            NodeKind::User { text } => ("you", text.clone()),
            NodeKind::Tool { text, .. } => ("tool", text.clone()),
            NodeKind::Assistant(turn) => ("model", turn.final_text()),
        };
        rows.push(TreeRow {
            node: id,
            depth: depth + usize::from(siblings.len() > 1),
            author,
            text: text
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
                .chars()
                .take(200)
                .collect(),
            sibling: (number, siblings.len()),
            is_shown: path.contains(&id),
        });
        let depth = depth + usize::from(siblings.len() > 1);
        open.extend(tree.children(id).iter().rev().map(|child| (*child, depth)));
    }
    rows
}
