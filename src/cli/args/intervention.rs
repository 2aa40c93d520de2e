//! How the experts' choice is changed.

use clap::Args;
use gptoss::intervention::{Interventions, Rule};

/// Rules for the experts, one a flag.
#[derive(Debug, Args)]
#[command(next_help_heading = "Experts")]
pub(crate) struct InterventionArgs {
    /// Change which experts are chosen; may be given several times. Rules are "mask 5:12" (layer
    /// and expert; * and 2-4 are layers, too), "force 5:12", "bias 5:12 -1.5", "zero 5:12",
    /// "swap 5:12 3", "top-k 2", "top-k 5 1", "temperature 0.7", "noise 0.5 42".
    #[arg(long = "rule", value_name = "RULE")]
    rules: Vec<Rule>,
}

impl InterventionArgs {
    /// The rules, a later one in place of an earlier one about the same.
    pub(crate) fn interventions(&self) -> Interventions {
        self.rules.iter().copied().collect()
    }
}
