//! How alike two routings are.

use super::grid::{Grid, GridError};
use super::log::RoutingLog;
use crate::generate::TokenRouting;

/// How far two logs agree about the positions that both have recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct LogAgreement {
    /// The positions compared.
    pub tokens: u64,
    /// The mean share of equal experts in each layer, in 0..=1.
    pub layers: Vec<f64>,
}

impl LogAgreement {
    /// The mean over all layers.
    pub fn overall(&self) -> f64 {
        self.layers.iter().sum::<f64>() / self.layers.len().max(1) as f64
    }
}

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

/// The mean [`agreement`] of the positions that both logs have.
///
/// None where they have none in common or different numbers of layers.
pub fn log_agreement(left: &RoutingLog, right: &RoutingLog) -> Option<LogAgreement> {
    if left.num_layers() != right.num_layers() {
        return None;
    }
    let mut tokens = 0_u64;
    let mut sums = vec![0.0; left.num_layers()];
    for token in left.tokens() {
        let Some(other) = right.get(token.position) else {
            continue;
        };
        tokens += 1;
        let shares = agreement(&token.routing, &other.routing)?;
        for (sum, share) in sums.iter_mut().zip(shares) {
            *sum += share;
        }
    }
    (tokens > 0).then(|| LogAgreement {
        tokens,
        layers: sums.into_iter().map(|sum| sum / tokens as f64).collect(),
    })
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
    use super::super::{RoutedToken, Span};
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
    fn logs_are_compared_where_both_have_a_token() {
        let log = |tokens: &[(usize, [u16; 4])]| {
            let mut log = RoutingLog::new(2, 8);
            for &(position, experts) in tokens {
                let routing = token(experts.to_vec()).into();
                log.push(RoutedToken {
                    position,
                    span: Span::Final,
                    routing,
                })
                .unwrap();
            }
            log
        };
        let left = log(&[(0, [0, 1, 2, 3]), (1, [0, 1, 2, 3]), (4, [0, 1, 2, 3])]);
        let right = log(&[(1, [0, 1, 3, 4]), (2, [0, 1, 2, 3]), (4, [6, 7, 3, 2])]);
        let found = log_agreement(&left, &right).unwrap();
        assert_eq!((found.tokens, &found.layers[..]), (2, &[0.5, 0.75][..]));
        assert!((found.overall() - 0.625).abs() < 1e-12);
        assert_eq!(log_agreement(&left, &log(&[(3, [0; 4])])), None);
        assert_eq!(log_agreement(&left, &RoutingLog::new(1, 8)), None);
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
