//! The messages of the branch shown, laid out as far as the screen needs them.

use std::collections::HashMap;

use super::message::{Block, Builder, Message};
use super::texts::TextForm;
use crate::app::Anchor;
use crate::app::chat::{Match, Scroll};
use crate::session::NodeId;

/// Rows below the screen that are counted; more are not told apart.
pub(super) const MAX_COUNTED_ROWS: usize = 999;

/// Lays messages out on demand.
pub(super) struct Transcript<'a> {
    builder: Builder<'a>,
    path: Vec<NodeId>,
    first_sent: usize,
    messages: HashMap<usize, Message>,
}

/// The topmost row: a place in the path and a row of that message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Top {
    pub(super) index: usize,
    pub(super) row: usize,
}

impl<'a> Transcript<'a> {
    pub(super) fn new(builder: Builder<'a>, path: Vec<NodeId>) -> Self {
        let start = builder.state.session.tree.history_start();
        let first_sent = path
            .iter()
            .position(|node| Some(*node) == start)
            .unwrap_or(0);
        Self {
            builder,
            path,
            first_sent,
            messages: HashMap::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.path.len()
    }

    /// The message at a place of the path.
    pub(super) fn message(&mut self, index: usize) -> Option<&Message> {
        if !self.messages.contains_key(&index) {
            let node = self
                .builder
                .state
                .session
                .tree
                .node(*self.path.get(index)?)?;
            let message = self.builder.message(node, index < self.first_sent);
            self.messages.insert(index, message);
        }
        self.messages.get(&index)
    }

    pub(super) fn into_builder(self) -> (Builder<'a>, HashMap<usize, Message>) {
        (self.builder, self.messages)
    }

    fn rows(&mut self, index: usize) -> usize {
        self.message(index).map_or(0, |message| message.num_rows)
    }

    /// Where to scroll so that a match is in the upper half of a screen of so many rows; none where
    /// its text is not shown.
    pub(super) fn scroll_to(&mut self, found: &Match, height: usize) -> Option<Scroll> {
        let index = self.path.iter().position(|node| *node == found.node)?;
        self.message(index)?;
        let message = self.messages.get(&index)?;
        let mut above = 0;
        for block in &message.blocks {
            match block {
                Block::Text(text)
                    if text.key.part == found.part && text.key.form != TextForm::Raw =>
                {
                    let lines = self.builder.texts.lines(text.key);
                    let row = lines.iter().position(|line| {
                        line.source()
                            .is_some_and(|source| source.end > found.bytes.start)
                    });
                    let line = (above + row?) as i64 - (height / 3) as i64;
                    return Some(Scroll::At(Anchor {
                        node: found.node,
                        line,
                    }));
                }
                block => above += block.num_rows(),
            }
        }
        None
    }

    /// Where `scroll` leads on a screen of so many rows: the topmost row, and whether the end is on
    /// screen.
    pub(super) fn resolve(&mut self, scroll: Scroll, height: usize) -> (Top, bool) {
        let anchored = match scroll {
            Scroll::Follow => None,
            Scroll::At(anchor) => self.at(anchor),
        };
        match anchored {
            Some(top) if self.rows_from(top, height + 1) > height => (top, false),
            _ => (self.end(height), true),
        }
    }

    /// The row of an anchor, whose line may lie in a message before or after its own.
    fn at(&mut self, anchor: Anchor) -> Option<Top> {
        let mut index = self.path.iter().position(|node| *node == anchor.node)?;
        let mut line = anchor.line;
        while line < 0 && index > 0 {
            index -= 1;
            line += self.rows(index) as i64;
        }
        let mut row = line.max(0) as usize;
        while row >= self.rows(index) {
            if index + 1 >= self.len() {
                return None;
            }
            row -= self.rows(index);
            index += 1;
        }
        Some(Top { index, row })
    }

    /// The topmost row where the last one is the screen's last.
    fn end(&mut self, height: usize) -> Top {
        let mut index = self.len();
        let mut rows = 0;
        while index > 0 && rows < height {
            index -= 1;
            rows += self.rows(index);
        }
        Top {
            index,
            row: rows.saturating_sub(height),
        }
    }

    /// Rows from `top` to the end, counted up to `limit`.
    pub(super) fn rows_from(&mut self, top: Top, limit: usize) -> usize {
        let mut rows = 0;
        for index in top.index..self.len() {
            rows += self.rows(index);
            if rows >= limit + top.row {
                return limit;
            }
        }
        rows.saturating_sub(top.row)
    }
}
