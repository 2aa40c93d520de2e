//! What the chain leaves on the device is what the reference leaves.

use std::collections::BTreeSet;

use super::{Random, device_logits, host, sample};
use crate::generate::params::{SamplingParams, XtcParams};
use crate::generate::sampler::reference::{self, SamplerKind, Stage, Stages};
use crate::generate::sampler::{History, device, explain};

/// How near to a threshold f32 cannot be asked to decide as f64 does.
const THRESHOLD_SLACK: f64 = 1e-6;

const PROBABILITY_TOLERANCE: f64 = 1e-5;

/// What the device would draw from: tokens that are left, ascending, and their probabilities.
fn device_stage(
    params: &SamplingParams,
    logits: &[f32],
    history: &History,
    position: usize,
) -> Stage {
    let candidates =
        device::processed_logits(params, &device_logits(logits), history, position).expect("chain");
    let values: Vec<f64> = host::<f32>(&candidates.logits)
        .into_iter()
        .map(f64::from)
        .collect();
    let ids: Vec<u32> = match &candidates.ids {
        Some(ids) => host(ids),
        None => (0..values.len() as u32).collect(),
    };
    let exponentials: Vec<f64> = values.iter().map(|value| value.exp()).collect();
    let sum: f64 = exponentials.iter().sum();
    let mut rows: Vec<(u32, f64)> = ids
        .into_iter()
        .zip(exponentials)
        .filter(|(_, value)| *value > 0.0)
        .map(|(id, value)| (id, value / sum))
        .collect();
    rows.sort_by_key(|row| row.0);
    let (survivors, probabilities) = rows.into_iter().unzip();
    Stage {
        survivors,
        probabilities,
    }
}

/// How far the decisions of all truncations are from going the other way.
fn margin(params: &SamplingParams, stages: &Stages) -> f64 {
    let mut margin = f64::INFINITY;
    for (index, (kind, stage)) in stages.samplers.iter().enumerate() {
        let before = stages.before(index);
        let mut sorted = before.probabilities.clone();
        sorted.sort_by(|a, b| b.total_cmp(a));
        let nearest = match kind {
            SamplerKind::TopK => {
                let kept = stage.survivors.len();
                sorted
                    .get(kept)
                    .map_or(f64::INFINITY, |next| (sorted[kept - 1] / next).ln())
            }
            SamplerKind::TopP => {
                let sums = sorted.iter().scan(0.0, |sum, p| {
                    *sum += p;
                    Some((*sum - f64::from(params.top_p)).abs())
                });
                sums.fold(f64::INFINITY, f64::min)
            }
            SamplerKind::MinP => {
                let floor = sorted[0] * f64::from(params.min_p);
                nearest(&sorted, |p| (p / floor).ln().abs())
            }
            SamplerKind::Xtc => {
                let threshold = f64::from(params.xtc.threshold);
                nearest(&sorted, |p| (p - threshold).abs())
            }
            _ => f64::INFINITY,
        };
        margin = margin.min(nearest);
    }
    margin
}

fn nearest(probabilities: &[f64], distance: impl Fn(f64) -> f64) -> f64 {
    probabilities
        .iter()
        .map(|&p| distance(p))
        .fold(f64::INFINITY, f64::min)
}

fn assert_same(found: &Stage, expected: &Stage, context: &SamplingParams) {
    // What f32 cannot tell from 0 is no disagreement.
    let possible = |stage: &Stage| -> BTreeSet<u32> {
        let rows = stage.survivors.iter().zip(&stage.probabilities);
        rows.filter(|row| *row.1 > 1e-30)
            .map(|row| *row.0)
            .collect()
    };
    assert_eq!(possible(found), possible(expected), "{context:?}");
    for &token in &expected.survivors {
        let (found, expected) = (found.probability(token), expected.probability(token));
        let error = (found - expected).abs();
        assert!(
            error <= PROBABILITY_TOLERANCE,
            "token {token}: {found} instead of {expected}, {context:?}"
        );
    }
}

#[test]
fn the_device_leaves_the_tokens_and_probabilities_of_the_reference() {
    let mut random = Random::new();
    let mut too_close = 0;
    let mut used = BTreeSet::new();
    let cases = [(7, 150), (50, 150), (3072, 60)];
    for (vocab_size, count) in cases {
        for position in 0..count {
            let logits = random.logits(vocab_size);
            let history = random.history(vocab_size);
            let params = random.params(vocab_size);
            let stages = reference::distribution(&params, &logits, &history, position);
            if margin(&params, &stages) < THRESHOLD_SLACK {
                too_close += 1;
                continue;
            }
            used.extend(stages.samplers.iter().map(|(kind, _)| format!("{kind:?}")));
            let found = device_stage(&params, &logits, &history, position);
            assert_same(&found, stages.last(), &params);
        }
    }
    assert!(
        too_close < 18,
        "{too_close} of 360 cases lie on a threshold"
    );
    assert_eq!(used.len(), 9, "some sampler never ran: {used:?}");
}

#[test]
fn temperature_zero_takes_the_highest_penalized_logit_and_the_lowest_id_among_equals() {
    let greedy = SamplingParams {
        temperature: 0.0,
        top_k: 3,
        min_p: 0.5,
        ..Default::default()
    };
    let history = History::new(&[2]);
    let cases: [(&[f32], f32, u32); 3] = [
        (&[1.0, 4.0, 5.0, 4.0], 1.0, 2),
        (&[1.0, 4.0, 5.0, 4.0], 2.0, 1),
        (&[3.0; 6], 1.0, 0),
    ];
    for (logits, repetition_penalty, expected) in cases {
        let params = SamplingParams {
            repetition_penalty,
            ..greedy.clone()
        };
        assert_eq!(sample(&params, logits, &history, 5), expected, "{logits:?}");
        let stages = reference::distribution(&params, logits, &history, 5);
        assert_eq!(stages.last().survivors, [expected]);
    }
}

/// Checks the tokens that device and reference leave.
fn check_left(change: impl FnOnce(&mut SamplingParams), logits: &[f32], expected: &[u32]) {
    let mut params = SamplingParams {
        seed: 5,
        ..Default::default()
    };
    change(&mut params);
    let history = History::new(&[1, 2]);
    let stages = reference::distribution(&params, logits, &history, 2);
    let mut left = stages.last().survivors.clone();
    left.retain(|&token| stages.last().probability(token) > 0.0);
    assert_eq!(left, expected, "reference, {params:?}");
    let found = device_stage(&params, logits, &history, 2);
    assert_eq!(found.survivors, expected, "device, {params:?}");
    for position in 0..20 {
        let token = sample(&params, logits, &history, position);
        assert!(expected.contains(&token), "{token} drawn, {params:?}");
    }
}

#[test]
fn extremes_leave_what_they_should() {
    const GONE: f32 = f32::NEG_INFINITY;
    let logits = [0.5, 3.0, 2.0, -1.0];
    let equal = [0.25; 5];
    let always = |threshold| XtcParams {
        probability: 1.0,
        threshold,
    };
    check_left(|p| p.top_p = 1e-6, &logits, &[1]);
    check_left(|p| p.top_k = 1, &logits, &[1]);
    check_left(|p| p.top_k = 4000, &logits, &[0, 1, 2, 3]);
    check_left(|p| p.min_p = 1.0, &logits, &[1]);
    check_left(|p| p.min_p = 1.0, &equal, &[0, 1, 2, 3, 4]);
    check_left(|p| p.top_p = 1e-6, &equal, &[0]);
    check_left(|p| p.top_p = 0.59, &equal, &[0, 1, 2]);
    check_left(|p| p.xtc = always(0.5), &logits, &[0, 1, 2, 3]);
    check_left(|p| p.xtc = always(0.2), &logits, &[0, 2, 3]);
    check_left(|p| p.xtc = always(0.1), &equal, &[0]);
    check_left(|p| p.xtc = always(0.0), &logits, &[3]);
    check_left(|p| p.xtc = always(0.3), &[1.0, 1.0], &[0]);
    check_left(|p| p.temperature = 1e-40, &logits, &[1]);
    check_left(|p| p.temperature = 100.0, &logits, &[0, 1, 2, 3]);
    check_left(|_| (), &[GONE, 1.0, GONE, 2.0], &[1, 3]);
    check_left(|p| p.xtc = always(0.0), &[GONE, 1.0, GONE, 2.0], &[1]);
    check_left(
        |p| (p.top_k, p.top_p) = (3, 0.99),
        &[GONE, 1.0, GONE, 2.0],
        &[1, 3],
    );
    check_left(
        |p| (p.min_p, p.repetition_penalty) = (0.1, 2.0),
        &[GONE, GONE, 1.0, 9.0],
        &[3],
    );
    check_left(|_| (), &[7.0], &[0]);
}

#[test]
fn top_k_keeps_exactly_k_also_among_equals() {
    let params = SamplingParams {
        top_k: 3,
        ..Default::default()
    };
    let stage = device_stage(&params, &[0.5; 40], &History::new(&[]), 0);
    assert_eq!(stage.survivors.len(), 3);
}

#[test]
fn the_reference_tells_which_sampler_cut_a_token() {
    let params = SamplingParams {
        top_k: 3,
        min_p: 0.3,
        ..Default::default()
    };
    let logits = [0.5, 3.0, 2.0, -1.0];
    let stages = reference::distribution(&params, &logits, &History::new(&[]), 0);
    let cut: Vec<_> = (0..4).map(|token| stages.cut_by(token)).collect();
    assert_eq!(
        cut,
        [Some(SamplerKind::MinP), None, None, Some(SamplerKind::TopK)]
    );
    assert!(
        (stages.before(1).probability(0) - 0.0566).abs() < 1e-4,
        "after top-k"
    );
    assert!(
        (stages.model.probability(3) - 0.0125).abs() < 1e-4,
        "the model's own"
    );
}

#[test]
fn repetitions_found_in_linear_time_are_those_found_by_comparing_everywhere() {
    let mut random = Random::new();
    for case in 0..60 {
        let alphabet = 2 + case % 3;
        let mut params = SamplingParams::default();
        params.dry.multiplier = 0.01;
        params.dry.base = 1.3;
        params.dry.allowed_length = random.below(5) as u32;
        params.dry.range_tokens = random.below(500) as u32;
        if case % 4 == 0 {
            params.dry.sequence_breakers = vec![0];
        }
        let history = History::new(&random.tokens(alphabet, 400));
        let logits = vec![0.0; alphabet];
        let stages = reference::distribution(&params, &logits, &history, 0);
        assert_same(
            &device_stage(&params, &logits, &history, 0),
            stages.last(),
            &params,
        );
    }
}

#[test]
fn the_explanation_tells_of_each_token_what_the_reference_tells() {
    let mut random = Random::new();
    for case in 0..400 {
        let vocab_size = 2 + random.below(90);
        let (params, logits) = (random.params(vocab_size), random.logits(vocab_size));
        let (history, position) = (random.history(vocab_size), random.below(1000));
        let tokens: Vec<u32> = (0..vocab_size as u32).collect();
        let found = explain(&params, &logits, &history, position, &tokens);
        let expected = reference::distribution(&params, &logits, &history, position);
        for (place, id) in tokens.iter().enumerate() {
            assert_eq!(
                found.cut_by(place),
                expected.cut_by(*id),
                "case {case}: {params:?}"
            );
            let one = found.drawn_with(place).map_or(0.0, f64::from);
            let other = expected.last().probability(*id);
            assert!(
                (one - other).abs() < 1e-6,
                "case {case}, token {id}: {one} {other}"
            );
        }
    }
}
