//! The sections `[model]`, `[chat]`, `[record]`, `[session]` and `[log]`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::values::{DateSetting, Folder, KvBits, MemoryLimit, ModelChoice};
use crate::harmony::ReasoningEffort;

/// `[model]`: which model is opened and how it is held in memory.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelSettings {
    /// The model that is opened without an argument.
    pub default: ModelChoice,
    /// Folders whose subfolders are listed as models; `~/` is the home folder.
    pub folders: Vec<PathBuf>,
    /// The dtype of activations.
    pub dtype: Dtype,
    /// The precision of cached keys and values in the full-attention layers.
    pub kv_bits: KvBits,
    /// What becomes of the experts' weights at load.
    pub quantize_experts: ExpertWeights,
    /// What becomes of the other matrices at load.
    pub quantize_rest: DenseWeights,
    /// The most bytes that the device may use.
    pub memory_limit: MemoryLimit,
}

/// The dtype of activations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dtype {
    /// What suits the device: f32 on CPUs, bf16 on GPUs.
    #[default]
    Auto,
    /// 32-bit floats.
    F32,
    /// 16-bit floats with the exponent of f32.
    Bf16,
    /// IEEE 16-bit floats.
    F16,
}

/// What becomes of the experts' weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExpertWeights {
    /// As the checkpoint has them.
    #[default]
    Keep,
    /// MXFP4, the format of the released weights.
    Mxfp4,
    /// Affine, 8 bits.
    Affine8,
    /// Affine, 4 bits.
    Affine4,
}

/// What becomes of attention, embedding and head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DenseWeights {
    /// As the checkpoint has them.
    #[default]
    Keep,
    /// Affine, 8 bits.
    Affine8,
    /// Affine, 4 bits.
    Affine4,
}

/// `[chat]`: what surrounds messages, and where answers end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ChatSettings {
    /// How long the model reasons.
    pub effort: ReasoningEffort,
    /// Who the model is; the first line of the system message. Empty: the format's own line.
    pub identity: String,
    /// Instructions; the developer message. Empty: none.
    pub developer: String,
    /// The date in the system message.
    pub date: DateSetting,
    /// The most tokens of one answer; 0 is what context and memory hold.
    pub max_tokens: usize,
    /// Texts that end an answer where they appear.
    pub stop: Vec<String>,
    /// Whether finished analyses stay unfolded.
    pub show_analysis: bool,
}

impl ChatSettings {
    /// The most tokens of one answer, where there is a limit.
    pub fn max_tokens(&self) -> Option<usize> {
        (self.max_tokens > 0).then_some(self.max_tokens)
    }
}

impl Default for ChatSettings {
    fn default() -> Self {
        Self {
            effort: ReasoningEffort::Medium,
            identity: String::new(),
            developer: String::new(),
            date: DateSetting::Off,
            max_tokens: 0,
            stop: Vec::new(),
            show_analysis: false,
        }
    }
}

/// `[record]`: what is recorded with each token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RecordSettings {
    /// The routers' choices in all layers.
    pub routing: bool,
    /// Log-probabilities with so many most likely alternatives; 0 records neither. Up to 20.
    pub top_logprobs: u8,
}

impl RecordSettings {
    /// The number of alternatives, where any are recorded.
    pub fn top_logprobs(&self) -> Option<u8> {
        (self.top_logprobs > 0).then_some(self.top_logprobs)
    }
}

impl Default for RecordSettings {
    fn default() -> Self {
        Self {
            routing: true,
            top_logprobs: 8,
        }
    }
}

/// `[session]`: conversations on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SessionSettings {
    /// Where conversations are kept.
    pub folder: Folder,
    /// Whether they are written at all.
    pub autosave: bool,
    /// What the program begins with.
    pub resume: Resume,
}

impl Default for SessionSettings {
    fn default() -> Self {
        Self {
            folder: Folder::Auto,
            autosave: true,
            resume: Resume::New,
        }
    }
}

/// What the program begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Resume {
    /// An empty conversation.
    #[default]
    New,
    /// The one that was open last.
    Last,
}

/// `[log]`: the playground's log files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogSettings {
    /// Where log files are kept, one a day.
    pub folder: Folder,
    /// The least important events that are kept.
    pub level: LogLevel,
    /// The most files that are kept. From 1 to 365.
    pub keep_files: usize,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self {
            folder: Folder::Auto,
            level: LogLevel::Info,
            keep_files: 7,
        }
    }
}

/// How important an event of the log is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Something failed.
    Error,
    /// Something is not as it should be.
    Warn,
    /// What happens.
    #[default]
    Info,
    /// How it happens.
    Debug,
    /// Every step of it.
    Trace,
}

impl LogLevel {
    /// The level's word in `gptoss.toml` and in filters.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}
