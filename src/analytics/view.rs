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
