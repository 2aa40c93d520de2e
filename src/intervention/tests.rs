use super::*;

const SHAPE: RouterShape = RouterShape {
    num_layers: 3,
    num_local_experts: 6,
    num_experts_per_tok: 2,
};

const LOGITS: [f32; 6] = [0.0, 3.0, 1.0, 2.0, -1.0, 0.5];

fn plan(rules: &str) -> Result<Option<RoutingPlan>, InterventionError> {
    RoutingPlan::new(&rules.parse().unwrap(), None, &SHAPE)
}

/// Experts and weights of layer 1 under `rules`.
fn chosen(rules: &str) -> (Vec<u16>, Vec<f32>) {
    let plan = plan(rules).unwrap().unwrap();
    let layer = plan.layer(1).cloned();
    let layer = layer.unwrap_or_else(|| LayerPlan::unchanged(&SHAPE));
    let choice = layer.choose(&LOGITS, 7);
    (choice.experts, choice.weights)
}

#[test]
fn rules_read_as_they_are_written() {
    for text in [
        "mask 5:12",
        "force *:3",
        "bias 2-4:7 +1.5",
        "bias 0:0 -2",
        "zero 1:1",
        "swap 5:12 3",
        "top-k * 2",
        "top-k 5 1",
        "temperature 3-7 0.5",
        "noise 0.25 42",
    ] {
        assert_eq!(text.parse::<Rule>().unwrap().to_string(), text);
    }
    let short = [
        ("top-k 2", "top-k * 2"),
        ("temperature 0.5", "temperature * 0.5"),
        ("noise 1", "noise 1 0"),
    ];
    for (text, whole) in short {
        assert_eq!(text.parse::<Rule>().unwrap().to_string(), whole);
    }
    let rules: Interventions = "mask 1:2, top-k 1".parse().unwrap();
    assert_eq!(rules.to_string(), "mask 1:2, top-k * 1");
    let json = serde_json::to_string(&rules).unwrap();
    assert_eq!(json, r#"["mask 1:2","top-k * 1"]"#);
    assert_eq!(serde_json::from_str::<Interventions>(&json).unwrap(), rules);
}

#[test]
fn what_is_no_rule_is_refused_with_the_form() {
    for (text, expected) in [
        ("", "is no rule"),
        ("hide 1:2", "is no rule; there are mask"),
        ("mask", "mask LAYER:EXPERT"),
        ("mask 12", "such as \"mask 5:12\""),
        ("mask 1:2 3", "mask LAYER:EXPERT"),
        ("bias 1:2 nan", "bias LAYER:EXPERT AMOUNT"),
        ("bias 1:2 inf", "bias LAYER:EXPERT AMOUNT"),
        ("force 5-3:1", "force LAYER:EXPERT"),
        ("top-k", "top-k [LAYER] EXPERTS"),
        ("noise 1 2 3", "noise STD_DEV [SEED]"),
    ] {
        let error = text.parse::<Rule>().unwrap_err().to_string();
        assert!(error.contains(expected), "{text:?}: {error}");
    }
}

#[test]
fn a_later_rule_about_the_same_replaces_the_earlier() {
    let mut rules: Interventions = "mask 1:2, top-k 2, noise 1".parse().unwrap();
    rules.set("force 1:2".parse().unwrap());
    rules.set("top-k 3".parse().unwrap());
    assert_eq!(rules.to_string(), "noise 1 0, force 1:2, top-k * 3");
    assert!(!rules.toggle("force 1:2".parse().unwrap()), "taken away");
    assert!(rules.toggle("zero 1:2".parse().unwrap()));
    assert_eq!(rules.about(1, 2).unwrap().to_string(), "zero 1:2");
    assert!(rules.about(0, 2).is_none());
}

#[test]
fn each_rule_changes_the_choice_as_it_says() {
    for (rules, ids, logits) in [
        ("mask 0:1", [1, 3], [3.0, 2.0]),
        ("mask 1:1", [3, 2], [2.0, 1.0]),
        ("force 1:4", [1, 4], [3.0, -1.0]),
        ("bias 1:0 +2.5", [1, 0], [3.0, 2.5]),
        ("temperature 2", [1, 3], [1.5, 1.0]),
        ("swap 1:3 5", [1, 5], [3.0, 2.0]),
        ("zero 1:3", [1, 3], [3.0, 2.0]),
    ] {
        let (experts, weights) = chosen(rules);
        assert_eq!(experts, ids, "{rules}");
        let first = 1.0 / (1.0 + f32::exp(logits[1] - logits[0]));
        assert!((weights[0] - first).abs() < 1e-6, "{rules}: {weights:?}");
        assert!(
            (weights[1] - (1.0 - first)).abs() < 1e-6,
            "{rules}: {weights:?}"
        );
    }
    assert_eq!(chosen("top-k 1 1").0, [1, NO_EXPERT]);
    assert_eq!(chosen("top-k 1 3").0, [1, 3, 2]);
    let narrower = chosen("top-k 0 3").0;
    assert_eq!(
        narrower,
        [1, 3, NO_EXPERT],
        "the record is as wide in all layers"
    );
    let zeroed = plan("zero 1:3").unwrap().unwrap();
    let choice = zeroed.layer(1).unwrap().choose(&LOGITS, 0);
    assert!(choice.effective_weights[0] > 0.0);
    assert_eq!(choice.effective_weights[1].to_bits(), 0);
}

#[test]
fn without_rules_there_is_no_plan_and_layers_without_rules_have_none() {
    assert_eq!(plan("").unwrap(), None);
    let masked = plan("mask 1:1").unwrap().unwrap();
    assert!(masked.layer(0).is_none() && masked.layer(2).is_none());
}

#[test]
fn impossible_rules_are_refused_with_what_is_possible() {
    for (rules, expected) in [
        ("mask 3:0", "there is no layer 3, they go from 0 to 2"),
        ("mask 1-9:0", "there is no layer 9"),
        ("mask 0:6", "there is no expert 6, they go from 0 to 5"),
        ("swap 0:1 9", "there is no expert 9"),
        ("top-k 0", "top-k goes from 1 to 6"),
        ("top-k 7", "top-k goes from 1 to 6"),
        ("temperature 0", "from 0.01 to 100"),
        ("noise -1", "standard deviation"),
        (
            "mask 1:0, mask 1:1, mask 1:2, mask 1:3, mask 1:4",
            "would have 1 experts left to choose 2",
        ),
        (
            "force 1:0, force 1:1, force 1:2",
            "3 forced experts, and each token goes to 2",
        ),
    ] {
        let error = plan(rules).unwrap_err().to_string();
        assert!(error.contains(expected), "{rules}: {error}");
    }
}

#[test]
fn noise_depends_on_its_keys_alone_and_is_gaussian() {
    let noise = RouterNoise {
        std_dev: 2.0,
        seed: 5,
    };
    let values: Vec<f32> = (0..20_000)
        .map(|at| noise.at(at % 7, at / 7, at % 13))
        .collect();
    let again = noise.at(99 % 7, 99 / 7, 99 % 13);
    assert_eq!(values[99].to_bits(), again.to_bits());
    let mean = values.iter().sum::<f32>() / values.len() as f32;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / values.len() as f32;
    // Five standard errors of mean and of variance.
    assert!(mean.abs() < 0.071, "{mean}");
    assert!((variance - 4.0).abs() < 0.2, "{variance}");
    let other = RouterNoise {
        std_dev: 2.0,
        seed: 6,
    };
    assert_ne!(values[0].to_bits(), other.at(0, 0, 0).to_bits());
}

#[test]
fn a_recorded_run_is_followed_where_it_is_known_and_must_fit() {
    let mut forced = ForcedRouting::new();
    forced.set(7, vec![0, 1, 5, 4, 2, 3]);
    let plan = RoutingPlan::new(&Interventions::none(), Some(&forced), &SHAPE);
    let plan = plan.unwrap().unwrap();
    let layer = plan.layer(1).unwrap();
    assert_eq!(layer.choose(&LOGITS, 7).experts, [5, 4]);
    assert_eq!(layer.choose(&LOGITS, 8).experts, [1, 3], "after its end");
    assert_eq!(layer.choose(&LOGITS, 0).experts, [1, 3], "not recorded");
    for wrong in [vec![0, 1], vec![0, 1, 5, 4, 2, 6]] {
        let mut forced = ForcedRouting::new();
        forced.set(2, wrong);
        let error = RoutingPlan::new(&Interventions::none(), Some(&forced), &SHAPE).unwrap_err();
        assert!(error.to_string().contains("position 2"), "{error}");
    }
    let masked = "mask 1:1".parse().unwrap();
    let error = RoutingPlan::new(&masked, Some(&forced), &SHAPE).unwrap_err();
    assert!(
        error.to_string().contains("nothing else can choose"),
        "{error}"
    );
}
