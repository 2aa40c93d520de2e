//! Text inside a paragraph: from parser events to pieces with a role and a place in the source.

use super::line::Source;
use super::role::Role;
use super::segment::SegmentText;
use super::wrap::Wrapper;
use pulldown_cmark::{CowStr, Event, LinkType, Tag, TagEnd};
use std::ops::Range;

/// Text of one role, or the end of a row.
#[derive(Debug)]
pub(super) enum Piece<'a> {
    Text {
        text: CowStr<'a>,
        role: Role,
        source: Source,
    },
    Break,
}

/// Hands pieces to a wrapper.
pub(super) fn feed(wrapper: &mut Wrapper, pieces: &[Piece<'_>]) {
    for piece in pieces {
        match piece {
            Piece::Text { text, role, source } => wrapper.text(text, *role, source),
            Piece::Break => wrapper.hard_break(),
        }
    }
}

/// Collects the inline events of one block.
#[derive(Debug)]
pub(super) struct Inlines<'a, 't> {
    text: &'t SegmentText<'t>,
    /// Role of text without marks: depends on the block.
    base: Role,
    strong: usize,
    emphasis: usize,
    strike: usize,
    links: Vec<Link<'a>>,
    pieces: Vec<Piece<'a>>,
}

#[derive(Debug)]
struct Link<'a> {
    target: Option<CowStr<'a>>,
    range: Range<usize>,
    first_piece: usize,
}

impl<'a, 't> Inlines<'a, 't> {
    pub(super) fn new(text: &'t SegmentText<'t>, base: Role) -> Self {
        Self {
            text,
            base,
            strong: 0,
            emphasis: 0,
            strike: 0,
            links: Vec::new(),
            pieces: Vec::new(),
        }
    }

    /// Whether an event belongs inside a paragraph.
    pub(super) fn takes(event: &Event<'_>) -> bool {
        match event {
            Event::Start(tag) => is_inline(tag.to_end()),
            Event::End(tag) => is_inline(*tag),
            Event::Html(_) | Event::Rule => false,
            _ => true,
        }
    }

    pub(super) fn event(&mut self, event: Event<'a>, range: Range<usize>) {
        match event {
            Event::Start(tag) => self.start(tag, range),
            Event::End(tag) => self.end(tag),
            Event::Text(text) => self.text(text, self.role(), range),
            Event::Code(text) => self.text(text, Role::InlineCode, range),
            Event::InlineHtml(text) => self.text(text, Role::Faint, range),
            Event::SoftBreak => self.text(" ".into(), self.role(), range),
            Event::HardBreak => self.pieces.push(Piece::Break),
            Event::TaskListMarker(done) => {
                let mark = if done { "[x] " } else { "[ ] " };
                self.text(mark.into(), Role::ListMark, range);
            }
            Event::InlineMath(text) | Event::DisplayMath(text) | Event::FootnoteReference(text) => {
                self.text(text, self.role(), range);
            }
            Event::Html(_) | Event::Rule => {}
        }
    }

    pub(super) fn finish(self) -> Vec<Piece<'a>> {
        self.pieces
    }

    fn start(&mut self, tag: Tag<'a>, range: Range<usize>) {
        match tag {
            Tag::Strong => self.strong += 1,
            Tag::Emphasis => self.emphasis += 1,
            Tag::Strikethrough => self.strike += 1,
            Tag::Link {
                link_type,
                dest_url,
                ..
            } => {
                let is_own_text = matches!(link_type, LinkType::Autolink | LinkType::Email);
                self.open_link((!is_own_text).then_some(dest_url), range);
            }
            Tag::Image { dest_url, .. } => {
                self.open_link(Some(dest_url), range.clone());
                self.text("image: ".into(), Role::Faint, range.start..range.start);
            }
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Strong => self.strong = self.strong.saturating_sub(1),
            TagEnd::Emphasis => self.emphasis = self.emphasis.saturating_sub(1),
            TagEnd::Strikethrough => self.strike = self.strike.saturating_sub(1),
            TagEnd::Link | TagEnd::Image => self.close_link(),
            _ => {}
        }
    }

    fn open_link(&mut self, target: Option<CowStr<'a>>, range: Range<usize>) {
        self.links.push(Link {
            target,
            range,
            first_piece: self.pieces.len(),
        });
    }

    /// The target follows a link's text, unless it is the text.
    fn close_link(&mut self) {
        let Some(link) = self.links.pop() else { return };
        let Some(target) = link.target.filter(|target| !target.is_empty()) else {
            return;
        };
        let shown: String = self.pieces[link.first_piece..]
            .iter()
            .map(|piece| match piece {
                Piece::Text { text, .. } => &**text,
                Piece::Break => " ",
            })
            .collect();
        if shown == *target {
            return;
        }
        let written = &self.text.as_str()[link.range.clone()];
        let source = match written.rfind(&*target) {
            Some(at) => self.text.exact(link.range.start + at),
            None => Source::None,
        };
        for (text, source) in [
            (" (".into(), Source::None),
            (target, source),
            (")".into(), Source::None),
        ] {
            let role = Role::Faint;
            self.pieces.push(Piece::Text { text, role, source });
        }
    }

    fn text(&mut self, text: CowStr<'a>, role: Role, range: Range<usize>) {
        let (text, range) = match self.text.sentinel_in(&range) {
            0 => (text, range),
            cut => (
                CowStr::from(text.get(cut..).unwrap_or("").to_owned()),
                range.start + cut..range.end,
            ),
        };
        if text.is_empty() {
            return;
        }
        let written = &self.text.as_str()[range.clone()];
        let source = match written.find(&*text) {
            Some(at) if at == 0 || role == Role::InlineCode => self.text.exact(range.start + at),
            _ => self.text.within(range),
        };
        self.pieces.push(Piece::Text { text, role, source });
    }

    fn role(&self) -> Role {
        match (self.strong > 0, self.emphasis > 0) {
            _ if !self.links.is_empty() => Role::Link,
            _ if self.strike > 0 => Role::Strike,
            _ if matches!(self.base, Role::Heading(_)) => self.base,
            (true, true) => Role::StrongEmphasis,
            (true, false) => Role::Strong,
            (false, true) => Role::Emphasis,
            (false, false) => self.base,
        }
    }
}

fn is_inline(tag: TagEnd) -> bool {
    matches!(
        tag,
        TagEnd::Emphasis
            | TagEnd::Strong
            | TagEnd::Strikethrough
            | TagEnd::Superscript
            | TagEnd::Subscript
            | TagEnd::Link
            | TagEnd::Image
    )
}
