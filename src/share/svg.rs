//! A figure as a drawing: its parts one below the other, the provenance at the bottom.

use std::fmt::Write;

use super::escape::xml;
use super::figure::{Figure, Map, Part, Table};
use super::number::{exact, place, short};
use super::{plot, ramp};
use crate::analytics::{Scale, normalize};

/// Around everything, in pixels.
const MARGIN: f64 = 16.0;
/// From one line of text to the next, in pixels.
pub(super) const LINE_HEIGHT: f64 = 16.0;
/// A character of the fixed-width font, roughly, in pixels.
pub(super) const CHARACTER: f64 = 7.3;
/// Room for the layers' numbers, in pixels.
const LAYER_LABEL: f64 = 34.0;
/// A map's cells fit into this width, in pixels.
const MAP_WIDTH: f64 = 1024.0;
/// Colors in a legend.
const LEGEND_STEPS: usize = 9;

/// A file of its own.
pub(super) fn document(figure: &Figure) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}",
        element(figure)
    )
}

/// The drawing as part of a page.
pub(super) fn element(figure: &Figure) -> String {
    let mut canvas = Canvas::default();
    canvas.y += LINE_HEIGHT;
    canvas.text(0.0, "font-size=\"16\" font-weight=\"bold\"", &figure.title);
    canvas.y += LINE_HEIGHT;
    for part in &figure.parts {
        canvas.y += LINE_HEIGHT;
        match part {
            Part::Map(map) => draw_map(&mut canvas, map),
            Part::Table(table) => draw_table(&mut canvas, table),
            Part::Plot(plot) => plot::draw(&mut canvas, plot),
        }
        canvas.y += LINE_HEIGHT;
    }
    for line in &figure.provenance {
        canvas.y += LINE_HEIGHT;
        canvas.text(0.0, "fill=\"#55606e\"", line);
    }
    canvas.finish(&figure.title)
}

/// A drawing that grows downwards.
#[derive(Debug, Default)]
pub(super) struct Canvas {
    body: String,
    /// Where the next thing goes, in pixels below the margin.
    pub(super) y: f64,
    width: f64,
}

impl Canvas {
    /// Writes a line of text whose base line is at the present height.
    pub(super) fn text(&mut self, x: f64, attributes: &str, text: &str) {
        let text = xml(text);
        let (left, y) = (place(MARGIN + x), place(MARGIN + self.y));
        let _ = writeln!(
            self.body,
            "<text x=\"{left}\" y=\"{y}\" {attributes}>{text}</text>"
        );
        let shown = text.chars().count() as f64 * CHARACTER * 1.2;
        self.reach(x + shown);
    }

    /// A rectangle below the present height, with a tooltip.
    pub(super) fn rect(&mut self, at: (f64, f64), size: (f64, f64), fill: &str, title: &str) {
        let (x, y) = (place(MARGIN + at.0), place(MARGIN + self.y + at.1));
        let (width, height) = (place(size.0), place(size.1));
        let title = xml(title);
        let _ = writeln!(
            self.body,
            "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"{fill}\">\
             <title>{title}</title></rect>"
        );
        self.reach(at.0 + size.0);
    }

    /// A line through points below the present height.
    pub(super) fn polyline(&mut self, points: &[(f64, f64)], stroke: &str) {
        let points: Vec<String> = points
            .iter()
            .map(|(x, y)| format!("{},{}", place(MARGIN + x), place(MARGIN + self.y + y)))
            .collect();
        let points = points.join(" ");
        let _ = writeln!(
            self.body,
            "<polyline points=\"{points}\" fill=\"none\" stroke=\"{stroke}\" stroke-width=\"1.5\"/>"
        );
    }

    /// A dot below the present height, with a tooltip.
    pub(super) fn dot(&mut self, at: (f64, f64), fill: &str, title: &str) {
        let (x, y) = (place(MARGIN + at.0), place(MARGIN + self.y + at.1));
        let title = xml(title);
        let _ = writeln!(
            self.body,
            "<circle cx=\"{x}\" cy=\"{y}\" r=\"2.5\" fill=\"{fill}\"><title>{title}</title></circle>"
        );
    }

    /// Something was drawn up to here, in pixels right of the margin.
    pub(super) fn reach(&mut self, x: f64) {
        self.width = self.width.max(x);
    }

    fn finish(self, title: &str) -> String {
        let width = place(self.width + 2.0 * MARGIN);
        let height = place(self.y + 2.0 * MARGIN);
        let (title, body) = (xml(title), self.body);
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" role=\"img\" font-family=\"monospace\" \
             font-size=\"12\" fill=\"#1a1d21\">\n<title>{title}</title>\n\
             <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n{body}</svg>\n"
        )
    }
}

fn draw_map(canvas: &mut Canvas, map: &Map) {
    canvas.text(0.0, "font-weight=\"bold\"", &map.caption);
    canvas.y += LINE_HEIGHT;
    let columns = map.grid.num_experts();
    let cell = (MAP_WIDTH / columns.max(1) as f64).clamp(6.0, 20.0);
    for expert in (0..columns).step_by(8) {
        canvas.text(LAYER_LABEL + expert as f64 * cell, "", &expert.to_string());
    }
    canvas.y += 4.0;
    let places = normalize(&map.grid, map.scale, map.bounds);
    let rows = map.grid.layers().zip(places.chunks(columns.max(1)));
    for (layer, (values, places)) in rows.enumerate() {
        for (expert, (value, place)) in values.iter().zip(places).enumerate() {
            let title = format!("layer {layer}, {} {expert}: {}", map.column, exact(*value));
            let fill = ramp::color(f64::from(*place), map.is_diverging);
            let left = LAYER_LABEL + expert as f64 * cell;
            canvas.rect((left, 0.0), (cell, cell), &fill, &title);
        }
        canvas.y += cell;
        // Every row has its number where there is room, else every fourth.
        if cell >= 12.0 || layer % 4 == 0 {
            canvas.y -= 2.0;
            canvas.text(0.0, "", &format!("L{layer}"));
            canvas.y += 2.0;
        }
    }
    draw_legend(canvas, map);
}

/// Colors with the values that they stand for.
fn draw_legend(canvas: &mut Canvas, map: &Map) {
    let step = 72.0;
    canvas.y += LINE_HEIGHT;
    for index in 0..LEGEND_STEPS {
        let place = index as f64 / (LEGEND_STEPS - 1) as f64;
        let value = value_at(map, place);
        let left = LAYER_LABEL + index as f64 * step;
        let fill = ramp::color(place, map.is_diverging);
        canvas.rect((left, 0.0), (step, 10.0), &fill, &short(value));
    }
    canvas.y += LINE_HEIGHT + 8.0;
    for index in 0..LEGEND_STEPS {
        let value = value_at(map, index as f64 / (LEGEND_STEPS - 1) as f64);
        canvas.text(LAYER_LABEL + index as f64 * step, "", &short(value));
    }
    canvas.y += LINE_HEIGHT;
    canvas.text(LAYER_LABEL, "", &map.measure);
}

/// The value that a color stands for: the way back from [`normalize`].
fn value_at(map: &Map, place: f64) -> f64 {
    let (min, max) = (map.bounds.min, map.bounds.max);
    match map.scale {
        Scale::Logarithmic if min > 0.0 && max > min => min * (max / min).powf(place),
        Scale::Logarithmic if max > 0.0 => max * 1000_f64.powf(place - 1.0),
        _ => min + (max - min) * place,
    }
}

fn draw_table(canvas: &mut Canvas, table: &Table) {
    canvas.text(0.0, "font-weight=\"bold\"", &table.caption);
    let widths: Vec<f64> = (0..table.columns.len())
        .map(|column| {
            let cells = table.rows.iter().filter_map(|row| row.get(column));
            let lengths = cells
                .chain([&table.columns[column]])
                .map(|cell| cell.chars().count());
            (lengths.max().unwrap_or_default() + 2) as f64 * CHARACTER
        })
        .collect();
    let mut line = |cells: &mut dyn Iterator<Item = &str>, attributes: &str| {
        canvas.y += LINE_HEIGHT;
        let mut left = 0.0;
        for (cell, width) in cells.zip(&widths) {
            canvas.text(left, attributes, cell);
            left += width;
        }
    };
    line(
        &mut table.columns.iter().map(String::as_str),
        "fill=\"#55606e\"",
    );
    for row in &table.rows {
        line(&mut table.cells(row), "");
    }
}
