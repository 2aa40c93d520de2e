//! How tokens are drawn and what is reported with them.

use std::collections::BTreeSet;

use mlx_rs::Dtype;

use super::{Random, device_logits, host, sample};
use crate::generate::params::{SamplingParams, XtcParams};
use crate::generate::sampler::{History, reference};

/// Pearson's statistic of draws at many positions, pooling what is expected fewer than five times.
fn check_frequencies(params: &SamplingParams, logits: &[f32]) {
    const DRAWS: usize = 5000;
    let history = History::new(&[]);
    let expected = reference::distribution(params, logits, &history, 0);
    let mut counts = vec![0.0f64; logits.len()];
    for position in 0..DRAWS {
        counts[sample(params, logits, &history, position) as usize] += 1.0;
    }
    let (mut statistic, mut cells) = (0.0, 0);
    let mut pooled = (0.0, 0.0);
    for (token, &count) in counts.iter().enumerate() {
        let mean = expected.last().probability(token as u32) * DRAWS as f64;
        assert!(
            mean > 0.0 || count == 0.0,
            "token {token} cannot come, {params:?}"
        );
        if mean < 5.0 {
            pooled = (pooled.0 + count, pooled.1 + mean);
        } else {
            statistic += (count - mean).powi(2) / mean;
            cells += 1;
        }
    }
    if pooled.1 > 0.0 {
        statistic += (pooled.0 - pooled.1).powi(2) / pooled.1.max(1.0);
        cells += 1;
    }
    // Mean plus four standard deviations of chi-square; above it about once in ten thousand seeds.
    let freedom = f64::from(cells - 1);
    let bound = freedom + 4.0 * (2.0 * freedom).sqrt() + 4.0;
    assert!(statistic <= bound, "{statistic} > {bound}, {params:?}");
}

#[test]
fn draws_come_as_often_as_the_reference_says() {
    let logits: Vec<f32> = Random::new().logits(50).iter().map(|x| x / 2.0).collect();
    let with = |change: fn(&mut SamplingParams)| {
        let mut params = SamplingParams {
            seed: 11,
            ..Default::default()
        };
        change(&mut params);
        params
    };
    check_frequencies(&with(|_| ()), &logits);
    check_frequencies(&with(|p| p.temperature = 0.6), &logits);
    check_frequencies(&with(|p| (p.top_k, p.top_p) = (20, 0.9)), &logits);
    check_frequencies(&with(|p| p.min_p = 0.1), &logits);
    check_frequencies(
        &with(|p| {
            p.xtc = XtcParams {
                probability: 1.0,
                threshold: 0.05,
            }
        }),
        &logits,
    );
}

#[test]
fn rare_tokens_keep_their_share() {
    // One sure token and 200,000 that share one percent of its mass: 5e-8 each.
    let mut logits = vec![0.0; 200_001];
    logits[0] = (200_000.0f32 / 0.01).ln();
    let params = SamplingParams {
        seed: 3,
        ..Default::default()
    };
    let history = History::new(&[]);
    let is_rare = |position: &usize| sample(&params, &logits, &history, *position) != 0;
    let rare = (0..300).filter(is_rare).count();
    assert!(
        (1..10).contains(&rare),
        "{rare} of 300, about 3 are expected"
    );
}

#[test]
fn a_draw_depends_on_seed_and_position_alone() {
    let logits = Random::new().logits(3072);
    let history = History::new(&[]);
    let draw = |seed, position| {
        let params = SamplingParams {
            seed,
            temperature: 2.0,
            ..Default::default()
        };
        sample(&params, &logits, &history, position)
    };
    let run = |seed| {
        (0..40)
            .map(|position| draw(seed, position))
            .collect::<Vec<_>>()
    };
    let first = run(1);
    assert_ne!(run(2), first);
    mlx_rs::random::seed(99).expect("the shared generator is seeded");
    let backwards: Vec<u32> = (0..40).rev().map(|position| draw(1, position)).collect();
    assert_eq!(backwards.into_iter().rev().collect::<Vec<_>>(), first);
    assert!(
        first.iter().collect::<BTreeSet<_>>().len() > 10,
        "{first:?}"
    );
}

#[test]
fn a_truncation_that_cuts_little_changes_no_token() {
    let logits = Random::new().logits(3072);
    let history = History::new(&[]);
    let run = |change: fn(&mut SamplingParams)| -> Vec<u32> {
        let mut params = SamplingParams {
            seed: 6,
            ..Default::default()
        };
        change(&mut params);
        (0..40)
            .map(|position| sample(&params, &logits, &history, position))
            .collect()
    };
    let free = run(|_| ());
    assert_eq!(run(|p| p.top_k = 3071), free);
    assert_eq!(run(|p| p.top_p = 0.999_99), free);
    assert_eq!(run(|p| p.min_p = 1e-6), free);
}

#[test]
fn logit_bias_bans_and_forces() {
    let logits = [0.5, 3.0, 2.0, -1.0];
    let history = History::new(&[]);
    for (id, bias, may_come) in [(1, -100.0, &[0, 2, 3][..]), (3, 100.0, &[3])] {
        let mut params = SamplingParams::default();
        params.logit_bias.insert(id, bias);
        for position in 0..200 {
            let token = sample(&params, &logits, &history, position);
            assert!(
                may_come.contains(&token),
                "{token} with a bias of {bias} on {id}"
            );
        }
    }
}

#[test]
fn half_precision_logits_are_drawn_as_their_values() {
    let values = Random::new().logits(50);
    let half = device_logits(&values)
        .as_dtype(Dtype::Bfloat16)
        .expect("a cast");
    let rounded: Vec<f32> = host(&half.as_dtype(Dtype::Float32).expect("a cast"));
    let params = SamplingParams {
        seed: 8,
        ..Default::default()
    };
    let history = History::new(&[]);
    for position in 0..20 {
        let sampled = super::super::sample(&params, &half, &history, position);
        let token = host::<u32>(&sampled.expect("a draw").token)[0];
        assert_eq!(token, sample(&params, &rounded, &history, position));
    }
}

#[test]
fn a_draw_is_pinned_across_releases_and_backends() {
    // The generator's bits are integers, so these tokens have to come on every machine.
    let logits: Vec<f32> = (0..100).map(|id| (id % 7) as f32 * 0.5).collect();
    let params = SamplingParams {
        seed: 2026,
        ..Default::default()
    };
    let history = History::new(&[]);
    let tokens: Vec<u32> = (0..8)
        .map(|at| sample(&params, &logits, &history, at))
        .collect();
    assert_eq!(tokens, [83, 83, 68, 74, 67, 23, 90, 41]);
}
