//! Grids, differences and entropies of random logs, and what a log refuses.

use std::sync::Arc;

use proptest::prelude::*;

use super::super::{
    Balance, Grid, Measure, RoutedToken, RoutingLog, Selection, Span, SpanSet, TotalsRef,
    difference,
};
use super::reference::{
    NUM_EXPERTS, NUM_LAYERS, all_near, chosen_entropies, count, log_of, near, pick, selections,
    share, table, tokens, weight_sum,
};
use crate::generate::TokenRouting;

fn check_grids(log: &RoutingLog, tokens: &[RoutedToken], selection: Selection) {
    let picked = pick(tokens, selection);
    let mean = |layer, expert| match count(&picked, layer, expert) {
        0.0 => 0.0,
        count => weight_sum(&picked, layer, expert) / count,
    };
    let fair = |layer, expert| share(&picked, layer, expert) * NUM_EXPERTS as f64;
    for (measure, expected) in [
        (Measure::Count, table(|l, e| count(&picked, l, e))),
        (Measure::WeightSum, table(|l, e| weight_sum(&picked, l, e))),
        (Measure::MeanWeight, table(mean)),
        (Measure::Share, table(fair)),
    ] {
        let grid = log.grid(selection, measure);
        assert!(
            all_near(grid.values(), &expected),
            "{measure:?} of {selection:?}: {grid:?}, expected {expected:?}"
        );
        assert_eq!(grid.tokens(), picked.len() as u64);
    }
}

fn check_entropies(log: &RoutingLog, tokens: &[RoutedToken], selection: Selection) {
    let picked = pick(tokens, selection);
    let found = log.entropies(selection);
    assert!(all_near(&found.chosen, &chosen_entropies(&picked)));
    let recorded: Vec<_> = picked
        .iter()
        .map(|token| token.routing.entropies())
        .filter(|entropies| !entropies.is_empty())
        .collect();
    assert_eq!(found.router_tokens, recorded.len() as u64);
    for (layer, &mean) in found.router.iter().enumerate() {
        let sum: f64 = recorded.iter().map(|row| f64::from(row[layer])).sum();
        assert!(near(mean, sum / recorded.len() as f64));
    }
    assert_eq!(found.router.is_empty(), recorded.is_empty());
}

proptest! {
    #[test]
    fn grids_and_entropies_equal_a_scan(tokens in tokens(), selection in selections()) {
        let log = log_of(&tokens);
        prop_assert_eq!(log.selected(selection).collect::<Vec<_>>(), pick(&tokens, selection));
        check_grids(&log, &tokens, selection);
        check_entropies(&log, &tokens, selection);
    }

    #[test]
    fn a_truncated_log_equals_one_that_never_went_on(
        tokens in tokens(),
        more in tokens(),
        at in 0..100_usize,
        selection in selections(),
    ) {
        let mut log = log_of(&tokens);
        log.truncate(at);
        let mut kept: Vec<_> = tokens.into_iter().filter(|token| token.position < at).collect();
        check_grids(&log, &kept, selection);
        let again = more.into_iter().map(|token| RoutedToken { position: token.position + at, ..token });
        for token in again {
            log.push(token.clone()).unwrap();
            kept.push(token);
        }
        check_grids(&log, &kept, selection);
        check_entropies(&log, &kept, selection);
        prop_assert_eq!(log.len(), kept.len());
    }

    #[test]
    fn every_position_is_found_or_absent(tokens in tokens()) {
        let log = log_of(&tokens);
        for position in 0..125 {
            let expected = tokens.iter().find(|token| token.position == position);
            prop_assert_eq!(log.get(position), expected);
        }
    }

    #[test]
    fn differences_equal_a_scan(tokens in tokens(), a in selections(), b in selections()) {
        let log = log_of(&tokens);
        let (left, right) = (pick(&tokens, a), pick(&tokens, b));
        let expected = table(|l, e| 100.0 * (share(&left, l, e) - share(&right, l, e)));
        let grid = |selection| log.grid(selection, Measure::Count);
        let found = difference(&grid(a), &grid(b)).unwrap();
        prop_assert!(all_near(found.values(), &expected));
        prop_assert_eq!(found.tokens(), (left.len() + right.len()) as u64);
    }

    #[test]
    fn balance_stays_in_its_limits(tokens in tokens(), selection in selections()) {
        let log = log_of(&tokens);
        let balance = Balance::of(&log.grid(selection, Measure::WeightSum));
        prop_assert_eq!(balance.layers.len(), NUM_LAYERS);
        for layer in balance.layers.iter().chain([&balance.overall]) {
            let experts = layer.num_experts as f64;
            prop_assert!(layer.effective <= experts + 1e-9);
            prop_assert!(layer.coefficient_of_variation <= (experts - 1.0).sqrt() + 1e-9);
            prop_assert!((0.0..=1.0 - 1.0 / experts + 1e-9).contains(&layer.gini));
            prop_assert!(layer.covering + layer.dead <= layer.num_experts);
        }
    }
}

#[test]
fn prompt_and_answer_are_everything() {
    let answer = SpanSet::ANSWER;
    assert!(!answer.contains(Span::Prompt));
    let both: SpanSet = answer.iter().chain(SpanSet::PROMPT.iter()).collect();
    assert_eq!(both, SpanSet::ALL);
    assert_eq!(SpanSet::ALL.iter().collect::<Vec<_>>(), Span::ALL);
    assert_eq!(SpanSet::default(), SpanSet::EMPTY);
}

#[test]
fn routing_that_does_not_fit_is_refused_and_changes_nothing() {
    let token = |position, experts: Vec<u16>| RoutedToken {
        position,
        span: Span::Final,
        routing: TokenRouting::new(experts.len(), 1, experts.clone(), vec![1.0; experts.len()])
            .unwrap()
            .into(),
    };
    let mut log = RoutingLog::new(2, 4);
    log.push(token(5, vec![3, 0])).unwrap();
    let before = log.clone();
    for (wrong, message) in [
        (
            token(5, vec![0, 0]),
            "position 5 came after that of position 5",
        ),
        (
            token(4, vec![0, 0]),
            "position 4 came after that of position 5",
        ),
        (token(6, vec![0]), "position 6 has 1 layers, the log 2"),
        (token(6, vec![0, 4]), "names expert 4, the log has 4"),
    ] {
        let error = log.push(wrong).unwrap_err();
        assert!(error.to_string().contains(message), "{error}");
    }
    assert_eq!(log, before);
}

#[test]
fn totals_from_elsewhere_give_the_same_grid() {
    let counts = [3, 1, 0, 2, 2, 0];
    let weight_sums = [1.5, 0.5, 0.0, 1.0, 1.0, 0.0];
    let totals = TotalsRef {
        num_layers: 2,
        num_experts: 3,
        tokens: 2,
        counts: &counts,
        weight_sums: &weight_sums,
    };
    let grid = |measure| Grid::from_totals(&totals, measure).unwrap();
    assert_eq!(grid(Measure::Count).layer(0), [3.0, 1.0, 0.0]);
    assert_eq!(grid(Measure::WeightSum).layer(1), [1.0, 1.0, 0.0]);
    assert_eq!(grid(Measure::MeanWeight).layer(0), [0.5, 0.5, 0.0]);
    assert_eq!(grid(Measure::Share).layer(0), [2.25, 0.75, 0.0]);
    assert_eq!(
        grid(Measure::Count).value(0, 0).to_bits(),
        3.0_f64.to_bits()
    );
    assert!(grid(Measure::Count).layer(2).is_empty());
    let short = TotalsRef {
        counts: &counts[1..],
        ..totals
    };
    assert!(Grid::from_totals(&short, Measure::WeightSum).is_err());
}

#[test]
fn grids_of_different_models_have_no_difference() {
    let grid = |layers, experts| Grid::new(layers, experts, 0, vec![0.0; layers * experts]);
    let (small, large) = (grid(2, 4).unwrap(), grid(4, 2).unwrap());
    assert!(difference(&small, &large).is_err());
    assert!(Grid::new(2, 2, 0, vec![0.0; 3]).is_err());
}

#[test]
fn a_long_log_of_the_large_model_adds_up() {
    let routing = Arc::new(
        TokenRouting::new(
            36,
            4,
            (0..144).map(|at| at % 128).collect(),
            vec![0.25; 144],
        )
        .unwrap(),
    );
    let mut log = RoutingLog::new(36, 128);
    for position in 0..20_000 {
        let routing = Arc::clone(&routing);
        log.push(RoutedToken {
            position,
            span: Span::ALL[position % 5],
            routing,
        })
        .unwrap();
    }
    let grid = log.grid(SpanSet::ANSWER.into(), Measure::Count);
    assert_eq!(grid.tokens(), 16_000);
    let sum: f64 = grid.values().iter().sum();
    assert!(near(sum, 16_000.0 * 36.0 * 4.0));
}
