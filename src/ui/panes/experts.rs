//! The map of all layers and experts, at five levels of detail.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;

use super::{below, card, lines, readout};
use crate::analytics::{Grid, Measure, Scale, normalize};
use crate::app::State;
use crate::app::map::Zoom;
use crate::app::viewport::{Area, MapViewport, Viewport};
use crate::ui::chrome::put;
use crate::ui::theme::{Theme, ThemeRole};
use crate::ui::widgets::{
    BarsRow, Detail, Heatmap, Legend, MapCell, MapLayout, RightColumn, Strip,
};

/// What the map shows, for the title's rule.
pub(super) fn note(state: &State) -> String {
    let map = &state.map;
    let (source, measure) = match &map.frozen {
        Some(frozen) => (frozen.source, frozen.measure),
        None => (map.source, map.measure),
    };
    let measure = if source.is_difference() { "percentage points" } else { measure_name(measure) };
    let scale = match map.scale {
        Scale::Linear => "linear",
        Scale::Logarithmic => "logarithmic",
    };
    let frozen = if map.frozen.is_some() {
        " | frozen"
    } else {
        ""
    };
    format!(
        "{} | {measure} | {scale} | {}{frozen}",
        source.title(),
        map.zoom.name()
    )
}

fn measure_name(measure: Measure) -> &'static str {
    match measure {
        Measure::Count => "count",
        Measure::WeightSum => "weight sum",
        Measure::MeanWeight => "mean weight",
        Measure::Share => "share by fair share",
    }
}

/// Draws the map and what is known below it.
pub(super) fn draw(
    buf: &mut Buffer,
    area: Rect,
    state: &State,
    theme: &Theme,
    viewport: &mut Viewport,
) {
    let Some(grid) = state.grid().filter(|grid| grid.num_layers() > 0) else {
        nothing(buf, area, state, theme);
        return;
    };
    let bounds = state.map_bounds(&grid);
    let values = normalize(&grid, scale_of(state), bounds);
    match state.map.zoom {
        Zoom::Card => card::draw(buf, area, state, theme),
        Zoom::Strip => {
            let entropies = readout::chosen_entropies(state);
            let strip = Strip {
                values: &entropies,
                cursor: Some(state.map.cursor.layer),
                theme,
            };
            (&strip).render(
                Rect {
                    height: area.height.min(1),
                    ..area
                },
                buf,
            );
            figures(buf, below(area, 1), &values, state, theme);
        }
        Zoom::Layer => layer(buf, area, &grid, &values, state, theme),
        Zoom::Overview | Zoom::OneToOne => {
            let rows = figure_rows(area.height);
            let map_area = Rect {
                height: area.height - rows,
                ..area
            };
            map(buf, map_area, &grid, &values, state, theme, viewport);
            figures(buf, below(area, map_area.height), &values, state, theme);
        }
    }
}

/// Differences are always shown on a linear scale: they have a sign.
fn scale_of(state: &State) -> Scale {
    if state.map.source.is_difference() {
        Scale::Linear
    } else {
        state.map.scale
    }
}

/// Rows below a map of this height.
fn figure_rows(height: u16) -> u16 {
    match height {
        0..8 => 0,
        8..12 => 1,
        12..18 => 3,
        _ => 6,
    }
}

fn nothing(buf: &mut Buffer, area: Rect, state: &State, theme: &Theme) {
    let text = if state.model.ready().is_none() {
        "no model is ready"
    } else if !state.preferences.record_routing {
        "routing is not recorded; set record.routing = true in gptoss.toml"
    } else {
        "ask something: the experts that each token goes to appear here"
    };
    lines(buf, area, &[(text.to_owned(), ThemeRole::Faint)], theme);
}

fn map(
    buf: &mut Buffer,
    area: Rect,
    grid: &Grid,
    values: &[f32],
    state: &State,
    theme: &Theme,
    viewport: &mut Viewport,
) {
    let bounds = state.map_bounds(grid);
    let (min, max) = (figure(bounds.min), figure(bounds.max));
    let title = format!("{} tokens", grid.tokens());
    let entropies = readout::chosen_entropies(state);
    let cursor = state.map.cursor;
    let detail = if state.map.zoom == Zoom::OneToOne {
        Detail::OneToOne
    } else {
        Detail::Overview
    };
    let mut map = Heatmap::new(values, grid.num_layers(), grid.num_experts(), theme)
        .detail(detail)
        .cursor(Some(MapCell {
            layer: cursor.layer,
            expert: cursor.expert,
        }))
        .diverging(state.map.source.is_difference())
        .legend(Legend {
            title: &title,
            min_label: &min,
            max_label: &max,
        });
    if !entropies.is_empty() {
        map = map.right(RightColumn {
            title: "H/ln",
            values: &entropies,
        });
    }
    viewport.map = Some(place_of(&map.layout(area)));
    (&map).render(area, buf);
}

fn place_of(layout: &MapLayout) -> MapViewport {
    MapViewport {
        area: Area {
            x: layout.map.x,
            y: layout.map.y,
            width: layout.map.width,
            height: layout.map.height,
        },
        first_layer: layout.first_layer,
        first_expert: layout.first_expert,
        layers_per_row: layout.fit.layers_per_row,
        experts_per_column: layout.fit.experts_per_column,
        columns_per_expert: layout.fit.columns_per_expert,
    }
}

/// A figure of the legend in few columns.
fn figure(value: f64) -> String {
    if value.abs() >= 100.0 || value.fract() == 0.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.2}")
    }
}

/// What is known of the cursor, its layer and the whole, as far as there is room.
fn figures(buf: &mut Buffer, area: Rect, values: &[f32], state: &State, theme: &Theme) {
    let mut area = area;
    if area.height >= 6 {
        let row = Rect { height: 1, ..area };
        let label = format!("L{} ", state.map.cursor.layer);
        let end = put(buf, row, (1, 0), &label, theme.style(ThemeRole::Faint));
        let bars = Rect {
            x: row.x + end,
            width: row.width.saturating_sub(end),
            ..row
        };
        let strip = Strip {
            values: layer_values(values, state),
            cursor: Some(state.map.cursor.expert),
            theme,
        };
        (&strip).render(bars, buf);
        area = below(area, 1);
    }
    let balance = readout::balance(state);
    let layer = state.map.cursor.layer;
    let of_layer = balance
        .as_ref()
        .and_then(|balance| balance.layers.get(layer));
    let rows = [
        readout::cursor_words(state).map(|text| (text, ThemeRole::Text)),
        balance.as_ref().map(|balance| {
            (
                format!("all layers  {}", readout::words(&balance.overall)),
                ThemeRole::Text,
            )
        }),
        readout::entropy_words(state).map(|text| (text, ThemeRole::Text)),
        of_layer.map(|of_layer| {
            (
                format!("layer {layer}  {}", readout::words(of_layer)),
                ThemeRole::Faint,
            )
        }),
        readout::chosen_words(state).map(|text| (text, ThemeRole::Faint)),
    ];
    let rows: Vec<_> = rows.into_iter().flatten().collect();
    lines(buf, area, &rows, theme);
}

fn layer_values<'a>(values: &'a [f32], state: &State) -> &'a [f32] {
    let num_experts = state.map_size().map_or(0, |(_, experts)| experts);
    let start = state.map.cursor.layer * num_experts;
    values.get(start..start + num_experts).unwrap_or(&[])
}

/// The cursor's layer as bars with their numbers.
fn layer(buf: &mut Buffer, area: Rect, grid: &Grid, values: &[f32], state: &State, theme: &Theme) {
    let cursor = state.map.cursor;
    let numbers: Vec<String> = grid
        .layer(cursor.layer)
        .iter()
        .map(|value| figure(*value))
        .collect();
    let rows = figure_rows(area.height).min(4);
    let bars = BarsRow {
        values: layer_values(values, state),
        numbers: &numbers,
        cursor: Some(cursor.expert),
        theme,
    };
    let title = format!(
        "layer {}: every expert, {}",
        cursor.layer,
        measure_name(state.map.measure)
    );
    lines(buf, area, &[(title, ThemeRole::Title)], theme);
    let bars_area = Rect {
        y: area.y + 1.min(area.height),
        height: area.height.saturating_sub(rows + 1),
        ..area
    };
    (&bars).render(bars_area, buf);
    let text_area = below(area, area.height.saturating_sub(rows));
    figures(buf, text_area, values, state, theme);
}
