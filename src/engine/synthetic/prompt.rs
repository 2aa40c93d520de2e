//! Conversations to synthetic tokens: the texts are the conversation's own, the ids made up.

use super::random::hash;
use super::vocabulary::{ASSISTANT, CHANNEL, END, MESSAGE, NUM_WORDS, START, text_of};
use crate::engine::protocol::PromptToken;
use crate::harmony::{Conversation, Header, Message, Role};

/// The prompt for an answer, or for going on with `edited`.
pub(super) fn tokens(conversation: &Conversation, edited: Option<&Message>) -> Vec<PromptToken> {
    let mut tokens = Vec::new();
    if let Some(system) = &conversation.system {
        let message = Message::new(Header::new(Role::System), system.identity.as_str());
        close(&mut tokens, &message);
    }
    let developer = conversation.developer.as_ref();
    if let Some(text) = developer.and_then(|developer| developer.instructions.as_deref()) {
        close(
            &mut tokens,
            &Message::new(Header::new(Role::Developer), text),
        );
    }
    for message in &conversation.messages {
        close(&mut tokens, message);
    }
    match edited {
        Some(message) => open(&mut tokens, message),
        None => tokens.extend([START, ASSISTANT].map(control)),
    }
    tokens
}

fn close(tokens: &mut Vec<PromptToken>, message: &Message) {
    open(tokens, message);
    tokens.push(control(END));
}

fn open(tokens: &mut Vec<PromptToken>, message: &Message) {
    let header = &message.header;
    tokens.push(control(START));
    tokens.push(word(header.name.as_deref().unwrap_or(header.role.as_str())));
    if let Some(channel) = &header.channel {
        tokens.push(control(CHANNEL));
        tokens.push(word(channel.as_str()));
    }
    tokens.push(control(MESSAGE));
    tokens.extend(message.text.split_inclusive(' ').map(word));
}

pub(super) fn control(id: u32) -> PromptToken {
    PromptToken {
        id,
        text: text_of(id),
    }
}

fn word(text: &str) -> PromptToken {
    let bytes: Vec<u64> = text.bytes().map(u64::from).collect();
    PromptToken {
        id: (hash(&bytes) % u64::from(NUM_WORDS)) as u32,
        text: text.to_owned(),
    }
}
