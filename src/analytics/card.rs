//! Everything the log tells about one expert.

use std::cmp::Reverse;
use std::collections::HashMap;

use super::log::RoutingLog;
use super::pairs::{PairLift, highest, pair};
use super::selection::Selection;
use super::token::{RoutedToken, Span};
use super::totals::Totals;

/// Which expert a card is about, and which tokens it looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CardQuery {
    /// The expert's layer.
    pub layer: usize,
    /// The expert within the layer.
    pub expert: usize,
    /// The tokens looked at.
    pub selection: Selection,
    /// The most transitions and partners listed, each.
    pub top: usize,
    /// Partners chosen together with the expert by fewer tokens are left out.
    pub min_pair_tokens: u64,
}

/// One expert among the selected tokens.
#[derive(Debug, Clone, PartialEq)]
pub struct ExpertCard {
    /// The expert's layer.
    pub layer: usize,
    /// The expert within the layer.
    pub expert: usize,
    /// The selected tokens.
    pub tokens: u64,
    /// Those that chose the expert.
    pub count: u64,
    /// The part of the layer's choices that went to it, in 0..=1; 0 without tokens.
    pub share: f64,
    /// That part as a multiple of the fair one: 1 under perfect balance.
    pub fair_share: f64,
    /// Its place among the layer's experts by count, from 1; equal counts share the better place.
    pub rank: usize,
    /// The mean weight among the tokens that chose it; none where none did.
    pub mean_weight: Option<f64>,
    /// Every token that chose it, by ascending position.
    pub choices: Vec<Choice>,
    /// The texts of those tokens, most frequent first, then by text; tokens without a text are left
    /// out.
    pub texts: Vec<TextCount>,
    /// Where those tokens went in the next layer, most frequent first; empty in the last layer.
    pub next: Vec<Transition>,
    /// Where they came from in the layer before; empty in the first layer.
    pub previous: Vec<Transition>,
    /// The experts of the same layer chosen together with it, highest lift first.
    pub partners: Vec<PairLift>,
}

/// A token's choice of the card's expert.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Choice {
    /// The token's position.
    pub position: usize,
    /// The span it belongs to.
    pub span: Span,
    /// The expert's place among the token's choices by weight, from 1.
    pub rank: usize,
    /// The weight with which the token chose it.
    pub weight: f32,
}

/// How many tokens with one text chose the card's expert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextCount {
    /// The tokens' text.
    pub text: String,
    /// Their number.
    pub count: u64,
}

/// How often the tokens of the card's expert chose an expert of a neighboring layer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Transition {
    /// The neighboring layer's expert.
    pub expert: usize,
    /// The tokens that chose both.
    pub count: u64,
    /// The part of those tokens' choices in that layer, in 0..=1; over all of its experts the parts
    /// sum to 1.
    pub share: f64,
    /// That part by the one among all selected tokens: above 1 the two experts attract each other.
    pub lift: f64,
}

impl ExpertCard {
    /// Looks at every selected token; `text_of` tells a position's text where it is known.
    ///
    /// None where the log's model has no such expert.
    pub fn of<'t>(
        log: &RoutingLog,
        query: &CardQuery,
        text_of: impl Fn(usize) -> Option<&'t str>,
    ) -> Option<Self> {
        let CardQuery {
            layer,
            expert,
            selection,
            top,
            min_pair_tokens,
        } = *query;
        if layer >= log.num_layers() || expert >= log.num_experts() {
            return None;
        }
        let totals = log.totals(selection);
        let seen = Seen::scan(log, query);
        let counts = totals.layer_counts(layer);
        let choices_in_layer: u64 = counts.iter().copied().map(u64::from).sum();
        let share = f64::from(counts[expert]) / choices_in_layer.max(1) as f64;
        let transitions = |other: Option<usize>, counts: &[u64]| {
            other.map_or_else(Vec::new, |other| {
                transitions(counts, totals.layer_counts(other), top)
            })
        };
        let next_layer = Some(layer + 1).filter(|next| *next < log.num_layers());
        Some(Self {
            layer,
            expert,
            tokens: totals.tokens,
            count: u64::from(counts[expert]),
            share,
            fair_share: share * log.num_experts() as f64,
            rank: 1 + counts
                .iter()
                .filter(|count| **count > counts[expert])
                .count(),
            mean_weight: mean_weight(&seen.choices),
            texts: texts(&seen.choices, text_of),
            next: transitions(next_layer, &seen.next),
            previous: transitions(layer.checked_sub(1), &seen.previous),
            partners: partners(query, &seen.together, &totals, min_pair_tokens),
            choices: seen.choices,
        })
    }
}

/// What one pass over the tokens finds; the counts are `[num_experts]`.
struct Seen {
    choices: Vec<Choice>,
    together: Vec<u64>,
    next: Vec<u64>,
    previous: Vec<u64>,
}

impl Seen {
    fn scan(log: &RoutingLog, query: &CardQuery) -> Self {
        let none = || vec![0; log.num_experts()];
        let mut seen = Self {
            choices: Vec::new(),
            together: none(),
            next: none(),
            previous: none(),
        };
        for token in log.selected(query.selection) {
            let (experts, weights) = token.choices(query.layer);
            let mut ranked = experts.iter().zip(weights).enumerate();
            let chosen = ranked.find(|(_, (expert, _))| usize::from(**expert) == query.expert);
            if let Some((index, (_, &weight))) = chosen {
                seen.choices.push(Choice {
                    position: token.position,
                    span: token.span,
                    rank: index + 1,
                    weight,
                });
                seen.count_neighbors(token, query.layer);
            }
        }
        seen
    }

    fn count_neighbors(&mut self, token: &RoutedToken, layer: usize) {
        count(&mut self.together, token.choices(layer).0);
        count(&mut self.next, token.choices(layer + 1).0);
        if let Some(previous) = layer.checked_sub(1) {
            count(&mut self.previous, token.choices(previous).0);
        }
    }
}

fn count(counts: &mut [u64], experts: &[u16]) {
    for &expert in experts {
        counts[usize::from(expert)] += 1;
    }
}

fn mean_weight(choices: &[Choice]) -> Option<f64> {
    let sum: f64 = choices.iter().map(|choice| f64::from(choice.weight)).sum();
    (!choices.is_empty()).then(|| sum / choices.len() as f64)
}

fn texts<'t>(choices: &[Choice], text_of: impl Fn(usize) -> Option<&'t str>) -> Vec<TextCount> {
    let mut counts: HashMap<&str, u64> = HashMap::new();
    for text in choices.iter().filter_map(|choice| text_of(choice.position)) {
        *counts.entry(text).or_default() += 1;
    }
    let mut texts: Vec<_> = counts.into_iter().collect();
    texts.sort_by_key(|&(text, count)| (Reverse(count), text));
    texts
        .into_iter()
        .map(|(text, count)| TextCount {
            text: text.to_owned(),
            count,
        })
        .collect()
}

/// The most frequent of a neighboring layer's experts, given the counts of the card's tokens and of
/// all selected ones.
fn transitions(counts: &[u64], all_counts: &[u32], top: usize) -> Vec<Transition> {
    let sum: u64 = counts.iter().sum();
    let all_sum: u64 = all_counts.iter().copied().map(u64::from).sum();
    let mut transitions: Vec<_> = counts
        .iter()
        .zip(all_counts)
        .enumerate()
        .filter(|(_, (count, _))| **count > 0)
        .map(|(expert, (&count, &all))| {
            let share = count as f64 / sum as f64;
            Transition {
                expert,
                count,
                share,
                lift: share / (f64::from(all) / all_sum as f64),
            }
        })
        .collect();
    transitions.sort_by_key(|transition| (Reverse(transition.count), transition.expert));
    transitions.truncate(top);
    transitions
}

fn partners(
    query: &CardQuery,
    together: &[u64],
    totals: &Totals,
    min_tokens: u64,
) -> Vec<PairLift> {
    let counts = totals.layer_counts(query.layer);
    let pairs = together
        .iter()
        .enumerate()
        .filter_map(|(partner, &observed)| {
            pair((query.expert, partner), observed, counts, totals.tokens)
        });
    highest(pairs, min_tokens, query.top)
}
