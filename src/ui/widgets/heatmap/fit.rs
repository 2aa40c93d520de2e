//! How many layers and experts one cell holds.

use super::{MapFrame, draws_half_blocks};
use crate::ui::theme::GlyphSet;

/// The widest that one expert is drawn.
const MOST_COLUMNS_PER_EXPERT: usize = 4;

/// How a cell shows its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// Two layers a cell, the upper and the lower half in their own colors.
    HalfBlock,
    /// The cell's background in one color.
    FullBlock,
    /// A character of growing density.
    Glyph,
    /// Two layers by two experts a cell, each a quarter: chosen or not, exactly.
    Quadrant,
    /// Four layers by two experts a cell, each a dot: chosen or not, exactly.
    Braille,
}

/// Which encoding is wanted; where the terminal lacks it, the nearest one is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum CellChoice {
    /// As the room permits: full blocks, else half blocks; glyphs without color.
    #[default]
    Auto,
    /// Half blocks.
    Half,
    /// Full blocks.
    Full,
    /// Glyphs.
    Glyph,
    /// Chosen or not: quarters, else dots.
    Chosen,
}

/// How close the map is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Detail {
    /// All at once if possible, two experts a column if need be.
    #[default]
    Overview,
    /// Never two experts a column; a window where that does not fit.
    OneToOne,
}

/// How cells of the terminal hold cells of the map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fit {
    /// How a cell shows its values.
    pub encoding: Encoding,
    /// Experts in a column; above 1 the column shows their maximum, or exact dots.
    pub experts_per_column: usize,
    /// Columns of one expert.
    pub columns_per_expert: usize,
    /// Layers in a row; exact for half blocks and dots, else the row shows their maximum.
    pub layers_per_row: usize,
    /// Columns that are drawn.
    pub columns: u16,
    /// Rows that are drawn.
    pub rows: u16,
    /// Whether all layers and experts are drawn, and not only a window.
    pub is_whole: bool,
}

impl Fit {
    /// The best use of so many columns and rows.
    pub fn of(columns: u16, rows: u16, frame: &MapFrame) -> Self {
        let (width, height) = (usize::from(columns), usize::from(rows));
        let (encoding, layers_per_row) = encoding(width, height, frame);
        let fixed = matches!(encoding, Encoding::Quadrant | Encoding::Braille);
        let experts = frame.num_experts.max(1);
        let experts_per_column = match frame.detail {
            _ if fixed => 2,
            Detail::OneToOne => 1,
            Detail::Overview if experts <= width => 1,
            Detail::Overview => 2,
        };
        let columns_per_expert = if experts_per_column == 1 {
            (width / experts).clamp(1, MOST_COLUMNS_PER_EXPERT)
        } else {
            1
        };
        let all_columns = experts.div_ceil(experts_per_column) * columns_per_expert;
        let all_rows = frame.num_layers.max(1).div_ceil(layers_per_row);
        Self {
            encoding,
            experts_per_column,
            columns_per_expert,
            layers_per_row,
            columns: all_columns.min(width) as u16,
            rows: all_rows.min(height) as u16,
            is_whole: all_columns <= width && all_rows <= height,
        }
    }

    /// Whether some cell stands for several values by their maximum.
    pub fn merges(&self) -> bool {
        match self.encoding {
            Encoding::Quadrant | Encoding::Braille => false,
            Encoding::HalfBlock => self.experts_per_column > 1,
            Encoding::FullBlock | Encoding::Glyph => {
                self.experts_per_column > 1 || self.layers_per_row > 1
            }
        }
    }
}

/// The encoding, and the layers in a row.
#[expect(
    clippy::match_same_arms,
    reason = "the order of the cases is their priority"
)]
fn encoding(width: usize, height: usize, frame: &MapFrame) -> (Encoding, usize) {
    let layers = frame.num_layers;
    // Two layers a row by maximum only if that makes the difference between all and a window.
    let merged = if layers > height && frame.detail == Detail::Overview {
        2
    } else {
        1
    };
    let halves = draws_half_blocks(frame.has_colors, frame.glyphs);
    let unicode = frame.glyphs == GlyphSet::Unicode;
    match frame.cells {
        CellChoice::Chosen if unicode => {
            let quarters = layers.div_ceil(2) <= height && frame.num_experts.div_ceil(2) <= width;
            if quarters || frame.detail == Detail::OneToOne {
                (Encoding::Quadrant, 2)
            } else {
                (Encoding::Braille, 4)
            }
        }
        CellChoice::Glyph => (Encoding::Glyph, merged),
        CellChoice::Full if frame.has_colors => (Encoding::FullBlock, merged),
        CellChoice::Half if halves => (Encoding::HalfBlock, 2),
        CellChoice::Auto if halves && layers > height => (Encoding::HalfBlock, 2),
        _ if frame.has_colors => (Encoding::FullBlock, merged),
        _ => (Encoding::Glyph, merged),
    }
}
