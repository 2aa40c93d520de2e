//! Folders that are no model, and indices that contradict the files.

use std::fs;
use std::path::Path;

use gptoss::checkpoint::{Checkpoint, SafetensorsShardWriter, TensorSpec};

use crate::support::{canonical, check_message, fixture, open};

fn open_path(path: &Path) -> Result<Checkpoint, String> {
    Checkpoint::open(path).map_err(|error| error.to_string())
}

#[test]
fn a_path_that_is_no_model_folder_says_why() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    check_message(
        open_path(&dir.path().join("nowhere")),
        &["no such directory", "nowhere"],
    );
    check_message(
        open_path(dir.path()),
        &["not a model folder", "config.json"],
    );
    let config = dir.path().join("config.json");
    fs::write(&config, "{").expect("written");
    check_message(open_path(&config), &["not a directory", "config.json"]);
    check_message(open_path(dir.path()), &["config.json", "not valid JSON"]);
    fs::copy(fixture("pub-b/hf/config.json"), &config).expect("copied");
    check_message(open_path(dir.path()), &["model.safetensors"]);
    fs::create_dir(dir.path().join("model.safetensors")).expect("made");
    check_message(open_path(dir.path()), &["cannot read", "model.safetensors"]);
    fs::write(dir.path().join("generation_config.json"), "[]").expect("written");
    check_message(open_path(dir.path()), &["generation_config.json", "object"]);
}

/// A golden checkpoint, rewritten as several shards.
fn sharded() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let source = open("pub-b/mlx");
    let specs = source
        .tensors()
        .map(|tensor| TensorSpec {
            name: tensor.name.to_owned(),
            dtype: tensor.dtype,
            shape: tensor.shape.to_vec(),
        })
        .collect();
    let mut writer =
        SafetensorsShardWriter::create_sharded(dir.path(), specs, 300_000).expect("planned");
    let bytes = fs::read(fixture("pub-b/mlx/model.safetensors")).expect("readable");
    let file = safetensors::SafeTensors::deserialize(&bytes).expect("well formed");
    for tensor in source.tensors() {
        let data = file.tensor(tensor.name).expect("present").data();
        writer.write(tensor.name, data).expect("written");
    }
    writer.finish().expect("finished");
    fs::copy(
        fixture("pub-b/mlx/config.json"),
        dir.path().join("config.json"),
    )
    .expect("copied");
    dir
}

#[test]
fn shards_hold_what_the_single_file_held() {
    let dir = sharded();
    let (single, shards) = (open("pub-b/mlx"), open_path(dir.path()).expect("opens"));
    let files: std::collections::HashSet<_> = shards.tensors().map(|t| t.file).collect();
    assert!(files.len() > 2, "{files:?}");
    for ((name, expected), (_, found)) in canonical(&single).iter().zip(&canonical(&shards)) {
        assert!(expected.bytes == found.bytes, "{name}");
    }
    assert_eq!(single.weights_digest(), shards.weights_digest());
}

#[test]
fn shards_without_an_index_are_all_read() {
    let dir = sharded();
    fs::remove_file(dir.path().join("model.safetensors.index.json")).expect("removed");
    let checkpoint = open_path(dir.path()).expect("opens");
    assert_eq!(checkpoint.total_bytes(), open("pub-b/mlx").total_bytes());
    fs::copy(
        dir.path().join("model-00001-of-00003.safetensors"),
        dir.path().join("model-copy.safetensors"),
    )
    .expect("copied");
    check_message(open_path(dir.path()), &["a tensor of this name is in"]);
}

#[test]
fn an_index_that_contradicts_the_files_is_refused() {
    let dir = sharded();
    let path = dir.path().join("model.safetensors.index.json");
    let index = fs::read_to_string(&path).expect("readable");
    let first = "model-00001-of-00003.safetensors";
    let mut unlisted: serde_json::Value = serde_json::from_str(&index).expect("JSON");
    let map = unlisted["weight_map"].as_object_mut().expect("an object");
    map.remove("model.norm.weight");
    for (damaged, parts) in [
        ("{".to_owned(), &["bad index"][..]),
        ("{\"weight_map\": 3}".to_owned(), &["bad index"]),
        ("{\"metadata\": {}}".to_owned(), &["weight_map"]),
        (
            index.replace(first, "../elsewhere.safetensors"),
            &["not the name of a file"],
        ),
        (
            index.replace(first, "/elsewhere.safetensors"),
            &["not the name of a file"],
        ),
        (
            index.replace(first, "gone.safetensors"),
            &["gone.safetensors", "does not exist"],
        ),
        (unlisted.to_string(), &["model.norm.weight", "not listed"]),
        (
            index.replace("\"model.norm.weight\"", "\"model.norm.wait\""),
            &["model.norm.wait", "lacks it"],
        ),
    ] {
        fs::write(&path, damaged).expect("written");
        check_message(open_path(dir.path()), &[&["index.json"], parts].concat());
    }
}
