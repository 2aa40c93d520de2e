//! The first row: the program, the model, the session, the views.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::theme::Theme;
use crate::app::State;
use crate::app::viewport::Viewport;

pub(super) fn draw(_: &mut Buffer, _: Rect, _: &State, _: &Theme, _: &mut Viewport) {}
