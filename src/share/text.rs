//! A figure as plain text.

use std::fmt::Write;

use super::escape::plain;
use super::figure::{Figure, LinePlot, Map, Part, Table, as_table, points_table};
use super::number::short;

/// Title, provenance as comments, and every part as a table.
pub(super) fn text(figure: &Figure) -> String {
    let mut text = format!("{}\n", plain(&figure.title));
    for line in &figure.provenance {
        let _ = writeln!(text, "# {}", plain(line));
    }
    for part in &figure.parts {
        text.push('\n');
        match part {
            Part::Map(map) => write_map(&mut text, map),
            Part::Table(table) => write_table(&mut text, table),
            Part::Plot(plot) => write_plot(&mut text, plot),
        }
    }
    text
}

fn write_map(text: &mut String, map: &Map) {
    write_table(text, &as_table(map));
    let (min, max) = (short(map.bounds.min), short(map.bounds.max));
    let _ = writeln!(text, "{}: colors from {min} to {max}", plain(&map.measure));
}

fn write_plot(text: &mut String, plot: &LinePlot) {
    write_table(text, &points_table(plot));
}

/// Columns as wide as their widest cell.
fn write_table(text: &mut String, table: &Table) {
    let _ = writeln!(text, "{}", plain(&table.caption));
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
    for row in std::iter::once(&header).chain(&rows) {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(line, "{cell:<width$}  ");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
}
