//! The branch shown as Markdown.

use std::fmt::Write;

use crate::session::{NodeKind, Part, Tree, Turn};

/// The branch shown as Markdown; analysis and calls are folded.
pub fn markdown(tree: &Tree) -> String {
    let mut text = format!("# {}\n", one_line(&tree.title_or_beginning()));
    if let Some(instructions) = &tree.framing().developer.instructions {
        let _ = write!(text, "\n## Instructions\n\n{}\n", instructions.trim());
    }
    for id in tree.path() {
        match tree.node(id).map(|node| &node.kind) {
            Some(NodeKind::User { text: message }) => {
                let _ = write!(text, "\n## You\n\n{}\n", message.trim());
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
    for part in &turn.parts {
        if part.is_final() {
            let _ = write!(text, "\n{}\n", part.text.trim());
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

/// A fence that is longer than any inside.
fn fenced(text: &str) -> String {
    let longest = text
        .split(|character| character != '`')
        .map(str::len)
        .max()
        .unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}text\n{}\n{fence}", text.trim_end())
}

fn one_line(text: &str) -> String {
    let text = text.replace(['<', '>'], " ");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
