//! Shows an answer while it comes: as text, or as one JSON object a line.

use std::io::IsTerminal;
use std::ops::ControlFlow;

use gptoss::GptOss;
use gptoss::generate::{FinishReason, GeneratedToken, GenerationStats};
use gptoss::tokenizer::StopStrings;
use serde_json::{Map, Value, json};

use super::decode::{Decoder, Part, Piece};
use super::exit::CliError;
use super::output;

/// How an answer is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// The final message; analysis aside, for people who watch.
    Text,
    /// All channels under their names.
    LabelledText,
    /// Events.
    Json,
}

/// An answer in the making.
#[derive(Debug)]
pub(crate) struct Answer {
    decoder: Decoder,
    stops: StopStrings,
    format: Format,
    ids: Vec<u32>,
    text: String,
    analysis: String,
    /// What was shown last.
    shown: Option<Part>,
}

impl Answer {
    /// An empty answer that ends where one of `stops` appears.
    pub(crate) fn new(
        decoder: Decoder,
        stops: &[String],
        format: Format,
    ) -> Result<Self, CliError> {
        if !stops.is_empty() && !decoder.has_text() {
            return Err(CliError::usage(
                "--stop needs a tokenizer, and the model has none",
            ));
        }
        Ok(Self {
            decoder,
            stops: StopStrings::new(stops.iter().cloned())?,
            format,
            ids: Vec::new(),
            text: String::new(),
            analysis: String::new(),
            shown: None,
        })
    }

    /// The tokens so far.
    pub(crate) fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// Says what answers what.
    pub(crate) fn start(&self, model: &GptOss, prompt_tokens: usize) -> Result<(), CliError> {
        if self.format != Format::Json {
            return Ok(());
        }
        let event = json!({
            "event": "start",
            "model": model.loaded().name,
            "device": model.loaded().device.name(),
            "prompt_tokens": prompt_tokens,
        });
        output::line(&event.to_string())
    }

    /// Takes the next token; breaks where a stop string was found.
    pub(crate) fn token(&mut self, token: &GeneratedToken) -> Result<ControlFlow<()>, CliError> {
        self.ids.push(token.id);
        let decoded = self.decoder.push(token.id);
        let (pieces, flow) = self.until_stop(decoded);
        match self.format {
            Format::Json => output::line(&self.event(token, &pieces).to_string())?,
            _ if !self.decoder.has_text() => {
                let comma = if self.ids.len() > 1 { "," } else { "" };
                output::text(&format!("{comma}{}", token.id))?;
            }
            _ => self.show(&pieces)?,
        }
        output::flush()?;
        Ok(flow)
    }

    /// Keeps back what may become a stop string, and counts the rest as said.
    fn until_stop(&mut self, decoded: Vec<Piece>) -> (Vec<Piece>, ControlFlow<()>) {
        let mut pieces = Vec::new();
        for mut piece in decoded {
            let mut flow = ControlFlow::Continue(());
            match &piece.part {
                Part::Answer => {
                    let step = self.stops.push(&piece.text);
                    if step.matched.is_some() {
                        flow = ControlFlow::Break(());
                    }
                    piece.text = step.text;
                    self.text.push_str(&piece.text);
                }
                Part::Channel(_) => self.analysis.push_str(&piece.text),
                Part::Fault => {}
            }
            if !piece.text.is_empty() {
                pieces.push(piece);
            }
            if flow.is_break() {
                return (pieces, flow);
            }
        }
        (pieces, ControlFlow::Continue(()))
    }

    fn show(&mut self, pieces: &[Piece]) -> Result<(), CliError> {
        for piece in pieces {
            let is_new = self.shown.as_ref() != Some(&piece.part);
            let is_labelled = self.format == Format::LabelledText && self.decoder.has_channels();
            if is_labelled {
                if is_new {
                    let gap = if self.shown.is_some() { "\n\n" } else { "" };
                    output::text(&format!("{gap}[{}]\n", piece.part.name()))?;
                }
                output::text(&piece.text)?;
            } else if piece.part == Part::Answer {
                if is_new && self.shown.is_some() && is_watched() {
                    output::aside("\n\n");
                }
                output::text(&piece.text)?;
            } else if is_watched() {
                output::aside(&piece.text);
            }
            self.shown = Some(piece.part.clone());
        }
        Ok(())
    }

    fn event(&self, token: &GeneratedToken, pieces: &[Piece]) -> Value {
        let mut event = Map::new();
        event.insert("event".to_owned(), json!("token"));
        event.insert("index".to_owned(), json!(self.ids.len() - 1));
        event.insert("id".to_owned(), json!(token.id));
        if self.decoder.has_text() {
            let text: String = pieces.iter().map(|piece| piece.text.as_str()).collect();
            event.insert("text".to_owned(), json!(text));
        }
        if let (true, Some(piece)) = (self.decoder.has_channels(), pieces.last()) {
            event.insert("channel".to_owned(), json!(piece.part.name()));
        }
        if let Some(logprob) = token.logprob {
            let top: Vec<Value> = token
                .top_logprobs
                .iter()
                .map(|(id, logprob)| json!({ "id": id, "logprob": logprob }))
                .collect();
            event.insert("logprob".to_owned(), json!(logprob));
            event.insert("top_logprobs".to_owned(), json!(top));
        }
        Value::Object(event)
    }

    /// Ends the answer.
    pub(crate) fn finish(
        &mut self,
        reason: FinishReason,
        stats: GenerationStats,
    ) -> Result<(), CliError> {
        let decoded = self.decoder.finish();
        let (mut pieces, _) = self.until_stop(decoded);
        let held = self.stops.finish();
        if !held.is_empty() {
            self.text.push_str(&held);
            pieces.push(Piece {
                part: Part::Answer,
                text: held,
            });
        }
        if self.format == Format::Json {
            return output::line(&self.last_event(reason, stats).to_string());
        }
        self.show(&pieces)?;
        output::line("")?;
        if self.text.is_empty() && self.decoder.has_channels() {
            match reason {
                FinishReason::Length => output::note(
                    "hint: the answer ended before its final message; raise --max-tokens",
                ),
                _ => output::note(
                    "warning: the model ended without a final message; --show-analysis tells what it wrote",
                ),
            }
        }
        Ok(())
    }

    fn last_event(&self, reason: FinishReason, stats: GenerationStats) -> Value {
        let has_text = self.decoder.has_text();
        let has_channels = self.decoder.has_channels();
        json!({
            "event": "end",
            "finish_reason": reason,
            "ids": self.ids,
            "text": has_text.then_some(&self.text),
            "analysis": has_channels.then_some(&self.analysis),
            "stats": stats,
        })
    }
}

/// Whether a person sees what goes to stderr.
fn is_watched() -> bool {
    std::io::stderr().is_terminal()
}
