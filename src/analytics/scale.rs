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
/// minimum at or below 0 is read as a thousandth of the maximum. What is not a number is 0. Where the bounds leave no room,
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
    if place.is_nan() {
        0.0
    } else {
        place.clamp(0.0, 1.0)
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(values: &[f64]) -> Grid {
        Grid::new(1, values.len(), 1, values.to_vec()).unwrap()
    }

    fn check(values: &[f64], scale: Scale, bounds: Bounds, expected: &[f32]) {
        let found = normalize(&grid(values), scale, bounds);
        let near = found
            .iter()
            .zip(expected)
            .all(|(a, b)| (a - b).abs() < 1e-6);
        assert!(
            near && found.len() == expected.len(),
            "{values:?} {scale:?} {bounds:?}: {found:?}"
        );
    }

    fn bounds(min: f64, max: f64) -> Bounds {
        Bounds { min, max }
    }

    #[test]
    fn values_find_their_place_and_never_leave_the_ramp() {
        let linear = Scale::Linear;
        let logarithmic = Scale::Logarithmic;
        check(
            &[0.0, 1.0, 4.0, 9.0],
            linear,
            bounds(0.0, 4.0),
            &[0.0, 0.25, 1.0, 1.0],
        );
        check(
            &[-3.0, -1.0, 0.0, 3.0],
            linear,
            bounds(-2.0, 2.0),
            &[0.0, 0.25, 0.5, 1.0],
        );
        check(
            &[0.0, 1.0, 10.0, 100.0],
            logarithmic,
            bounds(1.0, 100.0),
            &[0.0, 0.0, 0.5, 1.0],
        );
        check(
            &[0.25, 0.5, 1.0, 4.0],
            logarithmic,
            Bounds::around_fair_share(4.0),
            &[0.0, 0.25, 0.5, 1.0],
        );
        // Without a positive minimum: three decades.
        check(
            &[0.0, 0.01, 1.0, 10.0],
            logarithmic,
            bounds(0.0, 10.0),
            &[0.0, 0.0, 2.0 / 3.0, 1.0],
        );
        for scale in [linear, logarithmic] {
            check(&[0.0, 2.0, 3.0], scale, bounds(2.0, 2.0), &[0.0, 0.0, 1.0]);
            check(
                &[0.0, 1.0],
                scale,
                bounds(0.0, 0.0),
                &[0.0, if scale == linear { 1.0 } else { 0.0 }],
            );
            check(
                &[f64::NAN, f64::INFINITY],
                scale,
                bounds(0.0, 1.0),
                &[0.0, 1.0],
            );
            check(&[1.0], scale, bounds(f64::NAN, f64::NAN), &[0.0]);
        }
    }

    #[test]
    fn bounds_show_all_of_a_grid() {
        let counts = grid(&[0.0, 2.0, 8.0]);
        assert_eq!(Bounds::of(&counts, Scale::Linear), bounds(0.0, 8.0));
        assert_eq!(Bounds::of(&counts, Scale::Logarithmic), bounds(1.0, 8.0));
        check(
            &[0.0, 2.0, 8.0],
            Scale::Logarithmic,
            Bounds::of(&counts, Scale::Logarithmic),
            &[0.0, 1.0 / 3.0, 1.0],
        );
        assert_eq!(Bounds::of_shares(&grid(&[0.1, 5.0])), bounds(0.2, 5.0));
        assert_eq!(Bounds::of_shares(&grid(&[1.0, 1.0])), bounds(0.5, 2.0));
        assert_eq!(Bounds::symmetric(&grid(&[-3.0, 1.0])), bounds(-3.0, 3.0));
    }

    #[test]
    fn no_difference_is_the_middle() {
        let even = grid(&[0.0, 0.0]);
        check(
            &[0.0, 0.0],
            Scale::Linear,
            Bounds::symmetric(&even),
            &[0.5, 0.5],
        );
    }

    #[test]
    fn kept_bounds_keep_a_value_where_it_was() {
        let kept = Bounds::of(&grid(&[1.0, 4.0]), Scale::Linear);
        check(&[1.0, 400.0], Scale::Linear, kept, &[0.25, 1.0]);
    }
}
