//! What a caller can choose.

/// How Markdown is drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarkdownOptions {
    /// Breaks long lines of code at spaces where there are some, instead of at the edge.
    pub wrap_code: bool,
    /// Draws with ASCII only, no boxes: for screen readers and files.
    pub plain: bool,
    /// Highlights closed code blocks once [`super::highlight_ready`].
    pub highlight: bool,
    /// Columns from one tab stop to the next in code.
    pub tab_width: u16,
}

impl Default for MarkdownOptions {
    fn default() -> Self {
        Self {
            wrap_code: false,
            plain: false,
            highlight: true,
            tab_width: 4,
        }
    }
}
