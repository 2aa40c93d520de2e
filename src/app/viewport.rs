//! What the drawing tells the state: sizes and places that the next key or click needs.

use std::ops::Range;

use super::chat::Scroll;
use super::state::Focus;
use crate::session::NodeId;

/// A rectangle of cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Area {
    /// The leftmost column.
    pub x: u16,
    /// The topmost row.
    pub y: u16,
    /// Columns.
    pub width: u16,
    /// Rows.
    pub height: u16,
}

impl Area {
    /// Whether the cell lies in it.
    pub fn contains(self, x: u16, y: u16) -> bool {
        (self.x..self.x.saturating_add(self.width)).contains(&x)
            && (self.y..self.y.saturating_add(self.height)).contains(&y)
    }
}

/// Columns and rows below which there is the chat alone.
pub const SMALLEST_PANES: (u16, u16) = (60, 16);

/// What was drawn where.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Viewport {
    /// The panes on screen.
    pub panes: Vec<(Focus, Area)>,
    /// The transcript.
    pub chat: ChatViewport,
    /// The map's cells, for the mouse.
    pub map: Option<MapViewport>,
    /// The expert's card; none where it is not on screen.
    pub card: Option<CardViewport>,
    /// The view tabs, for the mouse: column ranges of the first row, by view.
    pub tabs: Vec<(super::state::View, Range<u16>)>,
    /// The text being written; none where it is not on screen.
    pub composer: Option<ComposerViewport>,
    /// Rows of the list on top, of which a page is.
    pub list_rows: u16,
    /// How far the text on top can be scrolled; none where there is none.
    pub last_scroll: Option<usize>,
}

/// Where the drawn composer's cursor is, and where a row up and a row down are: line and column of
/// the text, whose lines may be drawn as several rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ComposerViewport {
    /// The cursor.
    pub cursor: (usize, usize),
    /// Characters of the cursor's line: of another text the rows are not known.
    pub line_len: usize,
    /// A row up; none in the first one.
    pub up: Option<(usize, usize)>,
    /// A row down; none in the last one.
    pub down: Option<(usize, usize)>,
}

/// What of the transcript was drawn.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ChatViewport {
    /// Rows.
    pub height: u16,
    /// Where it is scrolled in truth: clamped, and `Follow` where the end is visible.
    pub scroll: Scroll,
    /// The topmost line, also while following.
    pub top: Option<super::effect::Anchor>,
    /// Lines below the last visible one.
    pub lines_below: usize,
    /// The messages on screen with their rows.
    pub messages: Vec<(NodeId, Range<u16>)>,
}

/// What of an expert's card was drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CardViewport {
    /// Rows that it is scrolled down in truth.
    pub scroll: usize,
    /// Rows of it that there is room for.
    pub height: u16,
    /// Rows that it can be scrolled down at most; 0 where all of it is on screen.
    pub last_scroll: usize,
}

/// Where the map's cells are: one column holds `experts_per_column`, one row `layers_per_row`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct MapViewport {
    /// The cells alone, without labels.
    pub area: Area,
    /// The first layer shown.
    pub first_layer: usize,
    /// The first expert shown.
    pub first_expert: usize,
    /// Layers in a row.
    pub layers_per_row: usize,
    /// Experts in a column; 1 where an expert has one column or several.
    pub experts_per_column: usize,
    /// Columns of one expert; 1 where a column has one expert or several.
    pub columns_per_expert: usize,
}

impl super::State {
    /// Takes what was drawn: the next key and click mean what is on screen.
    pub fn set_viewport(&mut self, viewport: Viewport) {
        // Clamped while drawing, where the heights of messages are known.
        self.chat.scroll = viewport.chat.scroll;
        if let Some(card) = viewport.card {
            self.map.card_scroll = card.scroll;
            self.map.is_token_sought = false;
        }
        if let Some(search) = &mut self.chat.search {
            search.is_sought = false;
        }
        self.viewport = viewport;
    }
}
