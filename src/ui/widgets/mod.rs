//! Pieces of panes: pure functions of slices and a [`Theme`](super::theme::Theme).
//!
//! A widget knows neither the application's state nor a clock; values come in ready to draw. Read
//! [`Heatmap`] for the largest one. Where the mouse matters, whoever draws keeps what the widget's
//! layout function said ([`MapFrame::layout`], [`Tabs::ranges`]).
//!
//! Invariants: every widget draws something sensible in any area, also in none; with
//! [`GlyphSet::Ascii`](super::theme::GlyphSet::Ascii) all of its own characters are ASCII; what a
//! color says is said by a glyph or a word as well.

mod bars_row;
pub mod format;
mod heatmap;
mod history;
mod key_hints;
mod list_rows;
mod meter;
mod popup;
pub mod shorten;
mod slider;
mod strip;
mod tabs;
pub(in crate::ui) mod text;
mod token_bars;

pub use bars_row::BarsRow;
pub use heatmap::{
    CellChoice, Detail, Encoding, Fit, Heatmap, Legend, MapCell, MapFrame, MapLayout, RightColumn,
};
pub use history::{GraphColumns, History, TimeAxis, TimedValue};
pub use key_hints::{KeyHint, KeyHints};
pub use list_rows::ListRows;
pub use meter::{Meter, MeterLevel};
pub use popup::Popup;
pub use slider::Slider;
pub use strip::Strip;
pub use tabs::{Tab, Tabs};
pub use token_bars::{TokenBar, TokenBars};
