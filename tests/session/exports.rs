//! Exports of texts that would like to be something else.

use gptoss::session::{NodeKind, Tree, export};
use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use super::made;

const SEEDS: std::ops::Range<u64> = 0..400;

#[test]
fn json_comes_back_as_the_same_tree() {
    let tree = made::interrupted(made::tree(&made::changes()));
    assert_eq!(export::import(&export::json(&tree), 1).unwrap(), tree);
    for seed in SEEDS {
        let tree = made::random_tree(seed);
        let back = export::import(&export::json(&tree), 1).unwrap();
        assert_eq!(back, tree, "seed {seed}");
    }
}

#[test]
fn a_file_comes_back_as_the_same_tree() {
    let folder = tempfile::tempdir().unwrap();
    for seed in 0..100 {
        let tree = made::random_tree(seed);
        let path = folder.path().join(format!("{seed}.jsonl"));
        drop(gptoss::session::SessionFile::create(&path, &tree, 7).unwrap());
        let (opened, _) = gptoss::session::SessionFile::open(&path).unwrap();
        assert_eq!((opened.tree, opened.damage), (tree, None), "seed {seed}");
    }
}

/// The texts of the branch shown.
fn texts(tree: &Tree) -> Vec<String> {
    let of = |id| match &tree.node(id).unwrap().kind {
        NodeKind::User { text } | NodeKind::Tool { text, .. } => vec![text.clone()],
        NodeKind::Assistant(turn) => turn.parts.iter().map(|part| part.text.clone()).collect(),
    };
    tree.path().into_iter().flat_map(of).collect()
}

fn has_controls(text: &str) -> bool {
    text.chars()
        .any(|character| character.is_control() && !matches!(character, '\n' | '\t'))
}

#[test]
fn the_page_holds_its_own_markup_and_every_text_as_text() {
    const OWN: &[&str] = &[
        "!doctype html",
        "html lang=\"en\"",
        "head",
        "meta charset=\"utf-8\"",
        "meta name=\"viewport\" content=\"width=device-width\"",
        "title",
        "/title",
        "style",
        "/style",
        "/head",
        "body",
        "/body",
        "/html",
        "h1",
        "/h1",
        "h2",
        "/h2",
        "div class=\"text\"",
        "/div",
        "details",
        "/details",
        "summary",
        "/summary",
        "footer",
        "/footer",
    ];
    for seed in SEEDS {
        let tree = made::random_tree(seed);
        let page = export::html(&tree);
        assert!(!has_controls(&page), "seed {seed}");
        for tag in page.split('<').skip(1) {
            let name = tag.split('>').next().unwrap();
            assert!(OWN.contains(&name), "seed {seed}: <{name}>");
        }
        let shown: Vec<String> = page
            .split("<div class=\"text\">")
            .skip(1)
            .map(|rest| unescaped(rest.split("</div>").next().unwrap()))
            .collect();
        for text in texts(&tree) {
            let text: String = text
                .chars()
                .filter(|character| !has_controls(&character.to_string()))
                .collect();
            assert!(shown.contains(&text), "seed {seed}: {text:?}");
        }
    }
}

fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&amp;", "&")
}

#[test]
fn markdown_holds_no_html_but_its_own_and_no_text_reaches_into_the_next() {
    for seed in SEEDS {
        let tree = made::random_tree(seed);
        let text = export::markdown(&tree);
        assert!(!has_controls(&text), "seed {seed}");
        let (html, headings) = parsed(&text);
        for found in html {
            let found = found.trim();
            let is_own = found == "</details>"
                || (found.starts_with("<details><summary>")
                    && found.ends_with(" tokens</summary>")
                    && found.matches('<').count() == 3);
            assert!(
                is_own || found.is_empty(),
                "seed {seed}: {found:?} in\n{text}"
            );
        }
        let path = tree.path();
        let answers = path.iter().filter(|id| tree.turn(**id).is_some()).count();
        let users = path
            .iter()
            .filter(|id| matches!(tree.node(**id).unwrap().kind, NodeKind::User { .. }))
            .count();
        let count = |title: &str| headings.iter().filter(|heading| *heading == title).count();
        assert_eq!(count("made-model"), answers, "seed {seed}:\n{text}");
        assert_eq!(count("You"), users, "seed {seed}:\n{text}");
    }
}

/// The HTML of a document, and its headings that are not within anything.
fn parsed(text: &str) -> (Vec<String>, Vec<String>) {
    let (mut html, mut headings) = (Vec::new(), Vec::new());
    let (mut depth, mut heading) = (0, None);
    for event in Parser::new_ext(text, Options::ENABLE_TABLES | Options::ENABLE_GFM) {
        match event {
            Event::Html(text) | Event::InlineHtml(text) => html.push(text.to_string()),
            Event::Start(tag) => {
                if depth == 0
                    && matches!(
                        tag,
                        Tag::Heading {
                            level: HeadingLevel::H2,
                            ..
                        }
                    )
                {
                    heading = Some(String::new());
                }
                depth += 1;
            }
            Event::End(tag) => {
                depth -= 1;
                if matches!(tag, TagEnd::Heading(_)) {
                    headings.extend(heading.take());
                }
            }
            Event::Text(text) => {
                if let Some(heading) = &mut heading {
                    heading.push_str(&text);
                }
            }
            _ => {}
        }
    }
    (html, headings)
}

#[test]
fn ordinary_markdown_stays_as_it_was_written() {
    let written = "Some *text* with `a < b`, a < b and\n\n```rust\nlet x: Vec<u8>;\n```\n\n- a list\n\n| a | b |\n|---|---|\n| 1 | 2 |";
    let tree = made::tree(&[made::user(1, None, written)]);
    let text = export::markdown(&tree);
    assert!(text.contains(written), "{text}");
}
