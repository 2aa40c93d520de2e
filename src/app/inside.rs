//! A look inside the model at one token, from what it will cost to its figures.
//!
//! One look is one pass over the sequence up to a token. It tells how the model came to what it
//! says next ([`InsideTab::Lens`], [`InsideTab::Norms`]) and where the last token it read looks
//! ([`InsideTab::Sinks`], [`InsideTab::Attention`]). So a token has two passes of interest, see
//! [`Pass`]. Nothing here computes: the engine does, after the cost was shown and agreed to.

use super::map::{beside, place_of};
use crate::engine::protocol::{ErrorReport, InspectReport, RequestId};
use crate::generate::{HeadIndex, InspectCost, LensRow};
use crate::intervention::Interventions;

/// The latest look, or the one that is about to be taken.
#[derive(Debug, Clone, PartialEq)]
pub struct InsideView {
    /// What is looked at.
    pub subject: Subject,
    /// The number of the question what it would cost.
    pub cost_seq: u64,
    /// When to ask that again, where the engine was too busy to hear it.
    pub cost_again_ms: Option<u64>,
    /// What it would cost, once the engine has said so.
    pub cost: Option<InspectCost>,
    /// How far it is.
    pub progress: InsideState,
    /// What was found; stays while another head is computed.
    pub report: Option<Box<InspectReport>>,
    /// Which figures are shown.
    pub tab: InsideTab,
    /// The layer and head under the cursor, which all figures share.
    pub cursor: HeadIndex,
    /// The order of the attention's tokens.
    pub order: WeightOrder,
    /// Rows that the attention's tokens are scrolled down.
    pub scroll: usize,
}

/// How far a look is.
#[derive(Debug, Clone, PartialEq)]
pub enum InsideState {
    /// Its cost is shown; a key starts it.
    Asked,
    /// The engine is at it: the request, the tokens done and all of them.
    Running(RequestId, usize, usize),
    /// It is done.
    Done,
    /// It failed, or was stopped.
    Failed(ErrorReport),
}

/// The sequence that is looked at, and what is known of its end.
#[derive(Debug, Clone, PartialEq)]
pub struct Subject {
    /// The tokens up to the one that is read last.
    pub ids: Vec<u32>,
    /// The token under the cursor.
    pub token: NamedToken,
    /// The token that the pass reads last.
    pub read: NamedToken,
    /// The token that came after it: chosen in an answer, given in a prompt.
    pub next: Option<NamedToken>,
    /// Whether a prompt gave that token rather than the model.
    pub is_next_given: bool,
    /// Which pass it is.
    pub pass: Pass,
    /// The rules of the turn at the token; they count at every position of the look.
    pub rules: Interventions,
    /// Whether the turn's rules changed in between, so that the turn did not compute all positions
    /// with these.
    pub were_rules_changed: bool,
}

/// A token with where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedToken {
    /// The position, from 0.
    pub position: usize,
    /// The id.
    pub id: u32,
    /// Its own text.
    pub text: String,
}

/// The pass that concerns a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Pass {
    /// The one that chose it: the token before it is read last.
    #[default]
    Choosing,
    /// The one that reads it: what comes after it is chosen.
    Reading,
}

/// The kinds of figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum InsideTab {
    /// What the model would say after each layer.
    #[default]
    Lens,
    /// What each head gives to its sink.
    Sinks,
    /// Where one head looks.
    Attention,
    /// How long the residual stream is.
    Norms,
}

/// The order of a head's tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum WeightOrder {
    /// The largest weights first.
    #[default]
    Weight,
    /// As in the text.
    Position,
}

impl InsideTab {
    /// All of them, in the order of their keys.
    pub const ALL: [Self; 4] = [Self::Lens, Self::Sinks, Self::Attention, Self::Norms];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lens => "logit lens",
            Self::Sinks => "attention sinks",
            Self::Attention => "attention",
            Self::Norms => "residual norms",
        }
    }

    /// Its place among all.
    pub fn index(self) -> usize {
        place_of(&Self::ALL, &self)
    }

    /// The next one, or the one before.
    #[must_use]
    pub fn step(self, forward: bool) -> Self {
        beside(&Self::ALL, self, forward)
    }
}

impl InsideView {
    /// The request that the engine is at.
    pub fn request(&self) -> Option<RequestId> {
        match self.progress {
            InsideState::Running(request, ..) => Some(request),
            _ => None,
        }
    }

    /// Layers that the look found; 0 before it is done.
    pub fn num_layers(&self) -> usize {
        self.report
            .as_ref()
            .map_or(0, |report| report.inspection.sinks.len())
    }

    /// Heads of the cursor's layer; 0 before it is done.
    pub fn num_heads(&self) -> usize {
        let sinks = self.report.as_ref().map(|report| &report.inspection.sinks);
        sinks
            .and_then(|sinks| sinks.get(self.cursor.layer))
            .map_or(0, |layer| layer.shares.len())
    }

    /// Whether the weights of the head under the cursor are known.
    pub fn is_head_known(&self) -> bool {
        let head = self
            .report
            .as_ref()
            .and_then(|report| report.inspection.head.as_ref());
        head.is_some_and(|head| head.index == self.cursor)
    }

    /// The token that is most likely after the last layer, and the first layer from which on it is.
    pub fn settled(&self) -> Option<(u32, usize)> {
        let rows = &self.report.as_ref()?.inspection.lens;
        let best = |row: &LensRow| row.top.first().map(|token| token.id);
        let last = best(rows.last()?)?;
        let settled = rows.iter().rev().take_while(|row| best(row) == Some(last));
        Some((last, settled.last()?.layer))
    }

    /// The first layer from which on the token that came is the most likely one; none where it is
    /// not after the last layer.
    pub fn target_settled(&self) -> Option<usize> {
        let rows = &self.report.as_ref()?.inspection.lens;
        let is_first = |row: &&LensRow| row.target.is_some_and(|target| target.rank == 1);
        Some(rows.iter().rev().take_while(is_first).last()?.layer)
    }

    /// The text of a token named in the report.
    pub fn text(&self, id: u32) -> String {
        let known = self.report.as_ref().and_then(|report| report.text(id));
        known.map_or_else(|| format!("id {id}"), str::to_owned)
    }

    /// The head's visible tokens as places in its weights, in the order shown.
    pub fn weight_order(&self) -> Vec<usize> {
        let head = self
            .report
            .as_ref()
            .and_then(|report| report.inspection.head.as_ref());
        let Some(head) = head else {
            return Vec::new();
        };
        let mut order: Vec<usize> = (0..head.weights.len()).collect();
        if self.order == WeightOrder::Weight {
            order.sort_by(|a, b| head.weights[*b].total_cmp(&head.weights[*a]));
        }
        order
    }
}
