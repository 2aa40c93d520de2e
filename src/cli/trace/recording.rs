//! Hands a run's positions to the trace file's recorder.

use std::path::Path;
use std::sync::Arc;

use gptoss::analytics::Span;
use gptoss::generate::RecordOptions;
use gptoss::harmony::Channel;
use gptoss::tokenizer::Tokenizer;
use gptoss::trace_file::{TraceHeader, TraceRecorder, TraceRow, TraceShape, TraceToken};
use gptoss::{GenerateOptions, GptOss};
use serde_json::{Value, json};

use super::super::decode::{Decoder, Part};
use super::super::exit::CliError;
use super::super::force::Forced;
use super::super::writable::Existing;
use super::Position;

/// A trace file in the making.
pub(in crate::cli) struct Recording<'a> {
    path: &'a Path,
    existing: Existing,
    header: TraceHeader,
    model: &'a GptOss,
    /// Tells the channels of generated tokens.
    decoder: Decoder,
    /// What was asked for; some positions have more.
    wanted: RecordOptions,
    /// There from the first position on.
    recorder: Option<TraceRecorder>,
}

impl<'a> Recording<'a> {
    /// A recording that is to become the file `path`.
    pub(in crate::cli) fn new(
        (path, existing): (&'a Path, Existing),
        header: TraceHeader,
        model: &'a GptOss,
        decoder: Decoder,
        wanted: RecordOptions,
    ) -> Self {
        Self {
            path,
            existing,
            header,
            model,
            decoder,
            wanted,
            recorder: None,
        }
    }

    /// Appends a position.
    pub(in crate::cli) fn push(&mut self, position: Position) -> Result<(), CliError> {
        let Position {
            is_prompt,
            token,
            record,
        } = position;
        let span = if is_prompt {
            Span::Prompt
        } else {
            span(&mut self.decoder, token.id)
        };
        let recorder = match &mut self.recorder {
            Some(recorder) => recorder,
            none => {
                // Rules can make it another number than the model's; it is the same for all tokens.
                let routing = record.routing.as_ref();
                let width = routing.map(gptoss::generate::TokenRouting::num_experts_per_tok);
                let shape = &mut self.header.shape;
                shape.num_experts_per_tok = width.unwrap_or(shape.num_experts_per_tok);
                none.insert(TraceRecorder::create(self.path, self.header.clone())?)
            }
        };
        recorder.append(&[TraceRow {
            token: TraceToken {
                id: token.id,
                text: self.model.token_text(token.id),
                span,
                routing: record.routing.map(Arc::new),
                logprob: token.logprob,
                top_logprobs: token.top_logprobs,
            },
            router_logits: record.router_logits.filter(|_| self.wanted.router_logits),
            logits: record.logits.filter(|_| self.wanted.logits),
        }])?;
        Ok(())
    }

    /// Makes it the finished file.
    pub(in crate::cli) fn finish(self) -> Result<(), CliError> {
        match (self.recorder, self.existing) {
            (Some(recorder), Existing::Keep) => Ok(recorder.finish_new()?),
            (Some(recorder), Existing::Replace) => Ok(recorder.finish()?),
            (None, _) => Err(CliError::failed("there is nothing to record")),
        }
    }

    /// Leaves nothing behind.
    pub(in crate::cli) fn discard(self) {
        if let Some(recorder) = self.recorder {
            recorder.discard();
        }
    }
}

/// The channel that a generated token's text belongs to.
fn span(decoder: &mut Decoder, id: u32) -> Span {
    let has_channels = decoder.has_channels();
    match decoder.push(id).last().map(|piece| &piece.part) {
        Some(Part::Answer) if has_channels => Span::Final,
        Some(Part::Channel(Channel::Analysis)) => Span::Analysis,
        Some(Part::Channel(_)) => Span::Commentary,
        _ => Span::Other,
    }
}

/// Where the run comes from.
pub(in crate::cli) fn header(
    model: &GptOss,
    weights_digest: String,
    options: &GenerateOptions,
    settings: Value,
    forced: Option<&Forced>,
) -> TraceHeader {
    let mut interventions = json!(options.interventions);
    if let (Some(forced), Some(rules)) = (forced, interventions.as_array_mut()) {
        rules.push(forced.rule().into());
    }
    let config = model.config();
    let digest = model.tokenizer().map(Tokenizer::digest);
    // Without a tokenizer there are only ids.
    let digest = digest.unwrap_or_default();
    TraceHeader {
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
        recorded_at: jiff::Timestamp::now().strftime("%FT%TZ").to_string(),
        model_name: model.loaded().name.clone(),
        weights_digest,
        tokenizer_digest: digest,
        settings,
        interventions,
        shape: TraceShape {
            num_layers: config.num_hidden_layers,
            num_local_experts: config.num_local_experts,
            num_experts_per_tok: config.num_experts_per_tok,
            vocab_size: config.vocab_size,
        },
    }
}
