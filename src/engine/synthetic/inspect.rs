//! Made-up figures of a look inside: right in form (shapes, windows, sums), without meaning.

use super::random::{hash, uniform};
use super::vocabulary::{NUM_WORDS, VOCAB_SIZE, text_of};
use super::{CHUNK_TOKENS, SyntheticModel};
use crate::engine::backend::InspectStep;
use crate::engine::protocol::{
    AttentionKind, ErrorKind, ErrorReport, InspectReport, InspectRequest, ModelOrigin, ModelSummary,
};
use crate::generate::{
    HeadIndex, HeadWeights, InspectCost, InspectOptions, InspectSizes, Inspection, LayerSinks,
    LensRow, ResidualNorms,
};

/// Query heads in each layer, as in gpt-oss.
const NUM_HEADS: usize = 64;

/// Keys that keep the draws of different figures apart.
const LENS: u64 = 1;
const NORM: u64 = 2;
const SINK: u64 = 3;
const WEIGHT: u64 = 4;

/// A look inside in progress.
#[derive(Debug)]
pub(super) struct Look {
    request: InspectRequest,
    summary: ModelSummary,
    /// Determines every figure: the model's seed, the sequence and the rules.
    seed: u64,
    done_tokens: usize,
}

impl Look {
    /// Checks the request as a model with these sizes would. Ids are free: all have a text.
    pub(super) fn start(
        model: &SyntheticModel,
        summary: &ModelSummary,
        request: &InspectRequest,
    ) -> Result<Self, ErrorReport> {
        super::check_prompt(&request.ids, model.max_context_tokens)?;
        request
            .options
            .check(InspectSizes {
                num_layers: summary.layers.len(),
                num_heads: NUM_HEADS,
                vocab_size: VOCAB_SIZE as usize,
            })
            .map_err(|error| ErrorReport::from_error(ErrorKind::InvalidRequest, &error))?;
        let rules = request.options.interventions.to_string();
        let rules = rules.bytes().map(u64::from);
        let keys = request.ids.iter().map(|&id| u64::from(id)).chain(rules);
        let keys: Vec<u64> = std::iter::once(model.seed).chain(keys).collect();
        Ok(Self {
            request: request.clone(),
            summary: summary.clone(),
            seed: hash(&keys),
            done_tokens: 0,
        })
    }

    pub(super) fn total_tokens(&self) -> usize {
        self.request.ids.len()
    }

    /// Goes on by a chunk.
    pub(super) fn step(&mut self) -> InspectStep {
        self.done_tokens += CHUNK_TOKENS;
        if self.done_tokens < self.total_tokens() {
            return InspectStep::Computed(self.done_tokens);
        }
        let report = InspectReport::new(ModelOrigin::Synthetic, self.inspection(), text_of);
        InspectStep::Done(Box::new(report))
    }

    fn inspection(&self) -> Inspection {
        let layers = 0..self.summary.layers.len();
        let lens = self.request.options.lens_layers(layers.len());
        Inspection {
            position: self.total_tokens() - 1,
            token: self.request.ids.last().copied().unwrap_or_default(),
            lens: lens.into_iter().map(|layer| self.lens(layer)).collect(),
            norms: ResidualNorms {
                embedding: 1.0,
                after_attention: layers.clone().map(|layer| self.norm(2 * layer)).collect(),
                after_experts: layers
                    .clone()
                    .map(|layer| self.norm(2 * layer + 1))
                    .collect(),
            },
            sinks: layers.map(|layer| self.sinks(layer)).collect(),
            head: self.request.options.head.map(|index| self.head(index)),
            interventions: self.request.options.interventions.clone(),
        }
    }

    fn draw(&self, kind: u64, place: usize, item: usize) -> f32 {
        uniform(hash(&[self.seed, kind, place as u64, item as u64]))
    }

    /// Words grow likelier from layer to layer, so that the lens has something to show.
    fn lens(&self, layer: usize) -> LensRow {
        let depth = (layer + 1) as f32 / self.summary.layers.len() as f32;
        let logits: Vec<f32> = (0..VOCAB_SIZE as usize)
            .map(|id| {
                let settled = if id < NUM_WORDS as usize { 4.0 } else { 0.0 };
                let noise = self.draw(LENS, layer, id);
                depth * (settled + 4.0 * self.draw(LENS, usize::MAX, id)) + 2.0 * noise
            })
            .collect();
        let InspectOptions { top, target, .. } = self.request.options;
        LensRow::of_logits(layer, &logits, top, target)
    }

    fn norm(&self, place: usize) -> f32 {
        (place + 2) as f32 * (1.0 + self.draw(NORM, place, 0))
    }

    fn sink(&self, layer: usize, head: usize) -> f32 {
        self.draw(SINK, layer, head)
    }

    fn first_position(&self, layer: usize) -> usize {
        match self.summary.layers[layer] {
            AttentionKind::Full => 0,
            AttentionKind::Sliding => self
                .total_tokens()
                .saturating_sub(self.summary.sliding_window_tokens),
        }
    }

    fn sinks(&self, layer: usize) -> LayerSinks {
        LayerSinks {
            is_windowed: self.summary.layers[layer] == AttentionKind::Sliding,
            first_position: self.first_position(layer),
            shares: (0..NUM_HEADS).map(|head| self.sink(layer, head)).collect(),
        }
    }

    fn head(&self, index: HeadIndex) -> HeadWeights {
        let first_position = self.first_position(index.layer);
        let sink = self.sink(index.layer, index.head);
        let key = hash(&[WEIGHT, index.layer as u64, index.head as u64]);
        let draws: Vec<f32> = (first_position..self.total_tokens())
            .map(|position| self.draw(key, position, 0).powi(4))
            .collect();
        let sum: f32 = draws.iter().sum();
        HeadWeights {
            index,
            first_position,
            tokens: self.request.ids[first_position..].to_vec(),
            weights: draws.iter().map(|d| d / sum * (1.0 - sink)).collect(),
            sink,
        }
    }
}

/// What a real model of this form would take.
pub(super) fn cost(summary: &ModelSummary, tokens: usize, options: &InspectOptions) -> InspectCost {
    let memory = crate::engine::nominal::usage(summary, tokens, 0).memory;
    InspectCost {
        tokens,
        unembeddings: options.lens_layers(summary.layers.len()).len(),
        peak_bytes: memory.peak_bytes,
        limit_bytes: memory.limit_bytes,
    }
}
