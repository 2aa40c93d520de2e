//! The map of all layers and experts, at five levels of detail.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;

use super::{below, card, figures, lines, readout};
use crate::analytics::{Grid, Scale, normalize};
use crate::app::State;
use crate::app::map::{MapCells, MapSource, Zoom};
use crate::app::viewport::{Area, MapViewport, Viewport};
use crate::ui::theme::{Theme, ThemeRole};
use crate::ui::widgets::{
    BarsRow, CellChoice, Detail, Encoding, Heatmap, Legend, MapCell, MapLayout, RightColumn, Strip,
};

/// Columns and rows below which a map would be nothing but labels.
const LEAST_MAP: (u16, u16) = (16, 4);

/// What the map shows, for the title's rule.
pub(super) fn note(state: &State) -> String {
    let map = &state.map;
    let scale = match state.map_scale() {
        Scale::Linear => "linear",
        Scale::Logarithmic => "logarithmic",
    };
    let level = map.zoom.name();
    // What is most missed where there is no room for all of it comes first.
    let frozen = if state.is_frozen() { "frozen | " } else { "" };
    match map.zoom {
        Zoom::Strip => format!(
            "{frozen}{} | H of the chosen, 0 to 1 | {level}",
            state.selection_name()
        ),
        Zoom::Card => format!("{frozen}{} | {level}", state.card_tokens_name()),
        Zoom::Overview | Zoom::OneToOne | Zoom::Layer => format!(
            "{frozen}{} | {} | {scale} | {level}",
            map.source.title(),
            state.measure_name()
        ),
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
    let values = normalize(&grid, state.map_scale(), bounds);
    let signs = Signs::of(&values, state);
    let known = (&grid, &signs);
    match state.map.zoom {
        Zoom::Card => card::draw(buf, area, state, theme, viewport),
        Zoom::Strip => {
            let entropies = readout::chosen_entropies(state);
            let strip = Strip {
                values: &entropies,
                cursor: Some(state.map.cursor.layer),
                columns: None,
                theme,
            };
            (&strip).render(
                Rect {
                    height: area.height.min(1),
                    ..area
                },
                buf,
            );
            figures::draw(buf, below(area, 1), known, None, state, theme);
        }
        Zoom::Layer => layer(buf, area, known, state, theme),
        // Labels alone would fill it.
        Zoom::Overview | Zoom::OneToOne
            if area.width < LEAST_MAP.0 || area.height < LEAST_MAP.1 =>
        {
            figures::draw(buf, area, known, None, state, theme);
        }
        Zoom::Overview | Zoom::OneToOne => {
            let (rows, legend) = map(buf, area, &grid, &values, state, theme, viewport);
            let rest = figures::legend(buf, below(area, rows), legend.as_deref(), theme);
            figures::draw(buf, rest, known, viewport.map.as_ref(), state, theme);
        }
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

/// Whether there is a conversation, and nothing was recorded of it in this run of the program.
pub(super) fn is_chat_of_before(state: &State) -> bool {
    state.running.is_none() && !state.session.tree.is_empty()
}

fn nothing(buf: &mut Buffer, area: Rect, state: &State, theme: &Theme) {
    let missing = state.missing_parts();
    let text = if state.model.ready().is_none() {
        "no model is ready".to_owned()
    } else if !missing.is_empty() {
        let missing = missing.join(" and ");
        format!("nothing to compare: no routing is recorded of the {missing}")
    } else if state.is_frozen() {
        "held still since before anything was recorded".to_owned()
    } else if !state.preferences.record_routing {
        "routing is not recorded; set record.routing = true in gptoss.toml".to_owned()
    } else if is_chat_of_before(state) {
        "sessions keep texts, not routing: the next answer's experts appear here".to_owned()
    } else {
        "ask something: the experts that each token goes to appear here".to_owned()
    };
    lines(buf, area, &[(text, ThemeRole::Faint)], theme);
}

/// Draws the map; gives the rows that it took, and its legend in words where it has no room for one.
fn map(
    buf: &mut Buffer,
    area: Rect,
    grid: &Grid,
    values: &[f32],
    state: &State,
    theme: &Theme,
    viewport: &mut Viewport,
) -> (u16, Option<String>) {
    let bounds = state.map_bounds(grid);
    let is_difference = state.map.source.is_difference();
    let (min, max) = (
        bound(bounds.min, is_difference),
        bound(bounds.max, is_difference),
    );
    let tokens = match grid.tokens() {
        1 => "1 token".to_owned(),
        tokens => format!("{tokens} tokens"),
    };
    let title = format!("{}, {tokens}:", state.measure_name());
    let figure = state.layer_figure();
    let figures = figure.iter().flat_map(|(_, values)| values);
    let figures: Vec<f32> = figures.map(|value| *value as f32).collect();
    let cursor = state.map.cursor;
    let detail = if state.map.zoom == Zoom::OneToOne {
        Detail::OneToOne
    } else {
        Detail::Overview
    };
    let marked = with_rules(grid, state);
    let mut map = Heatmap::new(values, grid.num_layers(), grid.num_experts(), theme)
        .detail(detail)
        .marked(&marked)
        .cursor(Some(MapCell {
            layer: cursor.layer,
            expert: cursor.expert,
        }))
        .diverging(is_difference);
    if let Some((figure, _)) = figure {
        map = map.right(RightColumn {
            title: figure.title(),
            values: &figures,
            is_count: figure.is_count(),
        });
    }
    let cells = match state.preferences.map_cells {
        // Of one token every choice is shown exactly, also where two experts share a column.
        MapCells::Auto if state.map.source == MapSource::Token && map.layout(area).fit.merges() => {
            CellChoice::Chosen
        }
        MapCells::Auto => CellChoice::Auto,
        MapCells::Half => CellChoice::Half,
        MapCells::Full => CellChoice::Full,
        MapCells::Glyph => CellChoice::Glyph,
    };
    map = map.cells(cells);
    let legend = Legend {
        title: &title,
        min_label: &min,
        max_label: &max,
    };
    map = map.legend(legend);
    let area = Rect {
        height: area.height - rows_below(&map, area),
        ..area
    };
    let dots = dots_title(&map.layout(area));
    map = map.legend(Legend {
        title: dots.unwrap_or(&title),
        ..legend
    });
    let layout = map.layout(area);
    viewport.map = Some(place_of(&layout));
    (&map).render(area, buf);
    let has_legend = !layout.footer.is_empty() || map.has_side_legend(&layout);
    let words = (!has_legend).then(|| match dots {
        Some(dots) => dots.to_owned(),
        None => format!("{title} colors from {min} to {max}"),
    });
    let rows = layout.map.bottom().max(layout.footer.bottom()) - area.y;
    (rows, words)
}

/// What the map's dots are, where it has dots in place of colors.
fn dots_title(layout: &MapLayout) -> Option<&'static str> {
    match layout.fit.encoding {
        Encoding::Quadrant => Some("a dot is a chosen expert, 2 layers x 2 experts a cell"),
        Encoding::Braille => Some("a dot is a chosen expert, 4 layers x 2 experts a cell"),
        Encoding::HalfBlock | Encoding::FullBlock | Encoding::Glyph => None,
    }
}

/// The experts that a rule in force names.
fn with_rules(grid: &Grid, state: &State) -> Vec<MapCell> {
    if state.interventions.is_empty() {
        return Vec::new();
    }
    let layers = 0..grid.num_layers();
    let cells = layers
        .flat_map(|layer| (0..grid.num_experts()).map(move |expert| MapCell { layer, expert }));
    cells
        .filter(|at| state.interventions.about(at.layer, at.expert).is_some())
        .collect()
}

/// Rows that are left to figures: as many as leave all of the map on screen with its legend, or
/// without it.
fn rows_below(map: &Heatmap<'_>, area: Rect) -> u16 {
    let wanted = figure_rows(area.height);
    let layout = |rows: u16| {
        map.layout(Rect {
            height: area.height - rows,
            ..area
        })
    };
    let is_whole = |rows: &u16| layout(*rows).fit.is_whole;
    let has_legend = |rows: &u16| is_whole(rows) && !layout(*rows).footer.is_empty();
    let with_legend = (3..=wanted).rev().find(has_legend);
    with_legend
        .or_else(|| (1..=wanted).rev().find(is_whole))
        .unwrap_or(wanted)
}

/// An end of the color ramp; differences have their sign.
fn bound(value: f64, is_difference: bool) -> String {
    if is_difference {
        format!("{value:+.1}")
    } else {
        figure(value)
    }
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

/// A figure in few columns.
pub(super) fn figure(value: f64) -> String {
    if value.abs() >= 100.0 || value.fract() == 0.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.2}")
    }
}

/// The cursor's layer from 0 to 1, for bars; differences by their sign, which no bar shows.
#[derive(Debug, Default)]
pub(super) struct Signs {
    /// All values, or those above zero.
    pub(super) more: Vec<f32>,
    /// The sizes of those below zero; empty unless differences are shown.
    pub(super) less: Vec<f32>,
}

impl Signs {
    fn of(values: &[f32], state: &State) -> Self {
        let num_experts = state.map_size().map_or(0, |(_, experts)| experts);
        let start = state.map.cursor.layer * num_experts;
        let values = values.get(start..start + num_experts).unwrap_or(&[]);
        if !state.map.source.is_difference() {
            return Self {
                more: values.to_vec(),
                less: Vec::new(),
            };
        }
        // The ramp has zero in its middle.
        let part = |sign: f32| {
            values
                .iter()
                .map(move |value| (sign * (2.0 * value - 1.0)).max(0.0))
        };
        Self {
            more: part(1.0).collect(),
            less: part(-1.0).collect(),
        }
    }
}

/// The cursor's layer as bars with their numbers; of differences what is more above what is less.
fn layer(
    buf: &mut Buffer,
    area: Rect,
    (grid, signs): (&Grid, &Signs),
    state: &State,
    theme: &Theme,
) {
    let layer = state.map.cursor.layer;
    let is_difference = state.map.source.is_difference();
    let values = grid.layer(layer).iter();
    let numbers: Vec<String> = values.map(|value| bound(*value, is_difference)).collect();
    let rows = figure_rows(area.height).min(4);
    let title = format!("layer {layer}: every expert, {}", state.measure_name());
    let used = lines(buf, area, &[(title, ThemeRole::Title)], theme);
    let bars_area = Rect {
        height: area.height.saturating_sub(rows + used),
        ..below(area, used)
    };
    if is_difference {
        let (first, second) = state.map.source.compared();
        let half = bars_area.height / 2;
        let upper = Rect {
            height: half,
            ..bars_area
        };
        part(buf, upper, (first, &signs.more, &numbers), state, theme);
        let lower = below(bars_area, half);
        part(buf, lower, (second, &signs.less, &numbers), state, theme);
    } else {
        bars(buf, bars_area, (&signs.more, &numbers), state, theme);
    }
    let text_area = below(area, area.height.saturating_sub(rows));
    let known = (grid, &Signs::default());
    figures::draw(buf, text_area, known, None, state, theme);
}

/// The experts that are chosen more in one of two parts.
fn part(
    buf: &mut Buffer,
    area: Rect,
    (name, values, numbers): (&str, &[f32], &[String]),
    state: &State,
    theme: &Theme,
) {
    let title = format!("more in the {name}");
    let used = lines(buf, area, &[(title, ThemeRole::Faint)], theme);
    bars(buf, below(area, used), (values, numbers), state, theme);
}

fn bars(
    buf: &mut Buffer,
    area: Rect,
    (values, numbers): (&[f32], &[String]),
    state: &State,
    theme: &Theme,
) {
    let bars = BarsRow {
        values,
        numbers,
        cursor: Some(state.map.cursor.expert),
        theme,
    };
    (&bars).render(area, buf);
}
