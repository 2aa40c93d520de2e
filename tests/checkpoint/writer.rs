//! Writing leaves a whole checkpoint or nothing.

use std::fs;
use std::path::Path;

use gptoss::checkpoint::{SafetensorsShardWriter, TensorDtype, TensorSpec, WriteError};
use safetensors::SafeTensors;

fn specs() -> Vec<TensorSpec> {
    ["a", "b", "c"]
        .map(|name| TensorSpec {
            name: name.to_owned(),
            dtype: TensorDtype::BF16,
            shape: vec![2, 5],
        })
        .to_vec()
}

fn files(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(dir)
        .expect("readable")
        .map(|entry| {
            entry
                .expect("readable")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    names.sort();
    names
}

#[test]
fn shards_are_named_and_indexed_as_mlx_lm_does() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut writer =
        SafetensorsShardWriter::create_sharded(dir.path(), specs(), 45).expect("planned");
    for (name, byte) in [("a", 1), ("b", 2), ("c", 3)] {
        writer.write(name, &[byte; 20]).expect("written");
        assert!(files(dir.path()).iter().all(|name| name.contains(".part")));
    }
    writer.finish().expect("finished");
    assert_eq!(
        files(dir.path()),
        [
            "model-00001-of-00002.safetensors",
            "model-00002-of-00002.safetensors",
            "model.safetensors.index.json"
        ]
    );
    let bytes = fs::read(dir.path().join("model-00001-of-00002.safetensors")).expect("readable");
    let (_, header) = SafeTensors::read_metadata(&bytes).expect("well formed");
    let metadata = header.metadata().as_ref().expect("metadata");
    assert_eq!(metadata.get("format").map(String::as_str), Some("mlx"));
    let shard = SafeTensors::deserialize(&bytes).expect("well formed");
    assert_eq!(shard.tensor("b").expect("present").data(), [2; 20]);
    let index = fs::read(dir.path().join("model.safetensors.index.json")).expect("readable");
    let index: serde_json::Value = serde_json::from_slice(&index).expect("JSON");
    assert_eq!(index["metadata"]["total_size"], 60);
    assert_eq!(index["weight_map"]["c"], "model-00002-of-00002.safetensors");
}

#[test]
fn a_single_shard_has_the_plain_name() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut writer = SafetensorsShardWriter::create(dir.path(), specs()).expect("planned");
    for name in ["a", "b", "c"] {
        writer.write(name, &[0; 20]).expect("written");
    }
    writer.finish().expect("finished");
    assert_eq!(
        files(dir.path()),
        ["model.safetensors", "model.safetensors.index.json"]
    );
}

#[test]
fn an_unfinished_checkpoint_leaves_nothing() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let target = dir.path().join("out");
    let mut writer = SafetensorsShardWriter::create_sharded(&target, specs(), 20).expect("planned");
    writer.write("a", &[0; 20]).expect("written");
    writer.write("b", &[0; 20]).expect("written");
    drop(writer);
    assert!(files(dir.path()).is_empty());
}

#[test]
fn tensors_other_than_planned_are_refused() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let create = |specs| SafetensorsShardWriter::create(dir.path(), specs);
    let twice = [specs(), specs()].concat();
    assert!(matches!(create(twice), Err(WriteError::Plan { .. })));
    assert!(matches!(create(Vec::new()), Err(WriteError::Plan { .. })));
    let mut writer = create(specs()).expect("planned");
    assert!(matches!(
        writer.write("b", &[0; 20]),
        Err(WriteError::Plan { .. })
    ));
    assert!(matches!(
        writer.write("a", &[0; 19]),
        Err(WriteError::Plan { .. })
    ));
    writer.write("a", &[0; 20]).expect("written");
    assert!(matches!(writer.finish(), Err(WriteError::Plan { .. })));
    assert!(files(dir.path()).is_empty());
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let file = dir.path().join("file");
    fs::write(&file, "kept").expect("written");
    let outcome = SafetensorsShardWriter::create(&file.join("out"), specs());
    let message = outcome.expect_err("a file is no folder").to_string();
    assert!(message.contains("file/out"), "{message}");
    assert_eq!(fs::read(&file).expect("readable"), b"kept");
}

/// `/dev/full` answers every write as a full disk does.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_reported_with_bytes_and_leaves_nothing() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let part = dir.path().join("model.safetensors.part");
    std::os::unix::fs::symlink("/dev/full", part).expect("linked");
    let large = vec![TensorSpec {
        name: "large".to_owned(),
        dtype: TensorDtype::U8,
        shape: vec![4 << 20],
    }];
    let mut writer = SafetensorsShardWriter::create(dir.path(), large).expect("planned");
    let error = writer
        .write("large", &vec![0; 4 << 20])
        .expect_err("the disk is full");
    let message = error.to_string();
    for part in ["model.safetensors", "No space left", "bytes"] {
        assert!(message.contains(part), "{part:?} is not in: {message}");
    }
    drop(writer);
    assert!(files(dir.path()).is_empty());
}
