//! The map of experts and the token cursor.

use super::super::action::Action;
use super::super::effect::Effect;
use super::super::map::{Cell, TokenCursor, Zoom};
use super::super::run::Run;
use super::super::state::{Level, State};
use super::say;
use crate::analytics::{Measure, RoutedToken, Scale, Selection};

/// Does what concerns the map alone.
pub(in crate::app) fn perform(state: &mut State, action: Action) -> Option<Vec<Effect>> {
    if state.map.zoom == Zoom::Card && scroll_by_key(state, action) {
        return Some(Vec::new());
    }
    let layers_page = 4;
    match action {
        Action::Up => step(state, -1, 0),
        Action::Down => step(state, 1, 0),
        Action::Left => step(state, 0, -1),
        Action::Right => step(state, 0, 1),
        Action::PageLeft => step(state, 0, -8),
        Action::PageRight => step(state, 0, 8),
        Action::PageUp => step(state, -layers_page, 0),
        Action::PageDown => step(state, layers_page, 0),
        Action::Top => step(state, i64::from(i32::MIN), 0),
        Action::Bottom => step(state, i64::from(i32::MAX), 0),
        Action::ZoomIn => state.map.zoom = state.map.zoom.step(true),
        Action::ZoomOut => state.map.zoom = state.map.zoom.step(false),
        Action::MapSource => state.map.source = state.map.source.step(true),
        Action::MapSourceBack => state.map.source = state.map.source.step(false),
        Action::MapMeasure => state.map.measure = next_measure(state.map.measure),
        Action::MapScale => {
            state.map.scale = match state.map.scale {
                Scale::Linear => Scale::Logarithmic,
                Scale::Logarithmic => Scale::Linear,
            };
        }
        Action::MapFigure => next_figure(state),
        Action::ExpertCard => open_card(state),
        Action::NextChoice => step_choice(state, true),
        Action::PreviousChoice => step_choice(state, false),
        Action::Back if state.map.zoom == Zoom::Card => {
            state.map.zoom = state.map.card_from.take().unwrap_or_default();
        }
        Action::Copy => return Some(vec![Effect::Copy(as_text(state))]),
        _ => return None,
    }
    Some(Vec::new())
}

fn next_measure(measure: Measure) -> Measure {
    match measure {
        Measure::Count => Measure::WeightSum,
        Measure::WeightSum => Measure::MeanWeight,
        Measure::MeanWeight => Measure::Share,
        Measure::Share => Measure::Count,
    }
}

/// Puts another figure of each layer beside the map.
fn next_figure(state: &mut State) {
    let Some(figure) = state.next_layer_figure() else {
        let text = "these tokens have no figures by layer; v chooses others";
        say(state, Level::Info, text);
        return;
    };
    state.map.figure = figure;
    let name = figure.name();
    let text = format!("of each layer: {name}, where the map leaves room beside it");
    say(state, Level::Info, text);
}

/// Shows all about the expert under the cursor, and remembers what was shown before.
pub(in crate::app) fn open_card(state: &mut State) {
    if state.map.zoom != Zoom::Card {
        state.map.card_from = Some(state.map.zoom);
        state.map.zoom = Zoom::Card;
        state.map.card_scroll = 0;
    }
}

/// Scrolls the expert's card, where the key is one that scrolls.
fn scroll_by_key(state: &mut State, action: Action) -> bool {
    let page = state.viewport.card.map_or(1, |card| card.height.max(1));
    let page = i64::from(page);
    let rows = match action {
        Action::Up => -1,
        Action::Down => 1,
        Action::PageUp => -page,
        Action::PageDown => page,
        Action::Top => i64::MIN,
        Action::Bottom => i64::MAX,
        _ => return false,
    };
    scroll_card(state, rows);
    true
}

/// Scrolls the expert's card as far as its last row, which is known once it was drawn.
fn scroll_card(state: &mut State, rows: i64) {
    let last = state.viewport.card.map_or(0, |card| card.last_scroll) as i64;
    let scroll = (state.map.card_scroll as i64).saturating_add(rows);
    state.map.card_scroll = scroll.clamp(0, last) as usize;
}

/// Turns the wheel over the map: a layer a notch, or lines of the card.
pub(in crate::app) fn wheel(state: &mut State, lines: i64) {
    if state.map.zoom == Zoom::Card {
        scroll_card(state, lines);
    } else {
        step(state, lines.signum(), 0);
    }
}

/// Puts a cursor that nobody has moved on the expert that the recorded tokens gave most weight.
pub(in crate::app) fn place_cursor(state: &mut State) {
    if state.map.is_cursor_placed {
        return;
    }
    let Some(run) = state.shown_run() else {
        return;
    };
    let grid = run.log.grid(Selection::All, Measure::WeightSum);
    let cells = grid.layers().enumerate().flat_map(|(layer, values)| {
        let cell = move |expert| Cell { layer, expert };
        let values = values.iter().copied().enumerate();
        values.map(move |(expert, value)| (cell(expert), value))
    });
    let most = cells
        .filter(|(_, value)| *value > 0.0)
        .max_by(|a, b| a.1.total_cmp(&b.1));
    if let Some((cell, _)) = most {
        state.map.point_at(cell);
    }
}

/// Moves the map's cursor.
pub(in crate::app) fn step(state: &mut State, layers: i64, experts: i64) {
    if let Some((num_layers, num_experts)) = state.map_size() {
        state
            .map
            .move_cursor(layers, experts, num_layers, num_experts);
    }
}

/// Puts the map's cursor under the mouse.
pub(in crate::app) fn point(state: &mut State, x: u16, y: u16) {
    let Some((map, (num_layers, num_experts))) = state.viewport.map.zip(state.map_size()) else {
        return;
    };
    if !map.area.contains(x, y) {
        return;
    }
    let (column, row) = (usize::from(x - map.area.x), usize::from(y - map.area.y));
    let expert =
        map.first_expert + column / map.columns_per_expert.max(1) * map.experts_per_column.max(1);
    let layer = map.first_layer + row * map.layers_per_row.max(1);
    state.map.point_at(Cell {
        layer: layer.min(num_layers.saturating_sub(1)),
        expert: expert.min(num_experts.saturating_sub(1)),
    });
}

/// Goes a token back or on.
pub(in crate::app) fn step_token(state: &mut State, forward: bool) -> Vec<Effect> {
    let Some(len) = state.shown_run().map(Run::len).filter(|len| *len > 0) else {
        say(
            state,
            Level::Info,
            "no tokens were recorded for this answer since the program started",
        );
        return Vec::new();
    };
    let at = state.token_position().unwrap_or(len - 1);
    let next = if forward {
        at + 1
    } else {
        at.saturating_sub(1)
    };
    state.map.token = TokenCursor::At(next.min(len - 1));
    Vec::new()
}

/// The position of the nearest token on or back that chose the expert under the map's cursor.
pub(in crate::app) fn next_choice(state: &State, forward: bool) -> Option<usize> {
    let (run, from) = (state.shown_run()?, state.token_position()?);
    let Cell { layer, expert } = state.map.cursor;
    let expert = u16::try_from(expert).ok()?;
    let chose = |token: &&RoutedToken| token.choices(layer).0.contains(&expert);
    let tokens = run.log.tokens();
    let found = if forward {
        let start = tokens.partition_point(|token| token.position <= from);
        tokens[start..].iter().find(chose)
    } else {
        let end = tokens.partition_point(|token| token.position < from);
        tokens[..end].iter().rfind(chose)
    };
    found.map(|token| token.position)
}

/// Goes to the next token that chose the expert under the map's cursor, or to the one before.
fn step_choice(state: &mut State, forward: bool) {
    let Some(position) = next_choice(state, forward) else {
        let Cell { layer, expert } = state.map.cursor;
        let place = if forward { "after" } else { "before" };
        let text = format!("no token {place} this one chose L{layer}:E{expert}");
        say(state, Level::Info, text);
        return;
    };
    state.map.token = TokenCursor::At(position);
    state.map.is_token_sought = true;
}

/// Goes along with the newest token again.
pub(in crate::app) fn follow(state: &mut State) -> Vec<Effect> {
    state.map.token = TokenCursor::Newest;
    Vec::new()
}

/// Holds maps and meters still, or lets them go.
pub(in crate::app) fn freeze(state: &mut State) -> Vec<Effect> {
    if state.frozen_telemetry.take().is_some() {
        state.map.frozen = None;
        return Vec::new();
    }
    state.map.frozen = state.shown_run().cloned();
    state.frozen_telemetry = Some(state.telemetry.clone());
    Vec::new()
}

/// The map's figures as a table with its provenance: layers by rows, experts by columns.
fn as_text(state: &State) -> String {
    let Some(grid) = state.grid() else {
        return String::new();
    };
    let name = state.model.ready().map_or("", |model| model.name.as_str());
    let mut text = format!(
        "# {name}, {}, {}, {} tokens\n",
        state.map.source.title(),
        state.measure_name(),
        grid.tokens()
    );
    for layer in grid.layers() {
        let row: Vec<String> = layer.iter().map(ToString::to_string).collect();
        text.push_str(&row.join("\t"));
        text.push('\n');
    }
    text
}
