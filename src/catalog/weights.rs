//! The weight files of a folder: their sizes, and which of them are missing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::folder::read_bounded;

const INDEX_FILE: &str = "model.safetensors.index.json";
const SINGLE_FILE: &str = "model.safetensors";
/// An index names every tensor once; those of the largest model take a fraction of this.
const MAX_INDEX_BYTES: u64 = 16 << 20;

/// What lies there.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Weights {
    /// The files together.
    pub(super) bytes: u64,
    /// The number of files.
    pub(super) num_files: usize,
    /// Why they cannot be loaded.
    pub(super) problem: Option<String>,
}

/// Looks at the files that loading would open: those of the index, else the single one, else all.
pub(super) fn read(folder: &Path) -> Weights {
    let present = files(folder);
    let expected = match indexed(folder) {
        Some(Ok(names)) => names,
        Some(Err(reason)) => {
            return Weights {
                problem: Some(reason),
                ..total(&present)
            };
        }
        None if present.contains_key(SINGLE_FILE) => BTreeSet::from([SINGLE_FILE.to_owned()]),
        None => numbered(present.keys()),
    };
    let missing: Vec<&String> = expected
        .iter()
        .filter(|name| !present.contains_key(*name))
        .collect();
    let used: BTreeMap<String, u64> = present
        .into_iter()
        .filter(|(name, _)| expected.contains(name))
        .collect();
    let mut weights = total(&used);
    weights.problem = match missing.first() {
        Some(first) => Some(format!(
            "{} of {} weight files are missing, such as {first}; the download is incomplete",
            missing.len(),
            expected.len()
        )),
        None if weights.num_files == 0 && is_downloading(folder) => {
            Some("the download is incomplete".to_owned())
        }
        None if weights.num_files == 0 => Some("it holds no weights".to_owned()),
        None => None,
    };
    weights
}

fn total(files: &BTreeMap<String, u64>) -> Weights {
    Weights {
        bytes: files.values().sum(),
        num_files: files.len(),
        problem: None,
    }
}

/// The `safetensors` files and their sizes. Links, which caches are made of, count as their targets.
fn files(folder: &Path) -> BTreeMap<String, u64> {
    let Ok(entries) = fs::read_dir(folder) else {
        return BTreeMap::new();
    };
    entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let name = entry.file_name().into_string().ok()?;
            let is_weights = name.ends_with(".safetensors") && !name.starts_with('.');
            let metadata = is_weights.then(|| fs::metadata(entry.path()).ok())??;
            metadata.is_file().then_some((name, metadata.len()))
        })
        .collect()
}

#[derive(serde::Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

fn indexed(folder: &Path) -> Option<Result<BTreeSet<String>, String>> {
    let path = folder.join(INDEX_FILE);
    if !path.exists() {
        return None;
    }
    let names = read_bounded(&path, MAX_INDEX_BYTES).and_then(|json| {
        serde_json::from_str::<Index>(&json)
            .map(|index| index.weight_map.into_values().collect())
            .map_err(|error| error.to_string())
    });
    Some(names.map_err(|reason| format!("{INDEX_FILE}: {reason}")))
}

/// The names given, and those that `…-00001-of-00007.safetensors` implies.
fn numbered<'a>(names: impl Iterator<Item = &'a String>) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for name in names {
        all.insert(name.clone());
        if let Some((stem, width, count)) = series(name) {
            // As many files as any release has; more is a name that means something else.
            for number in 1..=count.min(1000) {
                all.insert(format!(
                    "{stem}-{number:0width$}-of-{count:0width$}.safetensors"
                ));
            }
        }
    }
    all
}

/// Stem, digits and count of a numbered file.
fn series(name: &str) -> Option<(&str, usize, usize)> {
    let (rest, count) = name.strip_suffix(".safetensors")?.rsplit_once("-of-")?;
    let (stem, number) = rest.rsplit_once('-')?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    (is_number(number) && is_number(count) && number.len() == count.len())
        .then(|| Some((stem, count.len(), count.parse().ok()?)))?
}

/// Whether Hugging Face's tools left an unfinished file for this folder.
fn is_downloading(folder: &Path) -> bool {
    let in_cache = folder
        .parent()
        .and_then(Path::parent)
        .map(|repository| repository.join("blobs"));
    let beside = folder.join(".cache/huggingface/download");
    in_cache
        .into_iter()
        .chain([beside])
        .filter_map(|blobs| fs::read_dir(blobs).ok())
        .flatten()
        .filter_map(Result::ok)
        .any(|entry| entry.file_name().to_string_lossy().ends_with(".incomplete"))
}
