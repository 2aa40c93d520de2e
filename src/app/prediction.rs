//! What the engine predicts of the next prompt, and whether it can be sent.

use super::composer::Target;
use super::effect::Effect;
use super::state::State;
use super::update::{DRAFT_REST_MS, generate};
use crate::engine::protocol::{AnswerOpening, Command, Prompt};
use crate::harmony::Message;
use crate::session::NodeId;

/// What the engine predicts of the next prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Prediction {
    /// Tokens of the whole prompt.
    pub prompt_tokens: usize,
    /// Those that are in the cache.
    pub reused_tokens: usize,
    /// The memory that it would need at its peak, in bytes.
    pub peak_bytes: u64,
    /// The limit, in bytes; 0 where there is none.
    pub limit_bytes: u64,
    /// The longest prompt that fits.
    pub largest_prompt_tokens: usize,
}

impl Prediction {
    /// Tokens that are more than fit into context and memory.
    pub fn excess_tokens(&self) -> usize {
        self.prompt_tokens
            .saturating_sub(self.largest_prompt_tokens)
    }

    /// Whether the prompt fits into context and memory.
    pub fn fits(&self) -> bool {
        self.excess_tokens() == 0
    }

    /// By how much the prompt is too long, in words.
    pub fn excess_words(&self) -> String {
        match self.excess_tokens() {
            1 => "1 token too long".to_owned(),
            tokens => format!("{tokens} tokens too long"),
        }
    }
}

/// What a prediction was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Predicted {
    /// The newest question's number.
    pub seq: u64,
    /// The number of the question that was answered last.
    pub answered_seq: u64,
    /// What it was about; none once that has changed in another way.
    pub prompt: Option<NextPrompt>,
    /// When it was asked.
    pub at_ms: u64,
}

/// What the next prompt is made of: the text being written, and the message that it follows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NextPrompt {
    /// The text.
    pub text: String,
    /// The message before it.
    pub after: Option<NodeId>,
}

impl State {
    /// What the engine predicts of the text as it is now; none while it has not said so.
    pub fn current_prediction(&self) -> Option<Prediction> {
        let asked = &self.predicted_for;
        let is_current = asked.answered_seq == asked.seq && !self.is_prediction_due();
        self.prediction.filter(|_| is_current)
    }

    /// Whether what was predicted last is about something else than the text as it is now.
    fn is_prediction_due(&self) -> bool {
        self.predicted_for.prompt.as_ref() != Some(&self.next_prompt())
    }

    fn can_predict(&self) -> bool {
        self.model.ready().is_some() && self.running.is_none() && self.replay.is_none()
    }

    /// When the next prediction is to be asked for; none where what is known is right.
    pub(super) fn prediction_due_ms(&self) -> Option<u64> {
        let is_due = self.can_predict() && self.is_prediction_due();
        is_due.then_some(self.predicted_for.at_ms + DRAFT_REST_MS)
    }

    fn next_prompt(&self) -> NextPrompt {
        let tree = &self.session.tree;
        match self.composer.target() {
            Target::EditUser(node) => NextPrompt {
                text: self.composer.text(),
                after: tree.node(*node).and_then(|node| node.parent),
            },
            Target::ToolResult { call, .. } => NextPrompt {
                text: self.composer.text(),
                after: Some(*call),
            },
            Target::Message
            | Target::EditAnswer(_)
            | Target::Identity
            | Target::Instructions
            | Target::Summary => NextPrompt {
                text: self.composer.draft(),
                after: tree.path().last().copied(),
            },
        }
    }
}

/// Asks the engine, once the text has rested.
pub(super) fn predict(state: &mut State) -> Vec<Effect> {
    if state
        .prediction_due_ms()
        .is_none_or(|due| due > state.now_ms)
    {
        return Vec::new();
    }
    let prompt = state.next_prompt();
    let mut conversation = generate::conversation(state, prompt.after, state.preferences.effort);
    if !prompt.text.trim().is_empty() {
        conversation.messages.push(match state.composer.target() {
            Target::ToolResult { name, .. } => Message::tool(name, &prompt.text),
            _ => Message::user(&prompt.text),
        });
    }
    let asked = &mut state.predicted_for;
    asked.seq += 1;
    asked.prompt = Some(prompt);
    asked.at_ms = state.now_ms;
    vec![Effect::Engine(Command::Predict {
        seq: asked.seq,
        prompt: Prompt::conversation(conversation, AnswerOpening::Fresh),
    })]
}
