//! Finds models on this machine, for a list to choose from.
//!
//! Start with [`scan`]. It lists folders and reads `config.json` and the weights' index, in bounded
//! amounts, and opens no weights: an entry without a problem is one that loading is worth a try.
//! Which places there are comes from outside ([`Places`]); nothing is downloaded.

mod folder;
mod get;
mod places;
mod weights;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

pub use get::{HOW_TO_GET, HowToGet, Step};
pub use places::Places;

use crate::checkpoint::Layout;
use crate::model::config::ModelConfig;

/// The size of the built-in model's weights.
const DEMO_WEIGHTS_BYTES: u64 = 13_324_528;

/// A model, or what looks like one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogEntry {
    /// A short name: the repository's or the folder's.
    pub name: String,
    /// The folder; none is the built-in model.
    pub path: Option<PathBuf>,
    /// Who told of it.
    pub origin: ModelOrigin,
    /// The weights' layout, guessed by the configuration.
    pub layout: Option<Layout>,
    /// The weight files together; 0 where there are none.
    pub weights_bytes: u64,
    /// Transformer blocks.
    pub num_layers: Option<usize>,
    /// Experts of every layer.
    pub num_experts: Option<usize>,
    /// The precision of the weights in words, such as `MXFP4 experts, bf16`.
    pub precision: String,
    /// Why it cannot be loaded.
    pub problem: Option<String>,
}

/// Who told of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ModelOrigin {
    /// The program: it is built in.
    Demo,
    /// The command line.
    Argument,
    /// A folder of the settings, or the present one.
    Folder,
    /// Hugging Face's cache.
    HuggingFaceCache,
    /// LM Studio's folder.
    LmStudio,
}

/// Whether weights fit into memory beside what answering needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// With room for cache and activations.
    Fits,
    /// With little room: contexts will be short.
    Tight,
    /// Not at all.
    TooLarge,
    /// The memory is not known.
    Unknown,
}

/// Memory that a request wants beside the weights at the least.
const SPARE_BYTES: u64 = 1_000_000_000;

/// Compares weights with the memory that the device may use.
pub fn fit(weights_bytes: u64, memory_bytes: Option<u64>) -> Fit {
    let Some(memory_bytes) = memory_bytes else {
        return Fit::Unknown;
    };
    let spare_bytes = SPARE_BYTES.max(weights_bytes / 10).min(memory_bytes / 4);
    match memory_bytes.checked_sub(weights_bytes) {
        None => Fit::TooLarge,
        Some(left) if left < spare_bytes => Fit::Tight,
        Some(_) => Fit::Fits,
    }
}

/// All models in these places: the built-in one first, then by origin and name. A folder that
/// several places tell of is listed once.
pub fn scan(places: &Places) -> Vec<CatalogEntry> {
    let mut seen = BTreeSet::new();
    let mut entries = vec![demo()];
    for (origin, name, path) in places.candidates() {
        let identity = path.canonicalize().unwrap_or_else(|_| path.clone());
        if seen.insert(identity)
            && let Some(entry) = entry(origin, name, path)
        {
            entries.push(entry);
        }
    }
    entries.sort_by(|a, b| (a.origin, &a.name).cmp(&(b.origin, &b.name)));
    entries
}

/// What the folder holds; none if it is nothing like a model. One named by a person is always
/// listed.
fn entry(origin: ModelOrigin, name: String, path: PathBuf) -> Option<CatalogEntry> {
    let found = match folder::read(&path) {
        None if origin == ModelOrigin::Argument => folder::Found::refused(not_a_model(&path)),
        found => found?,
    };
    Some(CatalogEntry {
        name,
        path: Some(path),
        origin,
        layout: found.layout,
        weights_bytes: found.weights_bytes,
        num_layers: found.num_layers,
        num_experts: found.num_experts,
        precision: found.precision,
        problem: found.problem,
    })
}

/// The model in this folder, or why it is none.
pub fn look(path: &Path) -> CatalogEntry {
    let named = entry(
        ModelOrigin::Argument,
        places::folder_name(path),
        path.to_owned(),
    );
    // A folder that was named is always described.
    named.unwrap_or_else(demo)
}

fn not_a_model(path: &Path) -> String {
    if path.is_dir() {
        let problem = folder::config_problem(path);
        problem.unwrap_or_else(|| "it holds neither config.json nor weights".to_owned())
    } else if path.exists() {
        "it is no folder".to_owned()
    } else {
        "there is no such folder".to_owned()
    }
}

fn demo() -> CatalogEntry {
    let json = include_str!("../assets/demo-model/config.json");
    let config = ModelConfig::from_json(json, "config.json").ok();
    let value = serde_json::from_str(json).ok();
    let precision = value.zip(config.as_ref());
    let precision = precision.map(|(value, config)| folder::precision(&value, config));
    CatalogEntry {
        name: "Pip".to_owned(),
        path: None,
        origin: ModelOrigin::Demo,
        layout: None,
        weights_bytes: DEMO_WEIGHTS_BYTES,
        num_layers: config.as_ref().map(|config| config.num_hidden_layers),
        num_experts: config.as_ref().map(|config| config.num_local_experts),
        precision: precision.unwrap_or_default(),
        problem: None,
    }
}

#[cfg(test)]
mod tests;
