//! The chat pane: which message is selected, where it is scrolled, what is unfolded.

use std::collections::BTreeSet;
use std::ops::Range;

use super::effect::Anchor;
use crate::session::NodeId;

/// Where the transcript is scrolled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scroll {
    /// At the end, going along with what comes.
    #[default]
    Follow,
    /// This line is the topmost; what comes does not move it.
    At(Anchor),
}

/// A match of the search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// The message.
    pub node: NodeId,
    /// The part of an answer, from 0; 0 for other messages.
    pub part: usize,
    /// Bytes of the part's text.
    pub bytes: Range<usize>,
}

/// A search of the conversation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Search {
    /// What is searched.
    pub query: String,
    /// The matches from top to bottom.
    pub matches: Vec<Match>,
    /// The present match.
    pub current: usize,
    /// Whether the present match still has to be brought on screen: its row is known when drawn.
    pub is_sought: bool,
}

/// The chat pane's state.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ChatView {
    /// Where it is scrolled.
    pub scroll: Scroll,
    /// The selected message; none means the last one.
    pub selected: Option<NodeId>,
    /// Answers whose analysis differs from the rule for all.
    pub toggled: BTreeSet<NodeId>,
    /// The rule for all: whether analysis is unfolded.
    pub is_unfolded: bool,
    /// Whether the harmony tokens are shown as they are.
    pub is_raw: bool,
    /// The search, while there is one.
    pub search: Option<Search>,
}

impl ChatView {
    /// Whether the analysis, commentary and tool calls of an answer are shown in full.
    pub fn is_unfolded(&self, node: NodeId) -> bool {
        self.is_unfolded != self.toggled.contains(&node)
    }

    /// Folds or unfolds one answer.
    pub fn toggle(&mut self, node: NodeId) {
        if !self.toggled.remove(&node) {
            self.toggled.insert(node);
        }
    }

    /// Folds or unfolds all answers alike.
    pub fn toggle_all(&mut self) {
        self.is_unfolded = !self.is_unfolded;
        self.toggled.clear();
    }
}
