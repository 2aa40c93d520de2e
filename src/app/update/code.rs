//! Copying and saving code blocks.

use super::super::effect::Effect;
use super::super::popup::{CodeChoice, CodePurpose, ListPopup, Popup};
use super::super::state::{Level, State};
use super::{chat, popups, say};
use crate::session::Turn;

/// Takes the selected answer's code block, or lets the person choose among several.
pub(in crate::app) fn choose(state: &mut State, purpose: CodePurpose) -> Vec<Effect> {
    let Some(node) = chat::selected_answer(state) else {
        return Vec::new();
    };
    let turn = state.session.tree.turn(node);
    let text = turn.map(Turn::final_text).unwrap_or_default();
    let blocks = code_blocks(&text);
    match <[CodeChoice; 1]>::try_from(blocks) {
        Ok([only]) => popups::take_code(state, only, purpose),
        Err(blocks) if blocks.is_empty() => {
            say(state, Level::Info, "this answer has no code block");
            Vec::new()
        }
        Err(blocks) => popups::open(state, |_| Popup::Code {
            list: ListPopup::new(blocks),
            purpose,
        }),
    }
}

/// The code blocks of a Markdown text.
fn code_blocks(text: &str) -> Vec<CodeChoice> {
    use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag, TagEnd};
    let mut blocks: Vec<CodeChoice> = Vec::new();
    let mut is_open = false;
    for event in Parser::new(text) {
        match event {
            Event::Start(Tag::CodeBlock(kind)) => {
                let language = match kind {
                    CodeBlockKind::Fenced(words) => {
                        words.split_whitespace().next().map(str::to_owned)
                    }
                    CodeBlockKind::Indented => None,
                };
                blocks.push(CodeChoice {
                    language,
                    source: String::new(),
                });
                is_open = true;
            }
            Event::End(TagEnd::CodeBlock) => is_open = false,
            Event::Text(text) if is_open => {
                if let Some(block) = blocks.last_mut() {
                    block.source.push_str(&text);
                }
            }
            _ => {}
        }
    }
    blocks
}
