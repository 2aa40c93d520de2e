//! The branch shown as Markdown.

use std::fmt::Write;

use super::plain::{fenced, one_line, safe};
use crate::session::{NodeKind, Part, Tree, Turn};

/// The branch shown as Markdown; analysis and calls are folded. Markup of the texts stays, but HTML
/// in them is text, and no text reaches into the next.
pub fn markdown(tree: &Tree) -> String {
    let mut text = format!("# {}\n", one_line(&tree.title_or_beginning()));
    if let Some(instructions) = &tree.framing().developer.instructions {
        let _ = write!(text, "\n## Instructions\n\n{}\n", safe(instructions));
    }
    for id in tree.path() {
        match tree.node(id).map(|node| &node.kind) {
            Some(NodeKind::User { text: message }) => {
                let _ = write!(text, "\n## You\n\n{}\n", safe(message));
            }
            Some(NodeKind::Tool { name, text: result }) => {
                let _ = write!(text, "\n## Tool {}\n\n{}\n", one_line(name), fenced(result));
            }
            Some(NodeKind::Assistant(turn)) => answer(&mut text, turn),
            None => {}
        }
    }
    text
}

fn answer(text: &mut String, turn: &Turn) {
    let _ = write!(text, "\n## {}\n", one_line(&turn.settings.model));
    for words in turn.expert_words().into_iter().chain(turn.fork_words()) {
        let _ = write!(text, "\n> {}\n", one_line(&words));
    }
    for part in &turn.parts {
        if part.is_final() {
            let _ = write!(text, "\n{}\n", safe(&part.text));
        } else {
            folded(text, part);
        }
    }
}

fn folded(text: &mut String, part: &Part) {
    let _ = write!(
        text,
        "\n<details><summary>{}, {} tokens</summary>\n\n{}\n\n</details>\n",
        one_line(part.channel_name()),
        part.num_tokens(),
        fenced(&part.text)
    );
}
