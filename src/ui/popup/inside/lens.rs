//! The logit lens: what the model would say after each layer.

use super::{Page, bar, cell, first_shown, quoted};
use crate::app::inside::InsideView;
use crate::engine::protocol::InspectReport;
use crate::generate::LensRow;
use crate::ui::chrome::put;
use crate::ui::theme::ThemeRole;
use crate::ui::widgets::format;

/// Columns of the figures before the tokens.
const FIGURES: u16 = 31;

/// Columns of a token: mark, text, probability.
const TOKEN: u16 = 18;

impl Page<'_> {
    pub(super) fn lens(&mut self, view: &InsideView, report: &InspectReport) {
        for text in summary(view, report) {
            self.text(&text, ThemeRole::Text);
        }
        self.blank();
        let head = format!(
            "{:>6} {:>7} {:>6} {:>7}    {}",
            "layer", "H nats", "p", "rank", "most likely: * what came, = first at the end"
        );
        self.row(&head, ThemeRole::Faint);
        let rows = &report.inspection.lens;
        let place = rows.iter().position(|row| row.layer == view.cursor.layer);
        let rest = self.rest();
        let room = usize::from(rest.height);
        let first = first_shown(place.unwrap_or(0), rows.len(), room);
        for (y, row) in (0..rest.height).zip(&rows[first..]) {
            self.lens_row(y, row, view);
        }
        self.y += rows.len() as u16 + 1;
        if let Some(row) = place.map(|place| &rows[place]) {
            self.lens_layer(row, view);
        }
    }

    /// The tokens of the layer under the cursor as bars, where there is room below the table.
    fn lens_layer(&mut self, row: &LensRow, view: &InsideView) {
        if usize::from(self.rest().height) < row.top.len() + 1 {
            return;
        }
        let title = format!("after layer {}, bars from 0 to 1", row.layer);
        self.row(&title, ThemeRole::Title);
        for token in &row.top {
            let (mark, role) = standing(token.id, view);
            let text = cell(&quoted(&view.text(token.id)), 24, self.theme);
            let p = format::probability(f64::from(token.probability));
            let rest = self.rest();
            let style = self.theme.style(role);
            let x = put(
                self.buf,
                rest,
                (1, 0),
                &format!("{mark}{text} {p:>4}  "),
                style,
            );
            let columns = usize::from(rest.width.saturating_sub(x));
            let drawn = bar(token.probability, columns, self.theme);
            let style = self.theme.style(ThemeRole::Series1);
            put(self.buf, rest, (x, 0), &drawn, style);
            self.y += 1;
        }
    }

    fn lens_row(&mut self, y: u16, row: &LensRow, view: &InsideView) {
        let rest = self.rest();
        let is_cursor = row.layer == view.cursor.layer;
        let mark = if is_cursor {
            self.theme.glyphs().selected
        } else {
            " "
        };
        let (p, rank) = row
            .target
            .map_or(("-".to_owned(), "-".to_owned()), |target| {
                let p = format::probability(f64::from(target.probability));
                (p, target.rank.to_string())
            });
        let figures = format!(
            "{mark}{:>5} {:>7.3} {p:>6} {rank:>7}",
            row.layer, row.entropy
        );
        let role = if is_cursor {
            ThemeRole::Selection
        } else {
            ThemeRole::Text
        };
        put(self.buf, rest, (0, y), &figures, self.theme.style(role));
        let tokens = usize::from(rest.width.saturating_sub(FIGURES) / TOKEN);
        for (index, token) in row.top.iter().take(tokens).enumerate() {
            let (mark, role) = standing(token.id, view);
            let text = cell(
                &quoted(&view.text(token.id)),
                usize::from(TOKEN) - 7,
                self.theme,
            );
            let p = format::probability(f64::from(token.probability));
            let x = FIGURES + index as u16 * TOKEN;
            let style = self.theme.style(role);
            put(
                self.buf,
                rest,
                (x, y),
                &format!("{mark}{text} {p:>4}"),
                style,
            );
        }
    }
}

/// What tells the token that came, and the most likely one of the last layer, from others.
fn standing(id: u32, view: &InsideView) -> (&'static str, ThemeRole) {
    if view.subject.next.as_ref().is_some_and(|next| next.id == id) {
        ("*", ThemeRole::Success)
    } else if view.settled().is_some_and(|(last, _)| last == id) {
        ("=", ThemeRole::Accent)
    } else {
        (" ", ThemeRole::Faint)
    }
}

/// Where the token that came stands at the end, and where it was settled.
fn summary(view: &InsideView, report: &InspectReport) -> Vec<String> {
    let mut lines = Vec::new();
    let Some(end) = report.inspection.lens.last() else {
        return vec!["no layer was looked at".to_owned()];
    };
    if let (Some(next), Some(target)) = (&view.subject.next, end.target) {
        let came = if view.subject.is_next_given {
            "what the prompt has next"
        } else {
            "what came"
        };
        let from = view
            .target_settled()
            .map_or("not the most likely at the end".to_owned(), |layer| {
                format!("the most likely from layer {layer} on")
            });
        lines.push(format!(
            "{came}: {}, p {} and rank {} after the last layer, {from}",
            quoted(&next.text),
            format::probability(f64::from(target.probability)),
            target.rank
        ));
    }
    if let (Some((id, layer)), Some(best)) = (view.settled(), end.top.first()) {
        lines.push(format!(
            "most likely: {}, p {}, from layer {layer} on; H {:.3} nats at the end",
            quoted(&view.text(id)),
            format::probability(f64::from(best.probability)),
            end.entropy
        ));
    }
    lines
}
