//! How evenly a layer's experts are used.

use super::entropy::entropy;
use super::grid::Grid;

/// The part of the traffic in [`LayerBalance::covering`].
pub const COVERED_SHARE: f64 = 0.9;

/// How evenly some experts share their traffic.
///
/// Without any traffic all experts are dead and the other numbers are 0.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct LayerBalance {
    /// The experts looked at, `N`.
    pub num_experts: usize,
    /// The standard deviation of their traffic by its mean: 0 where all get the same, `sqrt(N - 1)`
    /// where one gets everything.
    pub coefficient_of_variation: f64,
    /// The Gini coefficient: 0 where all get the same, `(N - 1) / N` where one gets everything.
    pub gini: f64,
    /// Experts without any traffic.
    pub dead: usize,
    /// `exp(H)` of the traffic's distribution: this many experts with equal traffic would be as
    /// even.
    pub effective: f64,
    /// The fewest experts that get 90 % of the traffic together.
    pub covering: usize,
}

impl LayerBalance {
    /// The balance of one row of counts or weight sums; values that are not positive count as none.
    pub fn of(traffic: &[f64]) -> Self {
        let mut sorted: Vec<f64> = traffic.iter().map(|value| value.max(0.0)).collect();
        sorted.sort_by(f64::total_cmp);
        let sum: f64 = sorted.iter().sum();
        let dead = sorted.iter().filter(|value| **value <= 0.0).count();
        let num_experts = sorted.len();
        if sum <= 0.0 {
            return Self {
                num_experts,
                dead,
                ..Self::default()
            };
        }
        Self {
            num_experts,
            coefficient_of_variation: coefficient_of_variation(&sorted, sum),
            gini: gini(&sorted, sum),
            dead,
            effective: entropy(sorted.iter().copied()).exp(),
            covering: covering(&sorted, sum),
        }
    }
}

/// How evenly each layer's experts are used, and all layers' together.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Balance {
    /// One entry a layer.
    pub layers: Vec<LayerBalance>,
    /// All experts of all layers as one population of `num_layers * num_experts`.
    pub overall: LayerBalance,
}

impl Balance {
    /// The balance of a grid of counts or weight sums.
    pub fn of(grid: &Grid) -> Self {
        Self {
            layers: grid.layers().map(LayerBalance::of).collect(),
            overall: LayerBalance::of(grid.values()),
        }
    }
}

fn coefficient_of_variation(traffic: &[f64], sum: f64) -> f64 {
    let count = traffic.len() as f64;
    let mean = sum / count;
    let squares: f64 = traffic.iter().map(|value| (value - mean).powi(2)).sum();
    (squares / count).sqrt() / mean
}

/// Of ascending values.
fn gini(sorted: &[f64], sum: f64) -> f64 {
    let count = sorted.len() as f64;
    let ranked = sorted.iter().enumerate();
    let weighted: f64 = ranked
        .map(|(index, value)| (2.0 * (index + 1) as f64 - count - 1.0) * value)
        .sum();
    (weighted / (count * sum)).max(0.0)
}

/// Of ascending values.
fn covering(sorted: &[f64], sum: f64) -> usize {
    // Nine of ten equal weights must suffice, however their sum was rounded.
    let wanted = sum * (COVERED_SHARE - 1e-9);
    let mut covered = 0.0;
    let busiest_first = sorted.iter().rev();
    let short = busiest_first.take_while(|value| {
        let is_short = covered < wanted;
        covered += **value;
        is_short
    });
    short.count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hand_computed_rows() {
        let sqrt_3 = 3.0_f64.sqrt();
        check(&[5.0; 4], [0.0, 0.0, 4.0], 0, 4);
        check(&[0.1; 10], [0.0, 0.0, 10.0], 0, 9);
        check(&[0.0, 0.0, 7.0, 0.0], [sqrt_3, 0.75, 1.0], 3, 1);
        check(&[2.0, 0.0, 0.0, 2.0], [1.0, 0.5, 2.0], 2, 2);
        // Mean 1.5, CV: sqrt((2.25 + 0.25 * 3) / 4) / 1.5 = sqrt(3) / 3.
        // Gini of 1 1 1 3: (-3 - 1 + 1 + 9) / (4 * 6) = 0.25.
        // H = 3 * (1/6 ln 6) + 1/2 ln 2, exp(H) = sqrt(6) * sqrt(2) = sqrt(12).
        let effective = 12.0_f64.sqrt();
        check(&[1.0, 3.0, 1.0, 1.0], [sqrt_3 / 3.0, 0.25, effective], 0, 4);
        let effective = 10.0 / 9.0_f64.powf(0.9);
        check(&[9.0, 1.0], [0.8, 0.4, effective], 0, 1);
        check(&[0.0; 3], [0.0, 0.0, 0.0], 3, 0);
        check(&[4.0], [0.0, 0.0, 1.0], 0, 1);
        check(&[], [0.0, 0.0, 0.0], 0, 0);
    }

    /// `measures`: coefficient of variation, Gini coefficient, effective experts.
    fn check(traffic: &[f64], measures: [f64; 3], dead: usize, covering: usize) {
        let balance = LayerBalance::of(traffic);
        let found = [
            balance.coefficient_of_variation,
            balance.gini,
            balance.effective,
        ];
        let near = found
            .iter()
            .zip(measures)
            .all(|(a, b)| (a - b).abs() < 1e-9);
        assert!(near, "{traffic:?}: {balance:?}");
        assert_eq!(
            (balance.dead, balance.covering, balance.num_experts),
            (dead, covering, traffic.len()),
            "{traffic:?}"
        );
    }

    #[test]
    fn overall_takes_all_layers_as_one_population() {
        let grid = Grid::new(2, 2, 4, vec![4.0, 0.0, 2.0, 2.0]).unwrap();
        let balance = Balance::of(&grid);
        assert_eq!(balance.layers[0].dead, 1);
        assert_eq!(balance.layers[1].dead, 0);
        assert_eq!((balance.overall.dead, balance.overall.num_experts), (1, 4));
        // Parts 1/2, 1/4, 1/4: H = 1.5 ln 2.
        assert!((balance.overall.effective - 2.0_f64.powf(1.5)).abs() < 1e-9);
    }
}
