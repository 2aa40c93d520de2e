//! The figure of each layer that stands beside the map.

use super::map::{MapSource, beside};
use super::state::State;
use crate::analytics::{LayerBalance, Selection, normalized};

/// A figure that each layer has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum LayerFigure {
    /// The entropy over the chosen experts, by the largest one.
    #[default]
    EntropyChosen,
    /// The entropy over all experts before the selection, by the largest one.
    EntropyRouter,
    /// The coefficient of variation of the experts' counts.
    Variation,
    /// The Gini coefficient of the counts.
    Gini,
    /// Experts that nobody chose.
    Dead,
    /// As many equally used experts would be as even.
    Effective,
    /// The fewest experts that get 90 % of the traffic.
    Covering,
}

impl LayerFigure {
    /// All, in the order of the key.
    pub const ALL: [Self; 7] = [
        Self::EntropyChosen,
        Self::EntropyRouter,
        Self::Variation,
        Self::Gini,
        Self::Dead,
        Self::Effective,
        Self::Covering,
    ];

    /// What stands above the column.
    pub const fn title(self) -> &'static str {
        match self {
            Self::EntropyChosen => "H/ln",
            Self::EntropyRouter => "Hr/ln",
            Self::Variation => "cv",
            Self::Gini => "gini",
            Self::Dead => "dead",
            Self::Effective => "eff",
            Self::Covering => "90%",
        }
    }

    /// What it is, in words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::EntropyChosen => "H chosen by ln k",
            Self::EntropyRouter => "H router by ln E",
            Self::Variation => "cv",
            Self::Gini => "gini",
            Self::Dead => "dead experts",
            Self::Effective => "effective experts",
            Self::Covering => "experts for 90 % of mass",
        }
    }

    /// The next one.
    #[must_use]
    pub fn step(self) -> Self {
        beside(&Self::ALL, self, true)
    }

    /// Whether it is counted in experts.
    pub const fn is_count(self) -> bool {
        matches!(self, Self::Dead | Self::Covering)
    }

    const fn is_entropy(self) -> bool {
        matches!(self, Self::EntropyChosen | Self::EntropyRouter)
    }

    fn of(self, balance: &LayerBalance) -> f64 {
        match self {
            Self::EntropyChosen | Self::EntropyRouter => f64::NAN,
            Self::Variation => balance.coefficient_of_variation,
            Self::Gini => balance.gini,
            Self::Dead => balance.dead as f64,
            Self::Effective => balance.effective,
            Self::Covering => balance.covering as f64,
        }
    }
}

impl State {
    /// The figure beside the map with its values, one a layer; none where the map's tokens have none.
    ///
    /// Beside the map are only figures of the tokens that the map is about: one token alone says
    /// nothing of balance, entropies are kept for one run, and a difference has neither.
    pub fn layer_figure(&self) -> Option<(LayerFigure, Vec<f64>)> {
        let wanted = [self.map.figure, LayerFigure::EntropyChosen];
        let mut known = wanted
            .into_iter()
            .map(|figure| (figure, self.values_of(figure)));
        known.find(|(_, values)| !values.is_empty())
    }

    /// The next figure that the map's tokens have.
    pub(super) fn next_layer_figure(&self) -> Option<LayerFigure> {
        let mut figure = self.map.figure;
        for _ in LayerFigure::ALL {
            figure = figure.step();
            if !self.values_of(figure).is_empty() {
                return Some(figure);
            }
        }
        None
    }

    fn values_of(&self, figure: LayerFigure) -> Vec<f64> {
        let source = self.map.source;
        if source.is_difference() {
            return Vec::new();
        }
        if figure.is_entropy() {
            // The totals since the load have none.
            return if self.selection() == Selection::All {
                Vec::new()
            } else {
                self.entropies_of(figure)
            };
        }
        let balance = self.balance().filter(|_| source != MapSource::Token);
        let layers = balance.map(|balance| balance.layers).unwrap_or_default();
        layers.iter().map(|layer| figure.of(layer)).collect()
    }

    fn entropies_of(&self, figure: LayerFigure) -> Vec<f64> {
        let (Some(model), Some(entropies)) = (self.model.ready(), self.entropies()) else {
            return Vec::new();
        };
        let (values, choices) = match figure {
            LayerFigure::EntropyRouter => (entropies.router, model.num_local_experts),
            _ => (entropies.chosen, model.num_experts_per_tok),
        };
        values
            .iter()
            .map(|value| normalized(*value, choices))
            .collect()
    }
}
