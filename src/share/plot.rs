//! Lines over a common axis, as a drawing.

use super::figure::{Line, LinePlot};
use super::number::{exact, short};
use super::ramp::LINES;
use super::svg::{CHARACTER, Canvas, LINE_HEIGHT};

/// The area of the lines, in pixels.
const SIZE: (f64, f64) = (640.0, 240.0);
/// Room for the numbers beside it, in pixels.
const LEFT: f64 = 64.0;
/// Marks on each axis.
const TICKS: usize = 5;

/// Draws axes, lines, dots with their numbers, and a legend.
pub(super) fn draw(canvas: &mut Canvas, plot: &LinePlot) {
    canvas.text(0.0, "font-weight=\"bold\"", &plot.caption);
    canvas.y += LINE_HEIGHT;
    canvas.text(LEFT, "", &plot.y_label);
    canvas.y += LINE_HEIGHT / 2.0;
    let axes = Axes::of(plot);
    draw_axes(canvas, &axes);
    for (index, line) in plot.lines.iter().enumerate() {
        draw_line(canvas, &axes, line, LINES[index % LINES.len()]);
    }
    canvas.y += SIZE.1 + LINE_HEIGHT;
    for tick in 0..TICKS {
        let part = tick as f64 / (TICKS - 1) as f64;
        let value = axes.x.0 + (axes.x.1 - axes.x.0) * part;
        canvas.text(
            LEFT + SIZE.0 * part,
            "text-anchor=\"middle\"",
            &short(value),
        );
    }
    canvas.y += LINE_HEIGHT;
    canvas.text(LEFT, "", &plot.x_label);
    draw_legend(canvas, plot);
}

fn draw_legend(canvas: &mut Canvas, plot: &LinePlot) {
    for (index, line) in plot.lines.iter().enumerate() {
        canvas.y += LINE_HEIGHT;
        let color = LINES[index % LINES.len()];
        canvas.rect((LEFT, -9.0), (12.0, 9.0), color, &line.name);
        canvas.text(LEFT + 18.0, "", &line.name);
    }
}

/// The values at the ends of both axes.
struct Axes {
    x: (f64, f64),
    y: (f64, f64),
}

impl Axes {
    fn of(plot: &LinePlot) -> Self {
        let points = || plot.lines.iter().flat_map(|line| &line.points);
        let (_, top) = range(points().map(|point| point.1));
        let (bottom, _) = range(points().map(|point| point.1));
        Self {
            x: range(points().map(|point| point.0)),
            // Heights are read against 0.
            y: (
                bottom.min(0.0),
                if top > 0.0 {
                    top
                } else {
                    bottom.min(0.0) + 1.0
                },
            ),
        }
    }

    fn place(&self, (x, y): (f64, f64)) -> (f64, f64) {
        let part = |value: f64, (min, max): (f64, f64)| (value - min) / (max - min);
        (
            LEFT + SIZE.0 * part(x, self.x),
            SIZE.1 * (1.0 - part(y, self.y)),
        )
    }
}

/// The least and the largest finite value, never the same.
fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let ends = values
        .filter(|value| value.is_finite())
        .fold(None, |ends, value| {
            let (min, max) = ends.unwrap_or((value, value));
            Some((value.min(min), value.max(max)))
        });
    match ends {
        Some((min, max)) if max > min => (min, max),
        Some((min, _)) => (min, min + 1.0),
        None => (0.0, 1.0),
    }
}

fn draw_axes(canvas: &mut Canvas, axes: &Axes) {
    let (right, bottom) = (LEFT + SIZE.0, SIZE.1);
    canvas.polyline(&[(LEFT, 0.0), (LEFT, bottom), (right, bottom)], "#55606e");
    canvas.reach(right + 4.0 * CHARACTER);
    let start = canvas.y;
    for tick in 0..TICKS {
        let part = tick as f64 / (TICKS - 1) as f64;
        let value = axes.y.0 + (axes.y.1 - axes.y.0) * part;
        canvas.y = start + bottom * (1.0 - part) + 4.0;
        canvas.text(LEFT - 6.0, "text-anchor=\"end\"", &short(value));
    }
    canvas.y = start;
}

fn draw_line(canvas: &mut Canvas, axes: &Axes, line: &Line, color: &str) {
    let is_finite = |point: &(f64, f64)| point.0.is_finite() && point.1.is_finite();
    for piece in line.points.split(|point| !is_finite(point)) {
        let points: Vec<(f64, f64)> = piece.iter().map(|point| axes.place(*point)).collect();
        if points.len() > 1 {
            canvas.polyline(&points, color);
        }
    }
    for point in line.points.iter().filter(|point| is_finite(point)) {
        let title = format!("{}: {}, {}", line.name, exact(point.0), exact(point.1));
        canvas.dot(axes.place(*point), color, &title);
    }
}
