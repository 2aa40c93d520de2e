//! What is shared.

use std::path::Path;

use super::text::LineKind;
use crate::analytics::{Bounds, Grid, Scale};

/// A shareable figure.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// The heading.
    pub title: String,
    /// Where the numbers come from, a line each: model, settings, version.
    pub provenance: Vec<String>,
    /// What is shown, in order.
    pub parts: Vec<Part>,
}

/// One thing shown.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// Layers by experts.
    Map(Map),
    /// Rows and columns.
    Table(Table),
    /// Lines over a common axis.
    Plot(LinePlot),
}

/// A heatmap of layers and experts.
#[derive(Debug, Clone, PartialEq)]
pub struct Map {
    /// What it shows, above it.
    pub caption: String,
    /// What a value is, beside the legend.
    pub measure: String,
    /// What a column is: expert, head.
    pub column: &'static str,
    /// The values.
    pub grid: Grid,
    /// How values become colors.
    pub scale: Scale,
    /// The values at the ends of the ramp.
    pub bounds: Bounds,
    /// Whether the ramp's middle stands for "no difference": two hues in place of one.
    pub is_diverging: bool,
}

/// Rows and columns of text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// What it shows, above it.
    pub caption: String,
    /// The columns' names.
    pub columns: Vec<String>,
    /// The rows; those that are too short are filled up with nothing.
    pub rows: Vec<Vec<String>>,
}

/// Lines over a common axis.
#[derive(Debug, Clone, PartialEq)]
pub struct LinePlot {
    /// What it shows, above it.
    pub caption: String,
    /// What the horizontal axis counts.
    pub x_label: String,
    /// What the vertical axis measures.
    pub y_label: String,
    /// The lines.
    pub lines: Vec<Line>,
}

/// One line of a plot.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Its name in the legend.
    pub name: String,
    /// Its points; a value that is not finite is a gap.
    pub points: Vec<(f64, f64)>,
}

/// What a figure is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Plain text with tables.
    Text,
    /// A drawing.
    Svg,
    /// A page with the drawing and its numbers as tables.
    Html,
}

impl Format {
    /// The format that a file's extension asks for, upper or lower case.
    pub fn of_path(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        match &*extension {
            "txt" => Some(Self::Text),
            "svg" => Some(Self::Svg),
            "html" => Some(Self::Html),
            _ => None,
        }
    }
}

impl Figure {
    /// The figure in this format, with a line break at its end.
    pub fn render(&self, format: Format) -> String {
        match format {
            Format::Text => super::text::text(self),
            Format::Svg => super::svg::document(self),
            Format::Html => super::html::page(self),
        }
    }

    /// The text of [`Format::Text`] line by line, each with what it is, without marks of comments.
    pub fn lines(&self) -> Vec<(LineKind, String)> {
        super::text::lines(self)
    }
}

impl Map {
    /// A map whose ramp reaches over all its values, from 0 or below.
    pub fn new(caption: String, measure: String, grid: Grid) -> Self {
        Self {
            caption,
            measure,
            column: "expert",
            scale: Scale::Linear,
            bounds: Bounds::of(&grid, Scale::Linear),
            grid,
            is_diverging: false,
        }
    }

    /// A map of multiples, 1 in the middle of two hues.
    pub fn of_multiples(caption: String, measure: String, grid: Grid) -> Self {
        Self {
            caption,
            measure,
            column: "expert",
            scale: Scale::Logarithmic,
            bounds: Bounds::of_shares(&grid),
            grid,
            is_diverging: true,
        }
    }
}

impl Table {
    /// A row's cells, one a column.
    pub(super) fn cells<'a>(&'a self, row: &'a [String]) -> impl Iterator<Item = &'a str> {
        (0..self.columns.len()).map(|column| row.get(column).map_or("", String::as_str))
    }
}

/// A map's numbers as a table: a row a layer, a column an expert.
pub(super) fn as_table(map: &Map) -> Table {
    let letter: String = map.column.chars().take(1).collect();
    let experts = (0..map.grid.num_experts()).map(|expert| format!("{letter}{expert}"));
    Table {
        caption: format!("{}: {}", map.caption, map.measure),
        columns: std::iter::once("layer".to_owned()).chain(experts).collect(),
        rows: (map.grid.layers().enumerate())
            .map(|(layer, values)| {
                let values = values.iter().map(|value| super::number::exact(*value));
                std::iter::once(layer.to_string()).chain(values).collect()
            })
            .collect(),
    }
}

/// A plot's numbers as a table: a row a point.
pub(super) fn points_table(plot: &LinePlot) -> Table {
    Table {
        caption: plot.caption.clone(),
        columns: vec![
            "line".to_owned(),
            plot.x_label.clone(),
            plot.y_label.clone(),
        ],
        rows: (plot.lines.iter())
            .flat_map(|line| {
                line.points.iter().map(|(x, y)| {
                    let (x, y) = (super::number::exact(*x), super::number::exact(*y));
                    vec![line.name.clone(), x, y]
                })
            })
            .collect(),
    }
}
