//! `--force-routing`: a run under the experts that another run was recorded with.

use std::sync::Arc;

use gptoss::GptOss;
use gptoss::intervention::ForcedRouting;
use gptoss::trace_file::{TraceFile, TraceShape};

use super::args::ForceArgs;
use super::diff::name;
use super::exit::CliError;
use super::output;

/// The recorded run.
#[derive(Debug)]
pub(crate) struct Forced {
    name: String,
    trace: TraceFile,
}

impl Forced {
    /// Opens the trace that the command line names, if it does.
    pub(crate) fn open(args: &ForceArgs) -> Result<Option<Self>, CliError> {
        let Some(path) = &args.force_routing else {
            return Ok(None);
        };
        let trace = TraceFile::open(path)?;
        let name = name(path);
        if trace.routing_log().is_empty() {
            return Err(CliError::usage(format!(
                "{name} holds no routing to follow"
            )));
        }
        Ok(Some(Self { name, trace }))
    }

    /// Refuses a trace of another model, then gives its choices.
    pub(crate) fn routing(
        &self,
        model: &GptOss,
        weights_digest: &str,
    ) -> Result<Arc<ForcedRouting>, CliError> {
        let config = model.config();
        let shape = TraceShape {
            num_layers: config.num_hidden_layers,
            num_local_experts: config.num_local_experts,
            num_experts_per_tok: config.num_experts_per_tok,
            vocab_size: config.vocab_size,
        };
        let routing = self
            .trace
            .forced_routing(&self.name, &shape, weights_digest)
            .map_err(CliError::usage)?;
        Ok(Arc::new(routing))
    }

    /// What changed the choice, for the trace of the run.
    pub(crate) fn rule(&self) -> String {
        format!("routing of {}", self.name)
    }

    /// Tells where the run left the recorded one.
    pub(crate) fn tell(&self, model: &GptOss, ids: &[u32]) {
        let recorded = self.trace.ids();
        let common = ids
            .iter()
            .zip(&recorded)
            .take_while(|(a, b)| a == b)
            .count();
        let token = |ids: &[u32]| match ids.get(common) {
            Some(id) => format!("{:?}", model.token_text(*id)),
            None => "the end".to_owned(),
        };
        output::note(&if common == ids.len() && common == recorded.len() {
            format!("the same {common} tokens as in {}", self.name)
        } else {
            format!(
                "the text parts from {} at token {common}: {} there, {} here",
                self.name,
                token(&recorded),
                token(ids)
            )
        });
    }
}
