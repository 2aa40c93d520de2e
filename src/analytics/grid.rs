//! One number for every expert of every layer.

/// What a [`Grid`] counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Measure {
    /// Tokens that chose the expert.
    #[default]
    Count,
    /// The sum of the weights with which they chose it.
    WeightSum,
    /// That sum a token that chose it; 0 where none did.
    MeanWeight,
    /// The expert's part of its layer's choices as a multiple of the fair part: 1 where it gets as
    /// much as under perfect balance (each of `E` experts chosen by `k / E` of the tokens).
    Share,
}

impl Measure {
    /// Its name on screen.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::WeightSum => "weight sum",
            Self::MeanWeight => "mean weight",
            Self::Share => "share by fair share",
        }
    }
}

/// One number for every expert of every layer.
///
/// *Shapes:* `values` is `[num_layers, num_experts]`, row by row.
#[derive(Debug, Clone, PartialEq)]
pub struct Grid {
    num_layers: usize,
    num_experts: usize,
    tokens: u64,
    values: Vec<f64>,
}

/// Counts and weight sums that somebody else has added up.
///
/// *Shapes:* both slices are `[num_layers, num_experts]`, row by row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TotalsRef<'a> {
    /// The number of layers.
    pub num_layers: usize,
    /// Experts in each layer.
    pub num_experts: usize,
    /// The number of tokens counted.
    pub tokens: u64,
    /// How many tokens chose each expert.
    pub counts: &'a [u32],
    /// The sum of the weights with which it was chosen.
    pub weight_sums: &'a [f64],
}

/// Numbers do not make a grid, or two grids do not fit each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GridError {
    /// A slice has the wrong length.
    #[error(
        "a grid of {num_layers} layers with {num_experts} experts needs as many values as cells, \
         found {found}"
    )]
    Cells {
        /// The number of layers named.
        num_layers: usize,
        /// The experts in each layer named.
        num_experts: usize,
        /// The values found.
        found: usize,
    },
    /// Two grids are of different models.
    #[error(
        "a grid of {left_layers} layers with {left_experts} experts cannot be compared with one of \
         {right_layers} layers with {right_experts}"
    )]
    Shapes {
        /// The first grid's layers.
        left_layers: usize,
        /// The first grid's experts in each layer.
        left_experts: usize,
        /// The second grid's layers.
        right_layers: usize,
        /// The second grid's experts in each layer.
        right_experts: usize,
    },
}

impl Grid {
    /// A grid of given values.
    ///
    /// *Shapes:* `values` is `[num_layers, num_experts]`. *Errors:* [`GridError::Cells`].
    pub fn new(
        num_layers: usize,
        num_experts: usize,
        tokens: u64,
        values: Vec<f64>,
    ) -> Result<Self, GridError> {
        check_cells(num_layers, num_experts, values.len())?;
        Ok(Self {
            num_layers,
            num_experts,
            tokens,
            values,
        })
    }

    /// A grid of values that have one entry a cell by construction.
    pub(super) fn of_cells(
        num_layers: usize,
        num_experts: usize,
        tokens: u64,
        values: Vec<f64>,
    ) -> Self {
        debug_assert_eq!(values.len(), num_layers * num_experts);
        Self {
            num_layers,
            num_experts,
            tokens,
            values,
        }
    }

    /// The measure of totals that somebody else has added up.
    ///
    /// *Errors:* [`GridError::Cells`] where a slice does not have one entry a cell.
    pub fn from_totals(totals: &TotalsRef<'_>, measure: Measure) -> Result<Self, GridError> {
        for found in [totals.counts.len(), totals.weight_sums.len()] {
            check_cells(totals.num_layers, totals.num_experts, found)?;
        }
        Ok(Self::measure(totals, measure))
    }

    /// The measure of totals whose slices fit.
    pub(super) fn measure(totals: &TotalsRef<'_>, measure: Measure) -> Self {
        let counts = totals.counts.iter().map(|&count| f64::from(count));
        let values = match measure {
            Measure::Count => counts.collect(),
            Measure::WeightSum => totals.weight_sums.to_vec(),
            Measure::MeanWeight => counts
                .zip(totals.weight_sums)
                .map(|(count, sum)| if count > 0.0 { sum / count } else { 0.0 })
                .collect(),
            Measure::Share => {
                let counts: Vec<f64> = counts.collect();
                shares(&counts, totals.num_experts, totals.num_experts as f64)
            }
        };
        Self {
            num_layers: totals.num_layers,
            num_experts: totals.num_experts,
            tokens: totals.tokens,
            values,
        }
    }

    /// The number of layers.
    pub fn num_layers(&self) -> usize {
        self.num_layers
    }

    /// The experts in each layer.
    pub fn num_experts(&self) -> usize {
        self.num_experts
    }

    /// The number of tokens behind the values; for a difference those of both sides.
    pub fn tokens(&self) -> u64 {
        self.tokens
    }

    /// All values, `[num_layers, num_experts]`.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// One cell's value; 0 where there is no such cell.
    pub fn value(&self, layer: usize, expert: usize) -> f64 {
        self.layer(layer).get(expert).copied().unwrap_or(0.0)
    }

    /// One layer's values, `[num_experts]`; empty where there is no such layer.
    pub fn layer(&self, layer: usize) -> &[f64] {
        let start = layer.saturating_mul(self.num_experts);
        self.values
            .get(start..start.saturating_add(self.num_experts))
            .unwrap_or_default()
    }

    /// Each layer's values, from the first layer on.
    pub fn layers(&self) -> impl Iterator<Item = &[f64]> {
        (0..self.num_layers).map(|layer| self.layer(layer))
    }

    /// Each value as its part of the layer's sum, so that every layer sums to 1; a layer without
    /// traffic stays 0.
    #[must_use]
    pub fn normalized(&self) -> Self {
        Self {
            values: shares(&self.values, self.num_experts, 1.0),
            ..*self
        }
    }

    /// *Errors:* [`GridError::Shapes`] where `other` has other dimensions.
    pub(super) fn check_same_shape(&self, other: &Self) -> Result<(), GridError> {
        if (self.num_layers, self.num_experts) == (other.num_layers, other.num_experts) {
            return Ok(());
        }
        Err(GridError::Shapes {
            left_layers: self.num_layers,
            left_experts: self.num_experts,
            right_layers: other.num_layers,
            right_experts: other.num_experts,
        })
    }
}

/// How much more of each layer's traffic an expert gets in `left` than in `right`.
///
/// Both grids, of counts or weight sums, are first normalized to sum to 1 in each layer. A side
/// without traffic in a layer counts as 0 there.
/// *Units:* percentage points. *Errors:* [`GridError::Shapes`].
pub fn difference(left: &Grid, right: &Grid) -> Result<Grid, GridError> {
    left.check_same_shape(right)?;
    let (left, right) = (left.normalized(), right.normalized());
    let values = left.values.iter().zip(&right.values);
    Ok(Grid {
        num_layers: left.num_layers,
        num_experts: left.num_experts,
        tokens: left.tokens + right.tokens,
        values: values.map(|(a, b)| (a - b) * 100.0).collect(),
    })
}

/// Each row scaled to sum to `whole`; rows without a positive sum become 0.
fn shares(values: &[f64], num_experts: usize, whole: f64) -> Vec<f64> {
    let mut shares = Vec::with_capacity(values.len());
    for row in values.chunks(num_experts.max(1)) {
        let sum: f64 = row.iter().sum();
        let factor = if sum > 0.0 { whole / sum } else { 0.0 };
        shares.extend(row.iter().map(|value| value * factor));
    }
    shares
}

fn check_cells(num_layers: usize, num_experts: usize, found: usize) -> Result<(), GridError> {
    if num_layers.checked_mul(num_experts) == Some(found) {
        return Ok(());
    }
    Err(GridError::Cells {
        num_layers,
        num_experts,
        found,
    })
}
