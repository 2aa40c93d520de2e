//! Weight files that lie, are cut or belong to another model.

use gptoss::checkpoint::CheckpointError;
use proptest::prelude::*;
use serde_json::json;

use crate::support::{CHECKPOINTS, Parts, canonical, check_message, file, open_bytes};

const NORM: &str = "model.norm.weight";

#[test]
fn a_wrong_tensor_is_named_with_what_was_expected_and_found() {
    type Damage = fn(&mut Parts);
    let cases: [(Damage, &[&str]); 6] = [
        (
            |parts| drop(parts.remove(NORM)),
            &[
                NORM,
                "missing",
                "BF16 or F16 or F32 [64]",
                "model.safetensors",
            ],
        ),
        (
            |parts| parts.append("model.layers.3.mlp.router.bias", "BF16", &[1], &[0; 2]),
            &["model.layers.3.mlp.router.bias", "surplus", "BF16 [1]"],
        ),
        (
            |parts| parts.header[NORM]["shape"] = json!([8, 8]),
            &[
                NORM,
                "expected BF16 or F16 or F32 [64]",
                "found BF16 [8, 8]",
            ],
        ),
        (
            |parts| {
                parts.header[NORM]["dtype"] = json!("U8");
                parts.header[NORM]["shape"] = json!([128]);
            },
            &[NORM, "found U8 [128]"],
        ),
        (
            |parts| parts.header[NORM]["dtype"] = json!("I16"),
            &[NORM, "unsupported dtype \"I16\""],
        ),
        (
            |parts| parts.rename("model.layers.1.self_attn.sinks", "model.layers.1.sinks"),
            &["model.layers.1.self_attn.sinks", "missing", "[8]"],
        ),
    ];
    for (damage, parts_of_message) in cases {
        let mut parts = Parts::read("pub-b/hf");
        damage(&mut parts);
        check_message(open_bytes("pub-b/hf", &parts.bytes()), parts_of_message);
    }
}

#[test]
fn offsets_that_lie_are_refused() {
    let sinks = "model.layers.0.self_attn.sinks";
    for (offsets, message) in [
        (json!([226_572, 226_570]), "behind its end"),
        (json!([226_570, 226_586]), "overlaps"),
        (
            json!([226_572, 226_590]),
            "takes 16 bytes, but its data has 18",
        ),
        (json!([9_000_000, 9_000_016]), "truncated?"),
        (json!([u64::MAX - 15, u64::MAX]), "truncated?"),
        (json!([-1, 15]), "invalid"),
        (json!([0.5, 15]), "invalid"),
    ] {
        let mut parts = Parts::read("pub-b/hf");
        parts.header[sinks]["data_offsets"] = offsets;
        check_message(open_bytes("pub-b/hf", &parts.bytes()), &[sinks, message]);
    }
}

#[test]
fn shapes_that_overflow_are_refused() {
    for shape in [
        json!([1u64 << 62, 1u64 << 62]),
        json!([u64::MAX]),
        json!([0, u64::MAX]),
        json!([-1]),
    ] {
        let mut parts = Parts::read("pub-b/hf");
        parts.header[NORM]["shape"] = shape;
        check_message(open_bytes("pub-b/hf", &parts.bytes()), &[NORM]);
    }
}

#[test]
fn headers_that_lie_are_refused() {
    let entry = r#"{"dtype":"F32","shape":[1],"data_offsets":[0,4]}"#;
    for (bytes, message) in [
        (vec![], "truncated: expected at least 8 bytes, found 0"),
        (vec![1, 2, 3], "truncated"),
        (
            u64::MAX.to_le_bytes().to_vec(),
            "is this a safetensors file?",
        ),
        (99_999_999u64.to_le_bytes().to_vec(), "truncated"),
        (file("", b""), "EOF"),
        (file("[]", b""), "object"),
        (file("{\"a\":", b""), "EOF"),
        (file("{}", b""), "no gpt-oss weights"),
        (
            file("{}", b"rest"),
            "last 4 bytes of the file belong to no tensor",
        ),
        (
            file(&format!("{{\"a\":{entry}}}"), &[0; 4]),
            "no gpt-oss weights",
        ),
        (
            file(&format!("{{\"a\":{entry},\"a\":{entry}}}"), &[0; 4]),
            "two entries named \"a\"",
        ),
        (
            file("{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", b""),
            "tensor \"a\": missing field",
        ),
        (file(&"[".repeat(100_000), b""), "header"),
        (
            file(&format!("{{\"\\u001b[2J\":{entry}}}"), b""),
            "\\u{1b}[2J",
        ),
        (
            file(
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}",
                &[0; 8],
            ),
            "gap of 4 bytes",
        ),
    ] {
        check_message(
            open_bytes("pub-b/hf", &bytes),
            &["model.safetensors", message],
        );
    }
    check_message(
        open_bytes(
            "pub-b/hf",
            &[8, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xfe, 0, 0, 0, 0, 0, 0],
        ),
        &["header"],
    );
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    let bytes = Parts::read("pub-b/openai").bytes();
    let header_end = 8 + u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes")) as usize;
    let positions = (0..header_end + 64)
        .chain((header_end..bytes.len()).step_by(4099))
        .chain([bytes.len() - 1]);
    let config = std::fs::read_to_string(crate::support::fixture("pub-b/openai/config.json"))
        .expect("readable");
    let bytes: &'static [u8] = bytes.leak();
    for position in positions {
        let outcome =
            gptoss::checkpoint::Checkpoint::from_static(&config, None, &bytes[..position]);
        assert!(
            outcome.is_err(),
            "accepted {position} of {} bytes",
            bytes.len()
        );
    }
}

#[test]
fn one_models_weights_do_not_fit_anothers_configuration() {
    for weights in CHECKPOINTS {
        let bytes = Parts::read(weights).bytes();
        let other = if weights.starts_with("pub-a") {
            "pub-b/mlx-q8"
        } else {
            "pub-a/mlx-q8"
        };
        check_message(
            open_bytes(other, &bytes),
            &["model.safetensors", "expected", "found"],
        );
    }
}

#[test]
fn quantized_weights_need_a_quantization_in_the_configuration() {
    let bytes = Parts::read("pub-b/mlx").bytes();
    check_message(
        open_bytes("pub-b/hf", &bytes),
        &["experts.gate_proj.scales", "no `quantization`"],
    );
}

#[test]
fn a_weight_that_is_not_finite_is_named_as_the_file_has_it() {
    for (tensor, element, bad, index) in [
        (
            "block.1.mlp.mlp1_bias",
            192 + 5,
            &[0xc0, 0x7f][..],
            vec![1, 5],
        ),
        (
            "block.0.attn.qkv.weight",
            600 * 64 + 7,
            &[0x80, 0xff],
            vec![600, 7],
        ),
        (
            "block.2.mlp.mlp2_weight.scales",
            64 * 3 + 4,
            &[0xff],
            vec![1, 1, 1],
        ),
        ("norm.scale", 63, &[0x80, 0x7f], vec![63]),
    ] {
        let mut parts = Parts::read("pub-b/openai");
        let start = parts.header[tensor]["data_offsets"][0]
            .as_u64()
            .expect("a number") as usize;
        parts.data[start + element * bad.len()..][..bad.len()].copy_from_slice(bad);
        let checkpoint = open_bytes("pub-b/openai", &parts.bytes()).expect("opens");
        let faults: Vec<_> = canonical(&checkpoint)
            .iter()
            .filter_map(|(_, view)| view.check_finite().err())
            .collect();
        let [
            CheckpointError::NotFinite {
                tensor: named,
                index: at,
                ..
            },
        ] = &faults[..]
        else {
            panic!("{tensor}: {faults:?}");
        };
        assert_eq!((named.as_str(), at), (tensor, &index));
    }
}

#[test]
fn golden_weights_are_finite() {
    for path in CHECKPOINTS {
        let checkpoint = crate::support::open(path);
        for (name, view) in canonical(&checkpoint) {
            view.check_finite()
                .unwrap_or_else(|error| panic!("{path} {name}: {error}"));
        }
    }
}

/// Opens bytes as a checkpoint; a mapped file would say the same.
fn opens(bytes: &[u8]) -> bool {
    let outcome = open_bytes("pub-b/mlx", bytes);
    // Whatever is accepted must be readable, and acceptable to the format's own crate.
    if let Ok(checkpoint) = &outcome {
        canonical(checkpoint);
        assert!(safetensors::SafeTensors::read_metadata(bytes).is_ok());
    }
    outcome.is_ok()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn damaged_headers_never_panic(
        edits in prop::collection::vec((0usize..7200, any::<u8>(), 0u8..3), 1..4),
    ) {
        let mut bytes = Parts::read("pub-b/mlx").bytes();
        for (position, byte, kind) in edits {
            match kind {
                0 => bytes[position] = byte,
                1 => bytes.insert(position, byte),
                _ => { bytes.remove(position); }
            }
        }
        opens(&bytes);
    }

    #[test]
    fn any_header_text_never_panics(header in "[{}\\[\\]\":,a-f0-9 ]{0,60}", data in any::<[u8; 8]>()) {
        prop_assert!(!opens(&file(&header, &data)));
    }
}
