//! Figures in every format: the same numbers, well-formed, harmless.

mod xml;

use std::path::Path;

use super::{Figure, Format, Line, LinePlot, Map, Part, Table};
use crate::analytics::Grid;

const HOSTILE: &str = "</title><script>alert('x')</script>\u{1b}[31m & \"q\" \u{202e}]]>";

fn figure() -> Figure {
    let values = (0..24).map(|cell| f64::from(cell) / 7.0).collect();
    let grid = Grid::new(2, 12, 40, values).unwrap();
    Figure {
        title: format!("Experts {HOSTILE}"),
        provenance: vec![
            format!("model: {HOSTILE}"),
            "interventions: mask 0:3".to_owned(),
        ],
        parts: vec![
            Part::Map(Map::new(
                "prompt".to_owned(),
                "fair share".to_owned(),
                grid.clone(),
            )),
            Part::Map(Map::of_multiples(
                "lift".to_owned(),
                "lift".to_owned(),
                grid,
            )),
            Part::Table(Table {
                caption: "specialists".to_owned(),
                columns: vec!["domain".to_owned(), "expert".to_owned()],
                rows: vec![
                    vec![HOSTILE.to_owned(), "L1 e7".to_owned()],
                    vec!["short row".to_owned()],
                ],
            }),
            Part::Plot(LinePlot {
                caption: "KL".to_owned(),
                x_label: "position".to_owned(),
                y_label: "nats".to_owned(),
                lines: vec![Line {
                    name: HOSTILE.to_owned(),
                    points: vec![(0.0, 0.25), (1.0, f64::NAN), (2.0, 0.125), (3.0, 0.5)],
                }],
            }),
        ],
    }
}

#[test]
fn every_format_holds_settings_captions_and_all_numbers() {
    let figure = figure();
    let Part::Map(map) = &figure.parts[0] else {
        panic!("{figure:?}");
    };
    for format in [Format::Text, Format::Svg, Format::Html] {
        let text = figure.render(format);
        for part in [
            "interventions: mask 0:3",
            "fair share",
            "specialists",
            "L1 e7",
            "nats",
        ] {
            assert!(text.contains(part), "{part} is not in {format:?}");
        }
        for value in map.grid.values() {
            assert!(
                text.contains(&value.to_string()),
                "{value} is not in {format:?}"
            );
        }
        assert_eq!(text, figure.render(format), "the same bytes again");
    }
}

#[test]
fn drawings_and_pages_are_well_formed_and_hold_nothing_but_text_of_what_came_in() {
    for format in [Format::Svg, Format::Html] {
        let text = figure().render(format);
        let names = xml::check(&text).unwrap_or_else(|error| panic!("{format:?}: {error}"));
        assert!(!names.iter().any(|name| name == "script"), "{format:?}");
        assert!(
            !text.contains('\u{1b}') && !text.contains('\u{202e}'),
            "{format:?}"
        );
    }
    let text = figure().render(Format::Text);
    assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'));
}

#[test]
fn tooltips_name_the_cells_and_the_legend_the_values_of_its_colors() {
    let text = figure().render(Format::Svg);
    assert!(text.contains("<title>layer 1, expert 5: 2.4285714285714284</title>"));
    // The linear map reaches from 0 to 23/7, the other from 7/23 over 1 to 23/7.
    for (value, count) in [("3.29", 2), ("0.304", 1), ("1.64", 1)] {
        let shown = text.matches(&format!(">{value}</text>")).count();
        assert_eq!(shown, count, "{value}");
    }
    assert!(text.contains("fill=\"#00224e\"") && text.contains("fill=\"#fee838\""));
}

#[test]
fn a_gap_in_a_line_is_no_point() {
    let text = figure().render(Format::Svg);
    assert_eq!(text.matches("<circle").count(), 3);
    assert!(!text.contains("NaN"));
}

#[test]
fn empty_figures_are_well_formed() {
    let plot = LinePlot {
        caption: String::new(),
        x_label: String::new(),
        y_label: String::new(),
        lines: Vec::new(),
    };
    let grid = Grid::new(0, 0, 0, Vec::new()).unwrap();
    let figure = Figure {
        title: String::new(),
        provenance: Vec::new(),
        parts: vec![
            Part::Plot(plot),
            Part::Map(Map::new(String::new(), String::new(), grid)),
        ],
    };
    for format in [Format::Svg, Format::Html] {
        let text = figure.render(format);
        xml::check(&text).unwrap_or_else(|error| panic!("{format:?}: {error}"));
        assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
    }
}

#[test]
fn the_extension_chooses_the_format() {
    for (path, expected) in [
        ("a.txt", Some(Format::Text)),
        ("b/a.SVG", Some(Format::Svg)),
        ("a.b.html", Some(Format::Html)),
        ("a.png", None),
        ("svg", None),
        (".svg", None),
    ] {
        assert_eq!(Format::of_path(Path::new(path)), expected, "{path}");
    }
}

#[test]
fn the_check_itself_sees_what_is_not_well_formed() {
    for text in [
        "<a><b></a></b>",
        "<a>&x;</a>",
        "<a",
        "<a b=c/>",
        "<a>",
        "<a>\u{1}</a>",
    ] {
        assert!(xml::check(text).is_err(), "{text}");
    }
    assert_eq!(xml::check("<a x=\"1\">t<b/></a>").unwrap(), ["a", "b"]);
}
