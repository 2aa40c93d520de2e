//! What a generation continues: ids as they are, or a conversation.

use serde::{Deserialize, Serialize};

use crate::harmony::{Conversation, Message};

/// What a generation continues.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Prompt {
    /// Token ids, taken as they are.
    Tokens(Vec<u32>),
    /// A conversation that the assistant answers. The backend renders it and parses the answer;
    /// the tokens that end an answer stop the generation.
    Conversation(Box<ConversationPrompt>),
}

impl Prompt {
    /// A conversation with the assistant's answer begun as told.
    pub fn conversation(conversation: Conversation, opening: AnswerOpening) -> Self {
        Self::Conversation(Box::new(ConversationPrompt {
            conversation,
            opening,
        }))
    }
}

/// A conversation, and how its answer begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConversationPrompt {
    /// Everything before the answer.
    pub conversation: Conversation,
    /// How the answer begins.
    #[serde(default)]
    pub opening: AnswerOpening,
}

/// How the assistant's answer begins.
///
/// The answer's tokens, which [`crate::harmony::HarmonyEvent`]s count from 0, are the resumed ones,
/// then the inserted ones, then those generated.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerOpening {
    /// The model writes everything, its first header included.
    #[default]
    Fresh,
    /// An answer that was stopped goes on.
    Resume {
        /// The tokens of the answer so far.
        ids: Vec<u32>,
    },
    /// An answer that was stopped goes on with its final message: what is open is closed first.
    AnswerNow {
        /// The tokens of the answer so far.
        ids: Vec<u32>,
    },
    /// The answer begins with the given tokens, as if the model had drawn them; they count as
    /// inserted ones and are told with what they mean.
    Forced {
        /// The answer's first tokens. Where the last one ends answers, nothing follows it.
        ids: Vec<u32>,
    },
    /// The given message goes on where its text ends. Its tokens belong to the prompt, not to the
    /// answer.
    Edited {
        /// The message.
        message: Message,
    },
}

/// A token of a rendered prompt.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PromptToken {
    /// Its id.
    pub id: u32,
    /// Its own text: control tokens spelled out, bytes that are no whole character as U+FFFD.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_of_ids_reads_as_ever_and_a_conversation_opens_fresh_by_default() {
        let ids: Prompt = serde_json::from_str(r#"{"tokens":[1,2]}"#).unwrap();
        assert_eq!(ids, Prompt::Tokens(vec![1, 2]));
        let text = r#"{"conversation":{"conversation":{"messages":[]}}}"#;
        let prompt: Prompt = serde_json::from_str(text).unwrap();
        let expected = Prompt::conversation(Conversation::default(), AnswerOpening::Fresh);
        assert_eq!(prompt, expected);
    }
}
