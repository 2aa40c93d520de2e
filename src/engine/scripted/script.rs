//! Scripts: what a scripted backend plays, as JSON lines.

use serde::{Deserialize, Serialize};

use crate::engine::protocol::{LoadProgress, ModelSummary, PromptToken, TopLogprob};
use crate::generate::{FinishReason, TokenRouting};
use crate::harmony::HarmonyEvent;

/// One line of a script, an object whose `type` names the variant.
///
/// A script begins with `model`. Lines up to the first `turn` belong to the load; each turn holds
/// what one generation plays.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum ScriptLine {
    /// The model to show.
    Model(ModelSummary),
    /// A report of the load.
    Loading(LoadProgress),
    /// A generation begins.
    Turn {
        /// Tokens of the recorded prompt; without it the length of the prompt given.
        #[serde(default)]
        prompt_tokens: Option<usize>,
        /// Prompt tokens that were in the cache.
        #[serde(default)]
        reused_tokens: usize,
        /// The prompt's tokens.
        #[serde(default)]
        prompt: Vec<PromptToken>,
        /// Tokens put before the generated ones.
        #[serde(default)]
        inserted: Vec<u32>,
        /// What they mean in the answer.
        #[serde(default)]
        opened: Vec<HarmonyEvent>,
    },
    /// A chunk of the prompt. What is left of the prompt after the last one takes no time.
    Prefill {
        /// Tokens in the chunk.
        tokens: usize,
        /// The time it took, in milliseconds.
        #[serde(default)]
        ms: f64,
        /// The routing of its tokens.
        #[serde(default)]
        routing: Vec<TokenRouting>,
    },
    /// A token.
    Token {
        /// Its id.
        id: u32,
        /// Its text.
        text: String,
        /// The time it took, in milliseconds.
        #[serde(default)]
        ms: f64,
        /// Its log-probability.
        #[serde(default)]
        logprob: Option<f32>,
        /// The most likely tokens in its place.
        #[serde(default)]
        top_logprobs: Vec<TopLogprob>,
        /// Its routing.
        #[serde(default)]
        routing: Option<TokenRouting>,
        /// What it makes clear in the answer.
        #[serde(default)]
        harmony: Vec<HarmonyEvent>,
    },
    /// The generation ends. Without this line it ends with `stop` after the turn's last line.
    Finish {
        /// Why.
        reason: FinishReason,
        /// What was still open in the answer.
        #[serde(default)]
        harmony: Vec<HarmonyEvent>,
    },
    /// Waits at the [`super::Gate`]; passes where there is none.
    Pause,
    /// The backend fails.
    Error {
        /// With this message.
        message: String,
    },
    /// The backend panics.
    Panic {
        /// With this message.
        message: String,
    },
}

/// A checked script.
#[derive(Debug, Clone, PartialEq)]
pub struct Script {
    pub(super) model: ModelSummary,
    pub(super) load: Vec<ScriptLine>,
    pub(super) turns: Vec<Turn>,
}

/// What one generation plays.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Turn {
    pub(super) prompt_tokens: Option<usize>,
    pub(super) reused_tokens: usize,
    pub(super) prompt: Vec<PromptToken>,
    pub(super) inserted: Vec<u32>,
    pub(super) opened: Vec<HarmonyEvent>,
    pub(super) lines: Vec<ScriptLine>,
}

/// A script that cannot be played.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScriptError {
    /// A line is not one of the known objects.
    #[error("script line {line} is not understood")]
    Syntax {
        /// The line, from 1, blank lines counted.
        line: usize,
        /// What the parser says.
        #[source]
        source: serde_json::Error,
    },
    /// A line stands where it has no meaning.
    #[error("script line {line} is out of place: {expected}")]
    OutOfPlace {
        /// The line, from 1, blank lines counted.
        line: usize,
        /// What may stand where.
        expected: &'static str,
    },
    /// There is no line at all.
    #[error("the script is empty, its first line must be the model")]
    Empty,
}

impl Script {
    /// Reads JSON lines; blank lines are skipped.
    pub fn from_json_lines(text: &str) -> Result<Self, ScriptError> {
        let mut script: Option<Self> = None;
        for (line, text) in (1..)
            .zip(text.lines())
            .filter(|(_, text)| !text.trim().is_empty())
        {
            let parsed = serde_json::from_str(text)
                .map_err(|source| ScriptError::Syntax { line, source })?;
            match (&mut script, parsed) {
                (None, ScriptLine::Model(model)) => {
                    script = Some(Self {
                        model,
                        load: Vec::new(),
                        turns: Vec::new(),
                    });
                }
                (None, _) => return Err(out_of_place(line, "the first line must be the model")),
                (Some(script), parsed) => script.push(line, parsed)?,
            }
        }
        script.ok_or(ScriptError::Empty)
    }

    fn push(&mut self, line: usize, parsed: ScriptLine) -> Result<(), ScriptError> {
        use ScriptLine::{Error, Finish, Loading, Model, Panic, Pause, Prefill, Token, Turn};
        let last = self.turns.last().and_then(|turn| turn.lines.last());
        let in_turn = !self.turns.is_empty();
        let after_token = matches!(last, Some(Token { .. }));
        let after_end = matches!(last, Some(Finish { .. }));
        match parsed {
            Model(_) => return Err(out_of_place(line, "there is one model only")),
            Loading(_) if in_turn => {
                return Err(out_of_place(line, "loading comes before the first turn"));
            }
            Turn {
                prompt_tokens,
                reused_tokens,
                prompt,
                inserted,
                opened,
            } => {
                self.turns.push(self::Turn {
                    prompt_tokens,
                    reused_tokens,
                    prompt,
                    inserted,
                    opened,
                    lines: Vec::new(),
                });
                return Ok(());
            }
            Prefill { .. } | Token { .. } | Finish { .. } if !in_turn => {
                return Err(out_of_place(line, "this belongs into a turn"));
            }
            Prefill { .. } if after_token => {
                return Err(out_of_place(line, "prefill comes before tokens"));
            }
            _ if after_end => return Err(out_of_place(line, "after the finish comes a turn")),
            Loading(_)
            | Prefill { .. }
            | Token { .. }
            | Finish { .. }
            | Pause
            | Error { .. }
            | Panic { .. } => {}
        }
        match self.turns.last_mut() {
            Some(turn) => turn.lines.push(parsed),
            None => self.load.push(parsed),
        }
        Ok(())
    }
}

fn out_of_place(line: usize, expected: &'static str) -> ScriptError {
    ScriptError::OutOfPlace { line, expected }
}
