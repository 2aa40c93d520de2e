//! A summary of the oldest turns in the making.

use super::effect::Effect;
use super::state::State;
use crate::engine::protocol::{RequestId, TokenEvent};
use crate::harmony::HarmonyEvent;
use crate::session::{Node, NodeId, NodeKind, Tree, TreeOp, Turn, TurnSettings};

/// The answer's name in the tree of its own.
const ANSWER: NodeId = NodeId(1);

/// The model sums up the oldest turns; what it writes is in no conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct Summing {
    /// The request.
    pub request: RequestId,
    /// The first message that will still be sent itself.
    pub start: NodeId,
    answer: Tree,
}

impl Summing {
    /// One that has no token yet.
    pub(super) fn new(request: RequestId, start: NodeId, settings: TurnSettings) -> Self {
        let mut answer = Tree::default();
        let first = TreeOp::AddNode(Node {
            id: ANSWER,
            parent: None,
            created_ms: 0,
            kind: NodeKind::Assistant(Turn::new(settings)),
            edited: false,
        });
        // An empty tree takes any first message.
        let _ = answer.apply(&first);
        Self {
            request,
            start,
            answer,
        }
    }

    /// Takes a token in.
    pub(super) fn token(&mut self, token: &TokenEvent) {
        let (ids, texts) = (vec![token.id], vec![token.text.clone()]);
        self.append(ids, texts, token.harmony.clone());
    }

    /// Takes in what the parser said at the end.
    pub(super) fn end(&mut self, events: Vec<HarmonyEvent>) {
        self.append(Vec::new(), Vec::new(), events);
    }

    fn append(&mut self, ids: Vec<u32>, texts: Vec<String>, events: Vec<HarmonyEvent>) {
        // The answer is there and runs, so it can be appended to.
        let _ = self.answer.apply(&TreeOp::AppendTokens {
            node: ANSWER,
            ids,
            texts,
            events,
            at_ms: 0,
        });
    }

    /// Tokens written so far.
    pub fn num_tokens(&self) -> usize {
        self.answer.turn(ANSWER).map_or(0, |turn| turn.ids.len())
    }

    /// The summary so far.
    pub fn text(&self) -> String {
        let text = self.answer.turn(ANSWER).map(Turn::final_text);
        text.unwrap_or_default().trim().to_owned()
    }
}

impl State {
    /// Gives the summary in the making up, without a word; what the engine still sends is ignored.
    pub(super) fn forget_summing(&mut self) -> Option<Effect> {
        let summing = self.summing.take()?;
        Some(Effect::Cancel(summing.request))
    }
}
