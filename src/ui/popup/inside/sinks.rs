//! What each head gives to its sink: a map of layers and heads.

use ratatui::style::{Modifier, Style};

use super::{Page, first_shown, tokens};
use crate::app::State;
use crate::app::inside::InsideView;
use crate::engine::protocol::InspectReport;
use crate::generate::LayerSinks;
use crate::ui::chrome::put;
use crate::ui::theme::ThemeRole;
use crate::ui::widgets::format;

/// Columns of the layers' labels.
const LABEL: u16 = 7;

/// Columns of a head that shows its number too.
const WIDE: u16 = 4;

impl Page<'_> {
    pub(super) fn sinks(&mut self, view: &InsideView, report: &InspectReport, state: &State) {
        let sinks = &report.inspection.sinks;
        let Some(layer) = sinks.get(view.cursor.layer) else {
            return;
        };
        self.text(&readout(view, layer, report), ThemeRole::Text);
        let window = state
            .model
            .ready()
            .map_or(0, |model| model.sliding_window_tokens);
        self.text(
            &format!(
                "w: the layer sees a window, the last {} only",
                tokens(window)
            ),
            ThemeRole::Faint,
        );
        self.blank();
        let legend = self.rest().height.saturating_sub(1);
        self.map(view, sinks);
        let glyphs = self.theme.glyphs();
        let [_, a, b, c, d, e] = glyphs.density;
        self.y += legend.min(sinks.len() as u16 + 1);
        self.row(
            &format!("the sink's share: {a} to 20%  {b} to 40%  {c} to 60%  {d} to 80%  {e} above"),
            ThemeRole::Faint,
        );
    }

    fn map(&mut self, view: &InsideView, sinks: &[LayerSinks]) {
        let rest = self.rest();
        let heads = sinks
            .iter()
            .map(|layer| layer.shares.len())
            .max()
            .unwrap_or(0);
        let room = rest.width.saturating_sub(LABEL);
        let columns = if heads as u16 * WIDE <= room { WIDE } else { 1 };
        let shown = usize::from(room / columns);
        let first_head = first_shown(view.cursor.head, heads, shown);
        let faint = self.theme.style(ThemeRole::Faint);
        put(self.buf, rest, (0, 0), "layer", faint);
        let step = if columns == WIDE { 1 } else { 8 };
        for head in (first_head..heads.min(first_head + shown)).filter(|head| head % step == 0) {
            let x = LABEL + (head - first_head) as u16 * columns;
            put(self.buf, rest, (x, 0), &head.to_string(), faint);
        }
        // The axis above and the legend below.
        let rows = rest.height.saturating_sub(2);
        let first = first_shown(view.cursor.layer, sinks.len(), usize::from(rows));
        for (y, (number, layer)) in (1..=rows).zip(sinks.iter().enumerate().skip(first)) {
            let kind = if layer.is_windowed { "w" } else { " " };
            let is_cursor = number == view.cursor.layer;
            let role = if is_cursor {
                ThemeRole::AxisMark
            } else {
                ThemeRole::Text
            };
            let style = self.theme.style(role);
            put(
                self.buf,
                rest,
                (0, y),
                &format!("{number:>4} {kind}"),
                style,
            );
            let cells = layer.shares.iter().enumerate().skip(first_head).take(shown);
            for (head, share) in cells {
                let x = LABEL + (head - first_head) as u16 * columns;
                self.head(
                    (x, y),
                    *share,
                    columns,
                    is_cursor && head == view.cursor.head,
                );
            }
        }
    }

    fn head(&mut self, (x, y): (u16, u16), share: f32, columns: u16, is_cursor: bool) {
        let rest = self.rest();
        let (glyph, style) = self.theme.ramp().glyph(share, self.theme.glyphs());
        let marked = |style: Style| match self.theme.ramp().cursor_color() {
            _ if !is_cursor => style,
            Some(color) => style.bg(color),
            // Reversed it would look like the highest share.
            None => style.add_modifier(Modifier::UNDERLINED | Modifier::BOLD),
        };
        put(self.buf, rest, (x, y), glyph, marked(style));
        if columns == WIDE {
            let number = format!("{:>2}", (share * 100.0).round().min(99.0));
            let style = marked(self.theme.style(ThemeRole::Text));
            put(self.buf, rest, (x + 1, y), &number, style);
        }
    }
}

/// The cell under the cursor in words.
fn readout(view: &InsideView, layer: &LayerSinks, report: &InspectReport) -> String {
    let share = layer.shares.get(view.cursor.head).copied();
    let mean = layer.shares.iter().sum::<f32>() / layer.shares.len().max(1) as f32;
    let first = layer.first_position;
    let last = report.inspection.position;
    let kind = if layer.is_windowed { "window" } else { "all" };
    format!(
        "layer {}, head {}: {} to the sink; the layer's mean {}; it sees positions {first} to \
         {last} ({kind})",
        view.cursor.layer,
        view.cursor.head,
        format::percent(f64::from(share.unwrap_or(f32::NAN))),
        format::percent(f64::from(mean)),
    )
}
