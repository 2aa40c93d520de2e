//! A figure against its limit.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;

use super::format::short_text;
use super::history::GraphColumns;
use super::text::put;
use crate::ui::theme::{Theme, ThemeRole};

/// The least columns of a bar; with fewer the text stands alone.
const LEAST_BAR: u16 = 4;

/// How near the limit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MeterLevel {
    /// Far.
    Fine,
    /// Past the first threshold.
    Warning,
    /// Past the second one.
    Danger,
}

/// A figure against its limit: label, bar, text; past a threshold a mark says so.
#[derive(Debug, Clone)]
pub struct Meter<'a> {
    /// What is measured.
    pub label: &'a str,
    /// The share of the limit, from 0 to 1; none draws no bar.
    pub share: Option<f64>,
    /// The figure with its unit, and the limit.
    pub text: &'a str,
    /// The share from which on it is a warning.
    pub warning_at: Option<f64>,
    /// The share from which on action is needed.
    pub danger_at: Option<f64>,
    /// The columns that it shares with its neighbors.
    pub columns: GraphColumns,
    /// The looks.
    pub theme: &'a Theme,
}

impl Meter<'_> {
    /// How near the limit is.
    pub fn level(&self) -> MeterLevel {
        let past = |threshold: Option<f64>| matches!((self.share, threshold), (Some(share), Some(at)) if share >= at);
        if past(self.danger_at) {
            MeterLevel::Danger
        } else if past(self.warning_at) {
            MeterLevel::Warning
        } else {
            MeterLevel::Fine
        }
    }

    fn draw_bar(&self, share: f64, area: Rect, role: ThemeRole, buf: &mut Buffer) {
        let glyphs = self.theme.glyphs();
        let steps = glyphs.partial.len() + 1;
        let eighths = share.clamp(0.0, 1.0) * f64::from(area.width) * steps as f64;
        // Anything above nothing shows.
        let eighths = (eighths.round() as usize).max(usize::from(share > 0.0));
        let (full, part) = (eighths / steps, eighths % steps);
        for x in 0..area.width {
            let (glyph, role) = match usize::from(x) {
                x if x < full => (glyphs.fill, role),
                x if x == full && part > 0 => (glyphs.partial[part - 1], role),
                _ => (glyphs.rest, ThemeRole::MeterRest),
            };
            put(buf, area, (x, 0), glyph, self.theme.style(role));
        }
    }
}

impl Widget for &Meter<'_> {
    fn render(self, area: Rect, buf: &mut Buffer) {
        let area = area.intersection(buf.area);
        if area.is_empty() {
            return;
        }
        let (role, mark) = match self.level() {
            MeterLevel::Fine => (ThemeRole::MeterFill, ""),
            MeterLevel::Warning => (ThemeRole::Warning, "!"),
            MeterLevel::Danger => (ThemeRole::Danger, "!!"),
        };
        let text_role = if mark.is_empty() {
            ThemeRole::Text
        } else {
            role
        };
        let graph = self.columns.graph(area);
        let label_room = usize::from(graph.x - area.x).saturating_sub(1);
        let glyphs = self.theme.glyph_set();
        let label = short_text(self.label, label_room, glyphs);
        put(
            buf,
            area,
            (0, 0),
            &label,
            self.theme.style(ThemeRole::Faint),
        );
        let has_bar = graph.width >= LEAST_BAR;
        if let Some(share) = self.share.filter(|share| has_bar && share.is_finite()) {
            self.draw_bar(share, graph, role, buf);
        }
        let mut x = graph.x - area.x;
        if has_bar {
            x = graph.right() - area.x + 1;
        }
        if !mark.is_empty() {
            x = put(buf, area, (x, 0), mark, self.theme.style(role)) + 1;
        }
        let text = short_text(self.text, usize::from(area.width.saturating_sub(x)), glyphs);
        put(buf, area, (x, 0), &text, self.theme.style(text_role));
    }
}
