//! What would have followed another choice: an answer beside the conversation.

use super::run::Run;
use super::state::State;
use crate::engine::protocol::{ErrorReport, RequestId};
use crate::generate::FinishReason;
use crate::session::NodeId;

/// A place in an answer, and the token to be put there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Branching {
    /// The answer.
    pub node: NodeId,
    /// The place among its tokens.
    pub token_index: usize,
    /// The token.
    pub id: u32,
    /// Its text.
    pub text: String,
}

/// How an answer would go on with another token, for a few tokens; it is in no conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct Ghost {
    /// The request.
    pub request: RequestId,
    /// Where it parts from the answer.
    pub branching: Branching,
    /// What follows that token.
    pub tokens: Vec<GhostToken>,
    /// How far it is.
    pub progress: GhostState,
}

/// A token of a ghost.
#[derive(Debug, Clone, PartialEq)]
pub struct GhostToken {
    /// Its text, control tokens spelled.
    pub text: String,
    /// Its log-probability before the samplers.
    pub logprob: Option<f32>,
}

/// How far a ghost is.
#[derive(Debug, Clone, PartialEq)]
pub enum GhostState {
    /// The engine has not taken it up, or reads the prompt.
    Waiting,
    /// It is being written.
    Running,
    /// It is complete, or was stopped.
    Done(FinishReason),
    /// It failed.
    Failed(ErrorReport),
}

impl Ghost {
    /// Whether the engine is at it.
    pub fn is_running(&self) -> bool {
        matches!(self.progress, GhostState::Waiting | GhostState::Running)
    }

    /// The text from the chosen token on.
    pub fn text(&self) -> String {
        let rest = self.tokens.iter().map(|token| token.text.as_str());
        std::iter::once(self.branching.text.as_str())
            .chain(rest)
            .collect()
    }

    /// The mean surprise of the ghost's tokens after the chosen one, and that of as many of the
    /// answer's own after the place, in bits; none where there are no tokens to compare.
    pub fn surprises(&self, run: &Run) -> Option<(f64, f64)> {
        let own = run.tokens.get(self.branching.token_index + 1..)?;
        let own = own.iter().take(self.tokens.len());
        let own = mean_bits(own.map(|token| token.logprob))?;
        let ghost = mean_bits(self.tokens.iter().map(|token| token.logprob))?;
        Some((ghost, own))
    }
}

fn mean_bits(logprobs: impl Iterator<Item = Option<f32>>) -> Option<f64> {
    let all: Option<Vec<f64>> = logprobs.map(|one| one.map(f64::from)).collect();
    let all = all.filter(|all| !all.is_empty())?;
    // Not below 0, where rounding leaves a probability above 1.
    Some((-all.iter().sum::<f64>() / all.len() as f64 / std::f64::consts::LN_2).max(0.0))
}

impl State {
    /// The ghost, where it parts from this answer.
    pub fn ghost_of(&self, node: NodeId) -> Option<&Ghost> {
        let ghost = self.token_lab.ghost.as_ref();
        ghost.filter(|ghost| ghost.branching.node == node)
    }
}
