//! Numbers along the map: experts on top, layers to the left, figures to the right.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::super::text::{fill, put, put_right, width};
use super::{Heatmap, MapLayout};
use crate::ui::theme::{Theme, ThemeRole};

/// Columns that a number on the axis should have at least.
const LEAST_COLUMNS: usize = 6;

/// Numbers of experts above or under their columns, with the marked one in its own style.
pub(in super::super) fn expert_axis(
    buf: &mut Buffer,
    area: Rect,
    theme: &Theme,
    experts: std::ops::Range<usize>,
    (columns_per_expert, experts_per_column): (usize, usize),
    marked: Option<usize>,
) {
    let column =
        |expert: usize| ((expert - experts.start) / experts_per_column * columns_per_expert) as u16;
    let mut step = 1;
    while step * columns_per_expert < LEAST_COLUMNS * experts_per_column {
        step *= 2;
    }
    let style = theme.style(ThemeRole::Faint);
    let numbered = experts.clone().filter(|expert| expert % step == 0);
    for expert in numbered {
        let text = expert.to_string();
        if column(expert) + width(&text) <= area.width {
            put(buf, area, (column(expert), 0), &text, style);
        }
    }
    let Some(marked) = marked.filter(|expert| experts.contains(expert)) else {
        return;
    };
    // The mark is kept apart from its neighbors, and inside of the area.
    let text = marked.to_string();
    let x = column(marked).min(area.width.saturating_sub(width(&text)));
    fill(
        buf,
        area,
        (x.saturating_sub(1), 0),
        width(&text) + 2,
        " ",
        style,
    );
    clear_digits_after(buf, area, x + width(&text) + 1);
    put(buf, area, (x, 0), &text, theme.style(ThemeRole::AxisMark));
}

/// Takes away what is left of a number whose start was painted over.
fn clear_digits_after(buf: &mut Buffer, area: Rect, x: u16) {
    for column in x..area.width {
        let cell = &mut buf[(area.x + column, area.y)];
        if cell.symbol() == " " {
            return;
        }
        cell.reset();
    }
}

impl Heatmap<'_> {
    /// The numbers of layers; a row of several has the first one's, or the cursor's.
    pub(super) fn draw_labels(&self, layout: &MapLayout, buf: &mut Buffer) {
        let gap = layout
            .labels
            .width
            .saturating_sub(super::layout::digits(self.frame.num_layers));
        for row in 0..layout.labels.height {
            let layers = layout.layers_of_row(row);
            let marked = self
                .frame
                .cursor
                .map(|cell| cell.layer)
                .filter(|l| layers.contains(l));
            let role = if marked.is_some() {
                ThemeRole::AxisMark
            } else {
                ThemeRole::Faint
            };
            let label = marked.unwrap_or(layers.start).to_string();
            put_right(
                buf,
                layout.labels,
                (gap, row),
                &label,
                self.theme.style(role),
            );
        }
    }

    pub(super) fn draw_axis(&self, layout: &MapLayout, buf: &mut Buffer) {
        if layout.axis.is_empty() {
            return;
        }
        let fit = &layout.fit;
        let marked = self.frame.cursor.map(|cell| cell.expert);
        let per = (fit.columns_per_expert, fit.experts_per_column);
        // A number may reach over the map's end, but not into the next title.
        let area = Rect {
            width: layout
                .axis
                .width
                .min(layout.map.width + u16::from(layout.right.is_empty()) * 2),
            ..layout.axis
        };
        expert_axis(buf, area, self.theme, layout.experts(), per, marked);
    }

    pub(super) fn draw_right(&self, layout: &MapLayout, buf: &mut Buffer) {
        let Some(right) = self.right.filter(|_| !layout.right.is_empty()) else {
            return;
        };
        let faint = self.theme.style(ThemeRole::Faint);
        let text = self.theme.style(ThemeRole::Text);
        let top = layout.map.y - layout.right.y;
        if top > 0 {
            put(buf, layout.right, (2, 0), right.title, faint);
        }
        for row in 0..layout.map.height {
            put(
                buf,
                layout.right,
                (0, top + row),
                self.theme.glyphs().vertical,
                self.theme.style(ThemeRole::Border),
            );
            let value = self.right_value(right.values, layout.layers_of_row(row));
            put(buf, layout.right, (2, top + row), &value, text);
        }
    }

    /// The cursor's figure, else the mean of the row's.
    fn right_value(&self, values: &[f32], layers: std::ops::Range<usize>) -> String {
        let own = self
            .frame
            .cursor
            .map(|cell| cell.layer)
            .filter(|l| layers.contains(l));
        let layers = own.map_or(layers, |layer| layer..layer + 1);
        let known: Vec<f32> = layers
            .filter_map(|layer| values.get(layer).copied())
            .filter(|value| value.is_finite())
            .collect();
        if known.is_empty() {
            return String::new();
        }
        let mean = known.iter().sum::<f32>() / known.len() as f32;
        let text = format!("{mean:.2}");
        match text.strip_prefix("0.") {
            Some(decimals) => format!(".{decimals}"),
            None => super::super::format::rate(f64::from(mean)),
        }
    }
}
