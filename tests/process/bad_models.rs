//! Broken models: one clear line that names file and item.

use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{arg, fixture, refused};

/// A copy of a golden checkpoint, to be damaged.
fn copy_of(model: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for name in ["config.json", "model.safetensors"] {
        std::fs::copy(fixture(model).join(name), folder.path().join(name)).expect("copied");
    }
    folder
}

/// Where a tensor of bf16 lies in a file.
fn tensor(file: &[u8], name: &str) -> std::ops::Range<usize> {
    let length = u64::from_le_bytes(file[..8].try_into().expect("eight bytes")) as usize;
    let header: Value = serde_json::from_slice(&file[8..8 + length]).expect("JSON");
    let entry = &header[name];
    assert_eq!(entry["dtype"], "BF16");
    let offset = |end: usize| entry["data_offsets"][end].as_u64().expect("a number") as usize;
    8 + length + offset(0)..8 + length + offset(1)
}

/// Runs `generate` on a model; it must fail.
#[track_caller]
fn check(model: &Path, code: i32, parts: &[&str]) {
    refused(
        &["generate", arg(model), "--tokens", "1,2", "-n", "1"],
        code,
        parts,
    );
}

#[test]
fn paths_that_hold_no_model_are_code_2() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    check(
        &folder.path().join("nowhere"),
        2,
        &["no such directory", "nowhere"],
    );
    check(folder.path(), 2, &["not a model folder", "config.json"]);
    check(&fixture("pub-b/hf/config.json"), 2, &["not a directory"]);
}

#[test]
fn configurations_that_make_no_sense_are_code_2() {
    let folder = copy_of("pub-b/hf");
    let path = folder.path().join("config.json");
    let original: Value =
        serde_json::from_slice(&std::fs::read(&path).expect("readable")).expect("JSON");
    for (field, value) in [
        ("num_attention_heads", json!(0)),
        ("num_local_experts", json!(1_000_000_000_000_u64)),
        ("sliding_window", json!(0)),
        ("hidden_size", json!("wide")),
        ("head_dim", json!(-64)),
    ] {
        let mut config = original.clone();
        config[field] = value;
        std::fs::write(&path, config.to_string()).expect("written");
        check(folder.path(), 2, &["config.json", field]);
    }
    let mut config = original.clone();
    config
        .as_object_mut()
        .expect("an object")
        .remove("hidden_size");
    std::fs::write(&path, config.to_string()).expect("written");
    check(folder.path(), 2, &["config.json", "hidden_size", "missing"]);
    for text in ["", "{", "[]", "null", "\u{0}"] {
        std::fs::write(&path, text).expect("written");
        check(folder.path(), 2, &["config.json"]);
    }
}

#[test]
fn weights_cut_anywhere_are_code_1() {
    let folder = copy_of("pub-b/openai");
    let path = folder.path().join("model.safetensors");
    let whole = std::fs::read(&path).expect("readable");
    for length in [0, 7, 8, 9, 100, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&path, &whole[..length]).expect("written");
        check(folder.path(), 1, &["model.safetensors"]);
    }
    let mut lying = whole.clone();
    lying[..8].copy_from_slice(&u64::MAX.to_le_bytes());
    std::fs::write(&path, lying).expect("written");
    check(folder.path(), 1, &["model.safetensors"]);
    std::fs::remove_file(&path).expect("removed");
    check(folder.path(), 2, &["safetensors"]);
}

#[test]
fn values_beyond_f16_are_told_and_bf16_goes_on() {
    let folder = copy_of("pub-b/openai");
    let path = folder.path().join("model.safetensors");
    let mut bytes = std::fs::read(&path).expect("readable");
    let scale = tensor(&bytes, "norm.scale");
    // 2^15 in bf16: it fits into f16, its product with a normed value of 2 does not.
    for value in bytes[scale].chunks_exact_mut(2) {
        value.copy_from_slice(&0x4700_u16.to_le_bytes());
    }
    std::fs::write(&path, bytes).expect("written");
    let generate = |dtype| {
        let model = arg(folder.path());
        vec![
            "generate", model, "--tokens", "1,2", "-n", "2", "--dtype", dtype,
        ]
    };
    refused(&generate("f16"), 1, &["f16", "65504", "hint: "]);
    crate::support::done(&generate("bf16"));
    let whole = fixture("pub-b/openai");
    let whole = [
        "generate",
        arg(&whole),
        "--tokens",
        "1,2",
        "-n",
        "2",
        "--dtype",
        "f16",
    ];
    crate::support::done(&whole);
}

#[test]
fn a_weight_that_is_no_number_is_named() {
    let folder = copy_of("pub-b/openai");
    let path = folder.path().join("model.safetensors");
    let mut bytes = std::fs::read(&path).expect("readable");
    let scale = tensor(&bytes, "norm.scale");
    // The bits of a NaN in bf16.
    bytes[scale.start + 2..][..2].copy_from_slice(&0x7FC0_u16.to_le_bytes());
    std::fs::write(&path, bytes).expect("written");
    check(folder.path(), 1, &["norm.scale", "NaN"]);
}

#[test]
fn tokenizers_that_cannot_be_used_are_code_1_and_tokens_still_work() {
    let model = fixture("pub-b/hf");
    let text = ["generate", arg(&model), "-p", "Hello"];
    refused(&text, 1, &["tokenizer.json", "201088", "hint: "]);
    let folder = copy_of("pub-b/hf");
    let nested = "[".repeat(100_000);
    let texts = ["", "{", "null", "{\"model\": 3}", "\u{0}", &nested];
    for text in texts {
        std::fs::write(folder.path().join("tokenizer.json"), text).expect("written");
        refused(
            &["tokenize", arg(folder.path()), "-p", "Hello"],
            1,
            &["tokenizer.json"],
        );
    }
    crate::support::done(&["generate", arg(folder.path()), "--tokens", "1,2", "-n", "1"]);
}
