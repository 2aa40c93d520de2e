//! The token under the token cursor: what else could have come, and what the settings would keep.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;

use super::{below, flowing, lines, quoted};
use crate::analytics::Span;
use crate::app::State;
use crate::app::run::{Run, TokenRecord};
use crate::app::sampling::{Fate, Preview, preview};
use crate::engine::protocol::TopLogprob;
use crate::ui::theme::{Theme, ThemeRole};
use crate::ui::widgets::format;
use crate::ui::widgets::{TokenBar, TokenBars};

/// Tokens on either side of the one under the cursor.
const AROUND: usize = 8;

/// The position, for the title's rule.
pub(super) fn note(state: &State) -> String {
    match (state.token_position(), state.shown_run()) {
        (Some(position), Some(run)) => format!("{} of {}", position + 1, run.len()),
        _ => String::new(),
    }
}

/// Draws the token, its alternatives and its routing.
pub(super) fn draw(buf: &mut Buffer, area: Rect, state: &State, theme: &Theme) {
    let (Some(position), Some(run)) = (state.token_position(), state.shown_run()) else {
        let text = "ask something: each token's alternatives appear here".to_owned();
        lines(buf, area, &[(text, ThemeRole::Faint)], theme);
        return;
    };
    let mut rows = vec![head(run, position)];
    if area.height >= 10 {
        rows.push((around(run, position), ThemeRole::Faint));
    }
    let Some(record) = run.record(position) else {
        rows.push((
            "a token of the prompt: it was given, so there are no alternatives".to_owned(),
            ThemeRole::Faint,
        ));
        let used = lines(buf, area, &rows, theme);
        routing(buf, below(area, used), state, theme);
        return;
    };
    let used = lines(buf, area, &rows, theme);
    let rest = below(area, used);
    let alternatives = record.alternatives();
    if alternatives.is_empty() {
        let text = "its alternatives were not recorded".to_owned();
        let used = lines(buf, rest, &[(text, ThemeRole::Faint)], theme);
        routing(buf, below(rest, used), state, theme);
        return;
    }
    let preview = preview(&state.sampling.params, &alternatives);
    let bars_rows = (alternatives.len() as u16 + 1).min(rest.height.saturating_sub(1));
    let shown = Shown {
        record,
        alternatives: &alternatives,
        preview: &preview,
        marked: state.marked_place(),
    };
    let bars = Rect {
        height: bars_rows,
        ..rest
    };
    shown.draw(buf, bars, theme);
    let used = lines(
        buf,
        below(rest, bars_rows),
        &kept_words(&preview, record, rest.width),
        theme,
    );
    routing(buf, below(rest, bars_rows + used), state, theme);
}

fn head(run: &Run, position: usize) -> (String, ThemeRole) {
    let text = quoted(run.text(position).unwrap_or_default());
    let Some(record) = run.record(position) else {
        let id = run.prompt.get(position).map_or(0, |token| token.id);
        return (format!("{text}   id {id}   prompt"), ThemeRole::Strong);
    };
    let likely = record.logprob.map_or_else(String::new, |logprob| {
        let probability = f64::from(logprob).exp();
        let bits = (-f64::from(logprob) / std::f64::consts::LN_2).max(0.0);
        format!(
            "   p {}   surprise {bits:.2} bit",
            format::probability(probability)
        )
    });
    (
        format!(
            "{text}   id {}   {}{likely}",
            record.id,
            span_name(record.span)
        ),
        ThemeRole::Strong,
    )
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

fn around(run: &Run, position: usize) -> String {
    let from = position.saturating_sub(AROUND);
    let text = |at: usize| {
        let text = run.text(at).unwrap_or_default();
        let text = crate::ui::sanitize::sanitize(text).replace('\n', " ");
        if at == position {
            format!("[{text}]")
        } else {
            text
        }
    };
    (from..(position + AROUND).min(run.len()))
        .map(text)
        .collect()
}

/// A token with its alternatives.
struct Shown<'a> {
    record: &'a TokenRecord,
    alternatives: &'a [TopLogprob],
    preview: &'a Preview,
    marked: Option<usize>,
}

impl Shown<'_> {
    fn draw(&self, buf: &mut Buffer, area: Rect, theme: &Theme) {
        let judged = || self.alternatives.iter().zip(&self.preview.fates);
        let texts: Vec<String> = judged()
            .map(|(one, fate)| match fate {
                Fate::Kept => quoted(&one.text),
                Fate::Cut(by) => format!("{} (cut by {by})", quoted(&one.text)),
            })
            .collect();
        let bars: Vec<TokenBar<'_>> = judged()
            .zip(&texts)
            .map(|((one, fate), text)| TokenBar {
                text,
                probability: f64::from(one.logprob).exp(),
                is_chosen: one.id == self.record.id,
                is_kept: *fate == Fate::Kept,
            })
            .collect();
        let known: f64 = bars.iter().map(|bar| bar.probability).sum();
        (&TokenBars {
            tokens: &bars,
            rest: Some((1.0 - known).max(0.0)),
            selected: self.marked,
            theme,
        })
            .render(area, buf);
    }
}

fn kept_words(preview: &Preview, record: &TokenRecord, columns: u16) -> Vec<(String, ThemeRole)> {
    let mut items = vec![
        format!(
            "settings keep {} of the {} recorded,",
            preview.kept,
            record.top_logprobs.len()
        ),
        format!("{} of the mass", format::percent(preview.kept_mass)),
    ];
    if preview.may_keep_more {
        items.push("and more beyond them".to_owned());
    }
    flowing(&items, columns, ThemeRole::Faint)
}

/// Each layer's first choice, as many as there is room for.
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
    lines(buf, area, &rows, theme);
}
