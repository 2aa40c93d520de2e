//! What `profile` takes.

use std::path::{Path, PathBuf};

use clap::Args;

use super::{FramingArgs, InterventionArgs, LimitArgs, ModelArgs};

/// `profile`.
#[derive(Debug, Args)]
pub(crate) struct ProfileArgs {
    /// The prompts, a JSON object a line: {"domain": "...", "prompt": "..."} or with "messages".
    #[arg(value_name = "FILE.jsonl")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    #[command(flatten)]
    pub(crate) framing: FramingArgs,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
    #[command(flatten)]
    pub(crate) experts: InterventionArgs,
    /// Most tokens to generate after each prompt, the likeliest each time.
    #[arg(short = 'n', long, value_name = "N", default_value_t = 0)]
    pub(crate) max_tokens: usize,
    /// Tell also how alike the routing of TEXT is to each domain's; `-` reads it from stdin.
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub(crate) compare: Option<String>,
    /// Specialists listed for each domain; JSON holds all.
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) top: usize,
    /// How many times more often than an average domain a specialist's domain chooses it, in both
    /// halves of its prompts.
    #[arg(long, value_name = "LIFT", default_value_t = 1.5)]
    pub(crate) min_lift: f64,
    /// Divides each domain's prompts in halves.
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    pub(crate) seed: u64,
    /// Write everything as JSON.
    #[arg(short, long, value_name = "OUT.json")]
    pub(crate) output: Option<PathBuf>,
    /// Draw tables and a map of each domain.
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
    /// The same as a page with all numbers.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Print one JSON object instead of tables.
    #[arg(long)]
    pub(crate) json: bool,
}

impl ProfileArgs {
    /// The files to write.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Path> {
        let files = [&self.output, &self.svg, &self.html];
        files.into_iter().flatten().map(PathBuf::as_path)
    }
}
