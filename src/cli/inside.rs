//! What `lens` and `attention` share: the prompt up to the token, the cost, the look itself.

use gptoss::GptOss;
use gptoss::generate::{InspectLimits, InspectOptions, InspectSizes, Inspection};
use gptoss::intervention::RoutingPlan;

use super::args::LookArgs;
use super::exit::CliError;
use super::predict::Prediction;
use super::prompt::Prompt;
use super::{interrupt, model, progress};

/// Prompts above this many tokens get a bar.
const BAR_FROM_TOKENS: usize = 512;

/// The sequence up to the token to look at.
#[derive(Debug)]
pub(crate) struct Sequence {
    ids: Vec<u32>,
    /// The token after it in the prompt, if it has one.
    pub(crate) next: Option<u32>,
}

impl Sequence {
    /// Reads the prompt and cuts it after the position asked for.
    pub(crate) fn read(args: &LookArgs) -> Result<Self, CliError> {
        let mut ids = Prompt::read(&args.model.source(), &args.prompt)?.ids;
        let Some(position) = args.position else {
            return Ok(Self { ids, next: None });
        };
        if position >= ids.len() {
            return Err(CliError::usage(format!(
                "--position {position} is beyond the prompt's {} tokens, which count from 0",
                ids.len()
            )));
        }
        let next = ids.get(position + 1).copied();
        ids.truncate(position + 1);
        Ok(Self { ids, next })
    }

    /// Looks at the last token; `None` after a dry run, which has printed what it had to.
    pub(crate) fn look(
        &self,
        args: &LookArgs,
        options: &InspectOptions,
    ) -> Result<Option<(GptOss, Inspection)>, CliError> {
        if args.dry_run {
            self.dry_run(args, options)?;
            return Ok(None);
        }
        let model = model::load(&args.model, &args.limits)?;
        let limits = InspectLimits {
            prefill_chunk_tokens: args.limits.prefill_chunk_tokens(),
            kv_precision: args.limits.kv_precision(),
            memory_limit_bytes: args.limits.memory_limit_bytes(),
            held_bytes: 0,
        };
        let total = self.ids.len() as u64;
        let bar = (self.ids.len() > BAR_FROM_TOKENS)
            .then(|| progress::bar("reading the prompt", total, progress::Unit::Items));
        let found = model.inspect_with(&self.ids, options, limits, &mut |done, total| {
            if let Some(bar) = &bar {
                bar.set(done as u64, total as u64);
            }
            !interrupt::requested()
        })?;
        drop(bar);
        Ok(Some((model, found)))
    }

    fn dry_run(&self, args: &LookArgs, options: &InspectOptions) -> Result<(), CliError> {
        let checkpoint = gptoss::open(&args.model.source())?;
        let sizes = InspectSizes::of(checkpoint.config());
        options.check(sizes).map_err(CliError::usage)?;
        let shape = checkpoint.config().router_shape();
        RoutingPlan::new(&options.interventions, None, &shape).map_err(CliError::usage)?;
        let unembeddings = options.lens_layers(sizes.num_layers).len();
        Prediction::of_checkpoint(&checkpoint, args.model.options(), &args.limits)?
            .dry_run_inspection(self.ids.len(), unembeddings, args.json)
    }
}

/// The line above a table: which token of which model, and the rules in force.
pub(crate) fn heading(model: &GptOss, found: &Inspection) -> String {
    let changed = if found.interventions.is_empty() {
        String::new()
    } else {
        format!(", experts changed: {}", found.interventions)
    };
    format!(
        "{}, position {}, token {} {:?}{changed}",
        model.loaded().name,
        found.position,
        found.token,
        model.token_text(found.token)
    )
}
