//! The sampling panel.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;

use super::{below, flowing, lines};
use crate::app::State;
use crate::app::sampling::{Knob, SamplingPanel, SamplingPreview};
use crate::app::state::Focus;
use crate::ui::chrome::width;
use crate::ui::theme::{Theme, ThemeRole};
use crate::ui::widgets::Slider;
use crate::ui::widgets::format;

/// Columns of the settings' names.
const LABEL_COLUMNS: u16 = 16;

/// Columns from which two columns of settings fit.
const TWO_COLUMNS: u16 = 76;

/// The preset and the seed's rule, for the title's rule.
pub(super) fn note(state: &State) -> String {
    let panel = &state.sampling;
    let preset = panel.preset().unwrap_or("own values");
    let seed = if panel.is_seed_locked {
        "seed locked"
    } else {
        "new seeds"
    };
    format!("{preset} | {seed}")
}

/// Draws the settings, the selected one among them, and what they would keep.
pub(super) fn draw(buf: &mut Buffer, area: Rect, state: &State, theme: &Theme) {
    // The settings come first: all of them, or at least three quarters of the rows.
    let left = area.height.saturating_sub(knob_rows(area.width));
    let quarter = area.height.saturating_sub(1) / 4;
    let foot_rows = if left > 0 { left.min(3) } else { quarter };
    let foot_rows = foot_rows.max(u16::from(area.height >= 3));
    let foot = footer(state, area.width, foot_rows);
    let foot_rows = foot.len() as u16;
    let list = Rect {
        height: area.height - foot_rows,
        ..area
    };
    knobs(buf, list, state, theme);
    if foot_rows > 0 {
        lines(buf, below(area, list.height), &foot, theme);
    }
}

/// Columns of settings side by side.
fn knob_columns(width: u16) -> u16 {
    if width >= TWO_COLUMNS { 2 } else { 1 }
}

/// Rows that all settings take.
fn knob_rows(width: u16) -> u16 {
    (Knob::ALL.len() as u16).div_ceil(knob_columns(width))
}

fn knobs(buf: &mut Buffer, area: Rect, state: &State, theme: &Theme) {
    if area.height == 0 {
        return;
    }
    let columns = knob_columns(area.width);
    let rows = usize::from(knob_rows(area.width));
    let selected = Knob::ALL
        .iter()
        .position(|knob| *knob == state.sampling.selected)
        .unwrap_or(0);
    let (row, height) = (selected % rows, usize::from(area.height));
    // As few rows are skipped as show the selected one.
    let first = (row + 1).saturating_sub(height).min(rows.saturating_sub(1));
    let width = area.width / columns;
    let defaults = SamplingPanel::new(state.sampling.defaults.clone());
    for (index, knob) in Knob::ALL.into_iter().enumerate() {
        let (column, row) = (index / rows, index % rows);
        if row < first || row - first >= height {
            continue;
        }
        let place = Rect {
            x: area.x + 1.min(area.width) + width * column as u16,
            y: area.y + (row - first) as u16,
            width: width.saturating_sub(2),
            height: 1,
        };
        slider(
            buf,
            place.intersection(area),
            (knob, &defaults),
            state,
            theme,
        );
    }
}

fn slider(
    buf: &mut Buffer,
    area: Rect,
    (knob, defaults): (Knob, &SamplingPanel),
    state: &State,
    theme: &Theme,
) {
    let panel = &state.sampling;
    let is_focused = knob == panel.selected && state.focus == Focus::Sampler;
    let value = match (&panel.typing, is_focused) {
        (Some(typing), true) => typed_end(typing.value(), area.width),
        _ => shown(panel, knob),
    };
    let place = knob
        .track()
        .zip(panel.number(knob))
        .map(|(track, value)| ((value - track.min) / (track.max - track.min)).clamp(0.0, 1.0));
    let slider = Slider {
        label: knob.label(),
        value: &value,
        place,
        is_focused,
        is_changed: knob != Knob::Seed && panel.typed(knob) != defaults.typed(knob),
        label_columns: LABEL_COLUMNS,
        value_columns: 9,
        theme,
    };
    (&slider).render(area, buf);
}

/// The end of what is being typed, as much as there is room for, with the place of the next
/// character.
fn typed_end(text: &str, columns: u16) -> String {
    let room = columns.saturating_sub(LABEL_COLUMNS + 2);
    let mut rest = text.chars();
    while width(rest.as_str()) > room && rest.next().is_some() {}
    format!("{}_", rest.as_str())
}

/// A value as the panel shows it: `off` where the sampler does nothing.
fn shown(panel: &SamplingPanel, knob: Knob) -> String {
    let is_off = |value: f64| {
        knob.track()
            .and_then(|track| track.off)
            .is_some_and(|off| (value - off).abs() < 1e-9)
    };
    match (knob, panel.number(knob)) {
        (Knob::MaxTokens, Some(0.0)) => "all".to_owned(),
        (_, Some(value)) if is_off(value) => "off".to_owned(),
        (Knob::LogitBias, _) if panel.params.logit_bias.is_empty() => "none".to_owned(),
        (Knob::Stop, _) if panel.stop.is_empty() => "none".to_owned(),
        _ => panel.typed(knob),
    }
}

/// What the settings would keep of the distribution recorded last, in so many rows: as many words as
/// these hold whole.
fn footer(state: &State, columns: u16, rows: u16) -> Vec<(String, ThemeRole)> {
    let wordings = match state.sampling_preview() {
        Some(found) => kept_words(state, &found),
        None => vec![vec!["changes act on the next token".to_owned()]],
    };
    let flowed = wordings
        .iter()
        .map(|items| flowing(items, columns, ThemeRole::Faint));
    let fitting = flowed.filter(|lines| lines.len() <= usize::from(rows));
    fitting.into_iter().next().unwrap_or_default()
}

/// The same in ever fewer words.
fn kept_words(state: &State, found: &SamplingPreview) -> Vec<Vec<String>> {
    let preview = &found.preview;
    let recorded = preview.fates.len();
    let more = if preview.may_keep_more {
        " and more"
    } else {
        ""
    };
    let kept = format!("{} of {recorded} recorded{more}", preview.kept);
    let mass = format::percent(preview.kept_mass);
    let mut beside = Vec::new();
    if preview.xtc_excludes > 0 {
        beside.push(format!(
            "XTC excludes the first {} in {} of draws",
            preview.xtc_excludes,
            format::percent(state.sampling.params.xtc.probability.into())
        ));
    }
    if found.leaves_out_penalties {
        beside.push("penalties not counted".to_owned());
    }
    let with = |mut items: Vec<String>| {
        items.extend(beside.iter().cloned());
        items
    };
    vec![
        with(vec![
            "last distribution:".to_owned(),
            format!("top-k, top-p and min-p keep {kept}"),
            format!("{mass} of the mass"),
        ]),
        with(vec![format!(
            "top-k, top-p, min-p keep {kept}, {mass} of mass"
        )]),
        vec![format!("keeps {kept}, {mass} of mass")],
        vec![format!("keeps {} of {recorded}, {mass}", preview.kept)],
    ]
}
