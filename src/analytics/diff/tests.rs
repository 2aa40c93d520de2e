use proptest::prelude::*;

use super::super::tests::reference::float;
use super::super::{RoutedToken, Span};
use super::*;

/// A log of tokens with two experts in each of two layers, of which there are four.
fn log(tokens: &[([u16; 4], [f32; 4])]) -> RoutingLog {
    let mut log = RoutingLog::new(2, 4);
    for (position, (experts, weights)) in tokens.iter().enumerate() {
        let routing = TokenRouting::new(2, 2, experts.to_vec(), weights.to_vec())
            .unwrap()
            .with_entropies(vec![0.5, 1.0 + position as f32])
            .unwrap();
        let token = RoutedToken {
            position,
            span: Span::Prompt,
            routing: routing.into(),
        };
        log.push(token).unwrap();
    }
    log
}

fn side<'a>(ids: &'a [u32], log: &'a RoutingLog) -> DiffSide<'a> {
    DiffSide { ids, log }
}

const HALVES: [f32; 4] = [0.5; 4];

#[test]
fn hand_computed_numbers() {
    let a = log(&[
        ([0, 1, 2, 3], [0.75, 0.25, 0.5, 0.5]),
        ([0, 1, 2, 3], HALVES),
    ]);
    let b = log(&[([1, 0, 0, 1], [0.5, 0.5, 0.5, 0.5]), ([0, 2, 0, 1], HALVES)]);
    let diff = RunDiff::of(&side(&[7, 8], &a), &side(&[7, 8], &b)).unwrap();
    // Layer 1 shares no expert; layer 0 has (1/2, 1/2, 0) against (1/2, 1/4, 1/4).
    assert_eq!(diff.layers[1].js_distance_all, Some(1.0));
    let divergence = 0.25 * (4.0_f64 / 3.0).log2() + 0.125 * (2.0_f64 / 3.0).log2() + 0.125;
    assert!((diff.layers[0].js_distance_all.unwrap() - divergence.sqrt()).abs() < 1e-12);
    assert_eq!(diff.layers[0].agreement, Some(0.75));
    // min(0.75, 0.5) + min(0.25, 0.5), then 0.5.
    assert_eq!(diff.layers[0].weighted_agreement, Some(0.625));
    assert_eq!(diff.layers[1].weighted_agreement, Some(0.0));
    assert_eq!(diff.layers[1].router_entropy_change, Some(0.0));
    let equal: Vec<_> = diff
        .tokens
        .iter()
        .map(|token| token.equal_experts)
        .collect();
    assert_eq!((equal, diff.tokens[0].experts), (vec![2, 1], 4));
    assert_eq!(diff.agreement(), Some(0.375));
    assert_eq!(diff.agreement_behind_difference(), None);
    // Only the second tokens belong together, and they share one expert of four.
    let parted = RunDiff::of(&side(&[6, 8], &a), &side(&[7, 8], &b)).unwrap();
    assert_eq!(parted.pairs_behind_difference().len(), 1);
    assert_eq!(parted.agreement_behind_difference(), Some(0.25));
    let top: Vec<_> = diff
        .cells_all
        .iter()
        .map(|cell| (cell.layer, cell.expert, cell.change()))
        .collect();
    let layer_1 = [(1, 0, 0.5), (1, 1, 0.5), (1, 2, -0.5), (1, 3, -0.5)];
    assert_eq!(top[..4], layer_1);
    assert_eq!(top[4..], [(0, 1, -0.25), (0, 2, 0.25)]);
}

#[test]
fn aligned_pairs_are_counted_apart_from_all_tokens() {
    // The second run goes on: its last two tokens have no partner.
    let a = log(&[([0, 1, 2, 3], HALVES), ([0, 1, 2, 3], HALVES)]);
    let b = log(&[
        ([0, 1, 2, 3], HALVES),
        ([0, 2, 2, 3], HALVES),
        ([2, 3, 0, 1], HALVES),
        ([2, 3, 0, 1], HALVES),
    ]);
    let diff = RunDiff::of(&side(&[7, 8], &a), &side(&[7, 8, 9, 9], &b)).unwrap();
    assert_eq!(diff.alignment.len(), 2);
    // Layer 1 is the same in all pairs, and half elsewhere in the whole run.
    assert_eq!(diff.layers[1].js_distance_aligned, Some(0.0));
    assert!(diff.layers[1].js_distance_all.unwrap() > 0.5);
    // (1/2, 1/2, 0) against (1/2, 1/4, 1/4).
    let divergence = 0.25 * (4.0_f64 / 3.0).log2() + 0.125 * (2.0_f64 / 3.0).log2() + 0.125;
    let aligned = diff.layers[0].js_distance_aligned.unwrap();
    assert!((aligned - divergence.sqrt()).abs() < 1e-12);
    let cells = |cells: &[CellChange]| -> Vec<_> {
        let cells = cells.iter();
        cells
            .map(|cell| (cell.layer, cell.expert, cell.change()))
            .collect()
    };
    assert_eq!(cells(&diff.cells_aligned), [(0, 1, -0.25), (0, 2, 0.25)]);
    assert!(cells(&diff.cells_all).contains(&(1, 0, 0.25)));
}

#[test]
fn other_shapes_are_refused_with_both_named() {
    let (log_a, log_b) = (RoutingLog::new(2, 4), RoutingLog::new(3, 8));
    let (a, b) = (side(&[1], &log_a), side(&[1], &log_b));
    let error = RunDiff::of(&a, &b).unwrap_err().to_string();
    for part in ["2 layers with 4 experts", "3 layers with 8 experts"] {
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn runs_without_routing_have_tokens_only() {
    let empty = RoutingLog::new(2, 4);
    let diff = RunDiff::of(&side(&[1, 2], &empty), &side(&[1, 3], &empty)).unwrap();
    assert_eq!(diff.layers[0].js_distance_all, None);
    assert_eq!((diff.agreement(), diff.cells_all.len()), (None, 0));
    assert_eq!(diff.alignment.first_difference, Some(1));
}

#[test]
fn sequences_are_aligned() {
    use AlignmentMethod::{CommonSubsequence, Prefix};
    #[expect(clippy::type_complexity, reason = "a table of cases")]
    let cases: [(
        &[u32],
        &[u32],
        AlignmentMethod,
        Option<usize>,
        &[(usize, usize)],
    ); 6] = [
        (&[1, 2], &[1, 2], Prefix, None, &[(0, 0), (1, 1)]),
        (&[1, 2], &[1], Prefix, Some(1), &[(0, 0)]),
        (&[], &[], Prefix, None, &[]),
        (
            &[1, 2, 3],
            &[1, 9, 3],
            CommonSubsequence,
            Some(1),
            &[(0, 0), (2, 2)],
        ),
        (
            &[5, 1, 2, 6],
            &[5, 0, 0, 2, 6],
            CommonSubsequence,
            Some(1),
            &[(0, 0), (2, 3), (3, 4)],
        ),
        (&[1, 2], &[3, 4], CommonSubsequence, Some(0), &[]),
    ];
    for (a, b, method, first, pairs) in cases {
        let found = Alignment::of(a, b);
        assert_eq!(
            (found.method, found.first_difference),
            (method, first),
            "{a:?} {b:?}"
        );
        assert_eq!(found.pairs().collect::<Vec<_>>(), pairs, "{a:?} {b:?}");
        assert_eq!(
            (found.len(), found.is_empty()),
            (pairs.len(), pairs.is_empty())
        );
    }
}

#[test]
fn long_sequences_are_aligned_by_position() {
    let (a, b): (Vec<u32>, Vec<u32>) = ((0..4000).collect(), (1..4101).collect());
    let found = Alignment::of(&a, &b);
    assert_eq!(found.method, AlignmentMethod::Position);
    assert_eq!(
        (found.len(), found.pairs().last()),
        (4000, Some((3999, 3999)))
    );
}

#[test]
fn every_reported_quantity_is_defined() {
    use super::super::DEFINITIONS;
    for name in [
        "Jensen-Shannon distance",
        "Agreement",
        "Weighted agreement",
        "Entropy difference",
    ] {
        assert!(
            DEFINITIONS.iter().any(|definition| definition.name == name),
            "{name}"
        );
    }
}

fn any_log() -> impl Strategy<Value = RoutingLog> {
    let layer = (0_u16..4, 1_u16..4, float(0.5, 1.0));
    let token = prop::collection::vec(layer, 2);
    prop::collection::vec(token, 0..20).prop_map(|tokens| {
        let tokens: Vec<_> = tokens
            .into_iter()
            .map(|layers| {
                let mut experts = [0; 4];
                let mut weights = [0.0; 4];
                for (layer, (first, offset, weight)) in layers.into_iter().enumerate() {
                    experts[layer * 2..][..2].copy_from_slice(&[first, (first + offset) % 4]);
                    weights[layer * 2..][..2].copy_from_slice(&[weight, 1.0 - weight]);
                }
                (experts, weights)
            })
            .collect();
        log(&tokens)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn a_run_differs_from_itself_by_exactly_nothing(log in any_log()) {
        let ids: Vec<u32> = (0..log.len() as u32).collect();
        let diff = RunDiff::of(&side(&ids, &log), &side(&ids, &log)).unwrap();
        prop_assert_eq!(diff.alignment.first_difference, None);
        prop_assert!(diff.is_zero());
        prop_assert!(diff.cells_all.is_empty());
        prop_assert_eq!(diff.tokens.len(), log.len());
        for token in &diff.tokens {
            prop_assert_eq!((token.equal_experts, token.weighted), (token.experts, 1.0));
        }
        for layer in &diff.layers {
            let expected = (!log.is_empty()).then_some(0.0);
            prop_assert_eq!(layer.js_distance_all, expected);
            prop_assert_eq!(layer.chosen_entropy_change, expected);
            prop_assert_eq!(layer.router_entropy_change, expected);
            prop_assert_eq!(layer.agreement, expected.map(|_| 1.0));
            prop_assert_eq!(layer.weighted_agreement, expected.map(|_| 1.0));
        }
    }

    #[test]
    fn comparing_the_other_way_round_gives_the_same_distances(a in any_log(), b in any_log()) {
        let ids: Vec<u32> = vec![1; a.len().max(b.len())];
        let (a, b) = (side(&ids[..a.len()], &a), side(&ids[..b.len()], &b));
        let (there, back) = (RunDiff::of(&a, &b).unwrap(), RunDiff::of(&b, &a).unwrap());
        for (there, back) in there.layers.iter().zip(&back.layers) {
            if let (Some(there), Some(back)) = (there.js_distance_all, back.js_distance_all) {
                prop_assert!((0.0..=1.0).contains(&there));
                prop_assert!((there - back).abs() < 1e-9);
            }
        }
        for (there, back) in there.tokens.iter().zip(&back.tokens) {
            prop_assert!((there.weighted - back.weighted).abs() < 1e-9);
        }
    }

    #[test]
    fn pairs_ascend_and_are_equal_tokens(
        a in prop::collection::vec(0_u32..4, 0..30),
        b in prop::collection::vec(0_u32..4, 0..30),
    ) {
        let pairs: Vec<_> = Alignment::of(&a, &b).pairs().collect();
        prop_assert!(pairs.windows(2).all(|two| two[0].0 < two[1].0 && two[0].1 < two[1].1));
        prop_assert!(pairs.iter().all(|&(left, right)| a[left] == b[right]));
    }
}
