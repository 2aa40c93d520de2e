//! What the token pane adds to a token: which of its alternatives is marked.

use super::run::TokenRecord;
use super::state::State;
use crate::engine::protocol::TopLogprob;
use crate::generate::sampler::ChainRecord;
use crate::session::NodeId;

/// The token pane's state.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TokenLab {
    /// The alternative that a person marked; it counts for this token only.
    pub marked: Option<Marked>,
}

/// An alternative of one token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marked {
    /// The answer.
    pub node: NodeId,
    /// The token's position in the answer's run.
    pub position: usize,
    /// The place among [`TokenRecord::alternatives`].
    pub place: usize,
}

impl TokenRecord {
    /// The recorded alternatives by falling probability; the token itself comes last where it is
    /// not among them.
    pub fn alternatives(&self) -> Vec<TopLogprob> {
        let mut all = self.top_logprobs.clone();
        if let Some(logprob) = self.logprob
            && !all.iter().any(|one| one.id == self.id)
        {
            all.push(TopLogprob {
                id: self.id,
                text: self.text.to_string(),
                logprob,
            });
        }
        all
    }

    /// The place within the chain's record of the alternative at `place`: the token itself has the
    /// last one, whether or not it is among the most likely.
    pub fn chain_place(&self, place: usize) -> usize {
        place.min(self.top_logprobs.len())
    }

    /// The chain's record for a token chosen in this one's place: the alternative at `place`.
    pub(super) fn chain_with_own(&self, place: usize) -> Option<ChainRecord> {
        let mut chain = self.chain.clone()?;
        for stage in &mut chain.stages {
            let probability = *stage.probabilities.get(self.chain_place(place))?;
            *stage.probabilities.last_mut()? = probability;
        }
        Some(chain)
    }

    /// The place of the most likely alternative that was not taken; 0 where there is none.
    pub fn runner_up(&self) -> usize {
        let place = self.top_logprobs.iter().position(|one| one.id != self.id);
        place.unwrap_or(0)
    }
}

impl State {
    /// The record of the generated token under the token cursor.
    pub fn shown_record(&self) -> Option<&TokenRecord> {
        self.shown_run()?.record(self.token_position()?)
    }

    /// The place of the marked alternative of the token under the token cursor: the one that a
    /// person marked, else the runner-up.
    pub fn marked_place(&self) -> Option<usize> {
        let (run, position) = (self.shown_run()?, self.token_position()?);
        let record = run.record(position)?;
        let count = record.alternatives().len();
        let marked = self.token_lab.marked;
        let marked = marked.filter(|mark| (mark.node, mark.position) == (run.node, position));
        let place = marked.map_or_else(|| record.runner_up(), |mark| mark.place);
        Some(place.min(count.checked_sub(1)?))
    }

    /// The marked alternative of the token under the token cursor.
    pub fn marked_alternative(&self) -> Option<TopLogprob> {
        let place = self.marked_place()?;
        self.shown_record()?.alternatives().into_iter().nth(place)
    }
}
