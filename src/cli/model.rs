//! Loads the model that the command line names, with a bar and within the memory limit.

use std::path::Path;

use gptoss::generate::MemoryModel;
use gptoss::{GptOss, ModelSource, PretrainedOptions};

use super::args::{LimitArgs, ModelArgs};
use super::exit::CliError;
use super::predict::Prediction;
use super::{interrupt, progress};

/// Where the model comes from.
pub(crate) fn source(model: Option<&Path>) -> ModelSource {
    match model {
        Some(dir) => ModelSource::Directory(dir.to_owned()),
        None => ModelSource::Demo,
    }
}

impl ModelArgs {
    /// Where the model comes from.
    pub(crate) fn source(&self) -> ModelSource {
        source(self.model.as_deref())
    }

    /// A fingerprint of its weights.
    pub(crate) fn weights_digest(&self) -> Result<String, CliError> {
        Ok(gptoss::open(&self.source())?.weights_digest())
    }

    /// How it is loaded.
    pub(crate) fn options(&self) -> PretrainedOptions {
        PretrainedOptions {
            dtype: self.dtype.map(super::args::DtypeArg::dtype),
            quantize: self.quantize.map(|spec| spec.0).unwrap_or_default(),
            cpu_threads: self.threads,
        }
    }
}

/// Loads the model, unless its weights alone would pass the memory limit.
pub(crate) fn load(args: &ModelArgs, limits: &LimitArgs) -> Result<GptOss, CliError> {
    let source = args.source();
    Prediction::of_checkpoint(&gptoss::open(&source)?, args.options(), limits)?.check_weights()?;
    interrupt::check()?;
    let bar = progress::bar("loading", 1, progress::Unit::Bytes);
    let model = GptOss::load(&source, args.options(), &mut |done, total| {
        bar.set(done, total);
        !interrupt::requested()
    })?;
    drop(bar);
    interrupt::check()?;
    tracing::info!(model = %model.loaded().name, seconds = model.loaded().load_seconds, "loaded");
    Ok(model)
}

/// How many tokens can follow `prompt_tokens` within the memory limit, if there is one.
pub(crate) fn fitting_tokens(
    model: &GptOss,
    limits: &LimitArgs,
    prompt_tokens: usize,
) -> Option<usize> {
    let limit_bytes = limits
        .memory_limit_bytes()
        .or(model.default_memory_limit_bytes())?;
    let chunk_tokens = limits.prefill_chunk_tokens();
    let memory = MemoryModel::new(model.model(), limits.kv_precision(), chunk_tokens);
    let fitting = memory.largest_context_tokens(limit_bytes);
    // A prompt that does not fit at all is refused with the numbers when it is taken up.
    Some(fitting.saturating_sub(prompt_tokens).max(1))
}
