//! What the chat shows before the first message.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::plain_text::wrapped;
use crate::app::action::Action;
use crate::app::state::{Focus, ModelStatus, State};
use crate::engine::protocol::{LoadStage, ModelSource};
use crate::ui::chrome::{put, put_all, width};
use crate::ui::theme::{Theme, ThemeRole};
use crate::ui::widgets::format;

/// Questions that the built-in model answers well.
const EXAMPLES: [&str; 3] = [
    "What is 48 + 75?",
    "Which is larger, 381 or 318?",
    "Say hello in French.",
];

/// The keys to know first.
const KEYS: [Action; 6] = [
    Action::Send,
    Action::Compose,
    Action::ViewExperts,
    Action::Models,
    Action::Palette,
    Action::Help,
];

/// Draws what this is, the model, questions to begin with and the first keys.
pub(super) fn draw(buf: &mut Buffer, area: Rect, state: &State, theme: &Theme) {
    let rows = rows(state, area.width.saturating_sub(3));
    let top = area.height.saturating_sub(rows.len() as u16) / 3;
    for (y, row) in (top..area.height).zip(&rows) {
        let pieces: Vec<_> = row
            .iter()
            .map(|(text, role)| (text.as_str(), theme.style(*role)))
            .collect();
        put_all(buf, area, (2, y), &pieces);
    }
    if let ModelStatus::Loading {
        progress: Some(progress),
        ..
    } = &state.model
    {
        let y = top + rows.len() as u16 + 1;
        if progress.total > 0 && y < area.height {
            let share = progress.done as f64 / progress.total as f64;
            bar(
                buf,
                area,
                (2, y),
                (share, area.width.saturating_sub(4)),
                theme,
            );
        }
    }
}

/// Columns of the longest bar.
const MOST_BAR: u16 = 40;

/// A bar of as many columns as there are, at most [`MOST_BAR`]; gives the column after it.
pub(super) fn bar(
    buf: &mut Buffer,
    area: Rect,
    (x, y): (u16, u16),
    (share, columns): (f64, u16),
    theme: &Theme,
) -> u16 {
    let columns = columns.min(MOST_BAR);
    let filled = (share.clamp(0.0, 1.0) * f64::from(columns)).round() as u16;
    let glyphs = theme.glyphs();
    for column in 0..columns {
        let (glyph, role) = if column < filled {
            (glyphs.fill, ThemeRole::MeterFill)
        } else {
            (glyphs.rest, ThemeRole::MeterRest)
        };
        put(buf, area, (x + column, y), glyph, theme.style(role));
    }
    x + columns
}

type Row = Vec<(String, ThemeRole)>;

fn rows(state: &State, columns: u16) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let mut say = |text: &str, role: ThemeRole| {
        for line in wrapped(text, columns) {
            rows.push(vec![(line, role)]);
        }
    };
    say("A playground for gpt-oss", ThemeRole::Heading);
    say(
        "Chat, and see which experts every token goes to and what else could be said.",
        ThemeRole::Faint,
    );
    say("", ThemeRole::Text);
    model(state, &mut say);
    if matches!(state.model, ModelStatus::Ready(_)) {
        say("", ThemeRole::Text);
        for (index, example) in EXAMPLES.into_iter().enumerate() {
            let word = if index == 0 { "Try  " } else { "     " };
            rows.push(vec![
                (word.to_owned(), ThemeRole::Strong),
                (example.to_owned(), ThemeRole::User),
            ]);
        }
    }
    rows.push(Vec::new());
    let keys: Vec<_> = KEYS
        .into_iter()
        .filter(|action| *action != Action::Compose || state.focus != Focus::Composer)
        .filter_map(|action| Some((state.way_to(action)?, action.info().help)))
        .collect();
    let longest = keys.iter().map(|(key, _)| width(key)).max().unwrap_or(0);
    for (key, help) in keys {
        let indent = longest + 2;
        let mut key = key;
        for line in wrapped(help, columns.saturating_sub(indent)) {
            let gap = " ".repeat(usize::from(indent - width(&key)));
            rows.push(vec![
                (std::mem::take(&mut key), ThemeRole::Key),
                (gap, ThemeRole::Text),
                (line, ThemeRole::KeyLabel),
            ]);
        }
    }
    rows
}

fn model(state: &State, say: &mut impl FnMut(&str, ThemeRole)) {
    match &state.model {
        ModelStatus::None => say("No model is loaded.", ThemeRole::Warning),
        ModelStatus::Loading {
            source, progress, ..
        } => {
            say(
                &format!("Loading {}", source_name(source)),
                ThemeRole::Strong,
            );
            if let Some(progress) = progress {
                let stage = match progress.stage {
                    LoadStage::Reading => "reading configuration and tokenizer",
                    LoadStage::Weights => "reading weights",
                    LoadStage::Quantizing => "quantizing",
                    LoadStage::WarmingUp => "warming up",
                };
                let amount = match (progress.total, progress.stage) {
                    (0, _) => String::new(),
                    (total, LoadStage::WarmingUp) => {
                        format!(", pass {} of {total}", progress.done + 1)
                    }
                    (total, _) => format!(
                        ", {} of {}",
                        format::bytes(progress.done),
                        format::bytes(total)
                    ),
                };
                say(&format!("{stage}{amount}"), ThemeRole::Faint);
            }
        }
        ModelStatus::Ready(summary) => {
            say(&summary.name, ThemeRole::Assistant);
            let text = format!(
                "{} layers of {} experts, {} for each token; {} of weights, {} on {}",
                summary.layers.len(),
                summary.num_local_experts,
                summary.num_experts_per_tok,
                format::bytes(summary.weights_bytes),
                summary.dtype,
                summary.device,
            );
            say(&text, ThemeRole::Faint);
            if let Some(origin) = super::notes::origin(summary.origin) {
                say(&format!("Answers are {origin}."), ThemeRole::Warning);
            }
        }
        ModelStatus::Failed {
            source,
            failure,
            report,
        } => {
            say(
                &format!("{} {}", source_name(source), failure.words()),
                ThemeRole::Danger,
            );
            say(&report.message, ThemeRole::Text);
            if let Some(hint) = &report.hint {
                say(hint, ThemeRole::Faint);
            }
        }
    }
}

/// A name for where a model comes from.
pub(in crate::ui) fn source_name(source: &ModelSource) -> String {
    match source {
        ModelSource::Demo => "the built-in model".to_owned(),
        ModelSource::Directory(path) => {
            let name = path
                .file_name()
                .map(|name| name.to_string_lossy().into_owned());
            name.unwrap_or_else(|| path.display().to_string())
        }
    }
}
