//! Conversations for other programs and for people, and back again.

mod html;
mod json;
mod markdown;
mod plain;

pub use html::html;
pub use json::{ImportError, import, json};
pub use markdown::markdown;
