//! The control tokens of one vocabulary.

use super::RenderError;
use crate::tokenizer::{SpecialToken, Tokenizer};

/// The ids that structure messages, looked up once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HarmonyTokens {
    /// `<|start|>`
    pub start: u32,
    /// `<|end|>`
    pub end: u32,
    /// `<|message|>`
    pub message: u32,
    /// `<|channel|>`
    pub channel: u32,
    /// `<|constrain|>`
    pub constrain: u32,
    /// `<|return|>`
    pub return_: u32,
    /// `<|call|>`
    pub call: u32,
}

impl HarmonyTokens {
    /// Looks the ids up.
    ///
    /// *Errors:* [`RenderError::MissingSpecialToken`].
    pub fn new(tokenizer: &Tokenizer) -> Result<Self, RenderError> {
        let id = |token: SpecialToken| {
            let name = token.name();
            tokenizer
                .special(token)
                .ok_or(RenderError::MissingSpecialToken { name })
        };
        Ok(Self {
            start: id(SpecialToken::Start)?,
            end: id(SpecialToken::End)?,
            message: id(SpecialToken::Message)?,
            channel: id(SpecialToken::Channel)?,
            constrain: id(SpecialToken::Constrain)?,
            return_: id(SpecialToken::Return)?,
            call: id(SpecialToken::Call)?,
        })
    }
}
