//! A figure as plain text.

use std::fmt::Write;

use super::escape::plain;
use super::figure::{Figure, Map, Part, Table, as_table, points_table};
use super::number::short;

/// What a line of a figure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LineKind {
    /// The figure's title.
    Title,
    /// Where the numbers come from; in a file a comment.
    Provenance,
    /// What a part shows.
    Caption,
    /// The names of a table's columns.
    Header,
    /// A table's row, or what is said below it.
    Row,
    /// Nothing, between two parts.
    Blank,
}

/// Title, provenance as comments, and every part as a table.
pub(super) fn text(figure: &Figure) -> String {
    let mut text = String::new();
    for (kind, line) in lines(figure) {
        let mark = if kind == LineKind::Provenance {
            "# "
        } else {
            ""
        };
        let _ = writeln!(text, "{mark}{line}");
    }
    text
}

/// The same line by line, without what marks comments.
pub(super) fn lines(figure: &Figure) -> Vec<(LineKind, String)> {
    let mut lines = vec![(LineKind::Title, plain(&figure.title))];
    let provenance = figure.provenance.iter();
    lines.extend(provenance.map(|line| (LineKind::Provenance, plain(line))));
    for part in &figure.parts {
        lines.push((LineKind::Blank, String::new()));
        match part {
            Part::Map(map) => lines.extend(map_lines(map)),
            Part::Table(table) => lines.extend(table_lines(table)),
            Part::Plot(plot) => lines.extend(table_lines(&points_table(plot))),
        }
    }
    lines
}

fn map_lines(map: &Map) -> Vec<(LineKind, String)> {
    let (min, max) = (short(map.bounds.min), short(map.bounds.max));
    let bounds = format!("{}: colors from {min} to {max}", plain(&map.measure));
    let mut lines = table_lines(&as_table(map));
    lines.push((LineKind::Row, bounds));
    lines
}

/// Columns as wide as their widest cell.
fn table_lines(table: &Table) -> Vec<(LineKind, String)> {
    let header: Vec<String> = table.columns.iter().map(|name| plain(name)).collect();
    let rows = table.rows.iter();
    let rows: Vec<Vec<String>> = rows
        .map(|row| table.cells(row).map(plain).collect())
        .collect();
    let widths: Vec<usize> = (0..header.len())
        .map(|column| {
            let cells = rows.iter().map(|row| &row[column]);
            let lengths = cells
                .chain([&header[column]])
                .map(|cell| cell.chars().count());
            lengths.max().unwrap_or_default()
        })
        .collect();
    let aligned = |row: &Vec<String>| {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(line, "{cell:<width$}  ");
        }
        line.trim_end().to_owned()
    };
    let mut lines = vec![
        (LineKind::Caption, plain(&table.caption)),
        (LineKind::Header, aligned(&header)),
    ];
    lines.extend(rows.iter().map(|row| (LineKind::Row, aligned(row))));
    lines
}
