//! The layers over the embedded file, merged; later ones win.
//!
//! Start with [`load`]. Each layer is checked alone, where its text still has lines and columns;
//! then the `config` crate merges them (tables key by key, everything else as a whole), and the
//! ranges of the result are checked. Every value remembers its layer, so the result can say where
//! it comes from.

mod layer;
mod positions;
mod report;

use std::path::PathBuf;

use config::{Config, Value, ValueKind};

use super::Settings;
use super::error::{Origin, SettingsError};
use layer::{Layer, VARIABLE_PREFIX};
use positions::KeyPath;
pub use report::nearest;

/// What lies over the embedded file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Layers {
    /// The person's file; it need not exist.
    pub user_file: Option<PathBuf>,
    /// The file of `--config`; it must exist.
    pub config_file: Option<PathBuf>,
    /// Variables; those that do not begin with `GPTOSS__` are ignored.
    pub variables: Vec<(String, String)>,
    /// Flags as they were given and what they set, such as `--theme dark` and `ui.theme=dark`;
    /// later ones win.
    pub flags: Vec<(String, String)>,
}

impl Layers {
    /// Takes the variables of this process, in the order of their names.
    #[must_use]
    pub fn with_environment(mut self) -> Self {
        self.variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(name, _)| name.starts_with(VARIABLE_PREFIX))
            .collect();
        self.variables.sort();
        self
    }
}

/// Settings and where each of them comes from.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadedSettings {
    /// The values.
    pub settings: Settings,
    /// One entry a value, in the order of the embedded file; keys that it lacks follow.
    pub entries: Vec<SettingEntry>,
}

impl LoadedSettings {
    /// Where the value of a key was written; the key with those of its tables.
    pub fn origin(&self, path: &[&str]) -> Option<&Origin> {
        let path: KeyPath = path.iter().map(|&key| key.to_owned()).collect();
        let key = report::join(&path);
        let entry = self.entries.iter().find(|entry| entry.key == key)?;
        Some(&entry.origin)
    }
}

/// One value and its origin.
#[derive(Debug, Clone, PartialEq)]
pub struct SettingEntry {
    /// The key with those of its tables, such as `ui.theme`.
    pub key: String,
    /// The value as it was written, without comments.
    pub value: toml::Value,
    /// Where it was written.
    pub origin: Origin,
}

/// Reads and merges all layers.
///
/// *Errors:* the first thing that is wrong, with its place; nothing is skipped.
pub fn load(layers: &Layers) -> Result<LoadedSettings, SettingsError> {
    let layers = read(layers)?;
    let mut builder = Config::builder();
    for (index, layer) in layers.iter().enumerate() {
        builder = builder.add_source(layer.source(index));
    }
    let merge_error = |reason: String| SettingsError::Merge { reason };
    let merged = builder
        .build()
        .map_err(|error| merge_error(error.to_string()))?;
    let mut leaves = Vec::new();
    let value = collect(&merged.cache, &mut Vec::new(), &mut leaves);
    let text = toml::to_string(&value).map_err(|error| merge_error(error.to_string()))?;
    let settings: Settings =
        toml::from_str(&text).map_err(|error| merge_error(error.message().to_owned()))?;
    check_ranges(&settings, &layers, &leaves)?;
    Ok(LoadedSettings {
        settings,
        entries: entries(&layers, leaves),
    })
}

fn read(layers: &Layers) -> Result<Vec<Layer>, SettingsError> {
    let mut read = vec![Layer::embedded()?];
    if let Some(path) = layers.user_file.as_deref().filter(|path| path.exists()) {
        read.push(Layer::file(path)?);
    }
    if let Some(path) = &layers.config_file {
        read.push(Layer::file(path)?);
    }
    for (name, value) in &layers.variables {
        if name.starts_with(VARIABLE_PREFIX) {
            read.push(Layer::variable(name, value)?);
        }
    }
    for (flag, assignment) in &layers.flags {
        read.push(Layer::flag(flag, assignment)?);
    }
    Ok(read)
}

/// A merged value that is no table, and the index of the layer that won.
struct Leaf {
    path: KeyPath,
    value: toml::Value,
    layer: usize,
}

/// The value as TOML; its leaves on the way.
fn collect(value: &Value, path: &mut KeyPath, leaves: &mut Vec<Leaf>) -> toml::Value {
    if let ValueKind::Table(table) = &value.kind {
        let mut result = toml::Table::new();
        for (key, inner) in table {
            path.push(key.clone());
            result.insert(key.clone(), collect(inner, path, leaves));
            path.pop();
        }
        return toml::Value::Table(result);
    }
    let leaf = to_toml(value);
    leaves.push(Leaf {
        path: path.clone(),
        value: leaf.clone(),
        layer: value
            .origin()
            .and_then(|index| index.parse().ok())
            .unwrap_or_default(),
    });
    leaf
}

fn to_toml(value: &Value) -> toml::Value {
    match &value.kind {
        ValueKind::Boolean(flag) => toml::Value::Boolean(*flag),
        ValueKind::I64(number) => toml::Value::Integer(*number),
        ValueKind::Float(number) => toml::Value::Float(*number),
        ValueKind::Array(items) => toml::Value::Array(items.iter().map(to_toml).collect()),
        ValueKind::Table(table) => toml::Value::Table(
            table
                .iter()
                .map(|(key, value)| (key.clone(), to_toml(value)))
                .collect(),
        ),
        // TOML has no other kinds, so the layers bring none.
        other => toml::Value::String(other.to_string()),
    }
}

fn check_ranges(
    settings: &Settings,
    layers: &[Layer],
    leaves: &[Leaf],
) -> Result<(), SettingsError> {
    let Some(problem) = settings.first_out_of_range() else {
        return Ok(());
    };
    // A preset may be out of range because of a parameter that it inherits.
    let leaf = leaves.iter().find(|leaf| leaf.path == problem.path);
    Err(SettingsError::Value {
        origin: leaf.map_or(Origin::Default, |leaf| {
            layers[leaf.layer].origin(&leaf.path)
        }),
        key: report::join(&problem.path),
        found: problem.found,
        expected: problem.permitted,
    })
}

fn entries(layers: &[Layer], mut leaves: Vec<Leaf>) -> Vec<SettingEntry> {
    let place = |leaf: &Leaf| layers[0].offset(&leaf.path).unwrap_or(usize::MAX);
    leaves.sort_by(|a, b| (place(a), &a.path).cmp(&(place(b), &b.path)));
    leaves
        .into_iter()
        .map(|leaf| SettingEntry {
            key: report::join(&leaf.path),
            origin: layers[leaf.layer].origin(&leaf.path),
            value: leaf.value,
        })
        .collect()
}
