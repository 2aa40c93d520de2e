//! The alternatives to a token, with their probabilities.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;

use super::format::{short_text, small_probability};
use super::text::{put, row, width};
use crate::ui::theme::{Theme, ThemeRole};

/// Columns of a probability, under a head.
const PROBABILITY_COLUMNS: u16 = 6;
/// The least columns of a bar.
const LEAST_BAR: u16 = 3;

/// One alternative.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenBar<'a> {
    /// The token as text that is safe to draw.
    pub text: &'a str,
    /// Its probability, from 0 to 1.
    pub probability: f64,
    /// Its probability after the samplers, where any were in use and did not cut it.
    pub drawn_with: Option<f64>,
    /// Whether it is the one that was taken.
    pub is_chosen: bool,
    /// The sampler that cut it.
    pub cut_by: Option<&'a str>,
}

/// Alternatives with bars, the most probable first, a head above them, and the rest of the
/// vocabulary in a last row.
///
/// Where samplers were in use there are two columns of probabilities; the bar shows the second one,
/// what was drawn from.
#[derive(Debug, Clone)]
pub struct TokenBars<'a> {
    /// The alternatives.
    pub tokens: &'a [TokenBar<'a>],
    /// The probability of all others together; tokens without a row are added to it.
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

    /// Whether samplers made the probabilities others.
    fn is_sampled(&self) -> bool {
        let changed = |token: &TokenBar<'_>| token.drawn_with.is_some() || token.cut_by.is_some();
        self.tokens.iter().any(changed)
    }

    /// Columns of the longest mark.
    fn mark_columns(&self) -> u16 {
        let marks = self.tokens.iter().map(|token| width(&self.mark(token)));
        marks.max().unwrap_or(0)
    }

    fn mark(&self, token: &TokenBar<'_>) -> String {
        match (token.is_chosen, token.cut_by) {
            (true, _) => format!(" {} taken", self.theme.glyphs().chosen),
            (false, Some(by)) => format!(" cut: {by}"),
            (false, None) => String::new(),
        }
    }

    fn draw_head(&self, area: Rect, buf: &mut Buffer) {
        let faint = self.theme.style(ThemeRole::Faint);
        let x = 4 + self.text_columns(area) + 1;
        if self.is_sampled() {
            put(buf, area, (x, 0), "model", faint);
            put(buf, area, (x + PROBABILITY_COLUMNS, 0), "drawn", faint);
        } else {
            put(buf, area, (x, 0), "p", faint);
        }
    }

    /// The first row shown: the selected one stays visible, and the rest has the last row.
    fn first(&self, rows: usize) -> usize {
        let last = (self.selected.unwrap_or(0) + 1).saturating_sub(rows.max(1));
        last.min(self.tokens.len().saturating_sub(rows))
    }

    fn draw_token(&self, index: usize, token: &TokenBar<'_>, area: Rect, buf: &mut Buffer) {
        let set = self.theme.glyph_set();
        let selected = self.selected == Some(index);
        let role = match (token.is_chosen, token.cut_by) {
            (true, _) => ThemeRole::Strong,
            (false, None) => ThemeRole::Text,
            (false, Some(_)) => ThemeRole::Faint,
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
            &small_probability(token.probability),
            self.theme.style(role),
        );
        let mut bar = x + PROBABILITY_COLUMNS;
        let mut shown = token.probability;
        if self.is_sampled() {
            shown = token.drawn_with.unwrap_or(0.0);
            let text = token
                .drawn_with
                .map_or_else(|| "-".to_owned(), small_probability);
            put(buf, area, (bar, 0), &text, self.theme.style(role));
            bar += PROBABILITY_COLUMNS;
        }
        // All rows leave the room of the longest mark, so that bars compare.
        let room = area.width.saturating_sub(bar + self.mark_columns() + 1);
        let end = if room >= LEAST_BAR {
            self.draw_bar(shown, (bar, room), area, ThemeRole::Series1, buf)
        } else {
            bar - 1
        };
        let mark = self.mark(token);
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
        let head_rows = usize::from(area.height > 3);
        let rest_rows = usize::from(self.rest.is_some() && area.height > 2);
        let rows = usize::from(area.height) - rest_rows - head_rows;
        let first = self.first(rows);
        let shown = self.tokens.iter().enumerate().skip(first).take(rows);
        if head_rows > 0 {
            self.draw_head(area, buf);
        }
        let mut y = head_rows as u16;
        for (index, token) in shown {
            self.draw_token(index, token, row(area, y), buf);
            y += 1;
        }
        if let Some(rest) = self.rest.filter(|_| rest_rows > 0) {
            // What scrolled out of sight or has no row is among the rest.
            let is_hidden = |index: usize| index < first || index >= first + rows;
            let hidden = self.tokens.iter().enumerate();
            let rest = hidden
                .filter(|(index, _)| is_hidden(*index))
                .map(|(_, token)| token.probability)
                .sum::<f64>()
                + rest;
            let faint = self.theme.style(ThemeRole::Faint);
            let columns = self.text_columns(area);
            let label = if columns >= 13 && self.tokens.len() <= rows {
                "rest of vocab"
            } else {
                "rest"
            };
            put(buf, area, (4, y), label, faint);
            put(
                buf,
                area,
                (4 + columns + 1, y),
                &small_probability(rest),
                faint,
            );
        }
    }
}
