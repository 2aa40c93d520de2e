//! Figures for somebody else: a map, a table or a plot as text, SVG or HTML, with its provenance.
//!
//! Start with [`Figure`]: a title, lines that say where the numbers come from, and [`Part`]s in
//! order. [`Figure::render`] writes it in one [`Format`]. All formats show the same numbers; the
//! graphic ones name each cell's in a tooltip, and their ramps can be told apart by color-blind
//! readers and by lightness alone.
//!
//! Nothing here knows the screen, models or files. What goes in may come from anywhere: texts are
//! escaped, and characters that would steer a terminal or reorder a line are replaced.
//!
//! Invariants: a figure holds no time and no path of its own, so the same figure gives the same
//! bytes; SVG and HTML load nothing from elsewhere and run no scripts.

mod escape;
mod figure;
mod html;
mod number;
mod plot;
mod ramp;
mod svg;
mod text;

#[cfg(test)]
mod tests;

pub use figure::{Figure, Format, Line, LinePlot, Map, Part, Table};
pub use text::LineKind;
