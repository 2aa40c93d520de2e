//! The map of experts: what it shows, and where its cursor is.

use super::layer_figure::LayerFigure;
use super::run::Run;
use crate::analytics::{Measure, Scale};

/// The tokens whose routing is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum MapSource {
    /// The token under the token cursor: the newest, unless one was chosen.
    #[default]
    Token,
    /// The last tokens up to the token cursor.
    Window,
    /// Everything since the model was loaded.
    Cumulative,
    /// The prompt.
    Prompt,
    /// The answer, all channels.
    Answer,
    /// The analysis.
    Analysis,
    /// The final message.
    Final,
    /// Share in the answer minus share in the prompt.
    AnswerMinusPrompt,
    /// Share in the final message minus share in the analysis.
    FinalMinusAnalysis,
}

impl MapSource {
    /// All, in the order of the key.
    pub const ALL: [Self; 9] = [
        Self::Token,
        Self::Window,
        Self::Cumulative,
        Self::Prompt,
        Self::Answer,
        Self::Analysis,
        Self::Final,
        Self::AnswerMinusPrompt,
        Self::FinalMinusAnalysis,
    ];

    /// What the map's title says.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Window => "last 64 tokens",
            Self::Cumulative => "since load",
            Self::Prompt => "prompt",
            Self::Answer => "answer",
            Self::Analysis => "analysis",
            Self::Final => "final",
            Self::AnswerMinusPrompt => "answer - prompt",
            Self::FinalMinusAnalysis => "final - analysis",
        }
    }

    /// Whether values are differences with a sign.
    pub const fn is_difference(self) -> bool {
        matches!(self, Self::AnswerMinusPrompt | Self::FinalMinusAnalysis)
    }

    /// The two parts that a difference compares, the first less the second.
    pub const fn compared(self) -> (&'static str, &'static str) {
        match self {
            Self::FinalMinusAnalysis => ("final", "analysis"),
            _ => ("answer", "prompt"),
        }
    }

    /// The next or the one before.
    #[must_use]
    pub fn step(self, forward: bool) -> Self {
        beside(&Self::ALL, self, forward)
    }
}

/// How close the map is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Zoom {
    /// One row: a column a layer.
    Strip,
    /// All layers and experts, two experts a column where needed.
    #[default]
    Overview,
    /// One column an expert, a window where it does not fit.
    OneToOne,
    /// The cursor's layer as bars.
    Layer,
    /// The cursor's expert.
    Card,
}

impl Zoom {
    const ALL: [Self; 5] = [
        Self::Strip,
        Self::Overview,
        Self::OneToOne,
        Self::Layer,
        Self::Card,
    ];

    /// One step closer or farther.
    #[must_use]
    pub fn step(self, closer: bool) -> Self {
        let place = Self::ALL.iter().position(|zoom| *zoom == self).unwrap_or(1);
        let next = if closer {
            place + 1
        } else {
            place.saturating_sub(1)
        };
        Self::ALL[next.min(Self::ALL.len() - 1)]
    }

    /// The level's name, with its place from the farthest to the closest.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Strip => "zoom 0/4 strip",
            Self::Overview => "zoom 1/4 overview",
            Self::OneToOne => "zoom 2/4 one to one",
            Self::Layer => "zoom 3/4 layer",
            Self::Card => "zoom 4/4 card",
        }
    }
}

/// How the map's cells are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum MapCells {
    /// As the room and the terminal permit.
    #[default]
    Auto,
    /// Two layers a row, as half blocks.
    Half,
    /// One layer a row, as colored cells.
    Full,
    /// One layer a row, as characters of growing density.
    Glyph,
}

/// A cell of the map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Cell {
    /// The layer.
    pub layer: usize,
    /// The expert.
    pub expert: usize,
}

/// The token that map, alternatives and highlight show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum TokenCursor {
    /// The newest one whose routing is known.
    #[default]
    Newest,
    /// The one at this position of the shown run.
    At(usize),
}

/// The map pane's state.
#[derive(Debug, Clone, PartialEq)]
pub struct MapView {
    /// Which tokens.
    pub source: MapSource,
    /// Which figure.
    pub measure: Measure,
    /// How figures become colors.
    pub scale: Scale,
    /// The figure of each layer beside the map.
    pub figure: LayerFigure,
    /// How close.
    pub zoom: Zoom,
    /// The cursor.
    pub cursor: Cell,
    /// The token cursor.
    pub token: TokenCursor,
    /// Whether the cursor was put somewhere: by a person, or on the first expert worth a look.
    pub is_cursor_placed: bool,
    /// The level before the card was opened by its key.
    pub card_from: Option<Zoom>,
    /// Rows that the expert's card is scrolled down.
    pub card_scroll: usize,
    /// Whether the card is to be scrolled to the token under the token cursor.
    pub is_token_sought: bool,
    /// The record that is held still, so that map, figures and cards all show the same moment
    /// whatever is chosen to be shown of it.
    pub frozen: Option<Run>,
}

impl Default for MapView {
    /// Weights, which differ even where a single token's counts are all alike.
    fn default() -> Self {
        Self {
            source: MapSource::default(),
            measure: Measure::WeightSum,
            scale: Scale::default(),
            figure: LayerFigure::default(),
            zoom: Zoom::default(),
            cursor: Cell::default(),
            token: TokenCursor::default(),
            is_cursor_placed: false,
            card_from: None,
            card_scroll: 0,
            is_token_sought: false,
            frozen: None,
        }
    }
}

impl MapView {
    /// Puts the cursor on an expert, whose card begins at its top.
    pub fn point_at(&mut self, cell: Cell) {
        self.cursor = cell;
        self.is_cursor_placed = true;
        self.card_scroll = 0;
    }

    /// Moves the cursor by whole cells, staying on the map.
    pub fn move_cursor(
        &mut self,
        layers: i64,
        experts: i64,
        num_layers: usize,
        num_experts: usize,
    ) {
        self.point_at(Cell {
            layer: moved(self.cursor.layer, layers, num_layers),
            expert: moved(self.cursor.expert, experts, num_experts),
        });
    }
}

/// A place among `count`, so many steps on or back; it stops at the ends.
pub(super) fn moved(place: usize, by: i64, count: usize) -> usize {
    let last = count.saturating_sub(1) as i64;
    (place as i64).saturating_add(by).clamp(0, last) as usize
}

/// The place of `one` among `all`; the first where it is not there.
pub(super) fn place_of<T: PartialEq>(all: &[T], one: &T) -> usize {
    all.iter().position(|other| other == one).unwrap_or(0)
}

/// The one after `one` or before it, around the ends.
pub(super) fn beside<T: PartialEq + Copy>(all: &[T], one: T, forward: bool) -> T {
    let by = if forward { 1 } else { all.len() - 1 };
    all[(place_of(all, &one) + by) % all.len()]
}
