//! Conversations from a file of messages.
//!
//! The file is a list of messages, or an object that holds the list and settings:
//!
//! ```json
//! {"effort": "low", "date": "2026-01-31", "tools": [{"name": "now", "description": "The time."}],
//!  "messages": [{"role": "system", "content": "Be brief."},
//!               {"role": "user", "content": "Hello"}]}
//! ```
//!
//! As in other chat formats a leading message of role `system` or `developer` holds the
//! instructions, and an assistant's message without a channel is an answer (or a call, if it has
//! a recipient). The `openai-harmony` crate's own JSON is read too: there a content is a list of
//! parts, and `system_content` and `developer_content` spell the framing messages out.

use serde_json::{Map, Value};

use super::MessagesError;
use super::framing_json::{developer_content, effort, system_content, tools};
use super::json_fields::{
    Result, array, line, missing, optional, string, unknown_field, word, wrong,
};
use super::message::{
    Channel, Conversation, DeveloperContent, Header, Message, Role, SystemContent,
};

impl Conversation {
    /// Reads a list of messages, or an object with `messages` and any of `effort`, `date`,
    /// `identity`, `knowledge_cutoff`, `instructions` and `tools`.
    ///
    /// `system` stays `None` if the file says nothing that belongs there, so that a caller can
    /// put in its own.
    ///
    /// *Errors:* [`MessagesError`], naming the message's index and the field.
    pub fn from_json(json: &str) -> Result<Self> {
        let root = serde_json::from_str(json).map_err(|source| MessagesError::Json { source })?;
        let mut conversation = Self::default();
        match &root {
            Value::Array(messages) => conversation.read_messages(messages)?,
            Value::Object(fields) => {
                let messages = fields
                    .get("messages")
                    .ok_or_else(|| missing("messages", "a list of messages"))?;
                conversation.read_messages(array(messages, "messages")?)?;
                for (key, value) in fields {
                    conversation.read_setting(key, value)?;
                }
            }
            other => {
                return Err(wrong(
                    "the file",
                    "a list of messages, or an object with `messages`",
                    other,
                ));
            }
        }
        Ok(conversation)
    }

    fn read_setting(&mut self, key: &str, value: &Value) -> Result<()> {
        match key {
            "messages" => return Ok(()),
            "instructions" | "tools" => self.read_developer_setting(key, value)?,
            "effort" | "reasoning_effort" => self.system_mut().effort = Some(effort(value, key)?),
            "date" | "current_date" => self.system_mut().current_date = Some(line(value, key)?),
            "identity" | "model_identity" => self.system_mut().identity = string(value, key)?,
            "knowledge_cutoff" => self.system_mut().knowledge_cutoff = Some(line(value, key)?),
            _ => return Err(unknown_field(key)),
        }
        Ok(())
    }

    /// What a framing message has said already is not overwritten.
    fn read_developer_setting(&mut self, key: &str, value: &Value) -> Result<()> {
        let developer = self.developer.get_or_insert_default();
        let is_instructions = key == "instructions";
        let is_free = if is_instructions {
            developer.instructions.is_none()
        } else {
            developer.tools.is_empty()
        };
        if !is_free {
            return Err(wrong(key, "it once, here or in the messages", value));
        }
        if is_instructions {
            developer.instructions = Some(string(value, key)?);
        } else {
            developer.tools = tools(value, key)?;
        }
        Ok(())
    }

    fn system_mut(&mut self) -> &mut SystemContent {
        self.system.get_or_insert_default()
    }

    fn read_messages(&mut self, messages: &[Value]) -> Result<()> {
        for (index, message) in messages.iter().enumerate() {
            let path = format!("messages[{index}]");
            let fields = message
                .as_object()
                .ok_or_else(|| wrong(&path, "an object", message))?;
            let header = header(fields, &path)?;
            match content(fields, &path)? {
                Content::Text(text) if is_instructions(&header) => self.add_instructions(text),
                Content::Text(text) => {
                    self.read_thinking(fields, &path)?;
                    self.messages.push(Message::new(header, text));
                }
                framing => self.set_framing(framing, &path)?,
            }
        }
        Ok(())
    }

    /// Instructions at the beginning are the developer message, later ones a message in place.
    fn add_instructions(&mut self, text: String) {
        let instructions = Some(text);
        let developer = DeveloperContent {
            instructions,
            ..DeveloperContent::default()
        };
        if self.is_framing() {
            self.developer = Some(developer);
        } else {
            self.messages
                .push(Message::new(Header::new(Role::Developer), developer.text()));
        }
    }

    /// Takes the content that the harmony crate spells out, at the beginning only.
    fn set_framing(&mut self, content: Content, path: &str) -> Result<()> {
        match content {
            Content::System(system) if self.system.is_none() && self.is_framing() => {
                self.system = Some(system);
                Ok(())
            }
            Content::Developer(developer) if self.is_framing() => {
                self.developer = Some(developer);
                Ok(())
            }
            _ => Err(MessagesError::Field {
                field: format!("{path}.content"),
                expected: "framing content once and before all other messages",
                found: "it later or again".to_owned(),
            }),
        }
    }

    /// Whether the next message may still be the developer's.
    fn is_framing(&self) -> bool {
        self.developer.is_none() && self.messages.is_empty()
    }

    /// Reasoning that other formats keep inside the answer's message.
    fn read_thinking(&mut self, fields: &Map<String, Value>, path: &str) -> Result<()> {
        for key in ["thinking", "reasoning_content"] {
            if let Some(text) = optional(fields, key, path, string)? {
                self.messages
                    .push(Message::assistant(Channel::Analysis, text));
            }
        }
        Ok(())
    }
}

/// What a message holds.
enum Content {
    Text(String),
    System(SystemContent),
    Developer(DeveloperContent),
}

fn is_instructions(header: &Header) -> bool {
    matches!(header.role, Role::System | Role::Developer)
}

fn header(fields: &Map<String, Value>, path: &str) -> Result<Header> {
    const KNOWN: [&str; 8] = [
        "role",
        "content",
        "name",
        "recipient",
        "channel",
        "content_type",
        "thinking",
        "reasoning_content",
    ];
    if let Some(key) = fields.keys().find(|key| !KNOWN.contains(&key.as_str())) {
        return Err(unknown_field(&format!("{path}.{key}")));
    }
    let role_path = format!("{path}.role");
    let roles = "system, developer, user, assistant or tool";
    let role = fields
        .get("role")
        .ok_or_else(|| missing(&role_path, roles))?;
    let role = role
        .as_str()
        .and_then(Role::from_word)
        .ok_or_else(|| wrong(&role_path, roles, role))?;
    let mut header = Header {
        role,
        name: optional(fields, "name", path, word)?,
        recipient: optional(fields, "recipient", path, word)?,
        channel: optional(fields, "channel", path, word)?.map(Channel::from),
        content_type: optional(fields, "content_type", path, word)?,
    };
    complete(&mut header, path)?;
    Ok(header)
}

/// Fills in what other formats leave out.
fn complete(header: &mut Header, path: &str) -> Result<()> {
    match header.role {
        Role::Assistant if header.channel.is_none() => {
            let is_call = header.recipient.is_some();
            header.channel = Some(if is_call {
                Channel::Commentary
            } else {
                Channel::Final
            });
        }
        Role::Tool => {
            if header.name.is_none() {
                return Err(missing(
                    &format!("{path}.name"),
                    "the tool's name, such as functions.now",
                ));
            }
            header
                .recipient
                .get_or_insert_with(|| Role::Assistant.as_str().to_owned());
            header.channel.get_or_insert(Channel::Commentary);
        }
        _ => {}
    }
    Ok(())
}

fn content(fields: &Map<String, Value>, path: &str) -> Result<Content> {
    let path = format!("{path}.content");
    let expected = "a string, or a list of parts";
    let parts = match fields.get("content") {
        None => return Err(missing(&path, expected)),
        Some(Value::String(text)) => return Ok(Content::Text(text.clone())),
        Some(Value::Array(parts)) => parts,
        Some(other) => return Err(wrong(&path, expected, other)),
    };
    let mut text = String::new();
    for (index, part) in parts.iter().enumerate() {
        let path = format!("{path}[{index}]");
        let kind = part.get("type").and_then(Value::as_str);
        match kind {
            Some("text") => {
                let path = format!("{path}.text");
                text += &string(
                    part.get("text").ok_or_else(|| missing(&path, "a string"))?,
                    &path,
                )?;
            }
            Some("system_content") if parts.len() == 1 => {
                return system_content(part, &path).map(Content::System);
            }
            Some("developer_content") if parts.len() == 1 => {
                return developer_content(part, &path).map(Content::Developer);
            }
            _ => {
                return Err(wrong(
                    &path,
                    "a part of type text, or one system_content or developer_content",
                    part,
                ));
            }
        }
    }
    Ok(Content::Text(text))
}
