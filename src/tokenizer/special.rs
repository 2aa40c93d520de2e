//! The control tokens of the harmony format, by name.

/// A control token, known by its name because its id differs between vocabularies.
///
/// *Source:* `OpenAI`'s harmony format document, "Special Tokens".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SpecialToken {
    /// Opens a message and its header.
    Start,
    /// Ends a message.
    End,
    /// Ends the header; the body follows.
    Message,
    /// Opens the channel part of a header.
    Channel,
    /// Opens the data type of a tool call's arguments.
    Constrain,
    /// Ends the assistant's turn.
    Return,
    /// Ends a message that calls a tool.
    Call,
    /// Ends a document; also the padding token.
    EndOfText,
    /// Begins a document; harmony never writes it.
    StartOfText,
}

impl SpecialToken {
    /// Every control token.
    pub const ALL: [Self; 9] = [
        Self::Start,
        Self::End,
        Self::Message,
        Self::Channel,
        Self::Constrain,
        Self::Return,
        Self::Call,
        Self::EndOfText,
        Self::StartOfText,
    ];

    /// Those that end an assistant's answer: its turn, a tool call, the document.
    pub const END_OF_ANSWER: [Self; 3] = [Self::Return, Self::Call, Self::EndOfText];

    /// The token's spelling in a vocabulary, such as `<|start|>`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Start => "<|start|>",
            Self::End => "<|end|>",
            Self::Message => "<|message|>",
            Self::Channel => "<|channel|>",
            Self::Constrain => "<|constrain|>",
            Self::Return => "<|return|>",
            Self::Call => "<|call|>",
            Self::EndOfText => "<|endoftext|>",
            Self::StartOfText => "<|startoftext|>",
        }
    }
}
