//! What the person wishes, as `gptoss.toml` says it.
//!
//! [`Settings`] is plain data; read `gptoss.toml` at the repository's root beside it, which names
//! every field and is embedded as the lowest layer. Nothing here knows the screen, the engine or the
//! command line: keys and actions stay text, and models stay paths. [`load`] merges the layers;
//! [`dirs`] knows the folders.
//!
//! Invariants: `Settings::default()` equals the embedded file; every field has a default, so that
//! any part of the file is a file; a value that was read lies within its permitted range.

pub mod dirs;
mod error;
mod layers;
mod ranges;
mod sampling;
mod sections;
mod ui;
mod values;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use error::{Origin, SettingsError};
pub use layers::{Layers, LoadedSettings, SettingEntry, load, nearest};
pub use sampling::{DryPatch, SamplingPatch, SamplingSettings, XtcPatch};
pub use sections::{
    ChatSettings, DenseWeights, Dtype, ExpertWeights, LogLevel, LogSettings, ModelSettings,
    RecordSettings, Resume, SessionSettings,
};
pub use ui::{ColorDepth, Glyphs, HeatCell, LayoutChoice, Ramp, UiSettings};
pub use values::{
    ByteSize, DateSetting, Folder, KvBits, MemoryLimit, ModelChoice, Seed, ThemeChoice,
};

/// The base layer: every setting with its default and meaning.
pub const EMBEDDED: &str = include_str!("../../gptoss.toml");

/// All settings.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Which model is opened and how it is held.
    pub model: ModelSettings,
    /// What surrounds messages.
    pub chat: ChatSettings,
    /// How tokens are drawn.
    pub sampling: SamplingSettings,
    /// What is recorded with each token.
    pub record: RecordSettings,
    /// The screen.
    pub ui: UiSettings,
    /// Conversations on disk.
    pub session: SessionSettings,
    /// The log file.
    pub log: LogSettings,
    /// Changed keys: context → chord → action, all as they were written; the action `none` unbinds.
    pub keys: BTreeMap<String, BTreeMap<String, String>>,
}

#[cfg(test)]
mod tests;
