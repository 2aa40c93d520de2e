//! The branch shown as a page of its own.

use std::fmt::Write;

use crate::session::{NodeKind, Tree, Turn};

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;\
color:#1a1d21;background:#fff}h1{font-size:1.4rem}h2{font-size:1rem;margin:1.6rem 0 .3rem;color:#55606e}\
.text{white-space:pre-wrap;overflow-wrap:anywhere}details{color:#55606e;margin:.5rem 0}\
footer{margin-top:2rem;color:#55606e;font-size:.85rem}\
@media(prefers-color-scheme:dark){body{color:#e4e7eb;background:#14171a}h2,details,footer{color:#9aa5b1}}";

/// The branch shown as one HTML page without scripts; texts are shown as they are.
pub fn html(tree: &Tree) -> String {
    let title = escape(&tree.title_or_beginning());
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title>\
         <style>{STYLE}</style></head><body>\n<h1>{title}</h1>\n"
    );
    if let Some(instructions) = &tree.framing().developer.instructions {
        message(&mut page, "Instructions", instructions);
    }
    for id in tree.path() {
        match tree.node(id).map(|node| &node.kind) {
            Some(NodeKind::User { text }) => message(&mut page, "You", text),
            Some(NodeKind::Tool { name, text }) => {
                message(&mut page, &format!("Tool {name}"), text);
            }
            Some(NodeKind::Assistant(turn)) => answer(&mut page, turn),
            None => {}
        }
    }
    let _ = write!(
        page,
        "<footer>gptoss-tui {}</footer>\n</body></html>\n",
        env!("CARGO_PKG_VERSION")
    );
    page
}

fn message(page: &mut String, author: &str, text: &str) {
    let _ = writeln!(
        page,
        "<h2>{}</h2><div class=\"text\">{}</div>",
        escape(author),
        escape(text)
    );
}

fn answer(page: &mut String, turn: &Turn) {
    let _ = writeln!(page, "<h2>{}</h2>", escape(&turn.settings.model));
    for words in turn.expert_words().into_iter().chain(turn.fork_words()) {
        let _ = writeln!(page, "<p>{}</p>", escape(&words));
    }
    for part in &turn.parts {
        let text = escape(&part.text);
        if part.is_final() {
            let _ = writeln!(page, "<div class=\"text\">{text}</div>");
        } else {
            let _ = writeln!(
                page,
                "<details><summary>{}, {} tokens</summary><div class=\"text\">{text}</div></details>",
                escape(part.channel_name()),
                part.num_tokens()
            );
        }
    }
}

/// Text for a page: markup escaped, control characters but line breaks and tabs left out.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(character),
            other if other.is_control() => {}
            other => escaped.push(other),
        }
    }
    escaped
}
