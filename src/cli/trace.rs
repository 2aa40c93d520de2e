//! `trace`: what every token's routers chose, as a file.

use gptoss::generate::{
    CachedPositions, GeneratedToken, PositionRecord, RecordOptions, TokenRouting,
};
use gptoss::intervention::NO_EXPERT;
use gptoss::trace_file::{TraceData, TraceMetadata, TraceShape};
use gptoss::{GenerateOptions, GptOss, TokenGenerator};
use serde_json::{Value, json};

use super::args::TraceArgs;
use super::exit::CliError;
use super::prompt::Prompt;
use super::{drive, interrupt, model, output, writable};

/// Generated after prompts of text, unless told otherwise.
const MAX_TOKENS: usize = 256;

/// Writes the trace.
pub(crate) fn run(args: &TraceArgs) -> Result<(), CliError> {
    let mut sampling = args.sampling.params()?;
    writable::check_file(&args.output)?;
    let prompt = Prompt::read(&args.model.source(), &args.prompt)?;
    prompt.complete(&mut sampling);
    let model = model::load(&args.model, &args.limits)?;
    let default_tokens = if prompt.is_ids() { 0 } else { MAX_TOKENS };
    let options = GenerateOptions {
        max_tokens: Some(args.max_tokens.unwrap_or(default_tokens)),
        sampling,
        interventions: args.experts.interventions(),
        stop_tokens: prompt.stop_tokens(model.config(), args.eos),
        record: RecordOptions {
            routing: true,
            router_logits: args.router_logits,
            logits: args.logits,
            ..RecordOptions::default()
        },
        cached_positions: CachedPositions::Recompute,
        prefill_chunk_tokens: args.limits.prefill_chunk as usize,
        kv_precision: args.limits.kv_precision(),
        memory_limit_bytes: args.limits.memory_limit_bytes(),
        ..GenerateOptions::default()
    };
    let settings = settings(args, &options, &model);
    let mut generator = model.generate(&prompt.ids, options)?;
    let records = record(&mut generator)?;
    let trace = Arrays::collect(&model, generator.tokens(), &records)?;
    let metadata = TraceMetadata {
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
        model_name: model.loaded().name.clone(),
        weights_digest: gptoss::open(&args.model.source())?.weights_digest(),
        settings,
        prompt_tokens: prompt.ids.len(),
    };
    interrupt::check()?;
    let _guard = interrupt::Uninterruptible::begin();
    trace.data().write(&args.output, &metadata)?;
    output::note(&format!(
        "wrote {}: {} tokens, of which {} are the prompt's",
        args.output.display(),
        trace.tokens.len(),
        prompt.ids.len()
    ));
    Ok(())
}

/// Generates, and returns one record a token, the prompt's included.
pub(super) fn record(generator: &mut TokenGenerator<'_>) -> Result<Vec<PositionRecord>, CliError> {
    drive::prefill(generator)?;
    let mut records = generator.prompt_records().to_vec();
    let mut is_first = true;
    while let Some(GeneratedToken { predicted_from, .. }) = drive::next(generator)? {
        // What predicted the first token is the prompt's last position, which is there already.
        if !std::mem::take(&mut is_first) {
            records.extend(predicted_from);
        }
    }
    records.extend(generator.record_of_last_token()?);
    Ok(records)
}

fn settings(args: &TraceArgs, options: &GenerateOptions, model: &GptOss) -> Value {
    json!({
        "sampling": options.sampling,
        "interventions": options.interventions,
        "max_tokens": options.max_tokens,
        "stop_tokens": options.stop_tokens,
        "prefill_chunk_tokens": options.prefill_chunk_tokens,
        "kv_bits": args.limits.kv_bits.as_ref().map(|_| 8),
        "device": model.loaded().device.name(),
        "dtype": model.loaded().dtype_name(),
        "layout": model.loaded().layout.map(gptoss::checkpoint::Layout::as_str),
        "raw": args.prompt.raw,
    })
}

/// The trace's arrays, row by row.
#[derive(Debug)]
struct Arrays {
    shape: TraceShape,
    tokens: Vec<i32>,
    experts: Vec<i32>,
    expert_weights: Vec<f32>,
    logits: Option<Vec<f32>>,
    router_logits: Option<Vec<f32>>,
}

impl Arrays {
    fn collect(
        model: &GptOss,
        tokens: &[u32],
        records: &[PositionRecord],
    ) -> Result<Self, CliError> {
        let config = model.config();
        if records.len() != tokens.len() {
            return Err(CliError::failed(format!(
                "{} tokens have {} records; please report this",
                tokens.len(),
                records.len()
            )));
        }
        let routing = || records.iter().filter_map(|record| record.routing.as_ref());
        // Rules can make it another number than the model's; it is the same for all tokens.
        let width = routing().next().map(TokenRouting::num_experts_per_tok);
        let id = |expert: &u16| match *expert {
            NO_EXPERT => -1,
            expert => i32::from(expert),
        };
        Ok(Self {
            shape: TraceShape {
                num_tokens: tokens.len(),
                num_layers: config.num_hidden_layers,
                num_experts_per_tok: width.unwrap_or(config.num_experts_per_tok),
            },
            tokens: tokens.iter().map(|&id| id as i32).collect(),
            experts: routing()
                .flat_map(|routing| routing.experts().iter().map(id))
                .collect(),
            expert_weights: routing()
                .flat_map(|routing| routing.weights().iter().copied())
                .collect(),
            logits: joined(records, |record| record.logits.as_deref()),
            router_logits: joined(records, |record| record.router_logits.as_deref()),
        })
    }

    fn data(&self) -> TraceData<'_> {
        TraceData {
            shape: self.shape,
            tokens: &self.tokens,
            experts: &self.experts,
            expert_weights: &self.expert_weights,
            logits: self.logits.as_deref(),
            router_logits: self.router_logits.as_deref(),
        }
    }
}

/// All rows of an array one after the other, if every record has one.
fn joined<'a>(
    records: &'a [PositionRecord],
    row: impl Fn(&'a PositionRecord) -> Option<&'a [f32]>,
) -> Option<Vec<f32>> {
    let rows: Option<Vec<&[f32]>> = records.iter().map(row).collect();
    rows.map(|rows| rows.concat())
}
