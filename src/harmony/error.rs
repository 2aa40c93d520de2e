//! What can go wrong when a conversation is read or rendered.

/// Why a conversation cannot be rendered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RenderError {
    /// The vocabulary lacks a control token, so the model does not speak harmony.
    #[error(
        "the tokenizer has no {name} token, which harmony needs: use a gpt-oss tokenizer, or plain continuation"
    )]
    MissingSpecialToken {
        /// The token's spelling.
        name: &'static str,
    },
    /// A tool's message does not say which tool.
    #[error("message {index}: a tool's message needs the tool's `name`")]
    ToolWithoutName {
        /// The message's place in the conversation, from 0.
        index: usize,
    },
}

/// Why a file of messages is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MessagesError {
    /// Not JSON at all.
    #[error("the messages are not valid JSON: {source}")]
    Json {
        /// Where and what, as the JSON reader says it.
        #[source]
        source: serde_json::Error,
    },
    /// A field is missing, of the wrong kind, or not known.
    #[error("{field}: expected {expected}, found {found}")]
    Field {
        /// The field with the message's index, such as `messages[2].role`.
        field: String,
        /// What belongs there.
        expected: &'static str,
        /// What is there.
        found: String,
    },
}
