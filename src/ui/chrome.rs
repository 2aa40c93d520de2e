//! Rules, titles and text in cells: what all parts of the screen share.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::theme::{GlyphSet, Theme, ThemeRole};
use super::widgets::shorten::short_items;
pub(super) use super::widgets::text::{put, width};

/// Columns below which a note's beginning would say nothing.
const LEAST_NOTE: u16 = 8;

/// Writes pieces one after the other.
pub(super) fn put_all(
    buf: &mut Buffer,
    area: Rect,
    at: (u16, u16),
    pieces: &[(&str, Style)],
) -> u16 {
    pieces.iter().fold(at.0, |x, (text, style)| {
        put(buf, area, (x, at.1), text, *style)
    })
}

/// Draws a rule with a title at its left and a note at its right; gives the area below it.
pub(super) fn titled_rule(
    buf: &mut Buffer,
    area: Rect,
    (title, note): (&str, &str),
    is_focused: bool,
    theme: &Theme,
) -> Rect {
    if area.height == 0 {
        return area;
    }
    let (title_role, rule_role) = super::title_roles(is_focused);
    horizontal_rule(buf, Rect { height: 1, ..area }, rule_role, theme);
    let mark = if is_focused {
        theme.glyphs().selected
    } else {
        " "
    };
    let title_style = theme.style(title_role);
    let end = put_all(
        buf,
        area,
        (1, 0),
        &[
            (mark, theme.style(ThemeRole::Accent)),
            (title, title_style),
            (" ", Style::new()),
        ],
    );
    let room = area.width.saturating_sub(end + 3);
    if !note.is_empty() && room >= LEAST_NOTE {
        let note = short_items(note, usize::from(room), theme.glyph_set());
        let start = area.width - width(&note) - 3;
        let note = format!(" {note} ");
        put(buf, area, (start, 0), &note, theme.style(ThemeRole::Faint));
    }
    Rect {
        y: area.y + 1,
        height: area.height - 1,
        ..area
    }
}

/// Fills a row with a rule.
pub(super) fn horizontal_rule(buf: &mut Buffer, area: Rect, role: ThemeRole, theme: &Theme) {
    for x in 0..area.width {
        put(
            buf,
            area,
            (x, 0),
            theme.glyphs().horizontal,
            theme.style(role),
        );
    }
}

/// Fills a column with a rule.
pub(super) fn vertical_rule(buf: &mut Buffer, area: Rect, theme: &Theme) {
    for y in 0..area.height {
        put(
            buf,
            area,
            (0, y),
            theme.glyphs().vertical,
            theme.style(ThemeRole::Border),
        );
    }
}

/// What stands between short items of a line.
pub(super) fn dot(theme: &Theme) -> &'static str {
    match theme.glyph_set() {
        GlyphSet::Unicode => " \u{b7} ",
        GlyphSet::Ascii => " - ",
    }
}

/// Items on one line, in order; those that do not fit are left out from the end. Gives the column
/// after them.
pub(super) fn items(
    buf: &mut Buffer,
    area: Rect,
    at: (u16, u16),
    items: &[(String, ThemeRole)],
    theme: &Theme,
) -> u16 {
    let mut x = at.0;
    for (index, (text, role)) in items
        .iter()
        .filter(|(text, _)| !text.is_empty())
        .enumerate()
    {
        let gap = if index == 0 { "" } else { "   " };
        if x + width(gap) + width(text) > area.width && index > 0 {
            break;
        }
        x = put(buf, area, (x, at.1), gap, Style::new());
        x = put(buf, area, (x, at.1), text, theme.style(*role));
    }
    x
}
