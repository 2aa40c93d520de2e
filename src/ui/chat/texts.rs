//! The wrapped texts of messages, kept from frame to frame.

use std::collections::HashMap;

use super::plain_text::PlainText;
use super::raw::{RawText, RawToken};
use crate::session::NodeId;
use crate::ui::markdown::{MarkdownOptions, RenderedLine, StreamingMarkdown};
use crate::ui::theme::{GlyphSet, Theme};

/// Texts from which those that were not drawn lately are forgotten.
const MAX_TEXTS: usize = 512;

/// A message's text: the message, the part of an answer, and how it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct TextKey {
    pub(super) node: NodeId,
    pub(super) part: usize,
    pub(super) form: TextForm,
}

/// How a text is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum TextForm {
    Markdown,
    Plain,
    Raw,
}

#[expect(clippy::large_enum_variant, reason = "most texts are Markdown")]
#[derive(Debug)]
enum Body {
    Markdown {
        text: StreamingMarkdown,
        glyphs: GlyphSet,
    },
    Plain(PlainText),
    Raw(RawText),
}

/// The wrapped texts.
#[derive(Debug, Default)]
pub(in crate::ui) struct TextCache {
    texts: HashMap<TextKey, (u64, Body)>,
    frame: u64,
}

impl TextCache {
    /// Begins a frame: forgets what has not been on screen for long, where there is much.
    pub(super) fn begin_frame(&mut self) {
        self.frame += 1;
        if self.texts.len() > MAX_TEXTS {
            let frame = self.frame;
            self.texts.retain(|_, (used, _)| *used + 2 > frame);
        }
    }

    /// Wraps a Markdown text and gives the number of its rows.
    pub(super) fn markdown(
        &mut self,
        key: TextKey,
        source: &str,
        width: u16,
        theme: &Theme,
    ) -> usize {
        let glyphs = theme.glyph_set();
        let is_fresh =
            |body: &Body| matches!(body, Body::Markdown { glyphs: drawn, .. } if *drawn == glyphs);
        if !self.texts.get(&key).is_some_and(|(_, body)| is_fresh(body)) {
            let options = MarkdownOptions {
                plain: glyphs == GlyphSet::Ascii,
                ..MarkdownOptions::default()
            };
            let text = StreamingMarkdown::new(width, options);
            self.texts
                .insert(key, (self.frame, Body::Markdown { text, glyphs }));
        }
        let Some((used, Body::Markdown { text, .. })) = self.texts.get_mut(&key) else {
            return 0;
        };
        *used = self.frame;
        text.set_width(width);
        text.set_source(source);
        text.lines().len()
    }

    /// Wraps a text as it is and gives the number of its rows.
    pub(super) fn plain(&mut self, key: TextKey, source: &str, width: u16) -> usize {
        let entry = self.texts.entry(key);
        let (used, body) = entry.or_insert_with(|| (0, Body::Plain(PlainText::default())));
        *used = self.frame;
        if let Body::Plain(text) = body {
            text.set(source, width);
        }
        self.lines(key).len()
    }

    /// Wraps tokens and gives the number of their rows.
    pub(super) fn raw<'a>(
        &mut self,
        key: TextKey,
        tokens: impl ExactSizeIterator<Item = RawToken<'a>>,
        width: u16,
    ) -> usize {
        let entry = self.texts.entry(key);
        let (used, body) = entry.or_insert_with(|| (0, Body::Raw(RawText::default())));
        *used = self.frame;
        if let Body::Raw(text) = body {
            text.set(tokens, width);
        }
        self.lines(key).len()
    }

    /// The rows of a text that was wrapped in this frame.
    pub(super) fn lines(&self, key: TextKey) -> &[RenderedLine] {
        match self.texts.get(&key).map(|(_, body)| body) {
            Some(Body::Markdown { text, .. }) => text.lines(),
            Some(Body::Plain(text)) => text.lines(),
            Some(Body::Raw(text)) => text.lines(),
            None => &[],
        }
    }
}
