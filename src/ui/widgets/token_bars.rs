//! The alternatives to a token, with their probabilities.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;

use super::format::{probability, short_text};
use super::text::{put, row, width};
use crate::ui::theme::{Theme, ThemeRole};

/// Columns of a probability.
const PROBABILITY_COLUMNS: u16 = 4;
/// The least columns of a bar.
const LEAST_BAR: u16 = 3;

/// One alternative.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenBar<'a> {
    /// The token as text that is safe to draw.
    pub text: &'a str,
    /// Its probability, from 0 to 1.
    pub probability: f64,
    /// Whether it is the one that was taken.
    pub is_chosen: bool,
    /// Whether the sampling settings keep it.
    pub is_kept: bool,
}

/// Alternatives with bars, the most probable first, and the rest of the vocabulary in a last row.
#[derive(Debug, Clone)]
pub struct TokenBars<'a> {
    /// The alternatives.
    pub tokens: &'a [TokenBar<'a>],
    /// The probability of all others together.
    pub rest: Option<f64>,
    /// The selected one.
    pub selected: Option<usize>,
    /// The looks.
    pub theme: &'a Theme,
}

impl TokenBars<'_> {
    /// Columns of the texts: the widest, but no more than a third of the row.
    fn text_columns(&self, area: Rect) -> u16 {
        let widest = self.tokens.iter().map(|token| width(token.text)).max();
        widest.unwrap_or(0).clamp(4, (area.width / 3).max(4))
    }

    /// The first row shown: the selected one stays visible, and the rest has the last row.
    fn first(&self, rows: usize) -> usize {
        let last = (self.selected.unwrap_or(0) + 1).saturating_sub(rows.max(1));
        last.min(self.tokens.len().saturating_sub(rows))
    }

    fn draw_token(&self, index: usize, token: &TokenBar<'_>, area: Rect, buf: &mut Buffer) {
        let set = self.theme.glyph_set();
        let selected = self.selected == Some(index);
        let role = match (token.is_chosen, token.is_kept) {
            (true, _) => ThemeRole::Strong,
            (false, true) => ThemeRole::Text,
            (false, false) => ThemeRole::Faint,
        };
        if selected {
            put(
                buf,
                area,
                (0, 0),
                self.theme.glyphs().selected,
                self.theme.style(ThemeRole::Accent),
            );
        }
        let rank = format!("{:>2}", index + 1);
        put(buf, area, (1, 0), &rank, self.theme.style(ThemeRole::Faint));
        let columns = self.text_columns(area);
        let text = short_text(token.text, usize::from(columns), set);
        let style = self
            .theme
            .style(if selected { ThemeRole::Selection } else { role });
        put(buf, area, (4, 0), &text, style);
        let x = 4 + columns + 1;
        put(
            buf,
            area,
            (x, 0),
            &probability(token.probability),
            self.theme.style(role),
        );
        let mark = match (token.is_chosen, token.is_kept) {
            (true, _) => format!(" {} taken", self.theme.glyphs().chosen),
            (false, false) => " cut".to_owned(),
            (false, true) => String::new(),
        };
        let bar = x + PROBABILITY_COLUMNS + 1;
        // All rows leave the room of the longest mark, so that bars compare.
        let room = area.width.saturating_sub(bar + 8);
        let end = if room >= LEAST_BAR {
            let bar_role = if token.is_kept {
                ThemeRole::Series1
            } else {
                ThemeRole::MeterRest
            };
            self.draw_bar(token.probability, (bar, room), area, bar_role, buf)
        } else {
            bar - 1
        };
        let role = if token.is_chosen {
            ThemeRole::Accent
        } else {
            ThemeRole::Faint
        };
        put(buf, area, (end, 0), &mark, self.theme.style(role));
    }

    /// Draws a bar and gives the column after it.
    fn draw_bar(
        &self,
        probability: f64,
        (x, room): (u16, u16),
        area: Rect,
        role: ThemeRole,
        buf: &mut Buffer,
    ) -> u16 {
        let glyphs = self.theme.glyphs();
        let steps = glyphs.partial.len() + 1;
        let filled =
            (probability.clamp(0.0, 1.0) * f64::from(room) * steps as f64).round() as usize;
        let filled = filled.max(usize::from(probability > 0.0));
        let style = self.theme.style(role);
        let mut end = x;
        for _ in 0..filled / steps {
            end = put(buf, area, (end, 0), glyphs.fill, style);
        }
        if let Some(part) = (filled % steps).checked_sub(1) {
            end = put(buf, area, (end, 0), glyphs.partial[part], style);
        }
        end
    }
}

impl Widget for &TokenBars<'_> {
    fn render(self, area: Rect, buf: &mut Buffer) {
        let area = area.intersection(buf.area);
        if area.is_empty() {
            return;
        }
        let rest_rows = usize::from(self.rest.is_some() && area.height > 2);
        let rows = usize::from(area.height) - rest_rows;
        let first = self.first(rows);
        let shown = self.tokens.iter().enumerate().skip(first).take(rows);
        let mut y = 0;
        for (index, token) in shown {
            self.draw_token(index, token, row(area, y), buf);
            y += 1;
        }
        if let Some(rest) = self.rest.filter(|_| rest_rows > 0) {
            let faint = self.theme.style(ThemeRole::Faint);
            let columns = self.text_columns(area);
            let label = if columns >= 13 {
                "rest of vocab"
            } else {
                "rest"
            };
            put(buf, area, (4, y), label, faint);
            put(buf, area, (4 + columns + 1, y), &probability(rest), faint);
        }
    }
}
