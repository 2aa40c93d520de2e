//! A header's tokens to a [`Header`].
//!
//! ```text
//! role[:name] [to=recipient]   <|channel|>   channel [to=recipient] [type]   <|constrain|> type
//! └ role part ─────────────┘                 └ channel part ─────────────┘   └ constraint ────┘
//! ```
//!
//! The recipient may stand in either part; a data type without a constraint stands at the end.

use super::event::FaultKind;
use super::message::{Channel, Header, Role};
use crate::tokenizer::SpecialToken;

/// More than the longest tool names need; a longer header is free text.
const MAX_HEADER_TOKENS: usize = 256;

/// Collects a header's bytes part by part.
#[derive(Debug, Clone, Default)]
pub(super) struct HeaderBuilder {
    /// The role, when `<|start|>{role}` came before the stream.
    prefilled_role: Option<Role>,
    role_part: Vec<u8>,
    channel_part: Option<Vec<u8>>,
    constraint: Option<Vec<u8>>,
    num_tokens: usize,
}

impl HeaderBuilder {
    /// A header whose role is already known.
    pub(super) fn with_role(role: Role) -> Self {
        Self {
            prefilled_role: Some(role),
            ..Self::default()
        }
    }

    /// Adds ordinary text.
    pub(super) fn push_text(&mut self, bytes: &[u8]) -> Result<(), FaultKind> {
        self.count()?;
        let part = self.constraint.as_mut().or(self.channel_part.as_mut());
        part.unwrap_or(&mut self.role_part).extend_from_slice(bytes);
        Ok(())
    }

    /// Takes `<|channel|>`.
    pub(super) fn open_channel(&mut self) -> Result<(), FaultKind> {
        self.count()?;
        if self.channel_part.is_some() {
            return Err(FaultKind::DoubledChannel);
        }
        if self.constraint.is_some() {
            return Err(FaultKind::ControlTokenInHeader);
        }
        self.channel_part = Some(Vec::new());
        Ok(())
    }

    /// Takes `<|constrain|>`.
    pub(super) fn open_constraint(&mut self) -> Result<(), FaultKind> {
        self.count()?;
        if self.constraint.is_some() {
            return Err(FaultKind::ControlTokenInHeader);
        }
        self.constraint = Some(Vec::new());
        Ok(())
    }

    /// Reads the whole; called at `<|message|>`.
    pub(super) fn finish(&self) -> Result<Header, FaultKind> {
        let role_part = text(&self.role_part)?;
        let channel_part = self.channel_part.as_deref().map(text).transpose()?;
        let constraint = self.constraint.as_deref().map(text).transpose()?;

        let mut words = Words::default();
        let mut role_words = role_part.split_whitespace();
        let author = match self.prefilled_role {
            Some(_) => None,
            None => Some(role_words.next().ok_or(FaultKind::MissingRole)?),
        };
        words.read(role_words)?;
        if channel_part.is_some() && words.content_type.is_some() {
            return Err(FaultKind::FreeTextInHeader);
        }
        let mut channel = None;
        if let Some(part) = channel_part {
            let mut channel_words = part.split_whitespace();
            let name = channel_words.next().filter(|word| !word.starts_with("to="));
            channel = Some(Channel::from(
                name.ok_or(FaultKind::MissingChannel)?.to_owned(),
            ));
            words.read(channel_words)?;
        }
        let content_type = words.content_type(constraint)?;
        let (role, name) = match (author, self.prefilled_role) {
            (None, Some(role)) => (role, None),
            (author, _) => read_author(author.unwrap_or_default(), words.recipient.is_some())?,
        };
        Ok(Header {
            role,
            name,
            recipient: words.recipient,
            channel,
            content_type,
        })
    }

    fn count(&mut self) -> Result<(), FaultKind> {
        self.num_tokens += 1;
        if self.num_tokens > MAX_HEADER_TOKENS {
            Err(FaultKind::HeaderTooLong)
        } else {
            Ok(())
        }
    }
}

/// The words after the role and after the channel.
#[derive(Default)]
struct Words {
    recipient: Option<String>,
    content_type: Option<String>,
}

impl Words {
    fn read<'a>(&mut self, words: impl Iterator<Item = &'a str>) -> Result<(), FaultKind> {
        for word in words {
            if let Some(recipient) = word.strip_prefix("to=") {
                if recipient.is_empty() {
                    return Err(FaultKind::MissingRecipient);
                }
                if self.recipient.replace(recipient.to_owned()).is_some() {
                    return Err(FaultKind::DoubledRecipient);
                }
                if self.content_type.is_some() {
                    return Err(FaultKind::FreeTextInHeader);
                }
            } else if self.content_type.replace(word.to_owned()).is_some() {
                return Err(FaultKind::FreeTextInHeader);
            }
        }
        Ok(())
    }

    /// The bare type or the constraint; there is room for one.
    fn content_type(&self, constraint: Option<&str>) -> Result<Option<String>, FaultKind> {
        let Some(constraint) = constraint else {
            return Ok(self.content_type.clone());
        };
        let kind = constraint.trim();
        if self.content_type.is_some() || kind.contains(char::is_whitespace) {
            return Err(FaultKind::FreeTextInHeader);
        }
        Ok(Some(format!("{}{kind}", SpecialToken::Constrain.name())))
    }
}

/// `role`, `role:name`, or a tool's name, which is told by its namespace or its recipient.
fn read_author(word: &str, has_recipient: bool) -> Result<(Role, Option<String>), FaultKind> {
    let (role, name) = match word.split_once(':') {
        Some((role, name)) => (role, Some(name)),
        None => (word, None),
    };
    if name == Some("") {
        return Err(FaultKind::MissingName);
    }
    if role.is_empty() {
        return Err(FaultKind::MissingRole);
    }
    match Role::from_word(role) {
        Some(role) => Ok((role, name.map(ToOwned::to_owned))),
        None if has_recipient || word.contains('.') => Ok((Role::Tool, Some(word.to_owned()))),
        None => Err(FaultKind::UnknownRole),
    }
}

fn text(bytes: &[u8]) -> Result<&str, FaultKind> {
    std::str::from_utf8(bytes).map_err(|_| FaultKind::UnreadableHeader)
}
