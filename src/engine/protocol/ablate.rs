//! Asking for two runs side by side, and what they showed.

use serde::{Deserialize, Serialize};

use super::{Prompt, PromptToken, RequestId};
use crate::generate::{Ablation, SamplingParams};
use crate::intervention::Interventions;

/// Two runs side by side; see [`super::Command::Ablate`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AblateRequest {
    /// Its name in events and for cancelling.
    pub id: RequestId,
    /// What both answer.
    pub prompt: Prompt,
    /// How both draw, the seed included.
    pub sampling: SamplingParams,
    /// The rules in force in both.
    pub baseline: Interventions,
    /// The rules in force in the second.
    pub ablated: Interventions,
    /// The most tokens of each answer.
    pub max_tokens: usize,
}

/// What two runs side by side showed, with texts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AblationReport {
    /// The figures.
    pub ablation: Ablation,
    /// The tokens of the baseline's answer.
    pub baseline: Vec<PromptToken>,
    /// The tokens of the answer with experts changed.
    pub ablated: Vec<PromptToken>,
    /// For each position of the baseline's answer, the text of the most likely token with experts
    /// changed.
    pub best_after: Vec<String>,
}
