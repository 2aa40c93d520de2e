//! The weight files of a model folder.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::CheckpointError;
use super::header::{Header, TensorEntry};
use super::mmap::Mapping;

/// Where Hugging Face and mlx-lm say which file holds which tensor.
pub(super) const INDEX_FILE: &str = "model.safetensors.index.json";
/// The weights of a model that fits into one file.
pub(super) const SINGLE_FILE: &str = "model.safetensors";

/// One weight file, its header parsed.
#[derive(Debug)]
pub(super) struct Shard {
    /// The file as messages name it.
    pub(super) file: String,
    pub(super) mapping: Mapping,
    pub(super) tensors: Vec<TensorEntry>,
}

impl Shard {
    /// Parses the header of bytes that `file` names.
    pub(super) fn parse(file: String, mapping: Mapping) -> Result<Self, CheckpointError> {
        let tensors = Header::parse(&file, mapping.bytes())?.tensors;
        Ok(Self {
            file,
            mapping,
            tensors,
        })
    }

    fn open(path: &Path) -> Result<Self, CheckpointError> {
        let file = path.display().to_string();
        match Mapping::open(path) {
            Ok(mapping) => Self::parse(file, mapping),
            Err(error) => Err(CheckpointError::Io { file, error }),
        }
    }
}

/// Opens the weights of a folder: those of the index, else the single file, else every
/// `*.safetensors` (OpenAI's shards come without an index).
pub(super) fn open_shards(dir: &Path) -> Result<Vec<Shard>, CheckpointError> {
    let index_path = dir.join(INDEX_FILE);
    if index_path.exists() {
        return open_indexed(dir, &index_path);
    }
    let single = dir.join(SINGLE_FILE);
    if single.exists() {
        return Ok(vec![Shard::open(&single)?]);
    }
    let names = weight_files(dir)?;
    if names.is_empty() {
        return Err(CheckpointError::NotAModel {
            path: dir.to_owned(),
            missing: SINGLE_FILE,
        });
    }
    names
        .iter()
        .map(|name| Shard::open(&dir.join(name)))
        .collect()
}

fn weight_files(dir: &Path) -> Result<BTreeSet<String>, CheckpointError> {
    let io = |error| CheckpointError::Io {
        file: dir.display().to_string(),
        error,
    };
    let mut names = BTreeSet::new();
    for entry in dir.read_dir().map_err(io)? {
        let name = entry.map_err(io)?.file_name();
        if let Some(name) = name.to_str()
            && Path::new(name)
                .extension()
                .is_some_and(|end| end == "safetensors")
            && !name.starts_with('.')
        {
            names.insert(name.to_owned());
        }
    }
    Ok(names)
}

#[derive(serde::Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

fn open_indexed(dir: &Path, index_path: &Path) -> Result<Vec<Shard>, CheckpointError> {
    let file = index_path.display().to_string();
    let refused = |reason: String| CheckpointError::Index {
        file: file.clone(),
        reason,
    };
    let json = std::fs::read_to_string(index_path).map_err(|error| CheckpointError::Io {
        file: file.clone(),
        error,
    })?;
    let index: Index =
        serde_json::from_str(&json).map_err(|error| refused(format!("bad index: {error}")))?;
    let names: BTreeSet<&String> = index.weight_map.values().collect();
    let mut shards = Vec::with_capacity(names.len());
    for name in names {
        if !is_plain_file_name(name) {
            return Err(refused(format!(
                "{name:?} is not the name of a file in this folder"
            )));
        }
        let path = dir.join(name);
        if !path.exists() {
            return Err(refused(format!("it names {name:?}, which does not exist")));
        }
        let shard = Shard::open(&path)?;
        check_against_index(name, &shard, &index).map_err(refused)?;
        shards.push(shard);
    }
    Ok(shards)
}

/// An index must not reach outside of its folder.
fn is_plain_file_name(name: &str) -> bool {
    let mut components = Path::new(name).components();
    matches!(
        (components.next(), components.next()),
        (Some(std::path::Component::Normal(_)), None)
    )
}

fn check_against_index(name: &str, shard: &Shard, index: &Index) -> Result<(), String> {
    let held: BTreeSet<&str> = shard.tensors.iter().map(|t| t.name.as_str()).collect();
    for (tensor, file) in &index.weight_map {
        if file == name && !held.contains(tensor.as_str()) {
            return Err(format!(
                "it places tensor {tensor:?} in {name:?}, which lacks it"
            ));
        }
    }
    for tensor in held {
        match index.weight_map.get(tensor) {
            Some(file) if file == name => {}
            Some(file) => {
                return Err(format!(
                    "tensor {tensor:?} is in {name:?}, but the index places it in {file:?}"
                ));
            }
            None => return Err(format!("tensor {tensor:?} of {name:?} is not listed")),
        }
    }
    Ok(())
}
