//! The log's latest lines, the newest at the bottom.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::lines;
use crate::app::State;
use crate::settings::LogLevel;
use crate::ui::sanitize::sanitize;
use crate::ui::theme::{Theme, ThemeRole};

/// How far it is scrolled, for the title's rule.
pub(super) fn note(state: &State) -> String {
    match state.log_scroll {
        0 => String::new(),
        lines => format!("{lines} newer lines below"),
    }
}

/// Draws as many lines as fit.
pub(super) fn draw(buf: &mut Buffer, area: Rect, state: &State, theme: &Theme) {
    // Scrolled as far as it goes, the oldest line is at the top.
    let most = state.log.len().saturating_sub(usize::from(area.height));
    let end = state.log.len() - state.log_scroll.min(most);
    let start = end.saturating_sub(usize::from(area.height));
    let rows: Vec<(String, ThemeRole)> = state.log[start..end]
        .iter()
        .map(|line| {
            let (word, role) = level(line.level);
            let seconds = line.at_ms.saturating_sub(state.started_wall_ms) as f64 / 1000.0;
            (
                format!(
                    "{seconds:>9.3} {word:<5} {}",
                    sanitize(&line.message).replace('\n', " ")
                ),
                role,
            )
        })
        .collect();
    if rows.is_empty() {
        lines(
            buf,
            area,
            &[("nothing was logged".to_owned(), ThemeRole::Faint)],
            theme,
        );
        return;
    }
    lines(buf, area, &rows, theme);
}

fn level(level: LogLevel) -> (&'static str, ThemeRole) {
    match level {
        LogLevel::Error => ("error", ThemeRole::Danger),
        LogLevel::Warn => ("warn", ThemeRole::Warning),
        LogLevel::Info => ("info", ThemeRole::Text),
        LogLevel::Debug => ("debug", ThemeRole::Faint),
        LogLevel::Trace => ("trace", ThemeRole::Faint),
    }
}
