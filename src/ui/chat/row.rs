//! Rows of messages into cells.

use std::ops::Range;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use super::GUTTER;
use super::empty::bar;
use super::marks;
use super::message::{Block, Builder, Message, TextBlock};
use super::texts::TextForm;
use crate::app::state::Focus;
use crate::ui::chrome::{horizontal_rule, put, width};
use crate::ui::markdown::{CodeRole, RenderedLine, RenderedSpan, Role};
use crate::ui::theme::{Theme, ThemeRole};
use crate::ui::widgets::shorten::short_words;

/// Columns below which a bar shows nothing.
const LEAST_BAR: u16 = 8;

/// Draws messages into the transcript's area.
pub(super) struct Painter<'a, 'b> {
    pub(super) area: Rect,
    pub(super) builder: &'a Builder<'b>,
    pub(super) is_selected: bool,
}

impl Painter<'_, '_> {
    /// Draws a message from row `y` on, without its first `skipped` rows.
    pub(super) fn message(&self, buf: &mut Buffer, message: &Message, skipped: usize, y: u16) {
        let mut at = -(skipped as i64);
        for block in &message.blocks {
            let rows = block.num_rows() as i64;
            let first = (-at).max(0);
            let room = i64::from(self.area.height) - i64::from(y) - at;
            for row in first..rows.min(room) {
                self.row(buf, block, row as usize, (at + row) as u16 + y);
            }
            at += rows;
        }
        let is_focused = super::super::is_focused(self.builder.state, Focus::Chat);
        let end = (at.max(0) as u16).saturating_add(y).min(self.area.height);
        if self.is_selected && is_focused {
            // The last row is the space between messages.
            for y in y..end.saturating_sub(u16::from(end < self.area.height)) {
                let glyph = self.theme().glyphs().vertical;
                put(
                    buf,
                    self.area,
                    (0, y),
                    glyph,
                    self.theme().style(ThemeRole::Accent),
                );
            }
        }
        if message.is_left_out {
            let faint = self
                .theme()
                .style(ThemeRole::Faint)
                .add_modifier(Modifier::DIM);
            let rows = Rect {
                y: self.area.y + y,
                height: end.saturating_sub(y),
                ..self.area
            };
            buf.set_style(rows.intersection(buf.area), faint);
        }
    }

    fn theme(&self) -> &Theme {
        self.builder.theme
    }

    fn row(&self, buf: &mut Buffer, block: &Block, row: usize, y: u16) {
        match block {
            Block::Blank => {}
            Block::Rule(text) => {
                let line = Rect {
                    y: self.area.y + y,
                    height: 1,
                    ..self.area
                };
                horizontal_rule(buf, line, ThemeRole::Border, self.theme());
                put(
                    buf,
                    self.area,
                    (3, y),
                    &format!(" {text} "),
                    self.theme().style(ThemeRole::Faint),
                );
            }
            Block::Row { left, right } => self.pieces(buf, left, right, y),
            Block::Progress { share, text } => self.progress(buf, *share, text, y),
            Block::Text(text) => self.text(buf, text, row, y),
        }
    }

    /// A bar as long as the text after it allows; the text alone where that would be too short.
    fn progress(&self, buf: &mut Buffer, share: f64, text: &str, y: u16) {
        let room = self.area.width.saturating_sub(GUTTER + 1);
        let bar_columns = room.saturating_sub(width(text) + 2);
        let mut x = GUTTER;
        if bar_columns >= LEAST_BAR {
            x = bar(buf, self.area, (x, y), (share, bar_columns), self.theme()) + 2;
        }
        let faint = self.theme().style(ThemeRole::Faint);
        put(buf, self.area, (x, y), text, faint);
    }

    fn pieces(&self, buf: &mut Buffer, left: &[(String, ThemeRole)], right: &str, y: u16) {
        let mut x = GUTTER;
        for (text, role) in left {
            let room = usize::from(self.area.width.saturating_sub(x));
            let text = short_words(text, room, self.theme().glyph_set());
            x = put(buf, self.area, (x, y), &text, self.theme().style(*role));
        }
        let start = self.area.width.saturating_sub(width(right) + 1);
        // Two blanks at least, or it would read as one text.
        if start > x + 1 {
            put(
                buf,
                self.area,
                (start, y),
                right,
                self.theme().style(ThemeRole::Faint),
            );
        }
    }

    fn text(&self, buf: &mut Buffer, block: &TextBlock, row: usize, y: u16) {
        let lines = self.builder.texts.lines(block.key);
        let Some(line) = lines.get(row) else {
            return;
        };
        let mut x = GUTTER;
        if block.has_bar {
            put(
                buf,
                self.area,
                (x, y),
                self.theme().glyphs().vertical,
                self.theme().style(ThemeRole::Border),
            );
            x += 2;
        }
        x = self.line(buf, block, line, (x, y));
        if block.is_open && row + 1 == block.num_rows {
            put(
                buf,
                self.area,
                (x, y),
                self.theme().glyphs().fill,
                self.theme().style(ThemeRole::Accent),
            );
        }
    }

    fn line(
        &self,
        buf: &mut Buffer,
        block: &TextBlock,
        line: &RenderedLine,
        at: (u16, u16),
    ) -> u16 {
        let marks = marks::of_line(self.builder.state, block.key, line);
        let mut x = at.0;
        for span in &line.spans {
            let style = self.style(block, span);
            for (text, mark) in pieces(span, &marks) {
                let style = mark.map_or(style, |mark| style.patch(mark.style(self.theme())));
                x = put(buf, self.area, (x, at.1), text, style);
            }
        }
        x
    }

    fn style(&self, block: &TextBlock, span: &RenderedSpan) -> Style {
        let theme = self.theme();
        if block.key.form == TextForm::Raw && span.source.is_none() {
            return theme.style(ThemeRole::Control);
        }
        match span.role {
            Role::Text => theme.style(block.role),
            role => style_of(role, theme),
        }
    }
}

/// A span's text, cut where marks begin and end.
fn pieces<'a, M: Copy>(
    span: &'a RenderedSpan,
    marks: &[(Range<usize>, M)],
) -> Vec<(&'a str, Option<M>)> {
    let whole = || vec![(&*span.text, None)];
    let Some(source) = &span.source else {
        return whole();
    };
    let overlapping = marks
        .iter()
        .filter(|(mark, _)| mark.start < source.end && source.start < mark.end);
    let overlapping: Vec<_> = overlapping.collect();
    let Some((_, last)) = overlapping.last() else {
        return whole();
    };
    // Where the text is not the source byte by byte, the place is known to the span only.
    if span.text.len() != source.len() {
        return vec![(&*span.text, Some(*last))];
    }
    let mut cuts: Vec<usize> = overlapping
        .iter()
        .flat_map(|(mark, _)| [mark.start, mark.end])
        .map(|place| place.clamp(source.start, source.end) - source.start)
        .chain([0, source.len()])
        .filter(|place| span.text.is_char_boundary(*place))
        .collect();
    cuts.sort_unstable();
    cuts.dedup();
    let role_at = |place: usize| {
        let place = place + source.start;
        overlapping
            .iter()
            .rev()
            .find(|(mark, _)| mark.contains(&place))
            .map(|(_, role)| *role)
    };
    cuts.windows(2)
        .map(|cut| (&span.text[cut[0]..cut[1]], role_at(cut[0])))
        .collect()
}

fn style_of(role: Role, theme: &Theme) -> Style {
    let of = |role| theme.style(role);
    match role {
        Role::Text => of(ThemeRole::Text),
        Role::Strong => of(ThemeRole::Strong),
        Role::Emphasis => of(ThemeRole::Emphasis),
        Role::StrongEmphasis => of(ThemeRole::Emphasis).patch(of(ThemeRole::Strong)),
        Role::Strike => of(ThemeRole::Faint).add_modifier(Modifier::CROSSED_OUT),
        Role::Heading(_) | Role::TableHead => of(ThemeRole::Heading),
        Role::InlineCode => of(ThemeRole::InlineCode),
        Role::Code(code) => of(code_role(code)),
        Role::CodeFrame => of(ThemeRole::CodeFrame),
        Role::Quote => of(ThemeRole::Quote),
        Role::ListMark => of(ThemeRole::ListMark),
        Role::Link => of(ThemeRole::Link),
        Role::TableBorder | Role::Rule => of(ThemeRole::Border),
        Role::Faint => of(ThemeRole::Faint),
    }
}

fn code_role(role: CodeRole) -> ThemeRole {
    match role {
        CodeRole::Plain => ThemeRole::Code,
        CodeRole::Keyword => ThemeRole::CodeKeyword,
        CodeRole::Type => ThemeRole::CodeType,
        CodeRole::Function => ThemeRole::CodeFunction,
        CodeRole::String => ThemeRole::CodeString,
        CodeRole::Number => ThemeRole::CodeNumber,
        CodeRole::Comment => ThemeRole::CodeComment,
        CodeRole::Operator => ThemeRole::CodeOperator,
        CodeRole::Constant => ThemeRole::CodeConstant,
        CodeRole::Punctuation => ThemeRole::CodePunctuation,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_cut_where_marks_begin_and_end() {
        let span = RenderedSpan {
            text: "hello world".into(),
            role: Role::Text,
            width: 11,
            source: Some(10..21),
        };
        let marks = [(0..12, ThemeRole::Match), (16..30, ThemeRole::MatchCurrent)];
        assert_eq!(
            pieces(&span, &marks),
            [
                ("he", Some(ThemeRole::Match)),
                ("llo ", None),
                ("world", Some(ThemeRole::MatchCurrent))
            ]
        );
        assert_eq!(pieces::<ThemeRole>(&span, &[]), [("hello world", None)]);
    }
}
