//! What the map and the token pane show: which tokens, and the figures over them.

use super::map::{MapSource, TokenCursor};
use super::run::Run;
use super::state::State;
use crate::analytics::{
    Balance, Bounds, CardQuery, ExpertCard, Grid, LayerEntropies, Measure, RoutedToken, Scale,
    Selection, Span, SpanSet, TotalsRef, difference,
};
use crate::engine::protocol::RoutingTotals;
use crate::session::NodeId;

/// Tokens of the sliding window.
pub const WINDOW_TOKENS: usize = 64;

/// Transitions and partners on an expert's card, each.
const CARD_ENTRIES: usize = 8;

/// Tokens that have to share two experts before the pair is listed.
const CARD_PAIR_TOKENS: u64 = 3;

impl State {
    /// The ends of the color ramp that suit what the map shows.
    pub fn map_bounds(&self, grid: &Grid) -> Bounds {
        if self.map.source.is_difference() {
            Bounds::symmetric(grid)
        } else if self.map.measure == Measure::Share && self.map.scale == Scale::Logarithmic {
            Bounds::of_shares(grid)
        } else {
            Bounds::of(grid, self.map.scale)
        }
    }

    /// Forgets all records, held ones too: another model, another session.
    pub(super) fn forget_runs(&mut self) {
        self.runs.clear();
        self.map.frozen = None;
        self.frozen_telemetry = None;
    }

    /// Layers and experts of the model.
    pub fn map_size(&self) -> Option<(usize, usize)> {
        let model = self.model.ready()?;
        Some((model.layers.len(), model.num_local_experts))
    }

    /// The run that map and token pane show: the one held still, else that of the selected answer,
    /// else the newest one.
    pub fn shown_run(&self) -> Option<&Run> {
        if let Some(frozen) = &self.map.frozen {
            return Some(frozen);
        }
        let path = self.session.tree.path();
        let selected = self.selected_message()?;
        let at = path.iter().position(|node| *node == selected)?;
        let is_answer = |node: &&NodeId| self.session.tree.turn(**node).is_some();
        let answer = path[at..]
            .iter()
            .find(is_answer)
            .or_else(|| path[..at].iter().rev().find(is_answer));
        self.runs.get(*answer?)
    }

    /// The position that the token cursor is at, in the shown run.
    pub fn token_position(&self) -> Option<usize> {
        let run = self.shown_run()?;
        match self.map.token {
            TokenCursor::At(position) => Some(position.min(run.len().checked_sub(1)?)),
            // The newest token has not been read yet, so the one before it is the newest routed.
            TokenCursor::Newest => run.last_routed(),
        }
    }

    /// The routing of the token under the token cursor.
    pub fn shown_routing(&self) -> Option<&RoutedToken> {
        self.shown_run()?.log.get(self.token_position()?)
    }

    /// The tokens of the shown run that the map is about. For what goes beyond one run, or compares
    /// two parts of it, these are all of its tokens.
    pub fn selection(&self) -> Selection {
        let position = self.token_position().unwrap_or_default();
        match self.map.source {
            MapSource::Token => Selection::Position(position),
            MapSource::Window => Selection::Window {
                end: position,
                tokens: WINDOW_TOKENS,
            },
            MapSource::Prompt => Span::Prompt.into(),
            MapSource::Answer => SpanSet::ANSWER.into(),
            MapSource::Analysis => Span::Analysis.into(),
            MapSource::Final => Span::Final.into(),
            MapSource::Cumulative
            | MapSource::AnswerMinusPrompt
            | MapSource::FinalMinusAnalysis => Selection::All,
        }
    }

    /// The same, but all tokens of the run in place of one alone, which says nothing about experts.
    fn many_tokens(&self) -> Selection {
        match self.selection() {
            Selection::Position(_) => Selection::All,
            other => other,
        }
    }

    /// How evenly the experts are used by the tokens that the map is about.
    pub fn balance(&self) -> Option<Balance> {
        let grid = if self.map.source == MapSource::Cumulative {
            self.cumulative(Measure::Count)?
        } else {
            self.shown_run()?
                .log
                .grid(self.many_tokens(), Measure::Count)
        };
        Some(Balance::of(&grid))
    }

    /// The figures of all tokens since the model was loaded.
    fn cumulative(&self, measure: Measure) -> Option<Grid> {
        let RoutingTotals {
            num_layers,
            num_experts,
            tokens,
            counts,
            weight_sums,
        } = &*self.shown_telemetry().routing.cumulative;
        let totals = TotalsRef {
            num_layers: *num_layers,
            num_experts: *num_experts,
            tokens: *tokens,
            counts,
            weight_sums,
        };
        Grid::from_totals(&totals, measure).ok()
    }

    /// The card of the expert under the map's cursor, over all tokens of the shown run.
    pub fn card(&self) -> Option<ExpertCard> {
        let run = self.shown_run()?;
        let query = CardQuery {
            layer: self.map.cursor.layer,
            expert: self.map.cursor.expert,
            selection: self.many_tokens(),
            top: CARD_ENTRIES,
            min_pair_tokens: CARD_PAIR_TOKENS,
        };
        ExpertCard::of(&run.log, &query, |position| run.text(position))
    }

    /// Both entropies of each layer over the tokens that the map is about.
    pub fn entropies(&self) -> Option<LayerEntropies> {
        Some(self.shown_run()?.log.entropies(self.selection()))
    }

    /// The figures of the map.
    pub fn grid(&self) -> Option<Grid> {
        let measure = self.map.measure;
        if self.map.source == MapSource::Cumulative {
            return self.cumulative(measure);
        }
        let run = self.shown_run()?;
        let share = |spans: SpanSet| run.log.grid(spans.into(), Measure::Share);
        match self.map.source {
            MapSource::AnswerMinusPrompt => {
                difference(&share(SpanSet::ANSWER), &share(SpanSet::PROMPT)).ok()
            }
            MapSource::FinalMinusAnalysis => {
                difference(&share(Span::Final.into()), &share(Span::Analysis.into())).ok()
            }
            _ => Some(run.log.grid(self.selection(), measure)),
        }
    }
}
