//! What is known of the map's cursor, its layer and the whole, in as many rows as there are.

use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::widgets::Widget;

use super::experts::Signs;
use super::{below, card, flowing, lines, readout};
use crate::analytics::{ExpertCard, Grid};
use crate::app::State;
use crate::app::map::MapSource;
use crate::app::viewport::MapViewport;
use crate::ui::chrome::{put, width};
use crate::ui::theme::{Theme, ThemeRole};
use crate::ui::widgets::Strip;

/// Rows from which the cursor's layer is drawn as bars, too.
const ROWS_FOR_BARS: u16 = 6;

/// Draws the figures, the most important first.
///
/// *Shapes:* `signs` is the cursor's layer, from 0 to 1; empty where it is drawn already. `map` is
/// where the map above is, if there is one: bars stand under its columns.
pub(super) fn draw(
    buf: &mut Buffer,
    area: Rect,
    (grid, signs): (&Grid, &Signs),
    map: Option<&MapViewport>,
    state: &State,
    theme: &Theme,
) {
    if area.height == 0 {
        return;
    }
    let mut area = area;
    if area.height >= ROWS_FOR_BARS {
        let is_difference = !signs.less.is_empty();
        let first = if is_difference { "+" } else { "" };
        for (sign, values) in [(first, &signs.more), ("-", &signs.less)] {
            if !values.is_empty() {
                match map {
                    Some(map) => bars_under(buf, area, (sign, values), map, state, theme),
                    None => bars(buf, area, (sign, values), state, theme),
                }
                area = below(area, 1);
            }
        }
    }
    let mut rows: Vec<(String, ThemeRole)> = Vec::new();
    // Asked for once a frame: it goes through all tokens.
    let card = state.card();
    for (items, role) in items(grid, card.as_deref(), state) {
        rows.extend(flowing(&items, area.width, role));
    }
    // What is left is for the expert's card.
    let left = area.height.saturating_sub(rows.len() as u16);
    if left >= 4 {
        rows.extend(card::short(
            state,
            card.as_deref(),
            Size::new(area.width, left),
            theme,
        ));
    }
    lines(buf, area, &rows, theme);
}

/// Draws a legend in words, where there is one and room enough; gives the area below it.
pub(super) fn legend(buf: &mut Buffer, area: Rect, words: Option<&str>, theme: &Theme) -> Rect {
    let Some(words) = words.filter(|_| area.height > 2) else {
        return area;
    };
    let used = lines(buf, area, &[(words.to_owned(), ThemeRole::Faint)], theme);
    below(area, used)
}

fn bars(
    buf: &mut Buffer,
    area: Rect,
    (sign, values): (&str, &[f32]),
    state: &State,
    theme: &Theme,
) {
    let row = Rect { height: 1, ..area };
    let label = format!("L{} {sign}", state.map.cursor.layer);
    let label = format!("{} ", label.trim_end());
    let end = put(buf, row, (1, 0), &label, theme.style(ThemeRole::Faint));
    let strip = Strip {
        values,
        cursor: Some(state.map.cursor.expert),
        columns: None,
        theme,
    };
    let place = Rect {
        x: row.x + end,
        width: row.width.saturating_sub(end),
        ..row
    };
    (&strip).render(place, buf);
}

/// Draws the cursor's layer as bars, each under its column of the map, and says so behind them.
fn bars_under(
    buf: &mut Buffer,
    area: Rect,
    (sign, values): (&str, &[f32]),
    map: &MapViewport,
    state: &State,
    theme: &Theme,
) {
    let row = Rect { height: 1, ..area };
    let (per_column, columns) = (map.experts_per_column.max(1), map.columns_per_expert.max(1));
    let shown = usize::from(map.area.width) / columns * per_column;
    let values = values.get(map.first_expert..).unwrap_or(&[]);
    let merged: Vec<f32> = values[..shown.min(values.len())]
        .chunks(per_column)
        .map(|experts| experts.iter().copied().fold(f32::NAN, f32::max))
        .collect();
    let cursor = state.map.cursor.expert.checked_sub(map.first_expert);
    let strip = Strip {
        values: &merged,
        cursor: cursor.map(|expert| expert / per_column),
        columns: Some(columns as u16),
        theme,
    };
    (&strip).render(
        Rect {
            x: map.area.x,
            width: map.area.width,
            ..row
        },
        buf,
    );
    let faint = theme.style(ThemeRole::Faint);
    put(buf, row, (0, 0), sign, faint);
    let at = map.area.x + map.area.width + 1 - area.x;
    let label = format!("L{}", state.map.cursor.layer);
    if at + width(&label) <= area.width {
        put(buf, row, (at, 0), &label, faint);
    }
}

/// The figures in the order of their importance.
fn items(grid: &Grid, card: Option<&ExpertCard>, state: &State) -> Vec<(Vec<String>, ThemeRole)> {
    let layer = state.map.cursor.layer;
    let balance = state.balance();
    let of_layer = balance
        .as_ref()
        .and_then(|balance| balance.layers.get(layer));
    let labelled = |label: String, words: Vec<String>| {
        let mut items = readout::unless_shown(state.balance_tokens_name(), state);
        items.push(label);
        items.extend(words);
        items
    };
    let chosen = (readout::chosen_words(state), ThemeRole::Text);
    let others = [
        (
            balance.as_ref().map_or_else(Vec::new, |balance| {
                labelled("all layers".to_owned(), readout::words(&balance.overall))
            }),
            ThemeRole::Text,
        ),
        (readout::entropy_words(state), ThemeRole::Text),
        (
            of_layer.map_or_else(Vec::new, |of_layer| {
                labelled(format!("layer {layer}"), readout::words(of_layer))
            }),
            ThemeRole::Faint,
        ),
    ];
    let mut all = vec![(readout::cursor_words(grid, card, state), ThemeRole::Strong)];
    // A single token's map is about nothing but what it chose.
    if state.map.source == MapSource::Token {
        all.push(chosen);
        all.extend(others);
    } else {
        all.extend(others);
        all.push((chosen.0, ThemeRole::Faint));
    }
    all
}
