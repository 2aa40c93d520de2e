//! What the model is asked, in one of three forms.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// A prompt and how it is wrapped.
#[derive(Debug, Args)]
pub(crate) struct PromptArgs {
    #[command(flatten)]
    pub(crate) source: PromptSource,
    #[command(flatten)]
    pub(crate) framing: FramingArgs,
    /// Continue the text itself instead of answering it in a chat.
    #[arg(long, conflicts_with_all = ["messages", "tokens", "effort", "system", "developer"])]
    pub(crate) raw: bool,
}

/// Where the prompt comes from.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct PromptSource {
    /// The user's message; `-` reads it from stdin.
    #[arg(short, long, value_name = "TEXT", allow_hyphen_values = true)]
    pub(crate) prompt: Option<String>,
    /// Token ids, separated by commas; no tokenizer is needed.
    #[arg(
        long,
        value_name = "IDS",
        value_delimiter = ',',
        allow_negative_numbers = true
    )]
    pub(crate) tokens: Option<Vec<u32>>,
    /// A JSON file with a list of messages.
    #[arg(long, value_name = "FILE")]
    pub(crate) messages: Option<PathBuf>,
}

/// What surrounds the user's message in a chat.
#[derive(Debug, Args)]
pub(crate) struct FramingArgs {
    /// How long the model thinks [default: medium].
    #[arg(long, value_enum)]
    pub(crate) effort: Option<EffortArg>,
    /// Who the model is; the first line of the system message.
    #[arg(long, value_name = "TEXT")]
    pub(crate) system: Option<String>,
    /// Instructions; the developer message.
    #[arg(long, value_name = "TEXT")]
    pub(crate) developer: Option<String>,
}

/// Reasoning effort.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum EffortArg {
    Low,
    Medium,
    High,
}
