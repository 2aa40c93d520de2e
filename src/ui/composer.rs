//! The text being written.

use ratatui::Frame;
use ratatui::layout::Rect;

use super::theme::Theme;
use crate::app::State;

pub(super) fn wanted_rows(_: &State, _: Rect) -> u16 {
    1
}

pub(super) fn draw(_: &mut Frame<'_>, _: Rect, _: &State, _: &Theme) {}
