//! What is known of the map's cursor, its layer and the whole, in as many rows as there are.

use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::widgets::Widget;

use super::experts::Signs;
use super::{below, card, flowing, lines, readout};
use crate::analytics::{ExpertCard, Grid};
use crate::app::State;
use crate::app::map::MapSource;
use crate::ui::chrome::put;
use crate::ui::theme::{Theme, ThemeRole};
use crate::ui::widgets::Strip;

/// Rows from which the cursor's layer is drawn as bars, too.
const ROWS_FOR_BARS: u16 = 6;

/// Draws the figures, the most important first.
///
/// *Shapes:* `signs` is the cursor's layer, from 0 to 1; empty where it is drawn already.
pub(super) fn draw(
    buf: &mut Buffer,
    area: Rect,
    (grid, signs): (&Grid, &Signs),
    state: &State,
    theme: &Theme,
) {
    if area.height == 0 {
        return;
    }
    let mut area = area;
    if area.height >= ROWS_FOR_BARS {
        let is_difference = !signs.less.is_empty();
        let first = if is_difference { "+ " } else { "" };
        for (sign, values) in [(first, &signs.more), ("- ", &signs.less)] {
            if !values.is_empty() {
                bars(buf, area, (sign, values), state, theme);
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
    let end = put(buf, row, (1, 0), &label, theme.style(ThemeRole::Faint));
    let strip = Strip {
        values,
        cursor: Some(state.map.cursor.expert),
        theme,
    };
    let place = Rect {
        x: row.x + end,
        width: row.width.saturating_sub(end),
        ..row
    };
    (&strip).render(place, buf);
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
