//! Everything that can be said on the command line.

mod date;
mod inside;
mod intervention;
mod model;
mod playground;
mod profile;
mod prompt;
mod quantize;
mod sampling;
mod size;
mod traces;

use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use gptoss::intervention::Rule;

pub(crate) use date::parse as parse_date;
pub(crate) use inside::{AttentionArgs, LensArgs, LookArgs};
pub(crate) use intervention::InterventionArgs;
pub(crate) use model::{DtypeArg, LimitArgs, ModelArgs};
pub(crate) use playground::{PlaygroundArgs, SessionArg, SettingsArgs, SyntheticShape};
pub(crate) use profile::ProfileArgs;
pub(crate) use prompt::{EosArg, FramingArgs, PromptArgs};
pub(crate) use quantize::QuantizeSpec;
pub(crate) use sampling::SamplingArgs;
pub(crate) use size::format_bytes;
pub(crate) use traces::{DiffArgs, ForceArgs, RecoverArgs};

use super::exit::EXIT_CODES;

/// OpenAI's gpt-oss models in the terminal, on Apple's MLX.
#[derive(Debug, Parser)]
#[command(name = "gptoss-tui", version, max_term_width = 100)]
pub(crate) struct Cli {
    /// Write a log to FILE (`GPTOSS_LOG` does the same; `RUST_LOG` filters).
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) log: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) settings: SettingsArgs,
    #[command(flatten)]
    pub(crate) playground: PlaygroundArgs,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Answer a prompt.
    Generate(Box<GenerateArgs>),
    /// Talk line by line: each line of stdin is a message.
    Chat(Box<ChatArgs>),
    /// Write the experts chosen for every token, and logits if asked, to a safetensors file.
    Trace(Box<TraceArgs>),
    /// Compare two traces: where the tokens part, and what the routers did differently.
    Diff(DiffArgs),
    /// Make traces of recordings that were cut off.
    Recover(RecoverArgs),
    /// Find the experts that the domains of a labelled prompt set prefer.
    Profile(Box<ProfileArgs>),
    /// Answer twice, the second time with experts changed, and compare: where the answers part, and
    /// how far the distributions are apart at each token.
    Ablate(Box<AblateArgs>),
    /// Show the token ids of a text or of rendered messages.
    Tokenize(TokenizeArgs),
    /// Describe a model: configuration, layout, tensors, memory.
    Inspect(InspectArgs),
    /// Show what the model would say after each layer: the logit lens at one token of a prompt.
    Lens(Box<LensArgs>),
    /// Show what each head gives to its sink, and where one head looks, at one token of a prompt.
    Attention(Box<AttentionArgs>),
    /// Measure prefill and decode speed.
    Bench(BenchArgs),
    /// Write a model in mlx-lm's layout, packed as asked.
    Convert(ConvertArgs),
    /// Describe this machine: MLX, devices, BLAS, terminal.
    Doctor(DoctorArgs),
    /// Print every setting with its value and where it comes from.
    PrintConfig(PrintConfigArgs),
    /// List all keys and actions, yours included, as a Markdown table.
    PrintKeys,
    /// Print a completion script for a shell.
    Completions(CompletionsArgs),
    /// Print the manual page.
    Man,
}

/// The whole command, with the exit codes at the end of every help text.
pub(crate) fn command() -> clap::Command {
    Cli::command()
        .after_help(EXIT_CODES)
        .mut_subcommands(|subcommand| subcommand.after_help(EXIT_CODES))
}

/// `generate`.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of its own on the command line"
)]
#[derive(Debug, Args)]
pub(crate) struct GenerateArgs {
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    #[command(flatten)]
    pub(crate) prompt: PromptArgs,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
    #[command(flatten)]
    pub(crate) sampling: SamplingArgs,
    #[command(flatten)]
    pub(crate) experts: InterventionArgs,
    #[command(flatten)]
    pub(crate) follow: ForceArgs,
    /// Most tokens to generate [default: what context and memory hold; 256 with --raw or --tokens].
    #[arg(short = 'n', long, value_name = "N")]
    pub(crate) max_tokens: Option<usize>,
    /// End the answer where TEXT appears; may be given several times.
    #[arg(long, value_name = "TEXT")]
    pub(crate) stop: Vec<String>,
    /// What a token that ends answers does [default: stop; ignore with --tokens].
    #[arg(long, value_enum, value_name = "ACTION")]
    pub(crate) eos: Option<EosArg>,
    /// Print one JSON object a token, and a last one with the whole answer.
    #[arg(long)]
    pub(crate) json: bool,
    /// With --json: each token's log-probability and N alternatives.
    #[arg(long, value_name = "N", requires = "json")]
    pub(crate) logprobs: Option<usize>,
    /// Print the analysis too, each channel under its label.
    #[arg(long)]
    pub(crate) show_analysis: bool,
    /// Keep every token's router choices in a file, as `trace` does.
    #[arg(long, value_name = "FILE.safetensors", conflicts_with = "dry_run")]
    pub(crate) trace: Option<PathBuf>,
    /// Replace the file of --trace if it exists.
    #[arg(long, requires = "trace")]
    pub(crate) force: bool,
    /// Only predict the memory that this would need; exit code 3 if that is more than the limit.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// `chat`.
#[derive(Debug, Args)]
pub(crate) struct ChatArgs {
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    #[command(flatten)]
    pub(crate) framing: FramingArgs,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
    #[command(flatten)]
    pub(crate) sampling: SamplingArgs,
    #[command(flatten)]
    pub(crate) experts: InterventionArgs,
    /// Most tokens of one answer [default: what context and memory hold].
    #[arg(short = 'n', long, value_name = "N")]
    pub(crate) max_tokens: Option<usize>,
    /// End an answer where TEXT appears; may be given several times.
    #[arg(long, value_name = "TEXT")]
    pub(crate) stop: Vec<String>,
    /// Print the analysis too, each channel under its label.
    #[arg(long)]
    pub(crate) show_analysis: bool,
}

/// `trace`.
#[derive(Debug, Args)]
pub(crate) struct TraceArgs {
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    #[command(flatten)]
    pub(crate) prompt: PromptArgs,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
    #[command(flatten)]
    pub(crate) sampling: SamplingArgs,
    #[command(flatten)]
    pub(crate) experts: InterventionArgs,
    #[command(flatten)]
    pub(crate) follow: ForceArgs,
    /// The file to write.
    #[arg(short, long, value_name = "FILE.safetensors")]
    pub(crate) output: PathBuf,
    /// Replace the file if it exists.
    #[arg(long)]
    pub(crate) force: bool,
    /// Record all logits.
    #[arg(long)]
    pub(crate) logits: bool,
    /// Record all router logits.
    #[arg(long)]
    pub(crate) router_logits: bool,
    /// Record each generated token's log-probability and N alternatives.
    #[arg(long, value_name = "N")]
    pub(crate) logprobs: Option<usize>,
    /// Most tokens to generate [default: 256; 0 with --tokens].
    #[arg(short = 'n', long, value_name = "N")]
    pub(crate) max_tokens: Option<usize>,
    /// What a token that ends answers does [default: stop; ignore with --tokens].
    #[arg(long, value_enum, value_name = "ACTION")]
    pub(crate) eos: Option<EosArg>,
}

/// `ablate`.
#[derive(Debug, Args)]
pub(crate) struct AblateArgs {
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    #[command(flatten)]
    pub(crate) prompt: PromptArgs,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
    #[command(flatten)]
    pub(crate) sampling: SamplingArgs,
    #[command(flatten)]
    pub(crate) experts: InterventionArgs,
    /// A rule that is in force in both runs; may be given several times.
    #[arg(long, value_name = "RULE")]
    pub(crate) base: Vec<Rule>,
    /// Most tokens of each answer.
    #[arg(short = 'n', long, value_name = "N", default_value_t = 64)]
    pub(crate) max_tokens: usize,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `tokenize`.
#[derive(Debug, Args)]
pub(crate) struct TokenizeArgs {
    /// A model folder; without one, the built-in demo model.
    #[arg(value_name = "MODEL")]
    pub(crate) model: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) source: TokenizeSource,
    /// With -p: the whole prompt that `generate` would make of the text, not the text alone.
    #[arg(long, conflicts_with = "messages")]
    pub(crate) chat: bool,
    /// Print one JSON object, {"ids": [...]}.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What is tokenized.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct TokenizeSource {
    /// A text, as it is; `-` reads it from stdin.
    #[arg(short, long, value_name = "TEXT", allow_hyphen_values = true)]
    pub(crate) prompt: Option<String>,
    /// A JSON file with messages, rendered up to where the assistant speaks.
    #[arg(long, value_name = "FILE")]
    pub(crate) messages: Option<PathBuf>,
}

/// `inspect`.
#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `bench`.
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub(crate) struct BenchArgs {
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    /// Measure random weights of this shape instead: gpt-oss-20b, gpt-oss-120b or a config.json.
    #[arg(long, value_name = "SHAPE", conflicts_with = "model")]
    pub(crate) random: Option<String>,
    /// Prompt tokens to read; several, separated by commas, are measured one by one.
    #[arg(
        short,
        long,
        value_name = "N",
        default_value = "512",
        value_delimiter = ','
    )]
    pub(crate) prompt_tokens: Vec<usize>,
    /// Tokens to generate after them.
    #[arg(
        short = 'n',
        long,
        value_name = "N",
        default_value = "128",
        value_delimiter = ','
    )]
    pub(crate) generated_tokens: Vec<usize>,
    /// Tokens that are in the cache before.
    #[arg(
        short = 'd',
        long,
        value_name = "N",
        default_value = "0",
        value_delimiter = ','
    )]
    pub(crate) context_tokens: Vec<usize>,
    /// Repetitions; medians are reported.
    #[arg(short, long, value_name = "N", default_value_t = 3)]
    pub(crate) repetitions: usize,
    /// Measure instead what it costs to record routing and 10 alternatives with each token.
    #[arg(long)]
    pub(crate) capture: bool,
    /// Measure instead how long a conversation's second turn waits for its first token, beside the
    /// first one: a question of -p tokens, an answer of -n, and a short question.
    #[arg(long, conflicts_with_all = ["capture", "context_tokens"])]
    pub(crate) second_turn: bool,
    /// The seed of random tokens and weights.
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
    /// Print one JSON object a case.
    #[arg(long)]
    pub(crate) json: bool,
    /// Only predict the memory that this would need; exit code 3 if that is more than the limit.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// `convert`.
#[derive(Debug, Args)]
pub(crate) struct ConvertArgs {
    /// The model folder to read.
    #[arg(value_name = "IN")]
    pub(crate) input: PathBuf,
    /// The folder to write; new or empty.
    #[arg(value_name = "OUT")]
    pub(crate) output: PathBuf,
    /// What to pack, as for `generate`: 8, 4, or such as experts=mxfp4,rest=8 [default: nothing].
    #[arg(long, value_name = "SPEC")]
    pub(crate) quantize: Option<QuantizeSpec>,
}

/// `doctor`.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `print-config`.
#[derive(Debug, Args)]
pub(crate) struct PrintConfigArgs {
    /// Print one JSON object a value.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `completions`.
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell.
    pub(crate) shell: Shell,
}

#[cfg(test)]
mod tests;
