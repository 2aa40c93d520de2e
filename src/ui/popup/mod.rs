//! What lies over the screen.

use ratatui::Frame;
use ratatui::layout::Rect;

use super::theme::Theme;
use crate::app::State;
use crate::app::popup::Popup;
use crate::app::viewport::Viewport;

pub(super) fn draw(_: &mut Frame<'_>, _: Rect, _: &Popup, _: &State, _: &Theme, _: &mut Viewport) {}
