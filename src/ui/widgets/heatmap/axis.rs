//! Numbers along the map: experts on top, layers to the left, figures to the right.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::super::format;
use super::super::text::{put, put_right, width};
use super::{Heatmap, MapLayout, RightColumn};
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
    // The mark is inside of the area and kept apart from its neighbors.
    let mark = marked
        .filter(|expert| experts.contains(expert))
        .map(|expert| {
            let text = expert.to_string();
            let x = column(expert).min(area.width.saturating_sub(width(&text)));
            (x, text)
        });
    let is_free = |x: u16, columns: u16| {
        let apart = |(at, text): &(u16, String)| x + columns < *at || at + width(text) < x;
        mark.as_ref().is_none_or(apart)
    };
    let style = theme.style(ThemeRole::Faint);
    for expert in experts.clone().filter(|expert| expert % step == 0) {
        let (x, text) = (column(expert), expert.to_string());
        if x + width(&text) <= area.width && is_free(x, width(&text)) {
            put(buf, area, (x, 0), &text, style);
        }
    }
    if let Some((x, text)) = &mark {
        put(buf, area, (*x, 0), text, theme.style(ThemeRole::AxisMark));
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
            let value = self.right_value(&right, layout.layers_of_row(row));
            put(buf, layout.right, (2, top + row), &value, text);
        }
    }

    /// The cursor's figure, else the mean of the row's.
    fn right_value(&self, right: &RightColumn<'_>, layers: std::ops::Range<usize>) -> String {
        let own = self
            .frame
            .cursor
            .map(|cell| cell.layer)
            .filter(|l| layers.contains(l));
        let layers = own.map_or(layers, |layer| layer..layer + 1);
        let known: Vec<f32> = layers
            .filter_map(|layer| right.values.get(layer).copied())
            .filter(|value| value.is_finite())
            .collect();
        if known.is_empty() {
            return String::new();
        }
        let mean = known.iter().sum::<f32>() / known.len() as f32;
        match f64::from(mean) {
            // Of a row of two layers the mean may lie between two counts.
            count if right.is_count && count.fract() == 0.0 => format!("{count:.0}"),
            other if other < 1.0 => format::share(other),
            other => format::rate(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_beside_the_mark_are_whole_or_not_there() {
        let area = Rect::new(0, 0, 70, 1);
        for marked in 0..32 {
            let mut buf = Buffer::empty(area);
            expert_axis(
                &mut buf,
                area,
                &Theme::default(),
                0..32,
                (2, 1),
                Some(marked),
            );
            let text: String = (0..area.width).map(|x| buf[(x, 0)].symbol()).collect();
            let mut shown = text.split_whitespace().map(str::parse::<usize>);
            assert!(
                shown.all(|number| number.is_ok_and(|one| one % 4 == 0 || one == marked)),
                "{text}"
            );
            assert!(
                text.split_whitespace()
                    .any(|word| word == marked.to_string()),
                "{text}"
            );
        }
    }
}
