//! A prompt as made-up ids, and what is left to compute of them.

use super::super::backend::PromptStart;
use super::super::protocol::{AnswerOpening, Prompt};
use super::answer::Answer;
use super::random::hash;
use super::{SyntheticBackend, prompt};

/// A prompt's ids, what is told of them, and the answer's state.
pub(super) struct Rendered {
    pub(super) ids: Vec<u32>,
    pub(super) start: PromptStart,
    pub(super) answer: Option<Answer>,
}

impl SyntheticBackend {
    /// Makes up the ids of a prompt; the sampling seed decides what will be answered.
    pub(super) fn render(&self, prompt: &Prompt, seed: u64) -> Rendered {
        let prompt = match prompt {
            Prompt::Tokens(ids) => {
                return Rendered {
                    ids: ids.clone(),
                    start: PromptStart::default(),
                    answer: None,
                };
            }
            Prompt::Conversation(prompt) => prompt,
        };
        let edited = match &prompt.opening {
            AnswerOpening::Edited { message } => Some(message),
            _ => None,
        };
        let tokens = prompt::tokens(&prompt.conversation, edited);
        let mut ids: Vec<u32> = tokens.iter().map(|token| token.id).collect();
        let keys = ids.iter().map(|&id| u64::from(id));
        let keys: Vec<u64> = [self.model.seed, seed].into_iter().chain(keys).collect();
        let (plan_seed, length) = (hash(&keys), self.model.answer_tokens);
        let (mut inserted, mut opened) = (Vec::new(), Vec::new());
        let mut answer = Answer::new(plan_seed, length);
        match &prompt.opening {
            AnswerOpening::Fresh => {}
            AnswerOpening::Edited { message } => {
                let (within, event) = Answer::within(message.header.clone(), plan_seed, length);
                answer = within;
                opened.push(event);
            }
            AnswerOpening::Forced { ids: forced } => {
                opened = forced.iter().flat_map(|&id| answer.push(id)).collect();
                inserted = forced.iter().copied().map(prompt::control).collect();
                ids.extend(forced);
            }
            AnswerOpening::Resume { ids: resumed } | AnswerOpening::AnswerNow { ids: resumed } => {
                for &id in resumed {
                    answer.push(id);
                }
                ids.extend(resumed);
            }
        }
        if matches!(prompt.opening, AnswerOpening::AnswerNow { .. }) {
            let to_final = answer.ids_to_final();
            opened = to_final.iter().flat_map(|&id| answer.push(id)).collect();
            inserted = to_final.iter().copied().map(prompt::control).collect();
            ids.extend(&to_final);
        }
        let start = PromptStart {
            prompt: tokens,
            inserted,
            opened,
            ..PromptStart::default()
        };
        Rendered {
            ids,
            start,
            answer: Some(answer),
        }
    }

    /// How much of a prompt is in the cache; its last token has to be computed in any case.
    pub(super) fn reusable(&self, ids: &[u32]) -> usize {
        let common = ids
            .iter()
            .zip(&self.cache)
            .take_while(|(a, b)| a == b)
            .count();
        common.min(ids.len().saturating_sub(1))
    }
}
