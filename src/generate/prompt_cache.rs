//! The cache of one conversation: what the model has read, and how far back it can go.
//!
//! Full layers can be cut at any length; the rings of sliding layers cannot once they have wrapped.
//! So the rings are kept aside at the ends of prompts and now and then during long ones. A snapshot
//! only holds on to arrays that MLX never changes in place while they are held; for gpt-oss-20b it
//! costs 3 MB in bf16.

use std::collections::VecDeque;
use std::sync::Arc;

use mlx_rs::Array;

use crate::intervention::RoutingPlan;
use crate::model::cache::LayerCache;
use crate::model::gpt_oss::{KvPrecision, Transformer};

/// Snapshots kept; the oldest goes first.
const MAX_SNAPSHOTS: usize = 32;

/// Keys and values of a conversation, with the tokens they belong to.
#[derive(Debug, Clone)]
pub struct PromptCache {
    layers: Vec<LayerCache>,
    tokens: Vec<u32>,
    /// Where the way experts are chosen changed: what was computed in another way is not taken over.
    plans: Vec<(usize, Option<Arc<RoutingPlan>>)>,
    snapshots: VecDeque<RingSnapshot>,
    /// The rings before the newest single token: look-ahead and "go on from here" undo one step.
    previous: Option<RingSnapshot>,
}

/// The rings of all sliding layers when the cache held `len` positions.
#[derive(Debug, Clone)]
struct RingSnapshot {
    len: usize,
    rings: Vec<LayerCache>,
}

/// Tokens and bytes of one kind of layer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KindUsage {
    /// Layers of this kind.
    pub num_layers: usize,
    /// Positions held in each.
    pub tokens: usize,
    /// Positions each has room for.
    pub capacity_tokens: usize,
    /// Bytes of their buffers, unused slots included.
    pub bytes: u64,
    /// Bytes of the slots that hold a position.
    pub used_bytes: u64,
}

/// What a cache holds, by kind of layer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CacheUsage {
    /// Layers that keep everything.
    pub full: KindUsage,
    /// Layers that keep a window.
    pub sliding: KindUsage,
    /// Bytes of rings kept aside for going back.
    pub snapshot_bytes: u64,
}

impl PromptCache {
    /// An empty cache for `model`.
    pub fn new(model: &Transformer, precision: KvPrecision) -> Self {
        Self {
            layers: model.new_caches(precision),
            tokens: Vec::new(),
            plans: vec![(0, None)],
            snapshots: VecDeque::new(),
            previous: None,
        }
    }

    /// The tokens whose keys and values are held, first to last.
    ///
    /// Between two tokens of a running generation that works ahead, the newest emitted token is
    /// among them already.
    pub fn tokens(&self) -> &[u32] {
        &self.tokens
    }

    /// Notes how experts will be chosen from here on; what is held stays.
    pub(super) fn change_plan(&mut self, plan: Option<Arc<RoutingPlan>>) {
        let len = self.tokens.len();
        self.plans.retain(|(start, _)| *start < len);
        if self.plans.last().is_none_or(|(_, last)| *last != plan) {
            self.plans.push((len, plan));
        }
    }

    /// Notes how experts will be chosen, and goes back to what was computed in that way throughout.
    pub(super) fn begin_plan(&mut self, plan: Option<Arc<RoutingPlan>>) {
        let other = self.plans.iter().find(|(_, held)| *held != plan);
        if let Some(start) = other.map(|(start, _)| *start)
            && start < self.tokens.len()
        {
            self.restore(self.restorable_len(start));
        }
        self.change_plan(plan);
    }

    /// Goes back to the longest prefix shared with `prompt` that can be restored exactly, leaving
    /// at least the last token of `prompt` to be read; returns its length.
    pub fn rewind_to_prefix_of(&mut self, prompt: &[u32]) -> usize {
        let len = self.reusable_prefix_of(prompt);
        self.restore(len);
        len
    }

    /// How far [`Self::rewind_to_prefix_of`] would go back; nothing changes.
    pub fn reusable_prefix_of(&self, prompt: &[u32]) -> usize {
        let shared = self
            .tokens
            .iter()
            .zip(prompt)
            .take_while(|(held, wanted)| held == wanted)
            .count()
            .min(prompt.len().saturating_sub(1));
        self.restorable_len(shared)
    }

    /// The greatest length up to `limit` that [`Self::restore`] can go back to.
    fn restorable_len(&self, limit: usize) -> usize {
        if self.layers.iter().all(|layer| layer.can_trim(limit)) {
            return limit;
        }
        self.snapshots
            .iter()
            .chain(&self.previous)
            .map(|snapshot| snapshot.len)
            .filter(|&len| len <= limit)
            .max()
            .unwrap_or(0)
    }

    fn restore(&mut self, len: usize) {
        if len == 0 {
            for layer in &mut self.layers {
                *layer = layer.emptied();
            }
        } else if self.layers.iter().all(|layer| layer.can_trim(len)) {
            for layer in &mut self.layers {
                layer.trim(len);
            }
        } else {
            self.restore_rings(len);
        }
        self.tokens.truncate(len);
        self.plans.retain(|(start, _)| *start < len.max(1));
        self.snapshots.retain(|snapshot| snapshot.len <= len);
        self.previous = None;
    }

    /// Cuts the full layers and puts back the rings kept at `len`.
    fn restore_rings(&mut self, len: usize) {
        let kept = self.snapshots.iter().chain(&self.previous);
        let rings = kept
            .filter(|snapshot| snapshot.len == len)
            .flat_map(|snapshot| snapshot.rings.clone())
            .collect::<Vec<_>>();
        let sliding = |layer: &&mut LayerCache| matches!(layer, LayerCache::Sliding(_));
        for (layer, ring) in self.layers.iter_mut().filter(sliding).zip(rings) {
            *layer = ring;
        }
        for layer in &mut self.layers {
            layer.trim(len);
        }
    }

    /// Forgets everything: after a failed pass some layers may hold more positions than others, and
    /// arrays that could not be computed.
    pub(super) fn forget(&mut self) {
        self.restore(0);
    }

    /// The layers, for the model to append to; [`Self::appended`] has to follow.
    pub(super) fn layers_mut(&mut self) -> &mut [LayerCache] {
        &mut self.layers
    }

    /// Notes which tokens the model has just read.
    pub(super) fn appended(&mut self, tokens: &[u32]) {
        self.tokens.extend_from_slice(tokens);
    }

    /// Keeps the rings as they are now, to come back here later.
    pub(super) fn take_snapshot(&mut self) {
        let len = self.len();
        if self.snapshots.back().is_some_and(|last| last.len == len) {
            return;
        }
        if self.snapshots.len() == MAX_SNAPSHOTS {
            self.snapshots.pop_front();
        }
        let snapshot = self.current_rings();
        self.snapshots.push_back(snapshot);
    }

    /// Keeps the rings for one step back.
    pub(super) fn remember_previous(&mut self) {
        self.previous = Some(self.current_rings());
    }

    fn current_rings(&self) -> RingSnapshot {
        RingSnapshot {
            len: self.len(),
            rings: self
                .layers
                .iter()
                .filter(|layer| matches!(layer, LayerCache::Sliding(_)))
                .cloned()
                .collect(),
        }
    }

    /// Positions held, counted by the layers.
    pub fn len(&self) -> usize {
        self.layers.first().map_or(0, LayerCache::len)
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every buffer, for evaluation.
    pub(super) fn arrays(&self) -> Vec<&Array> {
        self.layers.iter().flat_map(LayerCache::arrays).collect()
    }

    /// Tokens and bytes by kind of layer.
    pub fn usage(&self) -> CacheUsage {
        let mut usage = CacheUsage::default();
        for layer in &self.layers {
            let (kind, tokens) = match layer {
                LayerCache::Sliding(_) => {
                    (&mut usage.sliding, layer.len().min(layer.capacity_tokens()))
                }
                LayerCache::Full(_) | LayerCache::FullQuantized(_) => {
                    (&mut usage.full, layer.len())
                }
            };
            kind.num_layers += 1;
            kind.tokens = tokens;
            kind.capacity_tokens = layer.capacity_tokens();
            let bytes = layer.nbytes() as u64;
            kind.bytes += bytes;
            kind.used_bytes += bytes * tokens as u64 / layer.capacity_tokens().max(1) as u64;
        }
        usage.snapshot_bytes = self
            .snapshots
            .iter()
            .chain(&self.previous)
            .flat_map(|snapshot| &snapshot.rings)
            .map(|ring| ring.nbytes() as u64)
            .sum();
        usage
    }
}
