//! How long the residual stream is, layer by layer.

use super::{Page, bar, first_shown};
use crate::app::inside::InsideView;
use crate::engine::protocol::InspectReport;
use crate::ui::chrome::put;
use crate::ui::theme::ThemeRole;
use crate::ui::widgets::format;

impl Page<'_> {
    pub(super) fn norms(&mut self, view: &InsideView, report: &InspectReport) {
        let norms = &report.inspection.norms;
        let all = norms.after_attention.iter().chain(&norms.after_experts);
        let largest = all.copied().fold(norms.embedding, f32::max);
        self.text(
            &format!(
                "length (L2) of the last token's residual stream; bars from 0 to {}; the \
                 embedding's is {}",
                format::rate(f64::from(largest)),
                format::rate(f64::from(norms.embedding))
            ),
            ThemeRole::Text,
        );
        self.blank();
        let half = usize::from(self.area.width.saturating_sub(6) / 2);
        let head = format!(
            "{:>6} {:<half$}{}",
            "layer", "after attention", "after the experts"
        );
        self.row(&head, ThemeRole::Faint);
        let rest = self.rest();
        let layers = norms.after_attention.iter().zip(&norms.after_experts);
        let count = norms.after_attention.len();
        let first = first_shown(view.cursor.layer, count, usize::from(rest.height));
        let rows = (0..rest.height).zip(layers.enumerate().skip(first));
        for (y, (layer, (attention, experts))) in rows {
            let is_cursor = layer == view.cursor.layer;
            let (mark, role) = if is_cursor {
                (self.theme.glyphs().selected, ThemeRole::Selection)
            } else {
                (" ", ThemeRole::Text)
            };
            let style = self.theme.style(role);
            put(self.buf, rest, (0, y), &format!("{mark}{layer:>5}"), style);
            let parts = [
                (*attention, ThemeRole::Series1),
                (*experts, ThemeRole::Series2),
            ];
            for (place, (norm, role)) in parts.into_iter().enumerate() {
                let x = 7 + (place * half) as u16;
                let number = format!("{:>6}", format::rate(f64::from(norm)));
                let text = self.theme.style(ThemeRole::Text);
                put(self.buf, rest, (x, y), &number, text);
                let scaled = if largest > 0.0 { norm / largest } else { 0.0 };
                let drawn = bar(scaled, half.saturating_sub(9), self.theme);
                let style = self.theme.style(role);
                put(self.buf, rest, (x + 7, y), &drawn, style);
            }
        }
    }
}
