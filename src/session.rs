#![allow(missing_docs, missing_debug_implementations)]
use std::collections::BTreeMap;
use std::ops::Range;
use crate::engine::protocol::{ErrorReport, ModelOrigin};
use crate::generate::{FinishReason, GenerationStats, SamplingParams};
use crate::harmony::{Header, MessageEnding, FaultKind, ReasoningEffort, SystemContent, DeveloperContent};
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct NodeId(pub u64);
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct SessionId(pub String);
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Access { #[default] Writable, ReadOnly, Unsaved }
#[derive(Debug, Clone, PartialEq)]
pub struct SessionInfo { pub id: SessionId, pub title: String, pub updated_ms: u64, pub num_turns: usize }
#[derive(Debug, Clone, PartialEq)]
pub struct Opened { pub tree: Tree }
#[derive(Debug, Clone, PartialEq)]
pub enum StoreEvent { Saved }
#[derive(Debug, Clone, PartialEq)]
pub enum TreeOp { AddNode(Node) }
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Framing { pub system: SystemContent, pub developer: DeveloperContent }
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tree { pub nodes: BTreeMap<NodeId, Node>, pub order: Vec<NodeId>, pub title: Option<String>, pub history_start: Option<NodeId> }
#[derive(Debug, Clone, PartialEq)]
pub enum NodeKind { User { text: String }, Tool { name: String, text: String }, Assistant(Turn) }
#[derive(Debug, Clone, PartialEq)]
pub struct Node { pub id: NodeId, pub parent: Option<NodeId>, pub created_ms: u64, pub kind: NodeKind, pub edited: bool }
#[derive(Debug, Clone, PartialEq)]
pub struct Turn { pub parts: Vec<Part>, pub ids: Vec<u32>, pub inserted: Vec<Range<usize>>, pub faults: Vec<FaultSpan>, pub settings: TurnSettings, pub sampling_changes: Vec<SamplingChange>, pub outcome: Option<TurnOutcome> }
#[derive(Debug, Clone, PartialEq)]
pub struct FaultSpan { pub kind: FaultKind, pub text: String, pub tokens: Range<usize> }
#[derive(Debug, Clone, PartialEq)]
pub struct SamplingChange { pub token_index: usize, pub sampling: SamplingParams }
#[derive(Debug, Clone, PartialEq)]
pub struct Part { pub header: Header, pub text: String, pub ending: Option<MessageEnding>, pub tokens: Range<usize>, pub started_ms: u64, pub ended_ms: Option<u64> }
#[derive(Debug, Clone, PartialEq)]
pub struct TurnSettings { pub model: String, pub origin: ModelOrigin, pub effort: ReasoningEffort, pub sampling: SamplingParams, pub max_tokens: Option<usize> }
#[derive(Debug, Clone, PartialEq)]
pub enum TurnOutcome { Finished { finish_reason: FinishReason, stats: GenerationStats }, Failed(ErrorReport), Crashed(ErrorReport), Interrupted }
impl Tree {
    pub fn path(&self) -> Vec<NodeId> { self.order.clone() }
    pub fn node(&self, id: NodeId) -> Option<&Node> { self.nodes.get(&id) }
    pub fn siblings(&self, _id: NodeId) -> (usize, usize) { (0, 1) }
}
