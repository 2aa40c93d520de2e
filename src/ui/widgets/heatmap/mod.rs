//! The map of experts: layers down, experts across.
//!
//! ```text
//!     0       16      32 ...        │ H/ln4     axis, with the cursor's expert marked
//!   0 ▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀│ .88       two layers a row as half blocks
//!   2 ▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀│ .77
//! share of layer  0 ░▒▓█ 4x   2 experts a column, by maximum
//! ```
//!
//! [`fit`] decides how many layers and experts a cell holds, [`layout`] where everything goes;
//! drawing and the mouse both ask [`MapFrame::layout`].

mod axis;
mod draw;
mod fit;
mod footer;
mod layout;

use ratatui::layout::Rect;

use crate::ui::theme::{GlyphSet, HeatRamp, Theme};

pub(super) use axis::expert_axis;
pub use fit::{CellChoice, Detail, Encoding, Fit};
pub(super) use footer::braille;
pub use layout::{MapFrame, MapLayout};

/// A layer's expert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct MapCell {
    /// The layer.
    pub layer: usize,
    /// The expert.
    pub expert: usize,
}

/// One figure for each layer, to the right of the map.
#[derive(Debug, Clone, Copy)]
pub struct RightColumn<'a> {
    /// What it is, in few letters.
    pub title: &'a str,
    /// By layer; NaN is no data. A row of several layers shows the cursor's, else the mean.
    pub values: &'a [f32],
    /// Whether they are whole numbers.
    pub is_count: bool,
}

/// What the colors mean.
#[derive(Debug, Clone, Copy)]
pub struct Legend<'a> {
    /// The figure and its scale.
    pub title: &'a str,
    /// The figure of the lowest color.
    pub min_label: &'a str,
    /// The figure of the highest color.
    pub max_label: &'a str,
}

/// The map of experts.
///
/// Shapes: `values` is `[num_layers, num_experts]`, row by row, each from 0 to 1; NaN is no data,
/// and so is what is missing at the end.
#[derive(Debug, Clone)]
pub struct Heatmap<'a> {
    values: &'a [f32],
    theme: &'a Theme,
    frame: MapFrame,
    diverging: bool,
    marked: &'a [MapCell],
    right: Option<RightColumn<'a>>,
    legend: Option<Legend<'a>>,
}

impl<'a> Heatmap<'a> {
    /// A map of all layers and experts, at overview.
    pub fn new(values: &'a [f32], num_layers: usize, num_experts: usize, theme: &'a Theme) -> Self {
        let mut frame = MapFrame::new(num_layers, num_experts);
        frame.has_colors = theme.ramp().has_colors();
        frame.glyphs = theme.glyph_set();
        Self {
            values,
            theme,
            frame,
            diverging: false,
            marked: &[],
            right: None,
            legend: None,
        }
    }

    /// How an area of map cells alone, without labels, is best used in full color.
    pub fn fit(area: Rect, num_layers: usize, num_experts: usize) -> Fit {
        Fit::of(
            area.width,
            area.height,
            &MapFrame::new(num_layers, num_experts),
        )
    }

    /// How cells are drawn.
    #[must_use]
    pub fn cells(mut self, cells: CellChoice) -> Self {
        self.frame.cells = cells;
        self
    }

    /// How close the map is.
    #[must_use]
    pub fn detail(mut self, detail: Detail) -> Self {
        self.frame.detail = detail;
        self
    }

    /// Where a window starts, if not all fits; it moves so that the cursor stays visible.
    #[must_use]
    pub fn origin(mut self, origin: MapCell) -> Self {
        self.frame.origin = origin;
        self
    }

    /// The cursor.
    #[must_use]
    pub fn cursor(mut self, cursor: Option<MapCell>) -> Self {
        self.frame.cursor = cursor;
        self
    }

    /// Whether values are differences: 0.5 is none.
    #[must_use]
    pub fn diverging(mut self, diverging: bool) -> Self {
        self.diverging = diverging;
        self
    }

    /// Experts that something was done to; they have a color of their own, or an `x`.
    #[must_use]
    pub fn marked(mut self, marked: &'a [MapCell]) -> Self {
        self.marked = marked;
        self
    }

    /// A figure for each layer.
    #[must_use]
    pub fn right(mut self, right: RightColumn<'a>) -> Self {
        self.frame.right_columns = super::text::width(right.title).clamp(4, 12);
        self.right = Some(right);
        self
    }

    /// What the colors mean.
    #[must_use]
    pub fn legend(mut self, legend: Legend<'a>) -> Self {
        self.frame.has_legend = true;
        self.legend = Some(legend);
        self
    }

    /// The shape and choices alone, for hit testing without the values.
    pub fn frame(&self) -> &MapFrame {
        &self.frame
    }

    /// Where everything goes in an area.
    pub fn layout(&self, area: Rect) -> MapLayout {
        self.frame.layout(area)
    }

    fn ramp(&self) -> &'a HeatRamp {
        if self.diverging {
            self.theme.diverging()
        } else {
            self.theme.ramp()
        }
    }
}

/// What a terminal can show of a map.
fn draws_half_blocks(has_colors: bool, glyphs: GlyphSet) -> bool {
    has_colors && glyphs == GlyphSet::Unicode
}
