//! A message as rows: labels, texts, notices.

use crate::app::action::Action;
use crate::app::state::State;
use crate::engine::protocol::ModelOrigin;
use crate::harmony::{Channel, MessageEnding};
use crate::session::{Node, NodeId, NodeKind, Part, Turn};
use crate::ui::chrome;
use crate::ui::sanitize::sanitize;
use crate::ui::theme::{Theme, ThemeRole};
use crate::ui::widgets::format;
use crate::ui::widgets::shorten::short_items;

use super::notes;
use super::plain_text::wrapped;
use super::raw_tokens;
use super::texts::{TextCache, TextForm, TextKey};

/// Faults of an answer that are told one by one.
const MAX_FAULTS: usize = 4;

/// Rows of the developer message that are shown.
const MAX_INSTRUCTIONS: usize = 4;

/// A message's rows.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) node: NodeId,
    pub(super) blocks: Vec<Block>,
    pub(super) num_rows: usize,
    /// Whether it is left out of the prompts to come.
    pub(super) is_left_out: bool,
}

/// Rows of one kind.
#[derive(Debug)]
pub(super) enum Block {
    /// An empty row.
    Blank,
    /// A rule with a text in it.
    Rule(&'static str),
    /// A row of pieces, from the left and from the right.
    Row {
        left: Vec<(String, ThemeRole)>,
        right: String,
    },
    /// A row with a bar: how much of it is filled, and what it says.
    Progress { share: f64, text: String },
    /// A text of the cache.
    Text(TextBlock),
}

/// A wrapped text.
#[derive(Debug, Clone, Copy)]
pub(super) struct TextBlock {
    pub(super) key: TextKey,
    pub(super) num_rows: usize,
    /// The role of text that has no other, and of the bar at its left if it has one.
    pub(super) role: ThemeRole,
    pub(super) has_bar: bool,
    /// Whether text still comes.
    pub(super) is_open: bool,
}

impl Block {
    /// Text to which nothing is added any more.
    fn whole_text(key: TextKey, num_rows: usize, role: ThemeRole) -> Self {
        Self::Text(TextBlock {
            key,
            num_rows,
            role,
            has_bar: false,
            is_open: false,
        })
    }

    pub(super) fn num_rows(&self) -> usize {
        match self {
            Self::Text(text) => text.num_rows,
            _ => 1,
        }
    }
}

/// Collects a message's blocks.
pub(super) struct Builder<'a> {
    pub(super) state: &'a State,
    pub(super) theme: &'a Theme,
    pub(super) texts: &'a mut TextCache,
    /// Columns of text.
    pub(super) width: u16,
}

impl Builder<'_> {
    /// The rows of a message.
    pub(super) fn message(&mut self, node: &Node, is_left_out: bool) -> Message {
        let mut blocks = Vec::new();
        if node.parent.is_none() {
            self.instructions(&mut blocks);
        }
        if self.state.session.tree.history_start() == Some(node.id) {
            self.history_start(&mut blocks);
        }
        match &node.kind {
            NodeKind::User { text } => {
                let edited = if node.edited { "  edited" } else { "" };
                blocks.push(self.label(node, "you", ThemeRole::User, edited));
                self.own_text(&mut blocks, node, "user", text, ThemeRole::Text);
            }
            NodeKind::Tool { name, text } => {
                let label = format!("tool {}", sanitize(name));
                blocks.push(self.label(node, &label, ThemeRole::Tool, ""));
                self.own_text(&mut blocks, node, name, text, ThemeRole::Tool);
            }
            NodeKind::Assistant(turn) => self.answer(&mut blocks, node, turn),
        }
        blocks.push(Block::Blank);
        Message {
            node: node.id,
            num_rows: blocks.iter().map(Block::num_rows).sum(),
            blocks,
            is_left_out,
        }
    }

    /// The developer message, which every prompt begins with: its first rows.
    fn instructions(&self, blocks: &mut Vec<Block>) {
        let framing = self.state.session.tree.framing();
        let Some(text) = &framing.developer.instructions else {
            return;
        };
        let row = |text: String, role| Block::Row {
            left: vec![(text, role)],
            right: String::new(),
        };
        blocks.push(row("instructions".to_owned(), ThemeRole::Commentary));
        let rows = wrapped(&sanitize(text), self.width);
        let is_long = rows.len() > MAX_INSTRUCTIONS;
        let shown = rows.into_iter().take(MAX_INSTRUCTIONS);
        blocks.extend(shown.map(|text| row(text, ThemeRole::Faint)));
        if is_long {
            let mark = self.theme.glyphs().ellipsis.to_owned();
            blocks.push(row(mark, ThemeRole::Faint));
        }
        blocks.push(Block::Blank);
    }

    /// That what is above is not sent, and what is sent in its place.
    fn history_start(&self, blocks: &mut Vec<Block>) {
        let Some(summary) = self.state.session.tree.summary() else {
            blocks.push(Block::Rule("not sent any more above"));
            return;
        };
        blocks.push(Block::Rule("sent in place of what is above"));
        let rows = wrapped(&sanitize(summary), self.width).into_iter();
        blocks.extend(rows.map(|row| Block::Row {
            left: vec![(row, ThemeRole::Faint)],
            right: String::new(),
        }));
        blocks.push(Block::Rule("sent as it is below"));
    }

    fn label(&self, node: &Node, name: &str, role: ThemeRole, note: &str) -> Block {
        let siblings = self.state.session.tree.siblings(node.id);
        let place = siblings
            .iter()
            .position(|other| *other == node.id)
            .unwrap_or(0);
        let right = if siblings.len() > 1 {
            format!("< {}/{} >", place + 1, siblings.len())
        } else {
            String::new()
        };
        Block::Row {
            left: vec![(name.to_owned(), role), (note.to_owned(), ThemeRole::Faint)],
            right,
        }
    }

    fn own_text(
        &mut self,
        blocks: &mut Vec<Block>,
        node: &Node,
        author: &str,
        text: &str,
        role: ThemeRole,
    ) {
        if self.state.chat.is_raw {
            let tokens = raw_tokens::of_message(author, text);
            return self.raw(blocks, node.id, tokens);
        }
        let key = TextKey {
            node: node.id,
            part: 0,
            form: TextForm::Plain,
        };
        let num_rows = self.texts.plain(key, text.trim_end(), self.width);
        blocks.push(Block::whole_text(key, num_rows, role));
    }

    fn answer(&mut self, blocks: &mut Vec<Block>, node: &Node, turn: &Turn) {
        let origin = notes::origin(turn.settings.origin);
        let edited = if node.edited { "  edited by you" } else { "" };
        let name = if turn.settings.model.is_empty() {
            "gpt-oss"
        } else {
            &turn.settings.model
        };
        let mut label = self.label(node, name, ThemeRole::Assistant, edited);
        if let (Block::Row { left, .. }, Some(origin)) = (&mut label, origin) {
            left.insert(1, (format!("  {origin}"), ThemeRole::Warning));
        }
        blocks.push(label);
        let is_running = self
            .state
            .running
            .as_ref()
            .is_some_and(|running| running.node == node.id);
        if self.state.chat.is_raw {
            let tokens = raw_tokens::of_turn(turn, self.state.runs.get(node.id));
            self.raw(blocks, node.id, tokens);
        } else {
            for (index, part) in turn.parts.iter().enumerate() {
                let is_open = is_running && part.ending.is_none() && index + 1 == turn.parts.len();
                self.part(blocks, node, turn, (index, part), is_open);
            }
        }
        self.faults(blocks, turn);
        if is_running {
            notes::running(blocks, self.state, turn, self.theme);
        }
        notes::changes(blocks, turn, self.width, self.theme);
        notes::outcome(blocks, turn, self.width, self.theme);
        notes::lab(blocks, self.state, node.id, self.width, self.theme);
    }

    fn raw(&mut self, blocks: &mut Vec<Block>, node: NodeId, tokens: raw_tokens::RawTokens<'_>) {
        let key = TextKey {
            node,
            part: 0,
            form: TextForm::Raw,
        };
        let num_rows = self.texts.raw(key, tokens.into_iter(), self.width);
        let role = ThemeRole::Text;
        blocks.push(Block::whole_text(key, num_rows, role));
    }

    fn part(
        &mut self,
        blocks: &mut Vec<Block>,
        node: &Node,
        turn: &Turn,
        (index, part): (usize, &Part),
        is_open: bool,
    ) {
        if part.is_final() {
            let key = TextKey {
                node: node.id,
                part: index,
                form: TextForm::Markdown,
            };
            let num_rows = self.texts.markdown(key, &part.text, self.width, self.theme);
            let role = ThemeRole::Text;
            blocks.push(Block::Text(TextBlock {
                key,
                num_rows,
                role,
                has_bar: false,
                is_open,
            }));
            return;
        }
        let role = match (&part.header.recipient, &part.header.channel) {
            (Some(_), _) => ThemeRole::Tool,
            (None, Some(Channel::Commentary)) => ThemeRole::Commentary,
            _ => ThemeRole::Analysis,
        };
        let is_unfolded = self.state.chat.is_unfolded(node.id);
        blocks.push(self.fold_row(node.id, turn, part, (role, is_unfolded, is_open)));
        if is_unfolded {
            let key = TextKey {
                node: node.id,
                part: index,
                form: TextForm::Plain,
            };
            let num_rows = self
                .texts
                .plain(key, part.text.trim_end_matches('\n'), self.width - 2);
            blocks.push(Block::Text(TextBlock {
                key,
                num_rows,
                role,
                has_bar: true,
                is_open,
            }));
            blocks.push(Block::Blank);
        }
    }

    fn fold_row(
        &self,
        node: NodeId,
        turn: &Turn,
        part: &Part,
        (role, is_unfolded, is_open): (ThemeRole, bool, bool),
    ) -> Block {
        let channel = part
            .header
            .channel
            .as_ref()
            .map_or("message", Channel::as_str);
        let title = match &part.header.recipient {
            Some(recipient) => format!("call {recipient}"),
            None => channel.to_owned(),
        };
        let mark = if is_unfolded { "-" } else { "+" };
        // The model writes these names.
        let title = format!("{mark} {}", sanitize(&title));
        let facts = self.facts(turn, part, is_open);
        let room = self.width.saturating_sub(chrome::width(&title) + 2);
        let is_selected = self.state.selected_message() == Some(node);
        let way = self.state.way_to(Action::Fold).filter(|_| is_selected);
        let right = match way {
            Some(keys) if is_unfolded => format!("{keys} folds"),
            Some(keys) => format!("{keys} unfolds"),
            None => String::new(),
        };
        let facts = short_items(&facts, usize::from(room), self.theme.glyph_set());
        let left = vec![(title, role), (format!("  {facts}"), ThemeRole::Faint)];
        Block::Row { left, right }
    }

    /// What there is to know of a folded message, the most important first.
    fn facts(&self, turn: &Turn, part: &Part, is_open: bool) -> String {
        // What a person wrote, or kept while editing, has neither tokens nor times.
        if part.tokens.is_empty() && !is_open {
            return String::new();
        }
        let mut facts = vec![super::words::tokens(part.num_tokens())];
        if part.ending == Some(MessageEnding::Truncated) && turn.outcome.is_some() {
            facts.push("cut off".to_owned());
        }
        // A trace tells neither times nor effort.
        if turn.settings.origin != ModelOrigin::Recorded {
            let until_ms = part.ended_ms.or(is_open.then_some(self.state.wall_ms()));
            let lasted = until_ms.map(|end| end.saturating_sub(part.started_ms));
            facts.extend(lasted.map(format::duration_ms));
            if part.header.channel == Some(Channel::Analysis) {
                facts.push(format!("effort {}", turn.settings.effort));
            }
        }
        facts.join(chrome::dot(self.theme))
    }

    fn faults(&self, blocks: &mut Vec<Block>, turn: &Turn) {
        for fault in turn.faults.iter().take(MAX_FAULTS) {
            let text = format!("malformed: {} {:?}", fault.kind, fault.text);
            let text = wrapped(&text, self.width - 2).swap_remove(0);
            blocks.push(notes::note(&text, ThemeRole::Danger, self.theme));
        }
        if let Some(more) = turn.faults.len().checked_sub(MAX_FAULTS + 1) {
            let text = format!("and {} more malformed places", more + 1);
            blocks.push(notes::note(&text, ThemeRole::Danger, self.theme));
        }
    }
}
