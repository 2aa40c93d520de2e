//! Configurations in every dialect, and hostile ones.

use gptoss::model::config::{LayerType, ModelConfig, QuantizationMode, RopeScaling};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{check_message, fixture};

const HUGE: u64 = 1_000_000_000_000;

fn parse(json: &str) -> Result<ModelConfig, String> {
    ModelConfig::from_json(json, "config.json").map_err(|error| error.to_string())
}

fn golden(path: &str) -> Value {
    let json = std::fs::read_to_string(fixture(path).join("config.json")).expect("readable");
    serde_json::from_str(&json).expect("JSON")
}

/// A golden configuration with one field, given by its JSON pointer, set to another value.
fn with(path: &str, pointer: &str, value: Value) -> String {
    let mut config = golden(path);
    let (parent, field) = pointer.rsplit_once('/').expect("a pointer");
    config.pointer_mut(parent).expect("present")[field] = value;
    config.to_string()
}

/// Checks that each value of a field is refused with a message that names all the parts.
#[track_caller]
fn check_refused(path: &str, cases: &[(&str, Value, &[&str])]) {
    for (pointer, value, parts) in cases {
        let outcome = parse(&with(path, pointer, value.clone()));
        check_message(outcome, &[&["config.json"], *parts].concat());
    }
}

fn without(path: &str, pointer: &str) -> String {
    let mut config = golden(path);
    let (parent, field) = pointer.rsplit_once('/').expect("a pointer");
    let parent = config.pointer_mut(parent).and_then(Value::as_object_mut);
    parent.expect("present").remove(field).expect("a field");
    config.to_string()
}

/// transformers 5's form of a golden configuration.
fn modern() -> Value {
    let mut config = golden("pub-b/hf");
    let fields = config.as_object_mut().expect("an object");
    let theta = fields.remove("rope_theta").expect("a field");
    let mut parameters = fields.remove("rope_scaling").expect("a field");
    parameters["rope_theta"] = theta;
    fields.insert("rope_parameters".to_owned(), parameters);
    config
}

#[test]
fn all_dialects_say_the_same() {
    let reference = parse(&golden("pub-b/hf").to_string()).expect("valid");
    assert_eq!(reference.layer_types[1], LayerType::FullAttention);
    assert_eq!(reference.max_position_embeddings, 131_072);
    assert_eq!(
        reference.rope_scaling,
        Some(RopeScaling {
            factor: 32.0,
            beta_fast: 32.0,
            beta_slow: 1.0,
            original_max_position_embeddings: 4096,
            truncate: false,
        })
    );
    assert_eq!(parse(&modern().to_string()), Ok(reference.clone()));
    let mut openai = parse(&golden("pub-b/openai").to_string()).expect("valid");
    assert!(openai.eos_token_ids.is_empty(), "OpenAI's file names none");
    openai.eos_token_ids.clone_from(&reference.eos_token_ids);
    openai.pad_token_id = reference.pad_token_id;
    assert_eq!(openai, reference);
}

#[test]
fn quantized_configurations_keep_their_entries() {
    let config = parse(&golden("pub-a/mlx-q8").to_string()).expect("valid");
    let quantization = config.quantization.expect("quantized");
    assert_eq!(quantization.default.mode, QuantizationMode::Mxfp4);
    let router = quantization.of_module("model.layers.0.mlp.router");
    assert_eq!((router.mode, router.bits), (QuantizationMode::Affine, 8));
    assert_eq!(quantization.of_module("elsewhere"), quantization.default);
}

#[test]
fn the_presets_are_valid() {
    for preset in [ModelConfig::gpt_oss_20b(), ModelConfig::gpt_oss_120b()] {
        preset.validate().expect("valid");
    }
}

#[test]
fn the_generation_config_decides_the_end_tokens() {
    let config = parse(&golden("pub-b/hf").to_string()).expect("valid");
    assert_eq!(config.eos_token_ids, [318]);
    let apply = |json: &str| {
        let applied = config
            .clone()
            .with_generation_config(json, "generation_config.json");
        applied
            .map(|config| config.eos_token_ids)
            .map_err(|error| error.to_string())
    };
    assert_eq!(apply("{\"eos_token_id\": [318, 316]}"), Ok(vec![318, 316]));
    assert_eq!(apply("{\"eos_token_id\": 7}"), Ok(vec![7]));
    assert_eq!(apply("{\"eos_token_id\": null}"), Ok(vec![318]));
    check_message(
        apply("{\"eos_token_id\": 320}"),
        &["generation_config.json", "0..=319"],
    );
    check_message(
        apply("{\"eos_token_id\": \"end\"}"),
        &["eos_token_id", "\"end\""],
    );
}

#[test]
fn a_missing_field_is_named() {
    for field in [
        "num_hidden_layers",
        "num_local_experts",
        "vocab_size",
        "hidden_size",
        "intermediate_size",
        "head_dim",
        "num_attention_heads",
        "num_key_value_heads",
        "sliding_window",
        "max_position_embeddings",
        "rope_theta",
        "rms_norm_eps",
    ] {
        let outcome = parse(&without("pub-b/hf", &format!("/{field}")));
        check_message(outcome, &["config.json", &format!("`{field}` is missing")]);
    }
    for field in ["factor", "rope_type"] {
        let outcome = parse(&without("pub-b/hf", &format!("/rope_scaling/{field}")));
        check_message(outcome, &[&format!("`rope_scaling.{field}` is missing")]);
    }
    for field in [
        "experts_per_token",
        "rope_scaling_factor",
        "rope_ntk_beta",
        "initial_context_length",
    ] {
        let outcome = parse(&without("pub-b/openai", &format!("/{field}")));
        check_message(outcome, &["is missing"]);
    }
}

#[test]
fn fields_that_a_reference_hard_codes_may_be_absent() {
    let full = parse(&golden("pub-b/hf").to_string());
    for field in [
        "layer_types",
        "swiglu_limit",
        "tie_word_embeddings",
        "num_experts_per_tok",
    ] {
        assert_eq!(
            parse(&without("pub-b/hf", &format!("/{field}"))),
            full,
            "{field}"
        );
    }
}

#[test]
fn absurd_counts_are_refused_with_field_value_and_range() {
    check_refused(
        "pub-b/hf",
        &[
            (
                "/num_attention_heads",
                json!(0),
                &["num_attention_heads", "is 0", "1..=4096"][..],
            ),
            (
                "/num_local_experts",
                json!(HUGE),
                &["1000000000000", "1..=4096"],
            ),
            (
                "/num_hidden_layers",
                json!(HUGE),
                &["num_hidden_layers", "1..=1024"],
            ),
            ("/num_hidden_layers", json!(0), &["1..=1024"]),
            (
                "/num_hidden_layers",
                json!(4),
                &["layer_types", "a list of 3", "each of 4 layers"],
            ),
            (
                "/hidden_size",
                json!(u64::MAX),
                &["hidden_size", "18446744073709551615"],
            ),
            (
                "/hidden_size",
                json!(65),
                &["hidden_size", "a multiple of 32"],
            ),
            ("/intermediate_size", json!(0), &["intermediate_size"]),
            ("/sliding_window", json!(0), &["sliding_window", "is 0"]),
            (
                "/num_experts_per_tok",
                json!(0),
                &["num_experts_per_tok", "1..=6"],
            ),
            (
                "/num_experts_per_tok",
                json!(7),
                &["num_experts_per_tok", "is 7", "1..=6"],
            ),
            ("/head_dim", json!(63), &["head_dim", "even"]),
            (
                "/num_key_value_heads",
                json!(3),
                &["num_key_value_heads", "a divisor of"],
            ),
            (
                "/num_key_value_heads",
                json!(0),
                &["num_key_value_heads", "1..=8"],
            ),
            (
                "/vocab_size",
                json!(-1),
                &["vocab_size", "whole number", "-1"],
            ),
            ("/vocab_size", json!(1.5), &["vocab_size", "1.5"]),
            ("/vocab_size", json!(1e300), &["vocab_size", "whole number"]),
            ("/vocab_size", json!("320"), &["vocab_size", "\"320\""]),
            ("/vocab_size", json!(100), &["eos_token_id", "0..=99"]),
        ],
    );
}

#[test]
fn absurd_rope_and_other_models_are_refused() {
    check_refused(
        "pub-b/hf",
        &[
            ("/rope_theta", json!(0), &["rope_theta", "1..="][..]),
            ("/rope_theta", json!(1e300), &["rope_theta"]),
            ("/rms_norm_eps", json!(-1.0), &["rms_norm_eps"]),
            ("/rms_norm_eps", json!(1e300), &["rms_norm_eps", "inf"]),
            ("/swiglu_limit", json!(0), &["swiglu_limit"]),
            ("/rope_scaling/factor", json!(0), &["rope_scaling.factor"]),
            (
                "/rope_scaling/beta_slow",
                json!(64),
                &["rope_scaling.beta_fast", "more than beta_slow"],
            ),
            (
                "/rope_scaling/truncate",
                json!(1),
                &["rope_scaling.truncate", "true or false"],
            ),
            (
                "/rope_scaling/rope_type",
                json!("llama3"),
                &["rope_scaling.rope_type", "\"llama3\""],
            ),
            ("/rope_scaling", json!([]), &["rope_scaling", "an object"]),
            (
                "/layer_types",
                json!(["sideways"]),
                &["layer_types", "sideways"],
            ),
            (
                "/model_type",
                json!("llama"),
                &["model_type", "\"llama\"", "\"gpt_oss\""],
            ),
            (
                "/attention_bias",
                json!(false),
                &["attention_bias", "not supported"],
            ),
            (
                "/quantization_config/quant_method",
                json!("fp8"),
                &["quant_method", "\"fp8\""],
            ),
            (
                "/max_position_embeddings",
                json!(0),
                &["max_position_embeddings"],
            ),
        ],
    );
}

#[test]
fn quantizations_that_nothing_computes_with_are_refused() {
    check_refused(
        "pub-b/mlx",
        &[
            (
                "/quantization/bits",
                json!(7),
                &["quantization.bits", "[4] in mode mxfp4"][..],
            ),
            ("/quantization/bits", json!(HUGE), &["quantization.bits"]),
            (
                "/quantization/group_size",
                json!(0),
                &["quantization.group_size", "[32]"],
            ),
            (
                "/quantization/mode",
                json!("nvfp4"),
                &["quantization.mode", "\"nvfp4\""],
            ),
            (
                "/quantization/lm_head",
                json!({"bits": 8}),
                &["lm_head.group_size", "missing"],
            ),
            (
                "/quantization/lm_head",
                json!({"bits": 1, "group_size": 64}),
                &["lm_head.bits"],
            ),
        ],
    );
    for (pointer, value) in [
        ("/rope_scaling_factor", json!(1e300)),
        ("/initial_context_length", json!(u64::MAX)),
        ("/initial_context_length", json!(0)),
    ] {
        check_message(parse(&with("pub-b/openai", pointer, value)), &["is"]);
    }
}

#[test]
fn floats_made_by_hand_must_be_numbers() {
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let mut config = ModelConfig::gpt_oss_20b();
        config.rope_theta = value;
        check_message(
            config.validate().map_err(|e| e.to_string()),
            &["rope_theta"],
        );
        let mut config = ModelConfig::gpt_oss_20b();
        config.swiglu_limit = value as f32;
        check_message(
            config.validate().map_err(|e| e.to_string()),
            &["swiglu_limit"],
        );
    }
}

#[test]
fn text_that_is_no_configuration_is_refused() {
    for (text, part) in [
        ("", "not valid JSON"),
        ("null", "expected a JSON object"),
        ("[1, 2]", "expected a JSON object"),
        ("{}", "`num_hidden_layers` is missing"),
        ("{\"num_hidden_layers\": 3", "not valid JSON"),
        (&"[".repeat(1_000_000), "not valid JSON"),
        (&format!("\"{}\"", "x".repeat(1_000_000)), "…"),
    ] {
        let outcome = parse(text);
        if let Err(message) = &outcome {
            assert!(message.len() < 300, "{message}");
        }
        check_message(outcome, &["config.json", part]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn damaged_configurations_never_panic(
        source in prop::sample::select(vec!["pub-b/hf", "pub-b/openai", "pub-b/mlx-q8"]),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), any::<bool>()), 1..5),
    ) {
        let mut bytes = golden(source).to_string().into_bytes();
        for (at, byte, replace) in edits {
            let at = at.index(bytes.len());
            if replace { bytes[at] = byte } else { bytes.insert(at, byte) }
        }
        if let Ok(config) = parse(&String::from_utf8_lossy(&bytes)) {
            config.validate().expect("what is accepted is valid");
            prop_assert!(config.parameter_count() < u64::MAX);
        }
    }

    #[test]
    fn hostile_numbers_never_panic(
        source in prop::sample::select(vec!["pub-b/hf", "pub-b/openai", "pub-b/mlx"]),
        field in any::<prop::sample::Index>(),
        value in prop_oneof![
            any::<u64>().prop_map(|n| json!(n)),
            any::<i64>().prop_map(|n| json!(n)),
            any::<f64>().prop_map(|n| json!(n)),
            Just(json!(null)), Just(json!([])), Just(json!({})), Just(json!("text")),
        ],
    ) {
        let mut config = golden(source);
        let fields = config.as_object_mut().expect("an object");
        let name = field.get(&fields.keys().cloned().collect::<Vec<_>>()).clone();
        fields.insert(name, value);
        if let Ok(config) = parse(&config.to_string()) {
            prop_assert!(config.parameter_count() < u64::MAX);
        }
    }
}
