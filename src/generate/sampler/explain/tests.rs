//! Compares with the reference, which tells everything of every token.

use super::super::reference;
use super::*;
use crate::generate::params::{DryParams, XtcParams};

const VOCAB_SIZE: usize = 200;

/// Logits without ties that look like a model's.
fn logits(step: f32) -> Vec<f32> {
    let wave = |id: usize| (id as f32 * step).sin() * 6.0 + (id as f32 * 0.013).cos();
    (0..VOCAB_SIZE).map(wave).collect()
}

fn history() -> History {
    let mut history = History::new(&[5, 6, 7, 8, 9, 6, 7]);
    for token in [8, 3, 6, 7, 8] {
        history.push(token);
    }
    history
}

type Change = (&'static str, fn(&mut SamplingParams));

const CHANGES: [Change; 12] = [
    ("nothing", |_| {}),
    ("temperature", |p| p.temperature = 0.4),
    ("greedy", |p| p.temperature = 0.0),
    ("top-k", |p| p.top_k = 7),
    ("top-k beyond all", |p| p.top_k = 4000),
    ("top-p", |p| p.top_p = 0.8),
    ("min-p", |p| p.min_p = 0.2),
    ("xtc", |p| {
        p.xtc = XtcParams {
            probability: 1.0,
            threshold: 0.05,
        };
    }),
    ("bias", |p| p.logit_bias = [(3, -100.0), (11, 4.0)].into()),
    ("penalties", |p| {
        p.repetition_penalty = 1.3;
        p.presence_penalty = 0.4;
        p.frequency_penalty = 0.3;
    }),
    ("dry", |p| {
        p.dry = DryParams {
            multiplier: 0.8,
            ..DryParams::default()
        };
    }),
    ("seed", |p| p.seed = 9),
];

#[track_caller]
fn check(names: &str, params: &SamplingParams, logits: &[f32]) {
    let history = history();
    let position = history.tokens().len();
    let tokens: Vec<u32> = (0..VOCAB_SIZE as u32).collect();
    let found = explain(params, logits, &history, position, &tokens);
    let expected = reference::distribution(params, logits, &history, position);
    let mut before = &expected.model;
    for (kind, stage) in &expected.samplers {
        let record = found.stages.iter().find(|record| record.sampler == *kind);
        let Some(record) = record else {
            assert!(
                *kind == SamplerKind::Temperature && stage == before,
                "{names}: {kind:?}"
            );
            continue;
        };
        assert_eq!(
            record.kept_tokens as usize,
            stage.survivors.len(),
            "{names}: {kind:?}"
        );
        let sum: f64 = record
            .probabilities
            .iter()
            .flatten()
            .copied()
            .map(f64::from)
            .sum();
        assert!((sum - 1.0).abs() < 1e-5, "{names}: {kind:?} sums to {sum}");
        for id in &tokens {
            let (one, other) = (
                f64::from(record.probabilities[*id as usize].unwrap_or(0.0)),
                stage.probability(*id),
            );
            assert!(
                (one - other).abs() < 1e-6,
                "{names}: {kind:?} token {id}: {one} {other}"
            );
            let cut = found.cut_by(*id as usize);
            assert_eq!(cut, expected.cut_by(*id), "{names}: token {id}");
        }
        let mass: f64 = stage
            .survivors
            .iter()
            .map(|id| before.probability(*id))
            .sum();
        assert!(
            (f64::from(record.kept_mass) - mass).abs() < 1e-5,
            "{names}: {kind:?}"
        );
        before = stage;
    }
}

#[test]
fn it_tells_what_the_reference_tells_for_any_two_samplers() {
    for (first_name, first) in CHANGES {
        for (second_name, second) in CHANGES {
            let mut params = SamplingParams::default();
            first(&mut params);
            second(&mut params);
            for step in [0.7, 1.9, 2.3] {
                check(
                    &format!("{first_name}, {second_name}"),
                    &params,
                    &logits(step),
                );
            }
        }
    }
}

#[test]
fn with_everything_in_use_stages_come_in_the_chains_order() {
    let mut params = SamplingParams::default();
    for (name, change) in CHANGES {
        if name != "greedy" && name != "top-k beyond all" {
            change(&mut params);
        }
    }
    check("all", &params, &logits(0.7));
    let history = history();
    let record = explain(&params, &logits(0.7), &history, 12, &[3]);
    let kinds: Vec<SamplerKind> = record.stages.iter().map(|stage| stage.sampler).collect();
    assert_eq!(
        kinds,
        [
            SamplerKind::LogitBias,
            SamplerKind::RepetitionPenalty,
            SamplerKind::PresenceFrequencyPenalty,
            SamplerKind::Dry,
            SamplerKind::TopK,
            SamplerKind::TopP,
            SamplerKind::MinP,
            SamplerKind::Xtc,
            SamplerKind::Temperature,
        ]
    );
}

#[test]
fn an_xtc_whose_coin_did_not_fall_has_a_stage_that_cut_nothing() {
    let mut params = SamplingParams::default();
    params.xtc.probability = 0.5;
    params.xtc.threshold = 0.01;
    let history = history();
    for position in 0..20 {
        let record = explain(&params, &logits(0.7), &history, position, &[3]);
        let fell = keys::coin(params.seed, position, 0.5);
        let [stage] = &record.stages[..] else {
            panic!("{record:?}");
        };
        assert_eq!(stage.kept_mass < 1.0, fell, "position {position}");
    }
}

#[test]
fn without_samplers_nothing_is_computed() {
    let params = SamplingParams::default();
    assert!(!is_in_use(&params));
    assert_eq!(
        explain(&params, &[], &History::new(&[]), 0, &[1]),
        ChainRecord::default()
    );
}
