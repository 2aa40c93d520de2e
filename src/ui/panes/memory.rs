//! Caches, memory and speed.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;

use super::{below, flowing, lines};
use crate::app::State;
use crate::app::meters::{HISTORY_MS, Series};
use crate::engine::protocol::CacheUsage;
use crate::ui::chrome::width;
use crate::ui::theme::{Theme, ThemeRole};
use crate::ui::widgets::format;
use crate::ui::widgets::{GraphColumns, History, Meter, TimeAxis, TimedValue};

/// Columns of all labels, so that bars and graphs begin below each other.
const LABEL_COLUMNS: u16 = 12;

/// Columns of the graphs and their figures.
const GRAPH_COLUMNS: GraphColumns = GraphColumns {
    label: LABEL_COLUMNS,
    text: 24,
};

/// Rows that one graph takes at most.
const MOST_GRAPH_ROWS: u16 = 8;

/// Columns of figures beside a meter that leave room enough for its bar.
const FIGURE_COLUMNS: u16 = 34;

/// Columns of the mark before a figure that is near its limit.
const MARK_COLUMNS: u16 = 3;

/// Shares of a limit that are worth a look, and that need action.
const WARNING_AT: f64 = 0.85;
const DANGER_AT: f64 = 0.95;

/// What stands here in a replay.
const NOT_RECORDED: [&str; 4] = [
    "not recorded:",
    "a trace holds tokens, routing and probabilities,",
    "but neither memory, caches nor speeds;",
    "what is shown elsewhere is all that it holds",
];

/// A figure against its limit.
struct Row {
    label: &'static str,
    share: Option<f64>,
    /// The figures, the most important first.
    parts: Vec<String>,
    has_limit: bool,
}

impl Row {
    /// As many figures as so many columns hold whole, the first one in any case.
    fn text(&self, columns: u16) -> String {
        let mut text = String::new();
        for part in &self.parts {
            let comma = if text.is_empty() { "" } else { ", " };
            if !text.is_empty() && width(&text) + width(comma) + width(part) > columns {
                break;
            }
            text.push_str(comma);
            text.push_str(part);
        }
        text
    }

    fn mark_columns(&self) -> u16 {
        let is_near = self.has_limit && self.share.is_some_and(|share| share >= WARNING_AT);
        if is_near { MARK_COLUMNS } else { 0 }
    }
}

/// What the title's rule says: that nothing is measured any more.
pub(super) fn note(state: &State) -> String {
    if state.replay.is_none() && state.shows_last_answer() {
        "speeds of the last answer".to_owned()
    } else {
        String::new()
    }
}

/// Draws meters, then the graphs with their common axis.
pub(super) fn draw(buf: &mut Buffer, area: Rect, state: &State, theme: &Theme) {
    if state.replay.is_some() {
        let words = NOT_RECORDED.map(str::to_owned);
        lines(
            buf,
            area,
            &flowing(&words, area.width, ThemeRole::Faint),
            theme,
        );
        return;
    }
    let rest = meters(buf, area, &rows(state), theme);
    let used = lines(buf, rest, &words(state, rest.width), theme);
    graphs(buf, below(rest, used), state, theme);
}

/// Draws the meters with their figures in columns of their own; gives the room below them.
fn meters(buf: &mut Buffer, area: Rect, rows: &[Row], theme: &Theme) -> Rect {
    let inner = Rect {
        x: area.x + 1.min(area.width),
        width: area.width.saturating_sub(2),
        height: 1,
        ..area
    };
    let room = inner.width.saturating_sub(LABEL_COLUMNS + 1);
    // A bar without length would say nothing.
    let room = room.min(FIGURE_COLUMNS.max(room / 2));
    let texts: Vec<String> = rows
        .iter()
        .map(|row| row.text(room.saturating_sub(row.mark_columns())))
        .collect();
    let columns = rows.iter().zip(&texts);
    let widest = columns.map(|(row, text)| width(text) + row.mark_columns());
    let columns = GraphColumns {
        label: LABEL_COLUMNS,
        text: widest.max().unwrap_or(0) + 1,
    };
    let mut rest = area;
    for (row, text) in rows.iter().zip(&texts) {
        if rest.height == 0 {
            break;
        }
        let meter = Meter {
            label: row.label,
            share: row.share,
            text,
            warning_at: row.has_limit.then_some(WARNING_AT),
            danger_at: row.has_limit.then_some(DANGER_AT),
            columns,
            theme,
        };
        (&meter).render(Rect { y: rest.y, ..inner }, buf);
        rest = below(rest, 1);
    }
    rest
}

fn rows(state: &State) -> Vec<Row> {
    let telemetry = state.shown_telemetry();
    let Some(model) = state.model.ready() else {
        return Vec::new();
    };
    let cache = &telemetry.cache;
    let memory = &telemetry.memory;
    let limit = |limit: u64| {
        if limit == 0 {
            String::new()
        } else {
            format!(" of {}", format::bytes(limit))
        }
    };
    let share =
        |bytes: u64| (memory.limit_bytes > 0).then(|| bytes as f64 / memory.limit_bytes as f64);
    let mut rows = vec![
        cache_row("KV full", &cache.full, model.max_context_tokens),
        cache_row("KV window", &cache.sliding, model.sliding_window_tokens),
        Row {
            label: "active",
            share: share(memory.active_bytes),
            parts: vec![format!(
                "{}{}",
                format::bytes(memory.active_bytes),
                limit(memory.limit_bytes)
            )],
            has_limit: true,
        },
        Row {
            label: "peak",
            share: share(memory.peak_bytes),
            parts: vec![
                format::bytes(memory.peak_bytes),
                format!("cached {}", format::bytes(memory.cache_bytes)),
            ],
            has_limit: true,
        },
        Row {
            label: "weights",
            share: share(memory.weights_bytes),
            parts: vec![format::bytes(memory.weights_bytes)],
            has_limit: false,
        },
    ];
    if let Some(prediction) = state.prediction {
        let share = (prediction.limit_bytes > 0)
            .then(|| prediction.peak_bytes as f64 / prediction.limit_bytes as f64);
        rows.push(Row {
            label: "next prompt",
            share,
            parts: vec![
                format!("peak {}", format::bytes(prediction.peak_bytes)),
                format!("{} tokens", format::count(prediction.prompt_tokens as u64)),
            ],
            has_limit: true,
        });
    }
    rows
}

fn cache_row(label: &'static str, usage: &CacheUsage, limit_tokens: usize) -> Row {
    let held = usage.tokens.min(limit_tokens);
    let when_full = (1..limit_tokens).contains(&held).then(|| {
        let bytes = usage.bytes as f64 / held as f64 * limit_tokens as f64;
        format!("{} when full", format::bytes(bytes as u64))
    });
    Row {
        label,
        share: (limit_tokens > 0).then(|| held as f64 / limit_tokens as f64),
        parts: [
            format!(
                "{} of {}",
                format::count(usage.tokens as u64),
                format::count(limit_tokens as u64)
            ),
            format::bytes(usage.bytes),
            format!("{} layers", usage.num_layers),
        ]
        .into_iter()
        .chain(when_full)
        .collect(),
        // A full ring of the window is as it should be.
        has_limit: label == "KV full",
    }
}

/// What has no limit, in words.
fn words(state: &State, columns: u16) -> Vec<(String, ThemeRole)> {
    let mut rows = Vec::new();
    if let Some(prediction) = state.prediction.filter(|prediction| !prediction.fits()) {
        let what = if state.composer.is_blank() {
            "the conversation"
        } else {
            "the next prompt"
        };
        let most = format::count(prediction.largest_prompt_tokens as u64);
        let excess = prediction.excess_words();
        rows.push((format!("{what} is {excess}: {most} fit"), ThemeRole::Danger));
    }
    rows.extend(flowing(&speed(state), columns, ThemeRole::Text));
    rows
}

fn speed(state: &State) -> Vec<String> {
    let telemetry = state.shown_telemetry();
    let memory = &telemetry.memory;
    let mut speed = Vec::new();
    if memory.limit_bytes > 0 {
        let headroom = memory.limit_bytes.saturating_sub(memory.active_bytes);
        speed.push(format!("headroom {}", format::bytes(headroom)));
    }
    if telemetry.speed.prompt_tokens > 0 {
        speed.push(format!(
            "prefix reused {} of {} tokens",
            telemetry.cache.reused_tokens.max(
                state
                    .running
                    .as_ref()
                    .map_or(0, |running| running.reused_tokens)
            ),
            telemetry.speed.prompt_tokens
        ));
    }
    if let Some(ms) = telemetry.speed.time_to_first_token_ms {
        speed.push(format!("first token {}", format::duration_ms(ms as u64)));
    }
    if let Some(rate) = telemetry.speed.prefill_tps {
        speed.push(format!("prefill {} tok/s", format::rate(rate)));
    }
    if let Some(share) = telemetry.speed.capture_share {
        speed.push(format!(
            "recording costs {} of the time",
            format::percent(share)
        ));
    }
    if let Some(micros) = state.meters.frame_micros.latest() {
        speed.push(format!("frame {:.1} ms", micros / 1000.0));
    }
    if let Some(joules) = state.meters.joules_per_token() {
        speed.push(format!("{joules:.2} J a token"));
    }
    speed
}

/// The graphs that have figures, one time axis below them.
fn graphs(buf: &mut Buffer, area: Rect, state: &State, theme: &Theme) {
    let meters = &state.meters;
    let all: [(&str, &Series, &str, f64, ThemeRole); 5] = [
        (
            "decode",
            &meters.decode_tps,
            "tok/s",
            1.0,
            ThemeRole::Series1,
        ),
        (
            "prefill",
            &meters.prefill_tps,
            "tok/s",
            1.0,
            ThemeRole::Series2,
        ),
        (
            "memory",
            &meters.active_bytes,
            "MB",
            1e-6,
            ThemeRole::Series3,
        ),
        ("GPU", &meters.gpu_load, "%", 100.0, ThemeRole::Series4),
        ("power", &meters.gpu_watts, "W", 1.0, ThemeRole::Series1),
    ];
    let known: Vec<_> = all
        .into_iter()
        .filter(|(_, series, ..)| series.latest().is_some())
        .collect();
    if area.height < 3 || known.is_empty() {
        return;
    }
    let inner = Rect {
        x: area.x + 1.min(area.width),
        width: area.width.saturating_sub(2),
        ..area
    };
    let each = ((inner.height - 1) / known.len() as u16).clamp(1, MOST_GRAPH_ROWS);
    let mut rest = inner;
    for (label, series, unit, factor, role) in known {
        if rest.height <= 1 {
            break;
        }
        let samples: Vec<TimedValue> = series
            .samples()
            .map(|sample| TimedValue {
                at_ms: sample.at_ms,
                value: sample.value * factor,
            })
            .collect();
        let history = History {
            label,
            samples: &samples,
            end_ms: state.graphs_end_ms(),
            seconds: HISTORY_MS / 1000,
            unit,
            max: None,
            role,
            columns: GRAPH_COLUMNS,
            theme,
        };
        (&history).render(
            Rect {
                height: each.min(rest.height - 1),
                ..rest
            },
            buf,
        );
        rest = below(rest, each.min(rest.height - 1));
    }
    let end = match (state.is_measuring(), state.shows_last_answer()) {
        (true, _) => "now",
        (false, true) => "last answer",
        (false, false) => "last change",
    };
    let axis = TimeAxis {
        seconds: HISTORY_MS / 1000,
        end,
        columns: GRAPH_COLUMNS,
        theme,
    };
    (&axis).render(
        Rect {
            height: rest.height.min(1),
            ..rest
        },
        buf,
    );
}
