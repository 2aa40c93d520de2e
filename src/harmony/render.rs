//! A conversation to token ids.
//!
//! Bodies and header words are encoded as ordinary text, so nothing that someone typed can open
//! or close a message.
//!
//! *Source:* `OpenAI`'s harmony format document. Where the `openai-harmony` crate (0.0.8)
//! differs from it, the document is followed: the crate drops only the analysis before the
//! conversation's first final message, the document and the released chat template all of it
//! that a final message followed.

use super::message::{Channel, Conversation, Header, Message, Role};
use super::parser::ParsePlace;
use super::{HarmonyTokens, RenderError};
use crate::tokenizer::{SpecialToken, Tokenizer};

/// What happens to the analysis of answered turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AnalysisHistory {
    /// Leave out what is on the analysis channel before the last final message. The analysis
    /// of a turn that is still going on, such as one that waits for a tool, stays.
    #[default]
    DropAnswered,
    /// Keep everything.
    Keep,
}

/// What the rendering is for, which decides how it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RenderEnding {
    /// The model speaks next: ends in `<|start|>assistant`.
    #[default]
    Completion,
    /// History as it is: every message closed, nothing opened.
    Conversation,
    /// A training example: as `Conversation`, but a final message at the end closes with
    /// `<|return|>` and the analysis of its own turn stays, as the model is to produce both.
    Training,
}

/// What to render besides the conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RenderOptions {
    /// What happens to the analysis of answered turns.
    pub analysis: AnalysisHistory,
    /// How it ends.
    pub ending: RenderEnding,
}

/// The beginning of the assistant's next message, which the model is to go on with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prefill {
    /// The given message is left open at its end.
    Continue(Message),
    /// The reasoning so far is closed (left out if empty) and the final message opened.
    AnswerNow {
        /// The analysis that was interrupted.
        analysis: String,
    },
}

/// Renders conversations with one tokenizer.
///
/// ```
/// use gptoss::harmony::{Conversation, Message, Renderer};
/// use gptoss::tokenizer::Tokenizer;
///
/// let tokenizer = Tokenizer::o200k_harmony()?;
/// let chat = Conversation { messages: vec![Message::user("Hello")], ..Default::default() };
/// let ids = Renderer::new(&tokenizer)?.completion(&chat)?;
/// assert_eq!(tokenizer.decode(&ids), "<|start|>user<|message|>Hello<|end|><|start|>assistant");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Renderer<'a> {
    tokenizer: &'a Tokenizer,
    tokens: HarmonyTokens,
}

impl<'a> Renderer<'a> {
    /// *Errors:* [`RenderError::MissingSpecialToken`] if the vocabulary is not harmony's.
    pub fn new(tokenizer: &'a Tokenizer) -> Result<Self, RenderError> {
        let tokens = HarmonyTokens::new(tokenizer)?;
        Ok(Self { tokenizer, tokens })
    }

    /// The prompt for the assistant's next message.
    ///
    /// *Errors:* [`RenderError::ToolWithoutName`].
    pub fn completion(&self, conversation: &Conversation) -> Result<Vec<u32>, RenderError> {
        self.render(conversation, RenderOptions::default())
    }

    /// The conversation as the options say.
    ///
    /// *Errors:* [`RenderError::ToolWithoutName`].
    pub fn render(
        &self,
        conversation: &Conversation,
        options: RenderOptions,
    ) -> Result<Vec<u32>, RenderError> {
        let mut ids = Vec::new();
        self.frame(&mut ids, conversation)?;
        let dropped = dropped_before(&conversation.messages, options);
        let last = conversation.messages.len().checked_sub(1);
        for (index, message) in conversation.messages.iter().enumerate() {
            if index < dropped && message.header.channel == Some(Channel::Analysis) {
                continue;
            }
            self.open(&mut ids, message, index)?;
            let is_target = options.ending == RenderEnding::Training && Some(index) == last;
            ids.push(self.closing(message, is_target));
        }
        if options.ending == RenderEnding::Completion {
            self.open_assistant(&mut ids);
        }
        Ok(ids)
    }

    /// The prompt for going on with a message that has begun.
    ///
    /// Earlier analysis is dropped as for a completion; that of the open turn stays.
    ///
    /// *Errors:* [`RenderError::ToolWithoutName`].
    pub fn prefill(
        &self,
        conversation: &Conversation,
        prefill: &Prefill,
    ) -> Result<Vec<u32>, RenderError> {
        let ending = RenderEnding::Conversation;
        let options = RenderOptions {
            ending,
            ..RenderOptions::default()
        };
        let mut ids = self.render(conversation, options)?;
        match prefill {
            Prefill::Continue(message) => {
                self.open(&mut ids, message, conversation.messages.len())?;
            }
            Prefill::AnswerNow { analysis } => {
                if analysis.is_empty() {
                    self.open_assistant(&mut ids);
                } else {
                    let message = Message::assistant(Channel::Analysis, analysis.as_str());
                    self.open(&mut ids, &message, conversation.messages.len())?;
                    ids.push(self.tokens.end);
                    self.open_assistant(&mut ids);
                }
                self.final_header(&mut ids);
            }
        }
        Ok(ids)
    }

    /// The ids that close an open body and open the final message.
    ///
    /// Appended to the ids that were generated so far, they give the prompt of
    /// [`Prefill::AnswerNow`] with the very tokens that the model chose, so that a cached prefix
    /// stays valid; encoding the text again may choose others.
    pub fn answer_now_ids(&self) -> Vec<u32> {
        let mut ids = vec![self.tokens.end];
        self.open_assistant(&mut ids);
        self.final_header(&mut ids);
        ids
    }

    /// The same from any place in an answer. A header that is cut off stays so, as a fault.
    pub fn final_opening_ids(&self, place: ParsePlace) -> Vec<u32> {
        let mut ids = Vec::new();
        match place {
            ParsePlace::Body | ParsePlace::Fault => return self.answer_now_ids(),
            ParsePlace::AfterRole => {}
            ParsePlace::Outside | ParsePlace::Header => self.open_assistant(&mut ids),
        }
        self.final_header(&mut ids);
        ids
    }

    /// The system and developer messages.
    fn frame(&self, ids: &mut Vec<u32>, conversation: &Conversation) -> Result<(), RenderError> {
        let developer = conversation.developer.as_ref();
        let mut framing = Vec::new();
        if let Some(system) = &conversation.system {
            let has_tools = developer.is_some_and(|developer| !developer.tools.is_empty());
            framing.push(Message::new(
                Header::new(Role::System),
                system.text(has_tools),
            ));
        }
        if let Some(text) = developer
            .map(super::DeveloperContent::text)
            .filter(|text| !text.is_empty())
        {
            framing.push(Message::new(Header::new(Role::Developer), text));
        }
        for (index, message) in framing.iter().enumerate() {
            self.open(ids, message, index)?;
            ids.push(self.tokens.end);
        }
        Ok(())
    }

    /// A message up to the end of its text.
    fn open(&self, ids: &mut Vec<u32>, message: &Message, index: usize) -> Result<(), RenderError> {
        let header = &message.header;
        ids.push(self.tokens.start);
        match (header.role, &header.name) {
            (Role::Tool, Some(name)) => self.text(ids, name),
            (Role::Tool, None) => return Err(RenderError::ToolWithoutName { index }),
            (role, name) => {
                self.text(ids, role.as_str());
                if let Some(name) = name {
                    self.text(ids, &format!(":{name}"));
                }
            }
        }
        if let Some(recipient) = &header.recipient {
            self.text(ids, &format!(" to={recipient}"));
        }
        if let Some(channel) = &header.channel {
            ids.push(self.tokens.channel);
            self.text(ids, channel.as_str());
        }
        if let Some(content_type) = &header.content_type {
            self.content_type(ids, content_type);
        }
        ids.push(self.tokens.message);
        self.text(ids, &message.text);
        Ok(())
    }

    /// ` json`, or ` <|constrain|>json` with the marker as a control token.
    fn content_type(&self, ids: &mut Vec<u32>, content_type: &str) {
        match content_type.strip_prefix(SpecialToken::Constrain.name()) {
            Some(kind) => {
                self.text(ids, " ");
                ids.push(self.tokens.constrain);
                self.text(ids, kind);
            }
            None => self.text(ids, &format!(" {content_type}")),
        }
    }

    /// An assistant's call ends in `<|call|>` in history too; `<|return|>` only in a target.
    fn closing(&self, message: &Message, is_target: bool) -> u32 {
        if message.header.role == Role::Assistant && message.header.recipient.is_some() {
            self.tokens.call
        } else if is_target && message.is_final() {
            self.tokens.return_
        } else {
            self.tokens.end
        }
    }

    fn open_assistant(&self, ids: &mut Vec<u32>) {
        ids.push(self.tokens.start);
        self.text(ids, Role::Assistant.as_str());
    }

    fn final_header(&self, ids: &mut Vec<u32>) {
        ids.push(self.tokens.channel);
        self.text(ids, Channel::Final.as_str());
        ids.push(self.tokens.message);
    }

    fn text(&self, ids: &mut Vec<u32>, text: &str) {
        self.tokenizer.encode_ordinary_into(text, ids);
    }
}

/// Analysis before this index is left out.
///
/// Calls and results on the analysis channel (those of built-in tools) go with it, both or none.
fn dropped_before(messages: &[Message], options: RenderOptions) -> usize {
    if options.analysis == AnalysisHistory::Keep {
        return 0;
    }
    let history = match (options.ending, messages.last()) {
        // The target's own turn is not history: it begins after the last user's message.
        (RenderEnding::Training, Some(last)) if last.is_final() => {
            let user = messages
                .iter()
                .rposition(|message| message.header.role == Role::User);
            &messages[..user.unwrap_or(0)]
        }
        _ => messages,
    };
    history.iter().rposition(Message::is_final).unwrap_or(0)
}
