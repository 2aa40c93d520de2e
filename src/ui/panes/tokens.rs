//! The token under the token cursor: what else could have come, and what the settings would keep.

mod alternatives;
mod ghost;
mod samplers;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use self::alternatives::Alternatives;
use super::{below, experts, flowing, lines, quoted};
use crate::analytics::Span;
use crate::app::State;
use crate::app::run::{Run, TokenRecord};
use crate::app::token_lab::Tint;
use crate::ui::chrome::{put, width};
use crate::ui::theme::{Theme, ThemeRole};
use crate::ui::tint;
use crate::ui::widgets::format;

/// Tokens on either side of the one under the cursor.
const AROUND: usize = 8;

/// The position, counted from 0 as in traces, for the title's rule.
pub(super) fn note(state: &State) -> String {
    match (state.token_position(), state.shown_run()) {
        (Some(position), Some(run)) => {
            format!("position {position}, last {}", run.len().saturating_sub(1))
        }
        _ => String::new(),
    }
}

/// Rows that a choice keeps beside a ghost: the head, the marked alternative with some others, and
/// the samplers.
const LEAST_CHOICE: u16 = 8;

/// Draws the token, its alternatives and its routing.
pub(super) fn draw(buf: &mut Buffer, area: Rect, state: &State, theme: &Theme) {
    let (Some(position), Some(run)) = (state.token_position(), state.shown_run()) else {
        let text = if experts::is_chat_of_before(state) {
            "sessions keep texts, not alternatives: those of the next answer appear here"
        } else {
            "ask something: each token's alternatives appear here"
        };
        let text = text.to_owned();
        lines(buf, area, &[(text, ThemeRole::Faint)], theme);
        return;
    };
    let used = lines(buf, area, &head(run, position, area.width), theme);
    let mut rest = below(area, used);
    if area.height >= 10 {
        rest = below(rest, around(buf, rest, state, (run, position), theme));
    }
    let Some(record) = run.record(position) else {
        let text = "a token of the prompt: it was given, so there are no alternatives".to_owned();
        let used = lines(buf, rest, &[(text, ThemeRole::Faint)], theme);
        routing(buf, below(rest, used), state, theme);
        return;
    };
    let ghost = state.ghost_of(run.node);
    let ghost = ghost.map_or_else(Vec::new, |ghost| ghost::rows(ghost, run, rest.width));
    // What was asked for is shown; the alternatives scroll with their mark.
    let kept_rows = (ghost.len() as u16).min(rest.height.saturating_sub(LEAST_CHOICE));
    let upper = Rect {
        height: rest.height - kept_rows,
        ..rest
    };
    let left = choice(buf, upper, state, record, theme);
    rest = below(rest, upper.height - left.height);
    let used = lines(buf, rest, &ghost, theme);
    rest = below(rest, used);
    routing(buf, rest, state, theme);
}

/// Draws what could have come, and what the samplers made of it; gives the room left.
fn choice(
    buf: &mut Buffer,
    area: Rect,
    state: &State,
    record: &TokenRecord,
    theme: &Theme,
) -> Rect {
    let all = record.alternatives();
    if record.top_logprobs.is_empty() {
        let text = "its alternatives were not recorded".to_owned();
        return below(area, lines(buf, area, &[(text, ThemeRole::Faint)], theme));
    }
    let place = state.marked_place();
    let marked = place.and_then(|place| Some((place, all.get(place)?)));
    let shown = Alternatives {
        record,
        all: &all,
        marked: place,
    };
    let bars_rows = shown.num_rows().min(area.height.saturating_sub(2).max(3));
    let bars = Rect {
        height: bars_rows.min(area.height),
        ..area
    };
    shown.draw(buf, bars, theme);
    let rest = below(area, bars_rows);
    let sampling = state.shown_run().and_then(|run| {
        let index = state.token_position()?.checked_sub(run.prompt.len())?;
        Some(state.session.tree.turn(run.node)?.sampling_at(index))
    });
    let size = (rest.width, rest.height);
    let used = lines(
        buf,
        rest,
        &samplers::rows(record, marked, sampling, size),
        theme,
    );
    below(rest, used)
}

/// The token, and what the model made of it.
fn head(run: &Run, position: usize, columns: u16) -> Vec<(String, ThemeRole)> {
    let text = quoted(run.text(position).unwrap_or_default());
    let Some(record) = run.record(position) else {
        let id = run.prompt.get(position).map_or(0, |token| token.id);
        return vec![(format!("{text}   id {id}   prompt"), ThemeRole::Strong)];
    };
    let mut items = vec![
        text,
        format!("id {}", record.id),
        span_name(record.span).to_owned(),
    ];
    let bits = |nats: f32| (f64::from(nats) / std::f64::consts::LN_2).max(0.0);
    if let Some(logprob) = record.logprob {
        let probability = f64::from(logprob).exp();
        items.push(format!("p {}", format::small_probability(probability)));
        items.push(format!("surprise {:.2} bit", bits(-logprob)));
    }
    items.extend(
        record
            .entropy
            .map(|entropy| format!("H {:.2} bit", bits(entropy))),
    );
    flowing(&items, columns, ThemeRole::Strong)
}

fn span_name(span: Span) -> &'static str {
    match span {
        Span::Prompt => "prompt",
        Span::Analysis => "analysis",
        Span::Commentary => "commentary",
        Span::Final => "final",
        Span::Other => "control",
    }
}

/// Draws the tokens on either side, colored where they are to be, and the legend; gives the rows
/// used.
fn around(
    buf: &mut Buffer,
    area: Rect,
    state: &State,
    (run, position): (&Run, usize),
    theme: &Theme,
) -> u16 {
    let measure = state.token_lab.tint;
    let room = area.width.saturating_sub(2);
    let text = |at: usize| {
        let text = crate::ui::sanitize::sanitize(run.text(at).unwrap_or_default());
        text.replace('\n', " ")
    };
    let mut x = 1;
    for at in window(run, position, room, |at| width(&text(at))) {
        let level = run.record(at).and_then(|record| measure.level(record));
        let style = level.map_or(theme.style(ThemeRole::Faint), |level| {
            let text: Style = theme.style(ThemeRole::Text);
            text.patch(tint::style(level, theme))
        });
        let accent = theme.style(ThemeRole::Accent);
        if at == position {
            x = put(buf, area, (x, 0), "[", accent);
        }
        let left = usize::from(area.width.saturating_sub(x + 2));
        let shown = text(at);
        x = put(
            buf,
            area,
            (x, 0),
            &format::short_text(&shown, left, theme.glyph_set()),
            style,
        );
        if at == position {
            x = put(buf, area, (x, 0), "]", accent);
        }
    }
    if measure == Tint::Off {
        return 1;
    }
    tint::legend(buf, area, (1, 1), measure, theme);
    2
}

/// The positions around one that fit into some columns, as many on either side, the brackets
/// counted.
fn window(
    run: &Run,
    position: usize,
    columns: u16,
    width: impl Fn(usize) -> u16,
) -> std::ops::Range<usize> {
    let mut shown = position..position + 1;
    let mut left = columns.saturating_sub(width(position) + 2);
    for _ in 0..AROUND {
        let before = shown.start.checked_sub(1);
        let after = (shown.end < run.len()).then_some(shown.end);
        for (at, is_before) in [(before, true), (after, false)] {
            let Some(at) = at else { continue };
            let Some(rest) = left.checked_sub(width(at)) else {
                return shown;
            };
            left = rest;
            if is_before {
                shown.start = at;
            } else {
                shown.end = at + 1;
            }
        }
    }
    shown
}

/// As many rows as there is room for; the last one then counts the layers without a row.
fn whole_or_counted(
    mut rows: Vec<(String, ThemeRole)>,
    num_layers: usize,
    room: u16,
) -> Vec<(String, ThemeRole)> {
    let room = usize::from(room);
    if rows.len() > room {
        let hidden = (rows.len() + 1 - room).min(num_layers);
        let layers = if hidden == 1 { "layer" } else { "layers" };
        rows.truncate(room.saturating_sub(1));
        rows.push((format!("{hidden} more {layers}"), ThemeRole::Faint));
    }
    rows
}

/// Each layer's choices, as many as there is room for.
fn routing(buf: &mut Buffer, area: Rect, state: &State, theme: &Theme) {
    let Some(routed) = state.shown_routing().filter(|_| area.height >= 2) else {
        return;
    };
    let entropies = crate::analytics::LayerEntropies::of(&routed.routing);
    let mean = |value: Option<f64>| {
        value.map_or_else(
            || "not recorded".to_owned(),
            |value| format!("{value:.2} nat"),
        )
    };
    let items = [
        "routing, mean over layers:".to_owned(),
        format!("H chosen {}", mean(entropies.mean_chosen())),
        format!("H router {}", mean(entropies.mean_router())),
    ];
    let mut rows = flowing(&items, area.width, ThemeRole::Faint);
    let chosen = routed
        .routing
        .layers()
        .enumerate()
        .map(|(layer, (experts, weights))| {
            let pair = experts
                .iter()
                .zip(weights)
                .map(|(expert, weight)| format!("E{expert} {weight:.2}"));
            format!("L{layer:<3} {}", pair.collect::<Vec<_>>().join("  "))
        });
    rows.extend(chosen.map(|text| (text, ThemeRole::Text)));
    let num_layers = routed.routing.layers().count();
    let rows = whole_or_counted(rows, num_layers, area.height);
    lines(buf, area, &rows, theme);
}
