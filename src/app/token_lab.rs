//! What the token pane adds to a token: which alternative is marked, how tokens are colored, and
//! what would have followed another choice.

use super::ghost::Ghost;
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
    /// What tokens are colored by.
    pub tint: Tint,
    /// What would have followed another choice.
    pub ghost: Option<Ghost>,
}

/// What tokens are colored by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Tint {
    /// Nothing.
    #[default]
    Off,
    /// The probability that the model gave the token, before the samplers.
    Probability,
    /// The entropy of the distribution that it was drawn from, before the samplers.
    Entropy,
}

impl Tint {
    /// The number of levels, from the least remarkable to the most.
    pub const LEVELS: usize = 6;

    /// The next one.
    #[must_use]
    pub const fn step(self) -> Self {
        match self {
            Self::Off => Self::Probability,
            Self::Probability => Self::Entropy,
            Self::Entropy => Self::Off,
        }
    }

    /// What it is called, with its unit.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Probability => "probability",
            Self::Entropy => "entropy in bits",
        }
    }

    /// The same where there is little room.
    pub const fn short(self) -> &'static str {
        match self {
            Self::Off => "",
            Self::Probability => "p",
            Self::Entropy => "H bit",
        }
    }

    /// What the levels stand for, each as far as the one before does not reach.
    pub const fn legend(self) -> [&'static str; Self::LEVELS] {
        match self {
            Self::Off => [""; Self::LEVELS],
            Self::Probability => [">=.9", ">=.5", ">=.2", ">=.05", ">=.01", "less"],
            Self::Entropy => ["<.1", "<.5", "<1", "<2", "<3", "more"],
        }
    }

    /// A token's level; none where nothing was recorded of it.
    pub fn level(self, record: &TokenRecord) -> Option<usize> {
        match self {
            Self::Off => None,
            Self::Probability => {
                let probability = f64::from(record.logprob?).exp();
                let bounds = [0.9, 0.5, 0.2, 0.05, 0.01];
                let reached = bounds.iter().position(|bound| probability >= *bound);
                Some(reached.unwrap_or(bounds.len()))
            }
            Self::Entropy => {
                let bits = f64::from(record.entropy?) / std::f64::consts::LN_2;
                let bounds = [0.1, 0.5, 1.0, 2.0, 3.0];
                let below = bounds.iter().position(|bound| bits < *bound);
                Some(below.unwrap_or(bounds.len()))
            }
        }
    }
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
