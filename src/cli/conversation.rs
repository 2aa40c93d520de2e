//! Conversations from the command line.

use std::path::Path;

use gptoss::harmony::{
    Conversation, DeveloperContent, Message, MessagesError, Renderer, SystemContent,
};
use gptoss::tokenizer::Tokenizer;

use super::args::FramingArgs;
use super::exit::CliError;
use super::text;

/// A chat that begins with the usual system message.
pub(crate) fn framed(framing: &FramingArgs) -> Conversation {
    let mut conversation = Conversation {
        system: Some(SystemContent::default()),
        ..Conversation::default()
    };
    framing.apply(&mut conversation);
    conversation
}

/// One message of the user's in such a chat.
pub(crate) fn of_text(text: String, framing: &FramingArgs) -> Conversation {
    let mut conversation = framed(framing);
    conversation.messages.push(Message::user(text));
    conversation
}

/// The messages in a file; no system message is made up unless a flag asks for one.
pub(crate) fn of_file(path: &Path, framing: &FramingArgs) -> Result<Conversation, CliError> {
    let json = text::file(path)?;
    of_json(&json, framing).map_err(|error| CliError::usage(format!("{}: {error}", path.display())))
}

/// The messages in a JSON text; no system message is made up unless a flag asks for one.
pub(crate) fn of_json(json: &str, framing: &FramingArgs) -> Result<Conversation, MessagesError> {
    let mut conversation = Conversation::from_json(json)?;
    framing.apply(&mut conversation);
    Ok(conversation)
}

/// The prompt up to where the assistant speaks.
pub(crate) fn render(
    conversation: &Conversation,
    tokenizer: &Tokenizer,
) -> Result<Vec<u32>, CliError> {
    Ok(Renderer::new(tokenizer)?.completion(conversation)?)
}

impl FramingArgs {
    /// No flag at all.
    pub(crate) const fn none() -> Self {
        Self {
            effort: None,
            system: None,
            developer: None,
            date: None,
        }
    }

    fn apply(&self, conversation: &mut Conversation) {
        if self.effort.is_some() || self.system.is_some() || self.date.is_some() {
            let system = conversation.system.get_or_insert_default();
            if let Some(effort) = self.effort {
                system.effort = Some(effort.effort());
            }
            if let Some(identity) = &self.system {
                system.identity.clone_from(identity);
            }
            if let Some(date) = &self.date {
                system.current_date = Some(date.clone());
            }
        }
        if let Some(instructions) = &self.developer {
            let developer = conversation
                .developer
                .get_or_insert_with(DeveloperContent::default);
            developer.instructions = Some(instructions.clone());
        }
    }
}
