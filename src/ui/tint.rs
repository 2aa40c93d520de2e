//! The colors of tokens by probability or entropy, and the legend that says what they stand for.
//!
//! The least remarkable level looks like any text. Where the terminal has no colors, underlines,
//! weight and reversed text take their place; the legend is drawn in the same styles.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use super::chrome::{put, width};
use super::theme::{ColorDepth, Theme, ThemeRole};
use crate::app::token_lab::Tint;

/// Where the levels that have a color lie on the map's ramp: its low end is near the background.
const ON_RAMP: [f32; Tint::LEVELS] = [0.0, 0.55, 0.67, 0.78, 0.89, 1.0];

/// The looks of a level, to be laid over a text's own.
pub(super) fn style(level: usize, theme: &Theme) -> Style {
    let level = level.min(Tint::LEVELS - 1);
    if level == 0 {
        return Style::new();
    }
    match theme.ramp().color(ON_RAMP[level]) {
        Some(color) => Style::new().fg(color),
        None => without_ramp(level, theme),
    }
}

fn without_ramp(level: usize, theme: &Theme) -> Style {
    let attributes = match level {
        1 => return Style::new(),
        2 => Modifier::UNDERLINED,
        3 => Modifier::BOLD,
        4 => Modifier::BOLD | Modifier::UNDERLINED,
        // The token under the cursor is reversed and nothing else.
        _ => Modifier::REVERSED | Modifier::UNDERLINED,
    };
    let style = Style::new().add_modifier(attributes);
    let role = match (theme.depth(), level) {
        (ColorDepth::NoColor, _) | (_, 2) => return style,
        (_, 3 | 4) => ThemeRole::Warning,
        _ => ThemeRole::Danger,
    };
    theme.style(role).patch(style)
}

/// Draws what the colors stand for, as far as there is room, and gives the column after it.
pub(super) fn legend(
    buf: &mut Buffer,
    area: Rect,
    at: (u16, u16),
    tint: Tint,
    theme: &Theme,
) -> u16 {
    let (mut x, y) = at;
    let labels = || tint.legend().into_iter();
    let columns: u16 = labels().map(|words| width(words) + 1).sum();
    let left = area.width.saturating_sub(x + columns);
    let names = [tint.name(), tint.short()].into_iter();
    let mut fitting = names.filter(|name| width(name) < left);
    // Half a legend would mislead.
    let (Some(name), true) = (fitting.next(), tint != Tint::Off) else {
        return x;
    };
    let mut pieces = vec![(name, theme.style(ThemeRole::Faint))];
    pieces.extend(labels().enumerate().map(|(level, words)| {
        // Over a rule, whose looks must not shine through.
        let text = Style::reset().patch(theme.style(ThemeRole::Text));
        (words, text.patch(style(level, theme)))
    }));
    for (text, style) in pieces {
        x = put(buf, area, (x, y), text, style);
        x = put(buf, area, (x, y), " ", Style::new());
    }
    x
}
