//! What can be done with recorded traces.

use std::path::PathBuf;

use clap::Args;

/// `diff`.
#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    /// The first trace.
    #[arg(value_name = "A")]
    pub(crate) a: PathBuf,
    /// The second trace.
    #[arg(value_name = "B")]
    pub(crate) b: PathBuf,
    /// Experts and tokens listed; JSON holds all.
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) top: usize,
    /// Draw a map of the changes, the layers' distances and the tokens' agreement.
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
    /// The same as a page with all numbers.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Print one JSON object instead of tables.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `recover`.
#[derive(Debug, Args)]
pub(crate) struct RecoverArgs {
    /// What a recording that was cut off left behind.
    #[arg(value_name = "FILE.part", required = true)]
    pub(crate) journals: Vec<PathBuf>,
}

/// Following a recorded run.
#[derive(Debug, Args)]
#[command(next_help_heading = "Experts")]
pub(crate) struct ForceArgs {
    /// Choose the experts that the trace FILE has at each position, whatever the routers say.
    #[arg(long = "force-routing", value_name = "FILE", conflicts_with = "rules")]
    pub(crate) force_routing: Option<PathBuf>,
}
