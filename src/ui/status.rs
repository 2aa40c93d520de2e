//! Keys and figures at the bottom.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::theme::Theme;
use crate::app::State;

pub(super) fn draw(_: &mut Buffer, _: Rect, _: &State, _: &Theme) {}
