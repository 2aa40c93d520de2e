//! Answers that begin like another one: what was in force at a token, and the fork made there.

use super::node::{FollowedRouting, Fork, NodeId, Turn, TurnSettings};
use crate::generate::SamplingParams;
use crate::intervention::Interventions;

impl Turn {
    /// The token that a person chose, where the answer is a fork and has come that far: its text,
    /// and the fork.
    pub fn chosen_token(&self) -> Option<(&str, &Fork)> {
        let fork = self.fork.as_ref()?;
        Some((self.token_text(fork.token_index)?, fork))
    }

    /// The same in words, on one line.
    pub fn fork_words(&self) -> Option<String> {
        let (text, fork) = self.chosen_token()?;
        let (index, other) = (fork.token_index, &fork.instead_of_text);
        // As a literal, so that a line break or a control character is seen and stays harmless.
        Some(format!(
            "forked at token {index} of the answer: {text:?} in place of {other:?}"
        ))
    }

    /// What was done to the experts' choice, in words, one line each, in the order it was done.
    pub fn expert_words(&self) -> Vec<String> {
        let mut words = Vec::new();
        if let Some(FollowedRouting { trace, until_token }) = &self.settings.followed {
            let until = until_token.map_or_else(String::new, |until| {
                format!(" up to token {until}, the model's own from there")
            });
            words.push(format!("experts as in {trace}{until}"));
        }
        if !self.settings.interventions.is_empty() {
            words.push(format!("experts changed: {}", self.settings.interventions));
        }
        for (index, change) in self.intervention_changes.iter().enumerate() {
            // Of several changes before one token only the last ever counted.
            let next = self.intervention_changes.get(index + 1);
            if next.is_some_and(|next| next.token_index == change.token_index) {
                continue;
            }
            let rules = if change.interventions.is_empty() {
                "as the model chooses".to_owned()
            } else {
                change.interventions.to_string()
            };
            words.push(format!(
                "experts from token {} of the answer on: {rules}",
                change.token_index
            ));
        }
        words
    }

    /// How the token at `index` was drawn.
    pub fn sampling_at(&self, index: usize) -> &SamplingParams {
        let changes = self.sampling_changes.iter().rev();
        let mut counting = changes.filter(|change| change.token_index <= index);
        counting
            .next()
            .map_or(&self.settings.sampling, |change| &change.sampling)
    }

    /// The rules under which the token at `index` was computed.
    pub fn interventions_at(&self, index: usize) -> &Interventions {
        let changes = self.intervention_changes.iter().rev();
        let mut counting = changes.filter(|change| change.token_index <= index);
        counting
            .next()
            .map_or(&self.settings.interventions, |change| &change.interventions)
    }

    /// What asks for more tokens as the one at `token_index` was asked for: the settings in force
    /// there, and what the limit of tokens leaves.
    pub fn settings_at(&self, token_index: usize) -> TurnSettings {
        let left = |limit: usize| limit.saturating_sub(token_index + 1);
        TurnSettings {
            sampling: self.sampling_at(token_index).clone(),
            interventions: self.interventions_at(token_index).clone(),
            followed: None,
            max_tokens: self.settings.max_tokens.map(left),
            ..self.settings.clone()
        }
    }

    /// An answer without tokens that is to begin like this one, `from`, with its settings up to
    /// the token at `token_index`; none where this one has no such token.
    pub fn forked(&self, from: NodeId, token_index: usize) -> Option<Self> {
        let mut turn = Self::new(self.settings.clone());
        if let Some(followed) = &mut turn.settings.followed {
            followed.end_at(token_index);
        }
        let is_before = |index: usize| index <= token_index;
        let sampling = self.sampling_changes.iter();
        let rules = self.intervention_changes.iter();
        turn.sampling_changes.extend(
            sampling
                .filter(|change| is_before(change.token_index))
                .cloned(),
        );
        turn.intervention_changes.extend(
            rules
                .filter(|change| is_before(change.token_index))
                .cloned(),
        );
        turn.fork = Some(Fork {
            from,
            token_index,
            instead_of: *self.ids.get(token_index)?,
            instead_of_text: self.token_text(token_index)?.to_owned(),
        });
        Some(turn)
    }
}
