//! Where map, labels, axis, right column and footer go; and what lies under a cell.

use std::ops::Range;

use ratatui::layout::Rect;

use super::{CellChoice, Detail, Fit, MapCell};
use crate::ui::theme::GlyphSet;

/// All that a map's layout depends on, without the values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MapFrame {
    /// Layers of the model.
    pub num_layers: usize,
    /// Experts of each layer.
    pub num_experts: usize,
    /// Which encoding is wanted.
    pub cells: CellChoice,
    /// How close the map is.
    pub detail: Detail,
    /// Where a window should start.
    pub origin: MapCell,
    /// The cursor, which a window keeps visible.
    pub cursor: Option<MapCell>,
    /// Columns of the figures to the right; 0 is none.
    pub right_columns: u16,
    /// Whether there is a legend to show.
    pub has_legend: bool,
    /// Whether a ramp of colors can be shown.
    pub has_colors: bool,
    /// The characters that may be drawn.
    pub glyphs: GlyphSet,
}

/// What surrounds the map's cells.
#[derive(Debug, Clone, Copy)]
struct Surround {
    axis: bool,
    /// Blank columns between labels and map; none is no labels.
    label_gap: Option<u16>,
    right: bool,
    footer: bool,
}

/// How many of [`SURROUNDS`] have axis and labels.
const LABELLED_SURROUNDS: usize = 4;

/// Ever fewer surroundings: all of the map is worth more than its labels.
const SURROUNDS: [Surround; 7] = [
    Surround {
        axis: true,
        label_gap: Some(1),
        right: true,
        footer: true,
    },
    Surround {
        axis: true,
        label_gap: Some(1),
        right: true,
        footer: false,
    },
    Surround {
        axis: true,
        label_gap: Some(1),
        right: false,
        footer: true,
    },
    Surround {
        axis: true,
        label_gap: Some(1),
        right: false,
        footer: false,
    },
    Surround {
        axis: true,
        label_gap: Some(0),
        right: false,
        footer: false,
    },
    Surround {
        axis: false,
        label_gap: Some(0),
        right: false,
        footer: false,
    },
    Surround {
        axis: false,
        label_gap: None,
        right: false,
        footer: false,
    },
];

impl MapFrame {
    /// All layers and experts at overview, in full color, with nothing around.
    pub fn new(num_layers: usize, num_experts: usize) -> Self {
        Self {
            num_layers,
            num_experts,
            cells: CellChoice::Auto,
            detail: Detail::Overview,
            origin: MapCell::default(),
            cursor: None,
            right_columns: 0,
            has_legend: false,
            has_colors: true,
            glyphs: GlyphSet::Unicode,
        }
    }

    /// Where everything goes in an area.
    pub fn layout(&self, area: Rect) -> MapLayout {
        let placed = || {
            let surrounds = SURROUNDS.iter();
            surrounds.map(move |surround| self.place(area, *surround))
        };
        // A column for each expert is worth more than the figures to the right.
        let is_exact = |layout: &MapLayout| layout.fit.is_whole && !layout.fit.merges();
        let exact = placed().take(LABELLED_SURROUNDS).find(is_exact);
        if let Some(layout) = exact.or_else(|| placed().find(|layout| layout.fit.is_whole)) {
            return layout;
        }
        // A window needs its footer, which tells what part is shown, if a few rows are left.
        let roomy = SURROUNDS
            .iter()
            .enumerate()
            .filter(|(_, s)| s.footer || area.height < 6);
        roomy
            .map(|(_, surround)| self.place(area, *surround))
            .find(|layout| layout.map.width >= 8 && layout.map.height >= 2)
            .unwrap_or_else(|| self.place(area, SURROUNDS[SURROUNDS.len() - 1]))
    }

    fn place(&self, area: Rect, surround: Surround) -> MapLayout {
        let label_columns = surround
            .label_gap
            .map_or(0, |gap| digits(self.num_layers) + gap)
            .min(area.width);
        let right_columns = if surround.right && self.right_columns > 0 {
            (self.right_columns + 2).min(area.width - label_columns)
        } else {
            0
        };
        let axis_rows = u16::from(surround.axis).min(area.height);
        let room = |footer_rows: u16| {
            let width = area.width - label_columns - right_columns;
            let height = area.height.saturating_sub(axis_rows + footer_rows);
            Fit::of(width, height, self)
        };
        let footer_rows = u16::from(surround.footer && (self.has_legend || !room(0).is_whole));
        let fit = room(footer_rows);
        let (x, y) = (area.x + label_columns, area.y + axis_rows);
        let map = Rect::new(x, y, fit.columns, fit.rows);
        let (first_layer, first_expert) = self.first(&fit);
        let side_x = map.right() + right_columns + 1;
        let side_columns = area.right().saturating_sub(side_x);
        let side = Rect::new(side_x, y, side_columns, fit.rows);
        MapLayout {
            fit,
            map,
            labels: Rect::new(area.x, y, label_columns, fit.rows),
            axis: Rect::new(
                x,
                area.y,
                area.width - label_columns - right_columns,
                axis_rows,
            ),
            right: Rect::new(x + fit.columns, area.y, right_columns, axis_rows + fit.rows),
            footer: Rect::new(area.x, map.bottom(), area.width, footer_rows).intersection(area),
            side: side.intersection(area),
            first_layer,
            first_expert,
            num_layers: self.num_layers,
            num_experts: self.num_experts,
        }
    }

    /// The first layer and expert shown: as asked for, but with the cursor in the window.
    fn first(&self, fit: &Fit) -> (usize, usize) {
        let layers = usize::from(fit.rows) * fit.layers_per_row;
        let experts =
            usize::from(fit.columns) / fit.columns_per_expert.max(1) * fit.experts_per_column;
        let first = |origin, cursor, shown, all, step| {
            first_shown(origin, cursor, shown, all) / step * step
        };
        let cursor = self.cursor;
        (
            first(
                self.origin.layer,
                cursor.map(|c| c.layer),
                layers,
                self.num_layers,
                fit.layers_per_row,
            ),
            first(
                self.origin.expert,
                cursor.map(|c| c.expert),
                experts,
                self.num_experts,
                fit.experts_per_column,
            ),
        )
    }
}

/// Where everything of a map is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MapLayout {
    /// How cells of the terminal hold cells of the map.
    pub fit: Fit,
    /// The map's cells alone.
    pub map: Rect,
    /// The layers' numbers.
    pub labels: Rect,
    /// The experts' numbers.
    pub axis: Rect,
    /// The figures to the right, with their title's row.
    pub right: Rect,
    /// The legend, or the part that a window shows.
    pub footer: Rect,
    /// What is free beside all that: a legend stands there where it has no row.
    pub side: Rect,
    /// The first layer shown.
    pub first_layer: usize,
    /// The first expert shown.
    pub first_expert: usize,
    pub(super) num_layers: usize,
    pub(super) num_experts: usize,
}

impl MapLayout {
    /// The layers shown.
    pub fn layers(&self) -> Range<usize> {
        let count = usize::from(self.map.height) * self.fit.layers_per_row;
        self.first_layer..(self.first_layer + count).min(self.num_layers)
    }

    /// The experts shown.
    pub fn experts(&self) -> Range<usize> {
        let columns = usize::from(self.map.width) / self.fit.columns_per_expert;
        let count = columns * self.fit.experts_per_column;
        self.first_expert..(self.first_expert + count).min(self.num_experts)
    }

    /// The layers of a row, counted from the map's top.
    pub fn layers_of_row(&self, row: u16) -> Range<usize> {
        let first = self.first_layer + usize::from(row) * self.fit.layers_per_row;
        first.min(self.num_layers)..(first + self.fit.layers_per_row).min(self.num_layers)
    }

    /// The experts of a column, counted from the map's left.
    pub fn experts_of_column(&self, column: u16) -> Range<usize> {
        let step = self.fit.experts_per_column;
        let first = self.first_expert + usize::from(column) / self.fit.columns_per_expert * step;
        first.min(self.num_experts)..(first + step).min(self.num_experts)
    }
}

/// The start of a window of `shown` out of `all`, moved as little as needed to hold the cursor.
fn first_shown(origin: usize, cursor: Option<usize>, shown: usize, all: usize) -> usize {
    let mut first = origin;
    if let Some(cursor) = cursor {
        first = first.clamp((cursor + 1).saturating_sub(shown.max(1)), cursor);
    }
    first.min(all.saturating_sub(shown))
}

/// Columns of the greatest index below `count`.
pub(super) fn digits(count: usize) -> u16 {
    (count.saturating_sub(1).max(1).ilog10() + 1) as u16
}
