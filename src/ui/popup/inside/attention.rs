//! Where one head looks: a bar for each token that it sees, and its sink's.

use super::{Page, bar, cell, cost, quoted, tokens};
use crate::app::State;
use crate::app::inside::{InsideState, InsideView, WeightOrder};
use crate::engine::protocol::InspectReport;
use crate::generate::HeadWeights;
use crate::ui::chrome::put;
use crate::ui::theme::ThemeRole;
use crate::ui::widgets::format;

/// Columns of position and weight.
const FIGURES: u16 = 15;

impl Page<'_> {
    pub(super) fn attention(&mut self, view: &InsideView, report: &InspectReport, state: &State) {
        let (layer, head) = (view.cursor.layer, view.cursor.head);
        let sinks = report.inspection.sinks.get(layer);
        let share = sinks.and_then(|sinks| sinks.shares.get(head));
        let share = format::percent(f64::from(*share.unwrap_or(&f32::NAN)));
        let sees = sinks.map_or_else(String::new, |sinks| sees(sinks, report));
        self.text(
            &format!("layer {layer}, head {head}: {share} to its sink; {sees}"),
            ThemeRole::Text,
        );
        let known = report.inspection.head.as_ref();
        match known.filter(|_| view.is_head_known()) {
            Some(found) => self.weights(found, view),
            None => self.unknown(view, state),
        }
    }

    /// Another head than the one computed: what it costs.
    fn unknown(&mut self, view: &InsideView, state: &State) {
        self.blank();
        if matches!(view.progress, InsideState::Running(..)) {
            return;
        }
        let count = view.subject.ids.len();
        self.text(
            &format!(
                "The weights of this head are not computed. They take {} once more:",
                tokens(count)
            ),
            ThemeRole::Text,
        );
        self.text(&cost::time(count, state), ThemeRole::Text);
        self.text("Enter computes them", ThemeRole::Accent);
    }

    fn weights(&mut self, found: &HeadWeights, view: &InsideView) {
        let order = match view.order {
            WeightOrder::Weight => "by weight",
            WeightOrder::Position => "as in the text",
        };
        // One scale for all bars. The sink has none: beside it those of the tokens would vanish.
        let largest = found.weights.iter().copied().fold(0.0, f32::max);
        let note = format!(
            "{:>6} {:>6}  tokens {order}; bars from 0 to {}, none for the sink",
            "pos.",
            "weight",
            format::probability(f64::from(largest))
        );
        self.row(&note, ThemeRole::Faint);
        let scaled = |weight: f32| if largest > 0.0 { weight / largest } else { 0.0 };
        self.weight_row(0, ("sink", found.sink), None, "no token: the learned sink");
        self.y += 1;
        if found.first_position > 0 {
            let text = format!(
                "  0 to {}: before the window, not seen",
                found.first_position - 1
            );
            self.row(&text, ThemeRole::Faint);
        }
        let rest = self.rest();
        let order = view.weight_order();
        let last = order.len().saturating_sub(usize::from(rest.height));
        let from = view.scroll.min(last);
        for (y, index) in (0..rest.height).zip(order.into_iter().skip(from)) {
            let weight = found.weights[index];
            let position = (found.first_position + index).to_string();
            let text = found.tokens.get(index).map(|id| quoted(&view.text(*id)));
            self.weight_row(
                y,
                (&position, weight),
                Some(scaled(weight)),
                text.as_deref().unwrap_or(""),
            );
        }
    }

    fn weight_row(&mut self, y: u16, (name, weight): (&str, f32), scaled: Option<f32>, text: &str) {
        let rest = self.rest();
        let role = if name == "sink" {
            ThemeRole::Accent
        } else {
            ThemeRole::Text
        };
        let figures = format!("{name:>6} {:>6}", format::probability(f64::from(weight)));
        put(self.buf, rest, (0, y), &figures, self.theme.style(role));
        let columns = rest.width.saturating_sub(FIGURES) / 2;
        if let Some(scaled) = scaled {
            let drawn = bar(scaled, usize::from(columns), self.theme);
            let style = self.theme.style(ThemeRole::Series1);
            put(self.buf, rest, (FIGURES, y), &drawn, style);
        }
        let room = usize::from(rest.width.saturating_sub(FIGURES + columns + 2));
        let text = cell(text, room, self.theme);
        let at = (FIGURES + columns + 2, y);
        put(self.buf, rest, at, &text, self.theme.style(ThemeRole::Text));
    }
}

fn sees(sinks: &crate::generate::LayerSinks, report: &InspectReport) -> String {
    let (first, last) = (sinks.first_position, report.inspection.position);
    if sinks.is_windowed {
        format!("a window layer: it sees positions {first} to {last}")
    } else {
        format!("it sees everything, positions {first} to {last}")
    }
}
