//! A look inside as figures.

use super::{columns, named, rules};
use crate::analytics::{Bounds, Grid, Scale};
use crate::app::inside::{InsideView, Pass};
use crate::app::state::State;
use crate::engine::protocol::InspectReport;
use crate::share::{Figure, Line, LinePlot, Map, Part, Table};

/// The logit lens: a row a layer, and the probability of the token that came over the layers.
pub(super) fn lens(state: &State) -> Option<Figure> {
    let (view, report) = found(state)?;
    let lens = &report.inspection.lens;
    let row = |row: &crate::generate::LensRow| {
        let mut cells = vec![row.layer.to_string(), row.entropy.to_string()];
        cells.extend(match &row.target {
            Some(target) => [target.probability.to_string(), target.rank.to_string()],
            None => ["-".to_owned(), "-".to_owned()],
        });
        cells.extend(row.top.iter().flat_map(|token| {
            [
                format!("{:?}", view.text(token.id)),
                token.probability.to_string(),
            ]
        }));
        cells
    };
    let most = lens.iter().map(|row| row.top.len()).max().unwrap_or(0);
    let mut names = columns(&["layer", "entropy, nats", "p of what came", "its rank"]);
    names.extend((1..=most).flat_map(|place| [format!("token {place}"), format!("p {place}")]));
    let table = Table {
        caption: "What the model would say after each layer".to_owned(),
        columns: names,
        rows: lens.iter().map(row).collect(),
    };
    let of_target = lens.iter().filter_map(|row| {
        let target = row.target?;
        Some((row.layer as f64, f64::from(target.probability)))
    });
    let of_top = lens.iter().filter_map(|row| {
        let top = row.top.first()?;
        Some((row.layer as f64, f64::from(top.probability)))
    });
    let mut lines = vec![line("the layer's most likely token", of_top.collect())];
    if let Some(next) = &view.subject.next {
        lines.insert(0, line(&format!("{:?}", next.text), of_target.collect()));
    }
    let plot = LinePlot {
        caption: "Probability by layer".to_owned(),
        x_label: "layer".to_owned(),
        y_label: "probability".to_owned(),
        lines,
    };
    Some(figure(
        state,
        "Logit lens",
        vec![Part::Plot(plot), Part::Table(table)],
    ))
}

/// The sinks' shares as a map of layers and heads.
pub(super) fn sinks(state: &State) -> Option<Figure> {
    let (_, report) = found(state)?;
    let sinks = &report.inspection.sinks;
    let heads = sinks.first()?.shares.len();
    let values = sinks.iter().flat_map(|layer| &layer.shares);
    let values: Vec<f64> = values.map(|share| f64::from(*share)).collect();
    let grid = Grid::new(sinks.len(), heads, 1, values).ok()?;
    let map = Map {
        caption: "Attention sinks by layer and head".to_owned(),
        measure: "share of the head's attention that goes to its sink".to_owned(),
        column: "head",
        grid,
        scale: Scale::Linear,
        bounds: Bounds { min: 0.0, max: 1.0 },
        is_diverging: false,
    };
    let layers = sinks.iter().enumerate().map(|(layer, found)| {
        let shares = found.shares.iter().map(|share| f64::from(*share));
        let mean = shares.sum::<f64>() / found.shares.len().max(1) as f64;
        vec![
            layer.to_string(),
            if found.is_windowed { "window" } else { "all" }.to_owned(),
            found.first_position.to_string(),
            mean.to_string(),
        ]
    });
    let table = Table {
        caption: "What the layers see".to_owned(),
        columns: columns(&["layer", "sees", "from position", "mean share of the sinks"]),
        rows: layers.collect(),
    };
    Some(figure(
        state,
        "Attention sinks",
        vec![Part::Map(map), Part::Table(table)],
    ))
}

/// Where one head looks.
pub(super) fn attention(state: &State) -> Option<Figure> {
    let (view, report) = found(state)?;
    let head = report.inspection.head.as_ref()?;
    let (layer, number) = (head.index.layer, head.index.head);
    let sees = report.inspection.sinks.get(layer);
    let kind = match sees.is_some_and(|layer| layer.is_windowed) {
        true => "a window",
        false => "everything before",
    };
    let tokens = || (head.first_position..).zip(head.weights.iter().zip(&head.tokens));
    let rows = tokens().map(|(position, (weight, id))| {
        vec![
            position.to_string(),
            weight.to_string(),
            format!("{:?}", view.text(*id)),
        ]
    });
    let points = tokens().map(|(position, (weight, _))| (position as f64, f64::from(*weight)));
    let figures = [
        ("the head's sink", head.sink.to_string()),
        ("the layer sees", kind.to_owned()),
        ("from position", head.first_position.to_string()),
    ];
    let plot = LinePlot {
        caption: "Attention weight by position".to_owned(),
        x_label: "position".to_owned(),
        y_label: "weight".to_owned(),
        lines: vec![line(
            &format!("layer {layer}, head {number}"),
            points.collect(),
        )],
    };
    let table = Table {
        caption: "Weights".to_owned(),
        columns: columns(&["position", "weight", "text"]),
        rows: rows.collect(),
    };
    Some(figure(
        state,
        &format!("Attention of layer {layer}, head {number}"),
        vec![
            Part::Table(named("Figures", figures)),
            Part::Plot(plot),
            Part::Table(table),
        ],
    ))
}

/// The residual stream's length.
pub(super) fn norms(state: &State) -> Option<Figure> {
    let (_, report) = found(state)?;
    let norms = &report.inspection.norms;
    let points = |values: &[f32]| {
        let values = values.iter().enumerate();
        values
            .map(|(layer, norm)| (layer as f64, f64::from(*norm)))
            .collect()
    };
    let figures = [("the embedding", norms.embedding.to_string())];
    let plot = LinePlot {
        caption: "Length of the residual stream".to_owned(),
        x_label: "layer".to_owned(),
        y_label: "L2 norm".to_owned(),
        lines: vec![
            line("after attention", points(&norms.after_attention)),
            line("after the experts", points(&norms.after_experts)),
        ],
    };
    Some(figure(
        state,
        "Residual norms",
        vec![Part::Table(named("Figures", figures)), Part::Plot(plot)],
    ))
}

fn found(state: &State) -> Option<(&InsideView, &InspectReport)> {
    let view = state.inside.as_ref()?;
    Some((view, view.report.as_deref()?))
}

fn line(name: &str, points: Vec<(f64, f64)>) -> Line {
    Line {
        name: name.to_owned(),
        points,
    }
}

fn figure(state: &State, title: &str, parts: Vec<Part>) -> Figure {
    let mut provenance = state.program_and_model();
    if let Some(view) = &state.inside {
        provenance.extend(subject(view));
    }
    Figure {
        title: title.to_owned(),
        provenance,
        parts,
    }
}

fn subject(view: &InsideView) -> Vec<String> {
    let subject = &view.subject;
    let pass = match subject.pass {
        Pass::Choosing => "the pass that chose it",
        Pass::Reading => "the pass that reads it",
    };
    let mut lines = vec![
        format!(
            "token: position {}, {:?}; {pass} read {} tokens, the last {:?}",
            subject.token.position,
            subject.token.text,
            subject.ids.len(),
            subject.read.text
        ),
        format!("interventions at every position: {}", rules(&subject.rules)),
    ];
    if let Some(next) = &subject.next {
        lines.push(format!("token that came: {:?}", next.text));
    }
    if subject.were_rules_changed {
        lines.push("the turn's interventions were changed before this token".to_owned());
    }
    lines
}
