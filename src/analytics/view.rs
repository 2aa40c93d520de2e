//! Fits layers × experts into a map of any size.

use std::ops::Range;

/// How much of a model a map shows in one column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Zoom {
    /// All experts across; several share a column where they need to.
    #[default]
    Overview,
    /// One expert a column; what does not fit is outside of the window.
    OneToOne,
}

/// What a map has to show, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FitRequest {
    /// The model's layers.
    pub num_layers: usize,
    /// The experts in each layer.
    pub num_experts: usize,
    /// The columns there are.
    pub columns: usize,
    /// The rows there are.
    pub rows: usize,
    /// How many layers a row shows below each other: 2 with half blocks.
    pub layers_per_cell: usize,
    /// Whether experts may share a column.
    pub zoom: Zoom,
    /// Where the window began so far, so that it moves no more than it has to.
    pub first_layer: usize,
    /// The same across.
    pub first_expert: usize,
    /// The layer and expert that have to be seen.
    pub focus: Option<(usize, usize)>,
}

/// Which experts and layers each cell of a map shows.
///
/// A row shows `layers_per_cell` layers, each for itself; a column merges `experts_per_column`
/// experts into one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fit {
    /// Experts merged into a column.
    pub experts_per_column: usize,
    /// Layers below each other in a row.
    pub layers_per_cell: usize,
    /// The expert at the left.
    pub first_expert: usize,
    /// The layer at the top.
    pub first_layer: usize,
    /// The columns used.
    pub columns: usize,
    /// The rows used.
    pub rows: usize,
    num_layers: usize,
    num_experts: usize,
}

impl Fit {
    /// The best fit for the room there is.
    ///
    /// Layers never share a value: where the rows do not suffice, the map is a window that follows
    /// the focus. No room at all gives a fit without cells.
    pub fn new(request: &FitRequest) -> Self {
        let FitRequest {
            num_layers,
            num_experts,
            ..
        } = *request;
        let layers_per_cell = request.layers_per_cell.max(1);
        let experts_per_column = match request.zoom {
            Zoom::OneToOne => 1,
            Zoom::Overview => num_experts.div_ceil(request.columns.max(1)).max(1),
        };
        let columns = request
            .columns
            .min(num_experts.div_ceil(experts_per_column));
        let rows = request.rows.min(num_layers.div_ceil(layers_per_cell));
        let (layer, expert) = request.focus.unzip();
        Self {
            experts_per_column,
            layers_per_cell,
            first_expert: window_start(
                request.first_expert,
                expert,
                columns * experts_per_column,
                num_experts,
            ),
            first_layer: window_start(
                request.first_layer,
                layer,
                rows * layers_per_cell,
                num_layers,
            ),
            columns,
            rows,
            num_layers,
            num_experts,
        }
    }

    /// Whether something lies outside of the map.
    pub fn is_windowed(&self) -> bool {
        self.layers().len() < self.num_layers || self.experts().len() < self.num_experts
    }

    /// The layers shown.
    pub fn layers(&self) -> Range<usize> {
        let end = self.first_layer + self.rows * self.layers_per_cell;
        self.first_layer..end.min(self.num_layers)
    }

    /// The experts shown.
    pub fn experts(&self) -> Range<usize> {
        let end = self.first_expert + self.columns * self.experts_per_column;
        self.first_expert..end.min(self.num_experts)
    }

    /// The experts of a column; none right of the map.
    pub fn experts_of(&self, column: usize) -> Range<usize> {
        let shown = self.experts();
        let start = shown.start + column.min(self.columns) * self.experts_per_column;
        start.min(shown.end)..(start + self.experts_per_column).min(shown.end)
    }

    /// The layers of a row; none below the map.
    pub fn layers_of(&self, row: usize) -> Range<usize> {
        let shown = self.layers();
        let start = shown.start + row.min(self.rows) * self.layers_per_cell;
        start.min(shown.end)..(start + self.layers_per_cell).min(shown.end)
    }

    /// The column that shows an expert, if one does.
    pub fn column_of(&self, expert: usize) -> Option<usize> {
        let shown = self.experts();
        shown
            .contains(&expert)
            .then(|| (expert - shown.start) / self.experts_per_column)
    }

    /// The row that shows a layer, if one does.
    pub fn row_of(&self, layer: usize) -> Option<usize> {
        let shown = self.layers();
        shown
            .contains(&layer)
            .then(|| (layer - shown.start) / self.layers_per_cell)
    }
}

/// How the values of a column become one.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Merge {
    /// The largest, so that a lone busy expert cannot vanish.
    #[default]
    Maximum,
    /// The one farthest from this value: for differences, where both ends matter.
    FarthestFrom(f32),
}

/// A column marks experts as unlike where they are farther apart than this part of the ramp.
const UNLIKE: f32 = 0.25;

/// One layer's value in one column.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct CellValue {
    /// In 0..=1.
    pub value: f32,
    /// Whether the column merges experts that are more than a quarter of the ramp apart.
    pub merges_unlike: bool,
}

/// Normalized values seen through a [`Fit`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GridView<'a> {
    values: &'a [f32],
    fit: Fit,
    merge: Merge,
}

impl<'a> GridView<'a> {
    /// A view of what [`normalize`](super::normalize) gave.
    ///
    /// *Shapes:* `values` is `[num_layers, num_experts]`, as in the fit's request; cells without a
    /// value are absent from the view.
    pub fn new(values: &'a [f32], fit: Fit, merge: Merge) -> Self {
        Self { values, fit, merge }
    }

    /// How the cells lie.
    pub fn fit(&self) -> &Fit {
        &self.fit
    }

    /// The value of a layer in a column; none outside of the map.
    pub fn cell(&self, column: usize, layer: usize) -> Option<CellValue> {
        if !self.fit.layers().contains(&layer) {
            return None;
        }
        self.merged(self.experts_at(column, layer)?)
    }

    /// The value of all layers of a row in a column, for maps that show one value a cell; none
    /// outside of the map.
    pub fn block(&self, column: usize, row: usize) -> Option<CellValue> {
        let layers = self.fit.layers_of(row);
        let values: Vec<f32> = layers
            .filter_map(|layer| self.experts_at(column, layer))
            .flatten()
            .copied()
            .collect();
        self.merged(&values)
    }

    fn experts_at(&self, column: usize, layer: usize) -> Option<&'a [f32]> {
        let experts = self.fit.experts_of(column);
        let row = layer * self.fit.num_experts;
        self.values.get(row + experts.start..row + experts.end)
    }

    fn merged(&self, values: &[f32]) -> Option<CellValue> {
        let least = values.iter().copied().min_by(f32::total_cmp)?;
        let most = values.iter().copied().max_by(f32::total_cmp)?;
        let value = match self.merge {
            Merge::FarthestFrom(middle) if middle - least > most - middle => least,
            Merge::FarthestFrom(_) | Merge::Maximum => most,
        };
        Some(CellValue {
            value,
            merges_unlike: most - least > UNLIKE,
        })
    }
}

/// Where a window of `shown` out of `total` begins: as near to `wanted` as the focus and the end
/// allow.
fn window_start(wanted: usize, focus: Option<usize>, shown: usize, total: usize) -> usize {
    let mut start = wanted;
    if let Some(focus) = focus
        && shown > 0
    {
        start = start.clamp((focus + 1).saturating_sub(shown), focus);
    }
    start.min(total.saturating_sub(shown))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(columns: usize, rows: usize, zoom: Zoom) -> FitRequest {
        FitRequest {
            num_layers: 36,
            num_experts: 128,
            columns,
            rows,
            layers_per_cell: 2,
            zoom,
            ..FitRequest::default()
        }
    }

    #[test]
    fn the_large_model_fits_a_small_terminal_two_experts_a_column() {
        let fit = Fit::new(&request(78, 18, Zoom::Overview));
        assert_eq!((fit.experts_per_column, fit.columns, fit.rows), (2, 64, 18));
        assert!(!fit.is_windowed());
        assert_eq!(fit.experts_of(63), 126..128);
        assert_eq!(fit.layers_of(17), 34..36);
        assert_eq!(fit.experts_of(64), 128..128);
        assert_eq!(fit.column_of(127), Some(63));
        assert_eq!(fit.row_of(35), Some(17));
    }

    #[test]
    fn a_window_moves_no_more_than_the_focus_asks() {
        let focused = |first: (usize, usize), focus| {
            let fit = Fit::new(&FitRequest {
                first_layer: first.0,
                first_expert: first.1,
                focus: Some(focus),
                ..request(50, 10, Zoom::OneToOne)
            });
            (fit.first_layer, fit.first_expert)
        };
        for (first, focus, expected) in [
            ((0, 0), (5, 5), (0, 0)),
            ((0, 0), (20, 50), (1, 1)),
            ((8, 40), (3, 20), (3, 20)),
            ((16, 78), (35, 127), (16, 78)),
            ((99, 999), (35, 127), (16, 78)),
        ] {
            assert_eq!(focused(first, focus), expected, "{first:?} {focus:?}");
        }
    }

    #[test]
    fn no_size_leaves_the_grid() {
        let values = vec![0.5; 36 * 128];
        for columns in 0..140 {
            for rows in 0..40 {
                for zoom in [Zoom::Overview, Zoom::OneToOne] {
                    let focus = Some((35, 127));
                    let request = request(columns, rows, zoom);
                    let fit = Fit::new(&FitRequest { focus, ..request });
                    assert!(fit.columns <= columns && fit.rows <= rows);
                    let view = GridView::new(&values, fit, Merge::Maximum);
                    for column in 0..fit.columns {
                        assert!(!fit.experts_of(column).is_empty());
                        assert!(rows == 0 || view.cell(column, 35).is_some());
                    }
                    assert_eq!(view.cell(columns, 35), None);
                    assert_eq!(fit.column_of(127).is_some(), columns > 0);
                    assert_eq!(fit.row_of(35).is_some(), rows > 0);
                }
            }
        }
    }

    fn small(values: &[f32], merge: Merge) -> [Option<CellValue>; 3] {
        let fit = Fit::new(&FitRequest {
            num_layers: 1,
            num_experts: values.len(),
            columns: 2,
            rows: 1,
            layers_per_cell: 1,
            ..FitRequest::default()
        });
        let view = GridView::new(values, fit, merge);
        [view.cell(0, 0), view.cell(1, 0), view.cell(0, 1)]
    }

    #[test]
    fn a_lone_hot_expert_survives_the_merge_and_is_marked() {
        let cell = |value, merges_unlike| {
            Some(CellValue {
                value,
                merges_unlike,
            })
        };
        assert_eq!(
            small(&[0.0, 0.0, 1.0, 0.5, 0.25], Merge::Maximum),
            [cell(1.0, true), cell(0.5, false), None]
        );
        assert_eq!(
            small(&[0.5, 0.1, 0.6, 0.5, 0.5], Merge::FarthestFrom(0.5)),
            [cell(0.1, true), cell(0.5, false), None]
        );
    }

    #[test]
    fn a_block_merges_its_layers_too() {
        let fit = Fit::new(&FitRequest {
            num_layers: 3,
            num_experts: 2,
            columns: 1,
            rows: 2,
            layers_per_cell: 2,
            ..FitRequest::default()
        });
        let values = [0.0, 0.1, 0.9, 0.2, 0.3, 0.4];
        let view = GridView::new(&values, fit, Merge::Maximum);
        let blocks: Vec<_> = (0..3).map(|row| view.block(0, row)).collect();
        assert_eq!(blocks[0].map(|block| block.value), Some(0.9));
        assert_eq!(blocks[1].map(|block| block.value), Some(0.4));
        assert_eq!(blocks[2], None);
    }
}
