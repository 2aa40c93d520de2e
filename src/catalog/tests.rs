//! Folders as tools leave them, made small.

use std::fs;
use std::path::Path;

use super::*;

const HUGGING_FACE: &str = include_str!("../../assets/demo-model/config.json");

/// Files of a folder, by name and text.
fn make(folder: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

fn check(files: &[(&str, &str)], problem: Option<&str>, weights_bytes: u64) {
    let root = tempfile::tempdir().unwrap();
    make(&root.path().join("m"), files);
    let entries = scan(&Places {
        arguments: vec![root.path().join("m")],
        ..Places::default()
    });
    let names: Vec<_> = files.iter().map(|(name, _)| name).collect();
    assert_eq!(entries.len(), 2, "{names:?}");
    assert_eq!(entries[1].problem.as_deref(), problem, "{names:?}");
    assert_eq!(entries[1].weights_bytes, weights_bytes, "{names:?}");
}

#[test]
fn the_built_in_model_comes_first_and_is_as_large_as_its_file() {
    let entries = scan(&Places::default());
    assert_eq!(entries.len(), 1);
    let weights = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/demo-model/model.safetensors");
    let bytes = fs::metadata(weights).unwrap().len();
    assert_eq!(entries[0].weights_bytes, bytes);
    assert!(entries[0].num_experts.is_some_and(|number| number > 1));
}

#[test]
fn complete_models_have_no_problem() {
    let config = ("config.json", HUGGING_FACE);
    check(&[config, ("model.safetensors", "12345")], None, 5);
    let index = r#"{"weight_map":{"a":"x-1.safetensors","b":"x-2.safetensors"}}"#;
    check(
        &[
            config,
            ("model.safetensors.index.json", index),
            ("x-1.safetensors", "123"),
            ("x-2.safetensors", "1234"),
            ("unused.safetensors", "1"),
        ],
        None,
        7,
    );
}

#[test]
fn what_cannot_be_loaded_says_why() {
    let config = ("config.json", HUGGING_FACE);
    check(&[config], Some("it holds no weights"), 0);
    check(
        &[("config.json", r#"{"model_type":"llama"}"#)],
        Some("model_type is llama, only gpt_oss models run here"),
        0,
    );
    check(
        &[("model.safetensors", "123")],
        Some("config.json is missing"),
        3,
    );
    check(
        &[("config.json", "{"), ("model.safetensors", "123")],
        Some("config.json: EOF while parsing an object at line 1 column 1"),
        3,
    );
    // One that was named says more than that it is none.
    check(
        &[("config.json", "{}")],
        Some("config.json: field `num_hidden_layers` is missing"),
        0,
    );
    check(
        &[("gpt.gguf", "12")],
        Some("GGUF files are not read; get the safetensors"),
        2,
    );
    check(
        &[("readme.txt", "")],
        Some("it holds neither config.json nor weights"),
        0,
    );
    check(
        &[
            config,
            ("model.safetensors.index.json", "{}"),
            ("model.safetensors", "1"),
        ],
        Some("model.safetensors.index.json: missing field `weight_map` at line 1 column 2"),
        1,
    );
}

#[test]
fn incomplete_downloads_are_told() {
    let config = ("config.json", HUGGING_FACE);
    check(
        &[config, ("model-00002-of-00003.safetensors", "123")],
        Some(
            "2 of 3 weight files are missing, such as model-00001-of-00003.safetensors; \
             the download is incomplete",
        ),
        3,
    );
    let index = r#"{"weight_map":{"a":"x-1.safetensors","b":"x-2.safetensors"}}"#;
    check(
        &[
            config,
            ("model.safetensors.index.json", index),
            ("x-2.safetensors", "1234"),
        ],
        Some(
            "1 of 2 weight files are missing, such as x-1.safetensors; \
             the download is incomplete",
        ),
        4,
    );
    check(
        &[config, (".cache/huggingface/download/x.incomplete", "")],
        Some("the download is incomplete"),
        0,
    );
}

#[test]
fn every_place_is_searched_and_each_folder_listed_once() {
    let root = tempfile::tempdir().unwrap();
    let model = [("config.json", HUGGING_FACE), ("model.safetensors", "1")];
    let at = |path: &str| root.path().join(path);
    make(&at("models/mine"), &model);
    make(&at("models/owner/theirs"), &model);
    make(&at("models/a/b/too-deep"), &model);
    make(&at("models/.hidden"), &model);
    make(&at("models/photos"), &[("holiday.jpg", "")]);
    make(&at("models/web"), &[("config.json", "{}")]);
    make(&at("hub/models--openai--gpt-oss-20b/snapshots/old"), &model);
    make(&at("hub/models--openai--gpt-oss-20b/snapshots/new"), &model);
    make(
        &at("hub/models--openai--gpt-oss-20b/snapshots/new/original"),
        &model,
    );
    make(
        &at("hub/models--openai--gpt-oss-20b/refs"),
        &[("main", "new\n")],
    );
    make(&at("hub/models--x--y/snapshots/abc"), &model);
    make(&at("hub/datasets--x--z/snapshots/abc"), &model);
    make(&at("lm/owner/name"), &model);
    let places = Places {
        arguments: vec![at("models/mine")],
        folders: vec![at("models"), at("nowhere")],
        current: Some(at("models")),
        hugging_face: vec![at("hub")],
        lm_studio: vec![at("lm")],
    };
    let found: Vec<(ModelOrigin, String)> = scan(&places)
        .into_iter()
        .skip(1)
        .map(|entry| (entry.origin, entry.name))
        .collect();
    let expected = [
        (ModelOrigin::Argument, "mine"),
        (ModelOrigin::Folder, "owner/theirs"),
        (ModelOrigin::HuggingFaceCache, "openai/gpt-oss-20b"),
        (ModelOrigin::HuggingFaceCache, "openai/gpt-oss-20b/original"),
        (ModelOrigin::HuggingFaceCache, "x/y"),
        (ModelOrigin::LmStudio, "owner/name"),
    ];
    assert_eq!(
        found,
        expected.map(|(origin, name)| (origin, name.to_owned()))
    );
}

#[test]
fn layout_and_precision_are_guessed_by_the_configuration() {
    let fixtures = [
        (
            json_with("quantization_config", r#"{"quant_method":"mxfp4"}"#),
            Layout::HuggingFace,
            "MXFP4 experts, ",
        ),
        (
            json_with("quantization", r#"{"group_size":64,"bits":8}"#),
            Layout::MlxQuantized,
            "8 bits",
        ),
        (
            json_with(
                "quantization",
                r#"{"group_size":32,"bits":4,"mode":"mxfp4"}"#,
            ),
            Layout::Mlx,
            "MXFP4 experts, ",
        ),
    ];
    for (json, layout, precision) in &fixtures {
        let root = tempfile::tempdir().unwrap();
        make(
            root.path(),
            &[("config.json", json), ("model.safetensors", "1")],
        );
        let found = folder::read(root.path()).unwrap();
        assert_eq!(found.layout, Some(*layout), "{found:?}");
        assert!(found.precision.starts_with(precision), "{found:?}");
    }
}

fn json_with(key: &str, value: &str) -> String {
    let mut config: serde_json::Value = serde_json::from_str(HUGGING_FACE).unwrap();
    let map = config.as_object_mut().unwrap();
    map.remove("quantization");
    map.remove("quantization_config");
    map.insert(key.to_owned(), serde_json::from_str(value).unwrap());
    config.to_string()
}

#[test]
fn weights_are_compared_with_memory() {
    const GB: u64 = 1_000_000_000;
    for (weights, memory, expected) in [
        (14 * GB, Some(24 * GB), Fit::Fits),
        (14 * GB, Some(15 * GB), Fit::Tight),
        (14 * GB, Some(8 * GB), Fit::TooLarge),
        (14 * GB, None, Fit::Unknown),
        (13_000_000, Some(800_000_000), Fit::Fits),
    ] {
        assert_eq!(fit(weights, memory), expected, "{weights} in {memory:?}");
    }
}
