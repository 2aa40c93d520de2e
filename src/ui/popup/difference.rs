//! What two recorded runs do differently.

use ratatui::text::Line;

use crate::app::replay::{LineKind, Replay};
use crate::ui::chat::wrapped;
use crate::ui::theme::{Theme, ThemeRole};

/// All rows.
pub(super) fn rows(replay: &Replay, theme: &Theme, columns: u16) -> Vec<Line<'static>> {
    let mut rows = Vec::new();
    for (kind, line) in &replay.lines {
        let style = theme.style(role(*kind));
        let parts = wrapped(line, columns).into_iter();
        rows.extend(parts.map(|part| Line::styled(part, style)));
    }
    rows
}

fn role(kind: LineKind) -> ThemeRole {
    match kind {
        LineKind::Title => ThemeRole::Strong,
        LineKind::Caption => ThemeRole::Title,
        LineKind::Header => ThemeRole::Faint,
        LineKind::Provenance | LineKind::Row | LineKind::Blank => ThemeRole::Text,
    }
}
