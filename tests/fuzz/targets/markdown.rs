//! Markdown from a model: rows that fit and hold nothing that a terminal acts upon, the same however
//! the text came in.
//!
//! The first three bytes are width, options and the size of the pieces; the rest is the text.

use std::sync::Once;
use std::time::Duration;

use gptoss::ui::markdown::{
    MarkdownOptions, RenderedLine, StreamingMarkdown, highlight_ready, preload,
};
use gptoss::ui::sanitize::sanitize;

use super::text::{is_active, lossy};

static GRAMMARS: Once = Once::new();

/// Drawing each piece of more than this would be most of the work.
const MAX_PIECES: usize = 64;

pub fn markdown(data: &[u8]) {
    let Some(([width, flags, piece], text)) = data.split_first_chunk::<3>() else {
        return;
    };
    let text = lossy(text, 16 << 10);
    check_sanitized(&text);
    let highlight = flags & 1 != 0;
    if highlight {
        GRAMMARS.call_once(load_grammars);
    }
    let options = MarkdownOptions {
        wrap_code: flags & 2 != 0,
        plain: flags & 4 != 0,
        highlight,
        tab_width: u16::from(flags >> 3) % 9,
    };
    let width = u16::from(*width);
    let mut whole = StreamingMarkdown::new(width, options.clone());
    whole.push(&text);
    for line in whole.lines() {
        check_line(line, width, &text);
    }
    for block in whole.code_blocks() {
        assert!(text.get(block.source).is_some(), "a block's bytes are text");
    }
    let mut pieces = StreamingMarkdown::new(width.saturating_add(7), options);
    pieces.set_width(width);
    push_pieces(&mut pieces, &text, usize::from(*piece) + 1);
    assert_eq!(whole.lines(), pieces.lines());
    assert_eq!(whole.code_blocks(), pieces.code_blocks());
}

/// Rows that were frozen must stay as they are.
fn push_pieces(markdown: &mut StreamingMarkdown, text: &str, piece_chars: usize) {
    let mut frozen: Vec<RenderedLine> = Vec::new();
    let mut rest = text;
    for _ in 0..MAX_PIECES {
        let end = rest
            .char_indices()
            .nth(piece_chars)
            .map_or(rest.len(), |(at, _)| at);
        let (piece, behind) = rest.split_at(end);
        markdown.push(piece);
        rest = behind;
        assert_eq!(markdown.lines().get(..frozen.len()), Some(&frozen[..]));
        frozen = markdown.lines()[..markdown.frozen_lines()].to_vec();
        if rest.is_empty() {
            return;
        }
    }
    markdown.push(rest);
}

fn check_line(line: &RenderedLine, width: u16, source: &str) {
    let text = line.text();
    assert!(!text.contains(is_active), "{text:?}");
    assert!(
        line.width() <= usize::from(width.max(1)),
        "{text:?} is {} wide, not {width}",
        line.width()
    );
    for span in &line.spans {
        assert_eq!(sanitize(&span.text), *span.text, "made harmless already");
        if let Some(range) = span.source.clone() {
            assert!(source.get(range).is_some(), "a span's bytes are text");
        }
    }
}

fn check_sanitized(text: &str) {
    let inert = sanitize(text);
    let is_bad = |character: char| is_active(character) && !matches!(character, '\n' | '\t');
    assert!(!inert.contains(is_bad), "{inert:?}");
    assert_eq!(sanitize(&inert), inert);
}

fn load_grammars() {
    preload();
    while !highlight_ready() {
        std::thread::sleep(Duration::from_millis(1));
    }
}
