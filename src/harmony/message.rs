//! Conversations as plain data.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Who wrote a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Who the model is, the date, the reasoning effort, the channels.
    System,
    /// Instructions and tools (what other formats call the system prompt).
    Developer,
    /// The person.
    User,
    /// The model.
    Assistant,
    /// A tool's output; the message's name is the tool's.
    Tool,
}

impl Role {
    /// The role's word in a header; a tool's header shows its name in place of the word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Developer => "developer",
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::Tool => "tool",
        }
    }

    /// The role with the given word.
    pub fn from_word(word: &str) -> Option<Self> {
        let roles = [
            Self::System,
            Self::Developer,
            Self::User,
            Self::Assistant,
            Self::Tool,
        ];
        roles.into_iter().find(|role| role.as_str() == word)
    }
}

/// What an assistant's message is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Channel {
    /// Reasoning, not meant for the person.
    Analysis,
    /// Tool calls and what is said around them.
    Commentary,
    /// The answer.
    Final,
    /// A name that the format does not define, kept as it came.
    Other(String),
}

impl Channel {
    /// The channel's word in a header.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Analysis => "analysis",
            Self::Commentary => "commentary",
            Self::Final => "final",
            Self::Other(name) => name,
        }
    }
}

impl From<String> for Channel {
    fn from(name: String) -> Self {
        match name.as_str() {
            "analysis" => Self::Analysis,
            "commentary" => Self::Commentary,
            "final" => Self::Final,
            _ => Self::Other(name),
        }
    }
}

impl From<Channel> for String {
    fn from(channel: Channel) -> Self {
        match channel {
            Channel::Other(name) => name,
            known => known.as_str().to_owned(),
        }
    }
}

/// A message's header: everything but its text.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Header {
    /// Who wrote it.
    pub role: Role,
    /// The author's name; for a tool, the tool's full name such as `functions.get_weather`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whom it is for: a tool that is called, or `assistant` for a tool's output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient: Option<String>,
    /// What it is for; only an assistant's and a tool's messages have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<Channel>,
    /// The text's data type, such as `<|constrain|>json`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
}

impl Header {
    /// A header with a role and nothing else.
    pub const fn new(role: Role) -> Self {
        Self {
            role,
            name: None,
            recipient: None,
            channel: None,
            content_type: None,
        }
    }

    /// An assistant's header on the given channel.
    pub const fn assistant(channel: Channel) -> Self {
        Self {
            role: Role::Assistant,
            name: None,
            recipient: None,
            channel: Some(channel),
            content_type: None,
        }
    }
}

/// One message: a header and a text.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Message {
    /// Who, to whom, what for.
    #[serde(flatten)]
    pub header: Header,
    /// The body, never interpreted.
    pub text: String,
}

impl Message {
    /// A message with the given header.
    pub fn new(header: Header, text: impl Into<String>) -> Self {
        Self {
            header,
            text: text.into(),
        }
    }

    /// What the person says.
    pub fn user(text: impl Into<String>) -> Self {
        Self::new(Header::new(Role::User), text)
    }

    /// What the model says on a channel.
    pub fn assistant(channel: Channel, text: impl Into<String>) -> Self {
        Self::new(Header::assistant(channel), text)
    }

    /// A tool's output, addressed to the assistant on the commentary channel.
    pub fn tool(name: impl Into<String>, text: impl Into<String>) -> Self {
        let header = Header {
            name: Some(name.into()),
            recipient: Some("assistant".to_owned()),
            channel: Some(Channel::Commentary),
            ..Header::new(Role::Tool)
        };
        Self::new(header, text)
    }

    /// Whether this is an answer of the assistant.
    pub fn is_final(&self) -> bool {
        self.header.role == Role::Assistant && self.header.channel == Some(Channel::Final)
    }
}

/// How long the model reasons before it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReasoningEffort {
    /// A short analysis.
    Low,
    /// The format's default.
    #[default]
    Medium,
    /// A long analysis.
    High,
}

impl ReasoningEffort {
    /// The effort's word in the system message.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }

    /// The effort with the given word, in any case.
    pub fn from_word(word: &str) -> Option<Self> {
        let efforts = [Self::Low, Self::Medium, Self::High];
        efforts
            .into_iter()
            .find(|effort| effort.as_str().eq_ignore_ascii_case(word))
    }
}

impl fmt::Display for ReasoningEffort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The system message: what the model is told about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SystemContent {
    /// The first line.
    pub identity: String,
    /// The month up to which the model knows the world; `None` leaves the line out.
    pub knowledge_cutoff: Option<String>,
    /// Today as `YYYY-MM-DD`; `None` leaves the line out.
    pub current_date: Option<String>,
    /// How long to reason; `None` leaves the line out.
    pub effort: Option<ReasoningEffort>,
    /// The channels that the model is told of; with none the line is left out.
    pub channels: Vec<Channel>,
}

impl Default for SystemContent {
    /// What the released models were trained with, without a date.
    fn default() -> Self {
        Self {
            identity: "You are ChatGPT, a large language model trained by OpenAI.".to_owned(),
            knowledge_cutoff: Some("2024-06".to_owned()),
            current_date: None,
            effort: Some(ReasoningEffort::Medium),
            channels: vec![Channel::Analysis, Channel::Commentary, Channel::Final],
        }
    }
}

/// The developer message: instructions and the tools that may be called.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DeveloperContent {
    /// What other formats call the system prompt.
    pub instructions: Option<String>,
    /// Functions, shown to the model in the namespace `functions`.
    pub tools: Vec<ToolDescription>,
}

/// A function that the model may call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolDescription {
    /// The function's name, without a namespace.
    pub name: String,
    /// What it does, in the model's prompt.
    #[serde(default)]
    pub description: String,
    /// A JSON Schema of the one argument, an object; `None` for a function without arguments.
    #[serde(default)]
    pub parameters: Option<serde_json::Value>,
}

/// A chat: the two framing messages and what was said.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Conversation {
    /// Rendered first, if given; nothing is made up when it is not.
    pub system: Option<SystemContent>,
    /// Rendered second, if given and not empty.
    pub developer: Option<DeveloperContent>,
    /// Everything else in order; system and developer messages among them are kept as they are.
    pub messages: Vec<Message>,
}
