//! Shows an answer while it comes: as text, or as one JSON object a line.

use std::ops::ControlFlow;

use gptoss::GptOss;
use gptoss::generate::{FinishReason, GeneratedToken, GenerationStats};
use serde_json::{Map, Value, json};

use crate::cli::args::GenerateArgs;
use crate::cli::decode::Decoder;
use crate::cli::exit::CliError;
use crate::cli::output;
use crate::cli::prompt::Prompt;

/// An answer and how it is shown.
#[derive(Debug)]
pub(super) struct Answer {
    decoder: Decoder,
    as_json: bool,
    ids: Vec<u32>,
}

impl Answer {
    /// An empty answer.
    pub(super) fn new(args: &GenerateArgs, prompt: &Prompt) -> Result<Self, CliError> {
        Ok(Self {
            decoder: prompt.decoder(),
            as_json: args.json,
            ids: Vec::new(),
        })
    }

    /// Says what answers what.
    pub(super) fn start(&mut self, model: &GptOss, prompt: &Prompt) -> Result<(), CliError> {
        if !self.as_json {
            return Ok(());
        }
        let event = json!({
            "event": "start",
            "model": model.loaded().name,
            "device": model.loaded().device.name(),
            "prompt_tokens": prompt.ids.len(),
        });
        output::line(&event.to_string())
    }

    /// Takes the next token; breaks where a stop string was found.
    pub(super) fn token(&mut self, token: &GeneratedToken) -> Result<ControlFlow<()>, CliError> {
        self.ids.push(token.id);
        let _pieces = self.decoder.push(token.id);
        if self.as_json {
            output::line(&self.token_event(token).to_string())?;
        } else if !self.decoder.has_text() {
            let comma = if self.ids.len() > 1 { "," } else { "" };
            output::text(&format!("{comma}{}", token.id))?;
        }
        output::flush()?;
        Ok(ControlFlow::Continue(()))
    }

    fn token_event(&self, token: &GeneratedToken) -> Value {
        let mut event = Map::new();
        event.insert("event".to_owned(), json!("token"));
        event.insert("index".to_owned(), json!(self.ids.len() - 1));
        event.insert("id".to_owned(), json!(token.id));
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
    pub(super) fn finish(
        &mut self,
        reason: FinishReason,
        stats: GenerationStats,
    ) -> Result<(), CliError> {
        let _pieces = self.decoder.finish();
        if !self.as_json {
            return output::line("");
        }
        let event = json!({
            "event": "end",
            "finish_reason": reason,
            "ids": self.ids,
            "text": Value::Null,
            "stats": stats,
        });
        output::line(&event.to_string())
    }
}
