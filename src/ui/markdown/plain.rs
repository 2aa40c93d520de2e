//! Markdown as plain text, for screen readers, files and pipes.

use super::options::MarkdownOptions;
use super::stream::StreamingMarkdown;

/// Returns Markdown wrapped to `width` columns, with ASCII marks in place of boxes and bars.
pub fn plain_lines(source: &str, width: u16) -> Vec<String> {
    let options = MarkdownOptions {
        plain: true,
        highlight: false,
        ..MarkdownOptions::default()
    };
    let mut markdown = StreamingMarkdown::new(width, options);
    markdown.push(source);
    markdown
        .lines()
        .iter()
        .map(|line| line.text().trim_end().to_owned())
        .collect()
}
