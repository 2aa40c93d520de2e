//! The panes of figures.

use ratatui::Frame;
use ratatui::layout::Rect;

use super::cache::Cache;
use super::theme::Theme;
use crate::app::State;
use crate::app::state::Focus;
use crate::app::viewport::Viewport;

pub(super) fn draw(
    _: &mut Frame<'_>,
    _: Rect,
    _: Focus,
    _: &State,
    _: &Theme,
    _: &mut Cache,
    _: &mut Viewport,
) {
}

pub(super) fn strip(
    _: &mut Frame<'_>,
    _: Rect,
    _: &State,
    _: &Theme,
    _: &mut Cache,
    _: &mut Viewport,
) {
}
