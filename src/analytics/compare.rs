//! How alike two routings are.

use super::grid::{Grid, GridError};
use crate::generate::TokenRouting;

/// The share of experts that two tokens have in common in each layer, whatever their weights.
///
/// In 0..=1, `[num_layers]`; of the larger choice where the two choose differently many. None where
/// the numbers of layers differ.
pub fn agreement(left: &TokenRouting, right: &TokenRouting) -> Option<Vec<f64>> {
    if left.num_layers() != right.num_layers() {
        return None;
    }
    let layers = left.layers().zip(right.layers());
    let shares = layers.map(|((left, _), (right, _))| {
        let common = left.iter().filter(|expert| right.contains(expert)).count();
        common as f64 / left.len().max(right.len()) as f64
    });
    Some(shares.collect())
}

/// The Jensen–Shannon distance between two grids of counts or weight sums, layer by layer.
///
/// The square root of the divergence in base 2: 0 for equal distributions, 1 for disjoint ones;
/// `[num_layers]`, none for a layer in which a side has no traffic.
/// *Errors:* [`GridError::Shapes`]. *Source:* Lin 1991; Endres and Schindelin 2003.
pub fn jensen_shannon(left: &Grid, right: &Grid) -> Result<Vec<Option<f64>>, GridError> {
    left.check_same_shape(right)?;
    let (left, right) = (left.normalized(), right.normalized());
    let layers = left.layers().zip(right.layers());
    Ok(layers.map(|(left, right)| distance(left, right)).collect())
}

fn distance(left: &[f64], right: &[f64]) -> Option<f64> {
    let has_traffic = |row: &[f64]| row.iter().any(|part| *part > 0.0);
    if !has_traffic(left) || !has_traffic(right) {
        return None;
    }
    let divergence: f64 = left
        .iter()
        .zip(right)
        .map(|(&a, &b)| {
            let middle = f64::midpoint(a, b);
            half_term(a, middle) + half_term(b, middle)
        })
        .sum();
    Some(divergence.clamp(0.0, 1.0).sqrt())
}

fn half_term(part: f64, middle: f64) -> f64 {
    if part > 0.0 {
        part * (part / middle).log2() / 2.0
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(experts: Vec<u16>) -> TokenRouting {
        let weights = vec![0.5; experts.len()];
        TokenRouting::new(experts.len() / 2, 2, experts, weights).unwrap()
    }

    #[test]
    fn agreement_ignores_order() {
        let left = token(vec![0, 1, 2, 3, 4, 5]);
        let right = token(vec![1, 0, 3, 4, 6, 7]);
        assert_eq!(agreement(&left, &right), Some(vec![1.0, 0.5, 0.0]));
        assert_eq!(agreement(&left, &token(vec![0, 1])), None);
    }

    #[test]
    fn distances_reach_from_0_to_1() {
        let grid = |values: [f64; 8]| Grid::new(4, 2, 1, values.to_vec()).unwrap();
        let left = grid([3.0, 1.0, 5.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
        let right = grid([6.0, 2.0, 0.0, 2.0, 1.0, 1.0, 1.0, 1.0]);
        let found = jensen_shannon(&left, &right).unwrap();
        assert_eq!(found[..3], [Some(0.0), Some(1.0), None]);
        // (1, 0) against (1/2, 1/2): log2(4/3) / 2 and (log2(2/3) / 2 + log2(2) / 2) / 2.
        let divergence = 0.5 * (4.0_f64 / 3.0).log2() + 0.25 * (2.0_f64 / 3.0).log2() + 0.25;
        assert!((found[3].unwrap() - divergence.sqrt()).abs() < 1e-12);
        assert!(jensen_shannon(&left, &Grid::new(1, 1, 0, vec![0.0]).unwrap()).is_err());
    }
}
