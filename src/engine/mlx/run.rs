//! A generation in progress, and its tokens in the protocol's form.

use std::time::{Duration, Instant};

use super::prompt::Answer;
use crate::engine::protocol::{TokenEvent, TopLogprob};
use crate::generate::{GeneratedToken, Generation};
use crate::gptoss::GptOss;
use crate::harmony::HarmonyEvent;
use crate::tokenizer::{StopStrings, TextStream};

/// The generation in progress.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) generation: Generation,
    /// Set where the prompt was a conversation.
    pub(super) answer: Option<Answer>,
    text: TextStream,
    stop: StopStrings,
    generated_tokens: usize,
    stopped: bool,
    capture_time: Duration,
}

impl Run {
    /// A run of which nothing is known yet; one that `is_over` yields no token.
    pub(super) fn new(
        generation: Generation,
        answer: Option<Answer>,
        stop: StopStrings,
        is_over: bool,
    ) -> Self {
        Self {
            generation,
            answer,
            text: TextStream::new(),
            stop,
            generated_tokens: 0,
            stopped: is_over,
            capture_time: Duration::ZERO,
        }
    }

    /// Whether a stop string was met, or the answer began with its end.
    pub(super) fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// The host's time spent on recording.
    pub(super) fn capture_time(&self) -> Duration {
        self.generation.capture_time() + self.capture_time
    }

    /// The token as the protocol has it; a stop string ends the run.
    pub(super) fn token_event(&mut self, model: &GptOss, token: GeneratedToken) -> TokenEvent {
        let index = self.generated_tokens;
        self.generated_tokens += 1;
        let (text, harmony) = if self.answer.is_some() {
            self.conversation_text(model, token.id)
        } else {
            (self.plain_text(model, token.id), Vec::new())
        };
        let recording = Instant::now();
        let alternatives = token.top_logprobs.into_iter();
        let top_logprobs = alternatives
            .map(|(id, logprob)| TopLogprob {
                id,
                text: model.token_text(id),
                logprob,
            })
            .collect();
        self.capture_time += recording.elapsed();
        TokenEvent {
            index,
            id: token.id,
            text,
            logprob: token.logprob,
            top_logprobs,
            entropy: token.entropy,
            chain: token.chain,
            routing: token.predicted_from.and_then(|record| record.routing),
            harmony,
        }
    }

    /// Text without control tokens, cut off at a stop string.
    fn plain_text(&mut self, model: &GptOss, id: u32) -> String {
        let step = self.stop.push(&self.text.push(&model.token_bytes(id)));
        let mut text = step.text;
        if step.matched.is_some() {
            self.stopped = true;
        } else if self.is_over() {
            text.push_str(&self.stop.push(&self.text.finish()).text);
            text.push_str(&self.stop.finish());
        }
        text
    }

    /// The token's own text, control tokens spelled, and what it means. Stop strings are looked for
    /// in the final message and cut nothing off: every token is told.
    fn conversation_text(&mut self, model: &GptOss, id: u32) -> (String, Vec<HarmonyEvent>) {
        let mut text = self.text.push(&model.spelled_bytes(id));
        if self.is_over() {
            text.push_str(&self.text.finish());
        }
        let Some(answer) = &mut self.answer else {
            return (text, Vec::new());
        };
        let was_in_final = answer.is_in_final();
        let events = answer.push(id);
        if was_in_final {
            for event in &events {
                if let HarmonyEvent::Text { delta, .. } = event {
                    self.stopped |= self.stop.push(delta).matched.is_some();
                }
            }
        }
        (text, events)
    }

    fn is_over(&self) -> bool {
        self.generation.finish_reason().is_some()
    }
}
