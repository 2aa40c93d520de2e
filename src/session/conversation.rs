//! From the tree to what is sent, and what is found in it.

use std::ops::Range;

use super::node::{NodeId, NodeKind};
use super::tree::Tree;
use crate::harmony::{Conversation, Message};

/// What stands above a summary that is sent.
const SUMMARY_HEADING: &str = "Summary of our conversation before the messages below:";

/// Where a searched text was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The message.
    pub node: NodeId,
    /// The part of an answer; 0 for other messages.
    pub part: usize,
    /// Bytes of its text.
    pub bytes: Range<usize>,
}

impl Tree {
    /// What is sent when the message after `last` is to be written: framing and messages down to it.
    ///
    /// Analysis is in it; the renderer leaves out what the format says. Messages before the
    /// history's start are not sent where the start lies on the branch; their summary is, if there is
    /// one.
    pub fn conversation(&self, last: Option<NodeId>) -> Conversation {
        let path = last.map_or_else(Vec::new, |last| self.path_to(last));
        let start = self
            .history_start()
            .and_then(|start| path.iter().position(|id| *id == start));
        let summary = self.summary().filter(|_| start.is_some());
        let mut messages: Vec<Message> = summary
            .map(|summary| Message::user(format!("{SUMMARY_HEADING}\n\n{summary}")))
            .into_iter()
            .collect();
        for id in &path[start.unwrap_or(0)..] {
            match self.node(*id).map(|node| &node.kind) {
                Some(NodeKind::User { text }) => messages.push(Message::user(text.clone())),
                Some(NodeKind::Tool { name, text }) => {
                    messages.push(Message::tool(name.clone(), text.clone()));
                }
                Some(NodeKind::Assistant(turn)) => messages.extend(turn.messages()),
                None => {}
            }
        }
        let framing = self.framing();
        let developer = framing.developer.clone();
        let has_developer = developer.instructions.is_some() || !developer.tools.is_empty();
        Conversation {
            system: Some(framing.system.clone()),
            developer: has_developer.then_some(developer),
            messages,
        }
    }

    /// Everywhere that `query` appears, whatever the case of its letters.
    pub fn search(&self, query: &str) -> Vec<Found> {
        let mut found = Vec::new();
        for node in self.nodes() {
            let texts: Vec<&str> = match &node.kind {
                NodeKind::User { text } | NodeKind::Tool { text, .. } => vec![text],
                NodeKind::Assistant(turn) => {
                    turn.parts.iter().map(|part| part.text.as_str()).collect()
                }
            };
            for (part, text) in texts.into_iter().enumerate() {
                let ranges = find_ignoring_case(text, query).into_iter();
                found.extend(ranges.map(|bytes| Found {
                    node: node.id,
                    part,
                    bytes,
                }));
            }
        }
        found
    }
}

/// Where `query` appears in `text`; matches do not overlap.
pub(super) fn find_ignoring_case(text: &str, query: &str) -> Vec<Range<usize>> {
    let query: Vec<char> = query.chars().flat_map(char::to_lowercase).collect();
    if query.is_empty() {
        return Vec::new();
    }
    // Lower-case characters with the bytes of the one that they come from.
    let lower: Vec<(char, Range<usize>)> = text
        .char_indices()
        .flat_map(|(at, character)| {
            let bytes = at..at + character.len_utf8();
            character
                .to_lowercase()
                .map(move |lower| (lower, bytes.clone()))
        })
        .collect();
    let mut found = Vec::new();
    let mut at = 0;
    while at + query.len() <= lower.len() {
        let window = &lower[at..at + query.len()];
        if window
            .iter()
            .map(|(character, _)| *character)
            .eq(query.iter().copied())
        {
            found.push(window[0].1.start..window[query.len() - 1].1.end);
            at += query.len();
        } else {
            at += 1;
        }
    }
    found
}
