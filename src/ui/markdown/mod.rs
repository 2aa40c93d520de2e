//! Markdown on its way to cells: source that grows token by token in, wrapped rows out.
//!
//! Start at [`StreamingMarkdown`]. `scan` cuts the source into top-level blocks as it arrives;
//! `block` draws one of them from the parser's events, with `inline`, `wrap`, `table` and `code`;
//! `stream` keeps the rows of what is finished and draws the rest again.
//!
//! It knows no colors (rows carry a [`Role`] each span), no terminal, and no message but its own.
//!
//! Invariants: rows depend on source, width, options and loaded grammars, not on how the source was
//! split; no row is wider than asked for, from width 1 on; no control character, bidirectional
//! control or tab reaches a row; `source` ranges lie on character boundaries of the source.

mod block;
mod code;
mod cut;
mod glyph;
mod highlight;
mod html;
mod inline;
mod line;
mod line_start;
mod options;
mod role;
mod scan;
mod segment;
mod stream;
mod table;
mod wrap;

#[cfg(test)]
mod tests;

pub use highlight::{highlight_ready, preload};
pub use line::{CodeBlock, LineKind, RenderedLine, RenderedSpan};
pub use options::MarkdownOptions;
pub use role::{CodeRole, Role};
pub use stream::StreamingMarkdown;
