//! Two runs side by side, from asking to looking at them.

use crate::engine::protocol::{AblationReport, ErrorReport, RequestId};
use crate::generate::AblationStage;
use crate::intervention::Interventions;

/// A comparison of the model as it is with the model under other rules.
#[derive(Debug, Clone, PartialEq)]
pub struct AblationView {
    /// The request.
    pub request: RequestId,
    /// The rules that were in force when it was asked for: those of the first run.
    pub baseline: Interventions,
    /// The rules of the second run.
    pub ablated: Interventions,
    /// The seed of both.
    pub seed: u64,
    /// How far it is.
    pub progress: AblationState,
}

/// How far a comparison is.
#[derive(Debug, Clone, PartialEq)]
pub enum AblationState {
    /// The engine has not taken it up.
    Waiting,
    /// It runs: the part, its tokens done, and the most there can be.
    Running(AblationStage, usize, usize),
    /// It is done.
    Done(Box<AblationReport>),
    /// It failed, or was stopped.
    Failed(ErrorReport),
}

impl AblationView {
    /// Whether the engine is at it.
    pub fn is_running(&self) -> bool {
        matches!(
            self.progress,
            AblationState::Waiting | AblationState::Running(..)
        )
    }

    /// The rules of both runs.
    pub fn shared(&self) -> Interventions {
        let ablated = self.ablated.rules();
        let rules = self.baseline.rules().iter();
        rules
            .filter(|rule| ablated.contains(rule))
            .copied()
            .collect()
    }

    /// The rules of the first run that the second has others in place of.
    pub fn replaced(&self) -> Interventions {
        let ablated = self.ablated.rules();
        let rules = self.baseline.rules().iter();
        rules
            .filter(|rule| !ablated.contains(rule))
            .copied()
            .collect()
    }

    /// The rules that the second run has beside those of both.
    pub fn difference(&self) -> Interventions {
        let of_both = self.baseline.rules();
        let rules = self.ablated.rules().iter();
        rules
            .filter(|rule| !of_both.contains(rule))
            .copied()
            .collect()
    }
}
