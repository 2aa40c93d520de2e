//! What the map and the token pane show: which tokens, and the figures over them.

use std::cell::RefCell;
use std::sync::Arc;

use super::map::{Cell, MapSource, TokenCursor};
use super::run::Run;
use super::state::State;
use crate::analytics::{
    Balance, Bounds, CardQuery, ExpertCard, Grid, LayerEntropies, Measure, RoutedToken, Scale,
    Selection, Span, SpanSet, TotalsRef, difference,
};
use crate::engine::protocol::{RequestId, RoutingTotals};
use crate::session::NodeId;

/// Tokens of the sliding window.
pub const WINDOW_TOKENS: usize = 64;

/// Transitions and partners on an expert's card, each.
const CARD_ENTRIES: usize = 8;

/// Tokens that have to share two experts before the pair is listed.
const CARD_PAIR_TOKENS: u64 = 3;

/// All that an expert's card depends on.
#[derive(Debug, Clone, Copy, PartialEq)]
struct CardSubject {
    /// A request may begin an answer's record anew.
    request: RequestId,
    node: NodeId,
    tokens: usize,
    routed: usize,
    cell: Cell,
    selection: Selection,
}

/// The card that was made last, kept for the next frame.
#[derive(Debug, Clone, Default)]
pub struct LastCard(RefCell<Option<(CardSubject, Option<Arc<ExpertCard>>)>>);

impl LastCard {
    /// The card of this subject: the one kept, else a new one.
    fn of(
        &self,
        subject: CardSubject,
        make: impl FnOnce() -> Option<ExpertCard>,
    ) -> Option<Arc<ExpertCard>> {
        let mut last = self.0.borrow_mut();
        match &*last {
            Some((known, card)) if *known == subject => card.clone(),
            _ => {
                let card = make().map(Arc::new);
                *last = Some((subject, card.clone()));
                card
            }
        }
    }

    /// Forgets it: names of answers may mean others now.
    fn clear(&mut self) {
        *self.0.get_mut() = None;
    }
}

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

    /// The scale of what the map shows: differences have a sign, so theirs is always linear.
    pub fn map_scale(&self) -> Scale {
        if self.map.source.is_difference() {
            Scale::Linear
        } else {
            self.map.scale
        }
    }

    /// The name of what the map shows.
    pub fn measure_name(&self) -> &'static str {
        if self.map.source.is_difference() {
            "percentage points"
        } else {
            self.map.measure.name()
        }
    }

    /// Whether map and meters are held still.
    pub fn is_frozen(&self) -> bool {
        self.frozen_telemetry.is_some()
    }

    /// Forgets all records, held ones too: another model, another session.
    pub(super) fn forget_runs(&mut self) {
        self.runs.clear();
        self.last_card.clear();
        self.token_lab.marked = None;
        self.token_lab.ghost = None;
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
        if self.is_frozen() {
            return self.map.frozen.as_ref();
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

    /// What [`State::selection`] is called.
    pub fn selection_name(&self) -> &'static str {
        self.tokens_name(self.selection())
    }

    /// What the tokens behind [`State::card`] are called.
    pub fn card_tokens_name(&self) -> &'static str {
        self.tokens_name(self.many_tokens())
    }

    /// What the tokens behind [`State::balance`] are called.
    pub fn balance_tokens_name(&self) -> &'static str {
        match self.map.source {
            MapSource::Cumulative => MapSource::Cumulative.title(),
            _ => self.card_tokens_name(),
        }
    }

    fn tokens_name(&self, selection: Selection) -> &'static str {
        match selection {
            Selection::All => "prompt and answer",
            _ => self.map.source.title(),
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
    ///
    /// It is made anew only when it is about something else: that takes a look at every token.
    pub fn card(&self) -> Option<Arc<ExpertCard>> {
        let run = self.shown_run()?;
        let subject = CardSubject {
            request: self.newest_request,
            node: run.node,
            tokens: run.len(),
            routed: run.log.len(),
            cell: self.map.cursor,
            selection: self.many_tokens(),
        };
        self.last_card.of(subject, || self.new_card(run))
    }

    fn new_card(&self, run: &Run) -> Option<ExpertCard> {
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

    /// The figures of the map; none of a difference where one side has no tokens.
    pub fn grid(&self) -> Option<Grid> {
        let measure = self.map.measure;
        match self.map.source {
            MapSource::Cumulative => self.cumulative(measure),
            MapSource::AnswerMinusPrompt | MapSource::FinalMinusAnalysis => {
                let (left, right) = self.compared()?;
                let has_both = left.tokens() > 0 && right.tokens() > 0;
                has_both.then(|| difference(&left, &right).ok())?
            }
            _ => Some(self.shown_run()?.log.grid(self.selection(), measure)),
        }
    }

    /// The parts that a difference compares and that no token's routing is known of; empty for
    /// other sources.
    pub fn missing_parts(&self) -> Vec<&'static str> {
        let Some((left, right)) = self.compared() else {
            return Vec::new();
        };
        let (first, second) = self.map.source.compared();
        [(left, first), (right, second)]
            .into_iter()
            .filter(|(grid, _)| grid.tokens() == 0)
            .map(|(_, name)| name)
            .collect()
    }

    /// The shares of the two parts that a difference compares.
    fn compared(&self) -> Option<(Grid, Grid)> {
        let (left, right): (SpanSet, SpanSet) = match self.map.source {
            MapSource::AnswerMinusPrompt => (SpanSet::ANSWER, SpanSet::PROMPT),
            MapSource::FinalMinusAnalysis => (Span::Final.into(), Span::Analysis.into()),
            _ => return None,
        };
        let log = &self.shown_run()?.log;
        let share = |spans: SpanSet| log.grid(spans.into(), Measure::Share);
        Some((share(left), share(right)))
    }
}
