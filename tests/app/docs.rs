//! The README tells what the program does, and the pages lead to each other.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use gptoss::app::Keymap;

#[test]
fn the_readme_lists_every_key() {
    let readme = include_str!("../../README.md");
    let begin = "<!-- keys: made by `gptoss-tui print-keys`; a test compares -->\n";
    let start = readme.find(begin).expect("the table begins") + begin.len();
    let end = readme.find("<!-- end of keys -->").expect("the table ends");
    assert_eq!(
        readme[start..end].trim(),
        Keymap::default().table().trim(),
        "print it with `gptoss-tui print-keys`"
    );
}

#[test]
fn links_between_pages_lead_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let pages: Vec<PathBuf> = [
        root.to_owned(),
        root.join("docs"),
        root.join("docs/decisions"),
    ]
    .iter()
    .flat_map(|folder| std::fs::read_dir(folder).expect("a folder"))
    .map(|entry| entry.expect("readable").path())
    .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
    .collect();
    assert!(pages.len() > 15, "{pages:?}");
    let mut dead = Vec::new();
    let mut followed = 0;
    for page in &pages {
        let text = std::fs::read_to_string(page).expect("a page");
        for link in links(&text) {
            followed += 1;
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() {
                page.clone()
            } else {
                page.with_file_name(file)
            };
            let is_there = if heading.is_empty() {
                target.exists()
            } else {
                std::fs::read_to_string(&target).is_ok_and(|text| headings(&text).contains(heading))
            };
            // The published crate leaves some folders out.
            if !is_there && !link.starts_with("../benches/peer") {
                dead.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(followed > 20, "only {followed} links were found");
    assert!(dead.is_empty(), "{dead:#?}");
}

/// Where a page's links to other files lead.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let targets = text.split("](").skip(1);
    targets
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target)
        .filter(|target| !target.contains("://") && !target.contains(char::is_whitespace))
}

/// A page's headings, as links name them.
fn headings(text: &str) -> BTreeSet<String> {
    let lines = text.lines().filter(|line| line.starts_with('#'));
    lines
        .map(|line| {
            let words = line.trim_start_matches('#').trim().to_lowercase();
            let kept = words
                .chars()
                .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
            kept.collect::<String>().replace(' ', "-")
        })
        .collect()
}
