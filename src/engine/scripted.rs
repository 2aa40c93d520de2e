//! A backend that plays a script: recorded or written by hand, with faults where wanted.
//!
//! It is for tests, recordings and screenshots. Its figures follow the script's own clock, so that
//! two plays of a script look the same at any pace. It does not compute anything: the prompt's
//! content and the sampling parameters have no effect; maximum, stop tokens and recording have. An
//! answer to a conversation is parsed only as far as the script's own lines tell.
//!
//! Start at [`Script::from_json_lines`] and [`ScriptLine`].

mod gate;
mod script;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use self::script::Turn;
use super::backend::{Backend, PrefillChunk, PromptPrediction, PromptStart, Step, Usage};
use super::nominal;
use super::protocol::{
    AblateRequest, AblationReport, AnswerOpening, ErrorKind, ErrorReport, GenerateRequest,
    LoadProgress, LoadRequest, ModelSummary, Prompt, RecordOptions, TokenEvent,
};
use crate::generate::{AblationStage, FinishReason, SamplingParams};
use crate::harmony::HarmonyEvent;
use crate::intervention::Interventions;

pub use gate::Gate;
pub use script::{Script, ScriptError, ScriptLine};

/// How fast a script is played. Its figures are the recorded ones in any case.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pacing {
    /// As fast as possible.
    Immediate,
    /// With the recorded times divided by this factor, which must be above 0.
    Times(f64),
}

/// Plays a script; see the [module](self).
///
/// Each generation plays the next turn; after the last one the first comes again.
#[derive(Debug)]
pub struct ScriptedBackend {
    script: Arc<Script>,
    pacing: Pacing,
    gate: Option<Gate>,
    clock: Duration,
    next_turn: usize,
    run: Run,
}

/// The generation in progress.
#[derive(Debug, Default)]
struct Run {
    turn: Turn,
    next_line: usize,
    prompt_tokens: usize,
    done_tokens: usize,
    reused_tokens: usize,
    generated_tokens: usize,
    max_tokens: usize,
    stop_tokens: Vec<u32>,
    record: RecordOptions,
    stopped: bool,
    /// What the script says was open at its end.
    open_at_end: Vec<HarmonyEvent>,
}

impl ScriptedBackend {
    /// A backend that plays the script from its beginning.
    pub fn new(script: Arc<Script>, pacing: Pacing) -> Self {
        let (gate, clock, run) = (None, Duration::ZERO, Run::default());
        Self {
            script,
            pacing,
            gate,
            clock,
            next_turn: 0,
            run,
        }
    }

    /// The same backend, waiting at `gate` for each pause of the script.
    #[must_use]
    pub fn with_gate(mut self, gate: Gate) -> Self {
        self.gate = Some(gate);
        self
    }

    /// Plays lines that are neither tokens nor chunks; returns the next other line, not yet taken.
    fn next_line(&mut self) -> Result<Option<ScriptLine>, ErrorReport> {
        while let Some(line) = self.run.turn.lines.get(self.run.next_line).cloned() {
            if !self.play_fault(&line, ErrorKind::Generation)? {
                return Ok(Some(line));
            }
            self.run.next_line += 1;
        }
        Ok(None)
    }

    /// Plays a pause, an error or a panic; false for other lines.
    #[expect(
        clippy::panic,
        reason = "a script asks for a true panic, to show it contained"
    )]
    fn play_fault(&self, line: &ScriptLine, kind: ErrorKind) -> Result<bool, ErrorReport> {
        match line {
            ScriptLine::Pause => {
                if let Some(gate) = &self.gate {
                    gate.enter();
                }
                Ok(true)
            }
            ScriptLine::Error { message } => Err(ErrorReport::new(kind, message)),
            ScriptLine::Panic { message } => panic!("{message}"),
            _ => Ok(false),
        }
    }

    fn take_time(&mut self, ms: f64) {
        let span = Duration::try_from_secs_f64(ms / 1e3).unwrap_or_default();
        self.clock = self.clock.saturating_add(span);
        if let Pacing::Times(factor) = self.pacing {
            let seconds = span.as_secs_f64() / factor;
            std::thread::sleep(Duration::try_from_secs_f64(seconds).unwrap_or_default());
        }
    }

    fn play_token(&mut self, mut token: TokenEvent, ms: f64) -> Step {
        self.take_time(ms);
        let RecordOptions {
            top_logprobs,
            routing,
        } = self.run.record;
        token.logprob = token.logprob.filter(|_| top_logprobs.is_some());
        token
            .top_logprobs
            .truncate(top_logprobs.unwrap_or(0).into());
        token.routing = token.routing.filter(|_| routing);
        self.run.next_line += 1;
        self.run.generated_tokens += 1;
        self.run.stopped = self.run.stop_tokens.contains(&token.id);
        Step::Token(token)
    }
}

impl Backend for ScriptedBackend {
    fn load(
        &mut self,
        _: &LoadRequest,
        progress: &mut dyn FnMut(LoadProgress) -> ControlFlow<()>,
    ) -> Result<ModelSummary, ErrorReport> {
        let script = Arc::clone(&self.script);
        for line in &script.load {
            let broken = match line {
                ScriptLine::Loading(report) => progress(*report).is_break(),
                other => !self.play_fault(other, ErrorKind::Load)?,
            };
            if broken {
                return Err(ErrorReport::new(
                    ErrorKind::Cancelled,
                    "loading was given up",
                ));
            }
        }
        Ok(script.model.clone())
    }

    fn start(&mut self, request: &GenerateRequest) -> Result<PromptStart, ErrorReport> {
        let Some(turn) = self.script.turns.get(self.next_turn).cloned() else {
            return Err(ErrorReport::new(
                ErrorKind::Generation,
                "the script has no turn",
            ));
        };
        self.next_turn = (self.next_turn + 1) % self.script.turns.len();
        let (prompt_tokens, reused_tokens) = prompt_size(&turn, &request.prompt);
        let start = PromptStart {
            prompt_tokens,
            reused_tokens,
            prompt: turn.prompt.clone(),
            inserted: turn.inserted.clone(),
            opened: turn.opened.clone(),
        };
        self.run = Run {
            prompt_tokens,
            reused_tokens,
            done_tokens: reused_tokens,
            max_tokens: request.max_tokens.unwrap_or(usize::MAX),
            stop_tokens: request.stop.tokens.clone(),
            record: request.record,
            turn,
            ..Run::default()
        };
        Ok(start)
    }

    fn prefill(&mut self) -> Result<PrefillChunk, ErrorReport> {
        let mut chunk_routing = Vec::new();
        let left = self.run.prompt_tokens - self.run.done_tokens;
        let tokens = match self.next_line()? {
            Some(ScriptLine::Prefill {
                tokens,
                ms,
                routing,
            }) => {
                self.run.next_line += 1;
                self.take_time(ms);
                if self.run.record.routing {
                    chunk_routing = routing;
                }
                tokens.clamp(1, left)
            }
            _ => left,
        };
        self.run.done_tokens += tokens;
        Ok(PrefillChunk {
            done_tokens: self.run.done_tokens,
            routing: chunk_routing,
        })
    }

    fn step(&mut self) -> Result<Step, ErrorReport> {
        if self.run.stopped {
            return Ok(Step::Finished(FinishReason::Stop));
        }
        if self.run.generated_tokens >= self.run.max_tokens {
            return Ok(Step::Finished(FinishReason::Length));
        }
        // Chunks beyond the end of a shorter prompt than the recorded one are skipped.
        while let Some(ScriptLine::Prefill { .. }) = self.next_line()? {
            self.run.next_line += 1;
        }
        match self.next_line()? {
            Some(ScriptLine::Token {
                id,
                text,
                ms,
                logprob,
                top_logprobs,
                routing,
                harmony,
            }) => {
                let index = self.run.generated_tokens;
                let token = TokenEvent {
                    index,
                    id,
                    text,
                    logprob,
                    top_logprobs,
                    entropy: None,
                    chain: None,
                    routing,
                    harmony,
                };
                Ok(self.play_token(token, ms))
            }
            Some(ScriptLine::Finish { reason, harmony }) => {
                self.run.open_at_end = harmony;
                Ok(Step::Finished(reason))
            }
            _ => Ok(Step::Finished(FinishReason::Stop)),
        }
    }

    fn update_sampling(&mut self, _: &SamplingParams) -> Result<usize, ErrorReport> {
        Ok(self.run.generated_tokens)
    }

    fn ablate(
        &self,
        _: &AblateRequest,
        _: &mut dyn FnMut(AblationStage, usize, usize) -> ControlFlow<()>,
    ) -> Result<AblationReport, ErrorReport> {
        Err(ErrorReport::new(
            ErrorKind::InvalidRequest,
            "a script's experts cannot be changed",
        ))
    }

    fn update_interventions(&mut self, _: &Interventions) -> Result<usize, ErrorReport> {
        Err(ErrorReport::new(
            ErrorKind::InvalidRequest,
            "a script's experts cannot be changed",
        ))
    }

    fn update_recording(&mut self, record: RecordOptions) -> Result<(), ErrorReport> {
        self.run.record = record;
        Ok(())
    }

    fn end(&mut self) -> Vec<HarmonyEvent> {
        self.run.turn.lines.clear();
        std::mem::take(&mut self.run.open_at_end)
    }

    fn predict(&self, prompt: &Prompt) -> Result<PromptPrediction, ErrorReport> {
        let turn = self.script.turns.get(self.next_turn);
        let turn =
            turn.ok_or_else(|| ErrorReport::new(ErrorKind::Generation, "the script has no turn"))?;
        let (prompt_tokens, reused_tokens) = prompt_size(turn, prompt);
        let usage = nominal::usage(&self.script.model, prompt_tokens, reused_tokens);
        Ok(PromptPrediction {
            prompt_tokens,
            reused_tokens,
            peak_bytes: usage.memory.peak_bytes,
            limit_bytes: usage.memory.limit_bytes,
            largest_prompt_tokens: self.script.model.max_context_tokens,
        })
    }

    fn reset(&mut self) {
        self.next_turn = 0;
        self.run = Run::default();
    }

    fn usage(&self) -> Usage {
        // The latest token is not fed back yet.
        let fed_back = self.run.generated_tokens.saturating_sub(1);
        let tokens = self.run.done_tokens + fed_back;
        nominal::usage(&self.script.model, tokens, self.run.reused_tokens)
    }

    fn clock(&self) -> Option<Duration> {
        Some(self.clock)
    }
}

/// Tokens and reused tokens of a prompt, as the turn has them. A conversation that the script gives
/// no length counts the ids that it resumes: nothing here could render it.
fn prompt_size(turn: &Turn, prompt: &Prompt) -> (usize, usize) {
    let given = match prompt {
        Prompt::Tokens(ids) => ids.len(),
        Prompt::Conversation(prompt) => match &prompt.opening {
            AnswerOpening::Resume { ids }
            | AnswerOpening::AnswerNow { ids }
            | AnswerOpening::Forced { ids } => ids.len(),
            AnswerOpening::Fresh | AnswerOpening::Edited { .. } => 0,
        },
    };
    let prompt_tokens = turn.prompt_tokens.unwrap_or(given).max(1);
    (prompt_tokens, turn.reused_tokens.min(prompt_tokens - 1))
}
