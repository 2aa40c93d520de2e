//! Writing into cells without leaving the area.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_width::UnicodeWidthStr;

/// Columns of a text.
pub(in crate::ui) fn width(text: &str) -> u16 {
    u16::try_from(text.width()).unwrap_or(u16::MAX)
}

/// Writes `text` from column `x` of `area`'s row `y`, both counted from its corner; what does not
/// fit is left out. Gives the column after it.
pub(in crate::ui) fn put(
    buf: &mut Buffer,
    area: Rect,
    (x, y): (u16, u16),
    text: &str,
    style: Style,
) -> u16 {
    let area = area.intersection(buf.area);
    if y >= area.height || x >= area.width {
        return x;
    }
    let room = usize::from(area.width - x);
    let (end, _) = buf.set_stringn(area.x + x, area.y + y, text, room, style);
    end - area.x
}

/// Like [`put`], so that the text ends at the row's end or `before` columns ahead of it.
pub(super) fn put_right(
    buf: &mut Buffer,
    area: Rect,
    (before, y): (u16, u16),
    text: &str,
    style: Style,
) {
    let end = area.width.saturating_sub(before);
    put(buf, area, (end.saturating_sub(width(text)), y), text, style);
}

/// Fills `columns` cells of a row with one glyph.
pub(super) fn fill(
    buf: &mut Buffer,
    area: Rect,
    (x, y): (u16, u16),
    columns: u16,
    glyph: &str,
    style: Style,
) {
    for column in x..x.saturating_add(columns).min(area.width) {
        put(buf, area, (column, y), glyph, style);
    }
}

/// One row of an area; none beyond its end.
pub(super) fn row(area: Rect, y: u16) -> Rect {
    let height = u16::from(y < area.height);
    Rect::new(area.x, area.y.saturating_add(y), area.width, height)
}
