//! Expert cards and pairs of random logs.

use proptest::prelude::*;

use super::super::{
    CardQuery, ExpertCard, RoutedToken, RoutingLog, Selection, Transition, pair_lifts,
};
use super::reference::{
    NUM_EXPERTS, NUM_LAYERS, choice, count, log_of, near, pick, selections, share, tokens,
    weight_sum,
};

/// Positions share texts, and every fifth has none.
fn text_of(position: usize) -> Option<&'static str> {
    ["the", " a", "the", ".", ""]
        .get(position % 5)
        .copied()
        .filter(|text| !text.is_empty())
}

fn card(log: &RoutingLog, layer: usize, expert: usize, selection: Selection) -> ExpertCard {
    let query = CardQuery {
        layer,
        expert,
        selection,
        top: NUM_EXPERTS,
        min_pair_tokens: 1,
    };
    ExpertCard::of(log, &query, text_of).unwrap()
}

/// The tokens that chose both of two experts.
fn both(picked: &[&RoutedToken], one: (usize, usize), other: (usize, usize)) -> u64 {
    let chose = |token: &RoutedToken, (layer, expert)| choice(token, layer, expert).is_some();
    let tokens = picked.iter();
    tokens
        .filter(|token| chose(token, one) && chose(token, other))
        .count() as u64
}

fn check_transitions(
    found: &[Transition],
    picked: &[&RoutedToken],
    from: (usize, usize),
    layer: usize,
) {
    let own = count(picked, from.0, from.1) * 3.0;
    for expert in 0..NUM_EXPERTS {
        let together = both(picked, from, (layer, expert));
        let listed = found.iter().find(|transition| transition.expert == expert);
        assert_eq!(listed.map_or(0, |transition| transition.count), together);
        if let Some(listed) = listed {
            let part = together as f64 / own;
            assert!(near(listed.share, part));
            assert!(near(listed.lift, part / share(picked, layer, expert)));
        }
    }
    assert!(found.is_sorted_by(|a, b| a.count >= b.count));
}

fn check_card(card: &ExpertCard, picked: &[&RoutedToken]) {
    let (layer, expert) = (card.layer, card.expert);
    let chosen: Vec<_> = picked
        .iter()
        .filter_map(|token| Some((token, choice(token, layer, expert)?)))
        .collect();
    let listed: Vec<_> = card
        .choices
        .iter()
        .map(|choice| (choice.position, choice.span, choice.rank, choice.weight))
        .collect();
    let expected: Vec<_> = chosen
        .iter()
        .map(|(token, (rank, weight))| (token.position, token.span, *rank, *weight))
        .collect();
    assert_eq!(listed, expected);
    assert_eq!(card.tokens, picked.len() as u64);
    assert_eq!(card.count, chosen.len() as u64);
    assert!(near(card.share, share(picked, layer, expert)));
    assert!(near(card.fair_share, card.share * NUM_EXPERTS as f64));
    let own = count(picked, layer, expert);
    let ahead = (0..NUM_EXPERTS).filter(|other| count(picked, layer, *other) > own);
    assert_eq!(card.rank, 1 + ahead.count());
    match card.mean_weight {
        Some(mean) => assert!(near(mean, weight_sum(picked, layer, expert) / own)),
        None => assert!(chosen.is_empty()),
    }
    for text in ["the", " a", "."] {
        let texts = chosen
            .iter()
            .filter_map(|(token, _)| text_of(token.position));
        let expected = texts.filter(|found| *found == text).count() as u64;
        let found = card.texts.iter().find(|found| found.text == text);
        assert_eq!(found.map_or(0, |found| found.count), expected);
    }
    assert!(
        card.texts
            .is_sorted_by(|a, b| (b.count, &a.text) < (a.count, &b.text))
    );
}

fn check_neighbors(card: &ExpertCard, picked: &[&RoutedToken]) {
    let own = (card.layer, card.expert);
    if card.layer + 1 < NUM_LAYERS {
        check_transitions(&card.next, picked, own, card.layer + 1);
    } else {
        assert!(card.next.is_empty());
    }
    if card.layer > 0 {
        check_transitions(&card.previous, picked, own, card.layer - 1);
    } else {
        assert!(card.previous.is_empty());
    }
}

fn check_pairs(card: &ExpertCard, picked: &[&RoutedToken]) {
    let own = (card.layer, card.expert);
    for partner in (0..NUM_EXPERTS).filter(|partner| *partner != card.expert) {
        let observed = both(picked, own, (card.layer, partner));
        let found = card.partners.iter().find(|pair| pair.partner == partner);
        assert_eq!(found.map_or(0, |pair| pair.observed), observed);
        if let Some(pair) = found {
            let product = count(picked, own.0, own.1) * count(picked, own.0, partner);
            let expected = product / picked.len() as f64;
            assert!(near(pair.expected, expected));
            assert!(near(pair.lift, observed as f64 / expected));
        }
    }
    assert!(card.partners.iter().all(|pair| pair.partner != card.expert));
    assert!(card.partners.is_sorted_by(|a, b| a.lift >= b.lift));
}

proptest! {
    #[test]
    fn a_card_equals_a_scan(
        tokens in tokens(),
        layer in 0..NUM_LAYERS,
        expert in 0..NUM_EXPERTS,
        selection in selections(),
    ) {
        let log = log_of(&tokens);
        let picked = pick(&tokens, selection);
        let card = card(&log, layer, expert, selection);
        check_card(&card, &picked);
        check_neighbors(&card, &picked);
        check_pairs(&card, &picked);
    }

    #[test]
    fn the_list_of_all_pairs_equals_the_cards(
        tokens in tokens(),
        layer in 0..NUM_LAYERS,
        selection in selections(),
        min_tokens in 0..4_u64,
    ) {
        let log = log_of(&tokens);
        let pairs = pair_lifts(&log, layer, selection, min_tokens, usize::MAX);
        let mut expected = 0;
        for expert in 0..NUM_EXPERTS {
            let card = card(&log, layer, expert, selection);
            let partners = card.partners.iter();
            for pair in partners.filter(|pair| pair.partner > expert && pair.observed >= min_tokens) {
                prop_assert!(pairs.contains(pair));
                expected += 1;
            }
        }
        prop_assert_eq!(pairs.len(), expected);
        prop_assert!(pairs.is_sorted_by(|a, b| a.lift >= b.lift));
        let top = pair_lifts(&log, layer, selection, min_tokens, 2);
        prop_assert_eq!(&top[..], &pairs[..pairs.len().min(2)]);
    }
}

#[test]
fn experts_that_do_not_exist_have_no_card() {
    let log = log_of(&[]);
    for (layer, expert) in [(NUM_LAYERS, 0), (0, NUM_EXPERTS), (usize::MAX, usize::MAX)] {
        let query = CardQuery {
            layer,
            expert,
            selection: Selection::All,
            top: 3,
            min_pair_tokens: 1,
        };
        assert_eq!(ExpertCard::of(&log, &query, text_of), None);
        let pairs = pair_lifts(&log, layer, Selection::All, 1, 3);
        assert!(pairs.is_empty());
    }
}
