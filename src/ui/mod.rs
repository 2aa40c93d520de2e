//! Draws the application's state: panes, widgets, and text on its way to cells.

pub mod theme;
pub mod widgets;
pub mod markdown;
pub mod sanitize;
