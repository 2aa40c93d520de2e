//! From a grid's values to the 0..=1 that a color ramp wants.

use super::grid::Grid;

/// How values spread over a color ramp.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Scale {
    /// Equal steps for equal differences.
    #[default]
    Linear,
    /// Equal steps for equal ratios.
    Logarithmic,
}

/// The values at the two ends of a color ramp.
///
/// Whoever freezes a map or compares two keeps the bounds and hands them in again; a scale that
/// follows every token cannot be read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    /// The value shown as 0.
    pub min: f64,
    /// The value shown as 1.
    pub max: f64,
}

/// A logarithmic scale without a positive minimum reaches this far below its maximum.
const LOGARITHMIC_REACH: f64 = 1000.0;

impl Bounds {
    /// The bounds that show all of a grid of counts, weights or shares.
    ///
    /// Linear ones reach from 0, logarithmic ones from half the least positive value, so that the
    /// least used expert still differs from an unused one.
    pub fn of(grid: &Grid, scale: Scale) -> Self {
        let values = || grid.values().iter().copied();
        let max = values().fold(0.0, f64::max);
        let min = match scale {
            Scale::Linear => values().fold(0.0, f64::min),
            Scale::Logarithmic => least_positive(values()).map_or(0.0, |least| least / 2.0),
        };
        Self { min, max }
    }

    /// The bounds for a [`Measure::Share`](super::Measure::Share) grid on a logarithmic scale: 1×
    /// is in the middle, and `factor` times more or less is at the ends.
    pub fn around_fair_share(factor: f64) -> Self {
        let factor = factor.max(1.0);
        Self {
            min: 1.0 / factor,
            max: factor,
        }
    }

    /// [`Bounds::around_fair_share`] just wide enough for the grid's largest share, at least 2×.
    pub fn of_shares(grid: &Grid) -> Self {
        Self::around_fair_share(grid.values().iter().copied().fold(2.0, f64::max))
    }

    /// The bounds for a [`difference`](super::difference): 0 is in the middle.
    pub fn symmetric(grid: &Grid) -> Self {
        let values = grid.values().iter();
        // Never 0, so that a grid without any difference is in the middle, too.
        let reach = values.fold(f64::MIN_POSITIVE, |reach, value| reach.max(value.abs()));
        Self {
            min: -reach,
            max: reach,
        }
    }
}

/// The place of each value between the bounds, 0 at the minimum and 1 at the maximum.
///
/// Values beyond the bounds are clamped. On a logarithmic scale values at or below 0 are 0, and a
/// minimum at or below 0 is read as a thousandth of the maximum. Where the bounds leave no room,
/// values are 0 up to the minimum and 1 above it.
///
/// *Shapes:* `[num_layers, num_experts]`, row by row.
pub fn normalize(grid: &Grid, scale: Scale, bounds: Bounds) -> Vec<f32> {
    grid.values()
        .iter()
        .map(|&value| place(value, scale, bounds) as f32)
        .collect()
}

fn place(value: f64, scale: Scale, Bounds { min, max }: Bounds) -> f64 {
    let place = match scale {
        Scale::Linear => part(value, min, max),
        Scale::Logarithmic if value <= 0.0 || max <= 0.0 => 0.0,
        Scale::Logarithmic => {
            let min = if min > 0.0 {
                min
            } else {
                max / LOGARITHMIC_REACH
            };
            part(value.ln(), min.ln(), max.ln())
        }
    };
    // `max` also turns a NaN into 0.
    place.max(0.0).min(1.0)
}

fn part(value: f64, min: f64, max: f64) -> f64 {
    if max > min {
        (value - min) / (max - min)
    } else if value > min {
        1.0
    } else {
        0.0
    }
}

fn least_positive(values: impl Iterator<Item = f64>) -> Option<f64> {
    values.filter(|value| *value > 0.0).min_by(f64::total_cmp)
}
