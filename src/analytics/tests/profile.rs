//! Profiles of domains against values computed by hand, a planted specialist and a chance one.

use crate::analytics::{Grid, Half, LabelledRouting, Profile, ProfileOptions, halves};

const LENIENT: ProfileOptions = ProfileOptions {
    seed: 0,
    min_lift: 1.5,
    min_choices: 1,
    min_half_tokens: 1,
};

/// A prompt for a model of one layer.
fn prompt(domain: &str, tokens: u64, counts: &[f64]) -> LabelledRouting {
    LabelledRouting {
        domain: domain.to_owned(),
        counts: Grid::new(1, counts.len(), tokens, counts.to_vec()).unwrap(),
    }
}

#[track_caller]
fn check_close(found: &[f64], expected: &[f64]) {
    let is_close = found
        .iter()
        .zip(expected)
        .all(|(a, b)| (a - b).abs() < 1e-12);
    assert!(
        found.len() == expected.len() && is_close,
        "{found:?} is not {expected:?}"
    );
}

/// Cells of a profile, as layer and expert by domain.
fn cells(profile: &Profile) -> Vec<(&str, usize, usize)> {
    let of = |domain: &'_ crate::analytics::DomainProfile| domain.specialists.clone();
    profile
        .domains
        .iter()
        .flat_map(|domain| {
            of(domain)
                .into_iter()
                .map(|one| (&*domain.name, one.layer, one.expert))
        })
        .collect()
}

#[test]
fn shares_and_lifts_are_those_computed_by_hand() {
    // Top-2 of 4 experts; b has thrice the tokens of a, and counts no more for it.
    let prompts = [
        prompt("a", 10, &[10.0, 4.0, 6.0, 0.0]),
        prompt("b", 15, &[3.0, 15.0, 12.0, 0.0]),
        prompt("b", 15, &[3.0, 9.0, 18.0, 0.0]),
    ];
    let profile = Profile::of(&prompts, LENIENT).unwrap();
    let [a, b] = &profile.domains[..] else {
        panic!("{profile:?}");
    };
    check_close(a.shares.values(), &[1.0, 0.4, 0.6, 0.0]);
    check_close(b.shares.values(), &[0.2, 0.8, 1.0, 0.0]);
    // Means 0.6, 0.6, 0.8 and 0.
    check_close(a.lifts.values(), &[5.0 / 3.0, 2.0 / 3.0, 0.75, 0.0]);
    check_close(b.lifts.values(), &[1.0 / 3.0, 4.0 / 3.0, 1.25, 0.0]);
    assert_eq!((a.prompts, b.prompts), (1, 2));
    assert_eq!((a.half_tokens, b.half_tokens), ([10, 0], [15, 15]));
    assert_eq!(b.counts.values(), [6.0, 24.0, 30.0, 0.0]);
}

#[test]
fn halves_are_even_fixed_by_the_seed_and_different_for_another() {
    for num_prompts in 0..40 {
        let split = halves(num_prompts, 3);
        let first = split.iter().filter(|half| **half == Half::First).count();
        assert_eq!(first, num_prompts.div_ceil(2));
        assert_eq!(split, halves(num_prompts, 3));
    }
    let one = halves(32, 0);
    assert!((1..6).any(|seed| halves(32, seed) != one));
}

/// 12 prompts for each of 2 domains: 5 tokens, 4 experts, top-1, each expert chosen at least once.
fn plain_prompts() -> Vec<LabelledRouting> {
    let mut prompts = Vec::new();
    for number in 0..12 {
        for domain in ["math", "story"] {
            let mut counts = [1.0; 4];
            counts[number % 4] += 1.0;
            prompts.push(prompt(domain, 5, &counts));
        }
    }
    prompts
}

fn add_to(prompts: &mut [LabelledRouting], domain: &str, keep: impl Fn(usize) -> bool, more: f64) {
    let of_domain = prompts.iter_mut().filter(|prompt| prompt.domain == domain);
    for (number, prompt) in of_domain.enumerate() {
        if keep(number) {
            let mut counts = prompt.counts.values().to_vec();
            counts[2] += more;
            let tokens = prompt.counts.tokens() + more as u64;
            prompt.counts = Grid::new(1, 4, tokens, counts).unwrap();
        }
    }
}

#[test]
fn without_a_preference_there_is_no_specialist() {
    let profile = Profile::of(&plain_prompts(), LENIENT).unwrap();
    assert_eq!(cells(&profile), []);
    assert!(profile.by_chance < 0.1, "{}", profile.by_chance);
}

#[test]
fn a_planted_specialist_is_found_and_shuffled_labels_lose_it() {
    let mut prompts = plain_prompts();
    add_to(&mut prompts, "math", |_| true, 15.0);
    let profile = Profile::of(&prompts, LENIENT).unwrap();
    let of_math = cells(&profile);
    let of_math: Vec<_> = of_math.iter().filter(|cell| cell.0 == "math").collect();
    assert_eq!(of_math, [&("math", 0, 2)]);
    let found = profile.domains[0].specialists[0];
    // 195 of 240 tokens against 15 of 60.
    let (share, other) = (195.0 / 240.0, 15.0 / 60.0);
    check_close(
        &[found.share, found.lift],
        &[share, 2.0 * share / (share + other)],
    );
    assert!(
        found
            .half_lifts
            .iter()
            .all(|lift| *lift >= LENIENT.min_lift)
    );
    assert!(profile.by_chance < 1.0, "{}", profile.by_chance);
    let again = Profile::of(&prompts, LENIENT).unwrap();
    assert_eq!(again, profile);
}

#[test]
fn what_only_one_half_shows_is_rejected() {
    let split = halves(12, LENIENT.seed);
    let mut prompts = plain_prompts();
    add_to(
        &mut prompts,
        "math",
        |number| split[number] == Half::First,
        60.0,
    );
    let profile = Profile::of(&prompts, LENIENT).unwrap();
    let math = &profile.domains[0];
    assert!(
        math.lifts.value(0, 2) > LENIENT.min_lift,
        "over all prompts it looks like one: {:?}",
        math.lifts
    );
    assert_eq!(cells(&profile), []);
}

#[test]
fn few_choices_or_few_tokens_prove_nothing() {
    let mut prompts = plain_prompts();
    add_to(&mut prompts, "math", |_| true, 15.0);
    let planted = |options| cells(&Profile::of(&prompts, options).unwrap()).len();
    let [first, second] = Profile::of(&prompts, LENIENT).unwrap().domains[0].half_tokens;
    assert_eq!((first, second), (120, 120));
    for (min_choices, min_half_tokens, expected) in [(90, 120, 1), (150, 120, 0), (90, 121, 0)] {
        let options = ProfileOptions {
            min_choices,
            min_half_tokens,
            ..LENIENT
        };
        assert_eq!(planted(options), expected, "{options:?}");
    }
}

#[test]
fn a_prompt_is_most_like_the_domain_it_is_taken_from() {
    let mut prompts = plain_prompts();
    add_to(&mut prompts, "math", |_| true, 15.0);
    let profile = Profile::of(&prompts, LENIENT).unwrap();
    let math = &profile.domains[0].counts;
    let found = profile.compare(math).unwrap();
    assert_eq!(found[0].domain, "math");
    check_close(&[found[0].similarity], &[1.0]);
    assert!(found[1].similarity < 0.9, "{found:?}");
    // Nothing in common with a domain that never chose expert 3: only the other's part counts.
    let disjoint = [prompt("a", 4, &[4.0, 0.0]), prompt("b", 4, &[0.0, 4.0])];
    let profile = Profile::of(&disjoint, LENIENT).unwrap();
    let found = profile.compare(&disjoint[1].counts).unwrap();
    let similarities = found.iter().map(|one| (&*one.domain, one.similarity));
    assert_eq!(similarities.collect::<Vec<_>>(), [("b", 1.0), ("a", 0.0)]);
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let check = |prompts: &[LabelledRouting], options, part: &str| {
        let error = Profile::of(prompts, options)
            .expect_err("refused")
            .to_string();
        assert!(error.contains(part), "{error}");
    };
    let (a, b) = (prompt("a", 1, &[1.0]), prompt("b", 1, &[1.0, 0.0]));
    check(&[], LENIENT, "found 0");
    check(&[a.clone(), a.clone()], LENIENT, "found 1");
    check(&[a.clone(), b], LENIENT, "cannot be compared");
    for min_lift in [1.0, f64::NAN] {
        let options = ProfileOptions {
            min_lift,
            ..LENIENT
        };
        check(std::slice::from_ref(&a), options, "above 1");
    }
}
