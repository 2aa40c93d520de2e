//! The tree of all messages.

use std::collections::BTreeMap;

use super::node::{Framing, Node, NodeId, NodeKind, Turn, TurnOutcome};
use super::op::TreeOp;

/// How far a message's name may be from the one before: far enough for every file that a branch was
/// copied to, and too near for a file to use all names up.
const MAX_GAP: u64 = 1 << 32;

/// All messages of a session with their branches, and which branch is shown.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tree {
    nodes: BTreeMap<NodeId, Node>,
    children: BTreeMap<Option<NodeId>, Vec<NodeId>>,
    /// The child shown below each message that has any.
    shown: BTreeMap<Option<NodeId>, NodeId>,
    framing: Framing,
    title: Option<String>,
    history_start: Option<NodeId>,
    /// What is sent in place of the messages before `history_start`.
    summary: Option<String>,
    draft: String,
}

/// An operation does not fit the tree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TreeError {
    /// A message that is not there.
    #[error("{0} is not in the conversation")]
    Missing(NodeId),
    /// A message that is there already, or the reserved name 0.
    #[error("{0} is in the conversation already")]
    Taken(NodeId),
    /// A name that does not follow those before it, so that parents would not come first.
    #[error("{found} cannot follow {last}")]
    Order {
        /// The newest message.
        last: NodeId,
        /// The one to be added.
        found: NodeId,
    },
    /// An answer whose content contradicts itself.
    #[error("{0} contradicts itself")]
    Unsound(NodeId),
    /// A message that is no answer.
    #[error("{0} is not an answer")]
    NoAnswer(NodeId),
    /// An answer that has ended, or has not.
    #[error("{0} {1}")]
    Ended(NodeId, &'static str),
    /// Tokens that are not there.
    #[error("{node} has {found} tokens, not {expected}")]
    Tokens {
        /// The answer.
        node: NodeId,
        /// Its tokens.
        found: usize,
        /// Those named.
        expected: usize,
    },
}

impl Tree {
    /// Makes one change. *Errors:* [`TreeError`]; the tree is unchanged then.
    pub fn apply(&mut self, op: &TreeOp) -> Result<(), TreeError> {
        match op {
            TreeOp::AddNode(node) => self.add(node)?,
            TreeOp::AppendTokens {
                node,
                ids,
                texts,
                events,
                at_ms,
            } => {
                let turn = self.running_mut(*node)?;
                turn.append(ids, texts);
                turn.follow(events, *at_ms);
            }
            TreeOp::Insert {
                node,
                ids,
                texts,
                events,
                at_ms,
            } => {
                let turn = self.running_mut(*node)?;
                let start = turn.ids.len();
                turn.append(ids, texts);
                if !ids.is_empty() {
                    turn.inserted.push(start..turn.ids.len());
                }
                turn.follow(events, *at_ms);
            }
            TreeOp::SamplingChanged { node, change } => {
                self.running_mut(*node)?
                    .sampling_changes
                    .push(change.clone());
            }
            TreeOp::InterventionsChanged { node, change } => {
                self.running_mut(*node)?
                    .intervention_changes
                    .push(change.clone());
            }
            TreeOp::Finish {
                node,
                outcome,
                events,
                at_ms,
            } => {
                self.running_mut(*node)?
                    .finish(outcome.clone(), events, *at_ms);
            }
            TreeOp::Reopen {
                node,
                settings,
                keep_tokens,
            } => {
                let turn = self.turn_mut(*node)?;
                if turn.outcome.is_none() {
                    return Err(TreeError::Ended(*node, "is still being generated"));
                }
                if *keep_tokens > turn.ids.len() {
                    let (found, expected) = (turn.ids.len(), *keep_tokens);
                    return Err(TreeError::Tokens {
                        node: *node,
                        found,
                        expected,
                    });
                }
                turn.reopen(settings, *keep_tokens);
            }
            TreeOp::Select { node } => self.select(*node)?,
            TreeOp::SetTitle { title } => self.title = Some(title.clone()),
            TreeOp::SetFraming(framing) => self.framing.clone_from(framing),
            TreeOp::SetHistoryStart { node, summary } => {
                if let Some(node) = node {
                    self.node(*node).ok_or(TreeError::Missing(*node))?;
                }
                self.history_start = *node;
                self.summary = summary.clone().filter(|_| node.is_some());
            }
            TreeOp::SetDraft { text } => self.draft.clone_from(text),
        }
        Ok(())
    }

    fn add(&mut self, node: &Node) -> Result<(), TreeError> {
        if node.id == NodeId::default() || self.nodes.contains_key(&node.id) {
            return Err(TreeError::Taken(node.id));
        }
        let last = self.last_id();
        if node.id < last || node.id.0 - last.0 > MAX_GAP {
            let found = node.id;
            return Err(TreeError::Order { last, found });
        }
        if let Some(parent) = node.parent {
            self.node(parent).ok_or(TreeError::Missing(parent))?;
        }
        if matches!(&node.kind, NodeKind::Assistant(turn) if !turn.is_sound()) {
            return Err(TreeError::Unsound(node.id));
        }
        self.children.entry(node.parent).or_default().push(node.id);
        self.nodes.insert(node.id, node.clone());
        self.select(node.id)
    }

    fn select(&mut self, id: NodeId) -> Result<(), TreeError> {
        self.node(id).ok_or(TreeError::Missing(id))?;
        let mut below = None;
        for at in self.path_to(id) {
            self.shown.insert(below, at);
            below = Some(at);
        }
        Ok(())
    }

    fn turn_mut(&mut self, id: NodeId) -> Result<&mut Turn, TreeError> {
        match self.nodes.get_mut(&id).map(|node| &mut node.kind) {
            Some(NodeKind::Assistant(turn)) => Ok(turn),
            Some(_) => Err(TreeError::NoAnswer(id)),
            None => Err(TreeError::Missing(id)),
        }
    }

    fn running_mut(&mut self, id: NodeId) -> Result<&mut Turn, TreeError> {
        let turn = self.turn_mut(id)?;
        if turn.outcome.is_some() {
            return Err(TreeError::Ended(id, "has ended"));
        }
        Ok(turn)
    }

    /// A message.
    pub fn node(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(&id)
    }

    /// An answer; none where the message is not there or no answer.
    pub fn turn(&self, id: NodeId) -> Option<&Turn> {
        match &self.node(id)?.kind {
            NodeKind::Assistant(turn) => Some(turn),
            NodeKind::User { .. } | NodeKind::Tool { .. } => None,
        }
    }

    /// All messages, by name.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.nodes.values()
    }

    /// The number of messages, all branches counted.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether nothing was said.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// A name that is not taken, and greater than all before it.
    pub fn next_id(&self) -> NodeId {
        // Names cannot run out: each is at most `MAX_GAP` from the one before.
        NodeId(self.last_id().0.saturating_add(1))
    }

    /// The newest name; 0 where nothing was said.
    fn last_id(&self) -> NodeId {
        self.nodes
            .last_key_value()
            .map_or(NodeId::default(), |(last, _)| *last)
    }

    /// The first messages of all branches.
    pub fn roots(&self) -> &[NodeId] {
        self.below(None)
    }

    /// What answers a message, the oldest first.
    pub fn children(&self, id: NodeId) -> &[NodeId] {
        self.below(Some(id))
    }

    fn below(&self, parent: Option<NodeId>) -> &[NodeId] {
        self.children.get(&parent).map_or(&[], Vec::as_slice)
    }

    /// The messages that answer the same one, itself included; empty where it is not there.
    pub fn siblings(&self, id: NodeId) -> &[NodeId] {
        self.node(id).map_or(&[], |node| self.below(node.parent))
    }

    /// The branch shown, from its first message to its last.
    pub fn path(&self) -> Vec<NodeId> {
        let mut path = Vec::new();
        let mut at = None;
        while let Some(next) = self.shown.get(&at) {
            path.push(*next);
            at = Some(*next);
        }
        path
    }

    /// The messages above one, from the first to itself.
    pub fn path_to(&self, id: NodeId) -> Vec<NodeId> {
        let parents = std::iter::successors(self.node(id), |node| self.node(node.parent?));
        let mut path: Vec<NodeId> = parents.map(|node| node.id).collect();
        path.reverse();
        path
    }

    /// The number of branches: messages that nothing answers.
    pub fn num_branches(&self) -> usize {
        let answered = |id: &NodeId| !self.children(*id).is_empty();
        self.nodes.keys().filter(|id| !answered(id)).count()
    }

    /// The two messages before the conversation.
    pub fn framing(&self) -> &Framing {
        &self.framing
    }

    /// The title that a person gave.
    pub fn title(&self) -> Option<&str> {
        self.title.as_deref()
    }

    /// The title, else the beginning of the first message.
    pub fn title_or_beginning(&self) -> String {
        if let Some(title) = self.title() {
            return title.to_owned();
        }
        let first = self.path().first().and_then(|id| self.node(*id));
        match first.map(|node| &node.kind) {
            Some(NodeKind::User { text }) => {
                let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
                words.chars().take(60).collect()
            }
            _ => "new session".to_owned(),
        }
    }

    /// The first message that is sent.
    pub fn history_start(&self) -> Option<NodeId> {
        self.history_start
    }

    /// What is sent in place of the messages before the first one that is sent.
    pub fn summary(&self) -> Option<&str> {
        self.summary.as_deref()
    }

    /// What was being written.
    pub fn draft(&self) -> &str {
        &self.draft
    }

    /// Sets what a new session begins with; not for a conversation under way, whose changes are
    /// operations.
    pub fn set_initial_framing(&mut self, framing: Framing) {
        self.framing = framing;
    }

    /// The operations that make this tree from an empty one.
    pub fn to_ops(&self) -> Vec<TreeOp> {
        let mut ops = vec![TreeOp::SetFraming(self.framing.clone())];
        // By name, so every parent comes before its children.
        ops.extend(self.nodes.values().cloned().map(TreeOp::AddNode));
        ops.extend(
            self.leaves_in_order()
                .into_iter()
                .map(|node| TreeOp::Select { node }),
        );
        ops.extend(self.title.clone().map(|title| TreeOp::SetTitle { title }));
        if self.history_start.is_some() {
            ops.push(TreeOp::SetHistoryStart {
                node: self.history_start,
                summary: self.summary.clone(),
            });
        }
        if !self.draft.is_empty() {
            ops.push(TreeOp::SetDraft {
                text: self.draft.clone(),
            });
        }
        ops
    }

    /// All leaves, below each message those of the shown child last: selecting them in this order
    /// shows everywhere what is shown now.
    fn leaves_in_order(&self) -> Vec<NodeId> {
        let mut leaves = Vec::new();
        let mut open = vec![None];
        while let Some(parent) = open.pop() {
            let shown = self.shown.get(&parent).copied();
            let children = self.below(parent);
            if let (true, Some(leaf)) = (children.is_empty(), parent) {
                leaves.push(leaf);
            }
            open.extend(shown.map(Some));
            open.extend(
                children
                    .iter()
                    .copied()
                    .filter(|child| Some(*child) != shown)
                    .map(Some),
            );
        }
        leaves
    }

    /// A tree with the branch shown and nothing else.
    #[must_use]
    pub fn copy_of_path(&self) -> Self {
        let mut copy = Self {
            framing: self.framing.clone(),
            ..Self::default()
        };
        for id in self.path() {
            if let Some(node) = self.node(id) {
                // The path's messages come in order, and names stay.
                let _ = copy.add(node);
            }
        }
        copy.history_start = self
            .history_start
            .filter(|start| copy.nodes.contains_key(start));
        copy.summary = self
            .summary
            .clone()
            .filter(|_| copy.history_start.is_some());
        copy
    }

    /// The operations that end the answers which the end of the program cut off.
    pub(super) fn interruptions(&self) -> Vec<TreeOp> {
        let running = self.nodes.values().filter_map(|node| match &node.kind {
            NodeKind::Assistant(turn) if turn.outcome.is_none() => {
                let last = turn.parts.last();
                Some((
                    node.id,
                    last.map_or(node.created_ms, |part| part.started_ms),
                ))
            }
            _ => None,
        });
        let finish = |(node, at_ms)| TreeOp::Finish {
            node,
            outcome: TurnOutcome::Interrupted,
            events: Vec::new(),
            at_ms,
        };
        running.map(finish).collect()
    }
}
