//! Two traces compared, as numbers and as a figure.

use serde_json::{Value, json};

use super::{TraceFile, TraceHeader};
use crate::analytics::{
    Bounds, CellChange, DiffError, DiffSide, Grid, LayerDiff, Measure, RunDiff, Scale, Selection,
    TokenAgreement, difference,
};
use crate::share::{Figure, Line, LinePlot, Map, Part, Table};

/// What figures over all tokens of each run are called.
const ALL: &str = "all tokens";
/// And those over tokens that belong together.
const ALIGNED: &str = "aligned pairs only";

/// What two recorded runs, A and B, do differently.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The numbers.
    pub diff: RunDiff,
    /// How much more of each layer's choices an expert gets in B, in percentage points.
    pub map: Grid,
    a: Side,
    b: Side,
}

/// One of the runs.
#[derive(Debug, Clone, PartialEq)]
struct Side {
    name: String,
    header: TraceHeader,
    prompt_tokens: usize,
    ids: Vec<u32>,
    texts: Vec<String>,
}

impl Side {
    fn of((name, trace): (&str, &TraceFile)) -> Self {
        let texts = trace.tokens().iter().map(|token| token.text.clone());
        Self {
            name: name.to_owned(),
            header: trace.header().clone(),
            prompt_tokens: trace.prompt_tokens(),
            ids: trace.ids(),
            texts: texts.collect(),
        }
    }

    /// A token as it is read: its text, or its id where there is none.
    fn token(&self, position: usize) -> String {
        match (self.texts.get(position), self.ids.get(position)) {
            (Some(text), _) if !text.is_empty() => format!("{text:?}"),
            (_, Some(id)) => format!("id {id}"),
            (_, None) => "the end".to_owned(),
        }
    }

    fn line(&self, letter: &str) -> String {
        let header = &self.header;
        let rules = if header.is_untouched() {
            "no rules".to_owned()
        } else {
            format!("rules {}", header.interventions)
        };
        format!(
            "{letter}: {}, {} tokens ({} of the prompt), {}, {rules}, recorded {}",
            self.name,
            self.ids.len(),
            self.prompt_tokens,
            header.model_name,
            header.recorded_at
        )
    }

    fn json(&self) -> Value {
        json!({
            "name": self.name,
            "model": self.header.model_name,
            "weights_digest": self.header.weights_digest,
            "recorded_at": self.header.recorded_at,
            "interventions": self.header.interventions,
            "tokens": self.ids.len(),
            "prompt_tokens": self.prompt_tokens,
        })
    }
}

impl Comparison {
    /// Compares two traces under the names by which people know them.
    ///
    /// # Errors
    /// [`DiffError`] where they are of models of different shapes or vocabularies.
    pub fn of(a: (&str, &TraceFile), b: (&str, &TraceFile)) -> Result<Self, DiffError> {
        let [left, right] = [a.1, b.1].map(|trace| trace.shape().vocab_size);
        let [log_a, log_b] = [a.1, b.1].map(TraceFile::routing_log);
        let (a, b) = (Side::of(a), Side::of(b));
        let diff = RunDiff::of(
            &DiffSide {
                ids: &a.ids,
                log: &log_a,
            },
            &DiffSide {
                ids: &b.ids,
                log: &log_b,
            },
        )?;
        if left != right {
            return Err(DiffError::Vocabularies { left, right });
        }
        let counts = |log: &crate::analytics::RoutingLog| log.grid(Selection::All, Measure::Count);
        Ok(Self {
            diff,
            map: difference(&counts(&log_b), &counts(&log_a))?,
            a,
            b,
        })
    }

    /// Whether both runs are of the same weights.
    pub fn has_same_weights(&self) -> bool {
        self.a.header.weights_digest == self.b.header.weights_digest
    }

    /// What to know first, a line each.
    pub fn summary(&self) -> Vec<String> {
        let diff = &self.diff;
        let mut lines = vec![self.a.line("A"), self.b.line("B")];
        if !self.has_same_weights() {
            let digest = |side: &Side| side.header.weights_digest.chars().take(12).collect();
            let (a, b): (String, String) = (digest(&self.a), digest(&self.b));
            lines.push(format!(
                "the runs are of different weights: digest {a} and {b}"
            ));
        }
        lines.push(match diff.alignment.first_difference {
            None => "the tokens are the same".to_owned(),
            Some(at) => format!(
                "first different token: position {at}, {} in A, {} in B",
                self.a.token(at),
                self.b.token(at)
            ),
        });
        lines.push(format!(
            "tokens that belong together: {} ({})",
            diff.alignment.len(),
            diff.alignment.method.as_str()
        ));
        if let (Some(agreement), Some(weighted)) = (diff.agreement(), diff.weighted_agreement()) {
            lines.push(format!(
                "the same experts in {} of their choices, by weight {}",
                percent(agreement),
                percent(weighted)
            ));
        }
        if let Some(behind) = diff.agreement_behind_difference() {
            lines.push(format!(
                "of that, behind the equal beginning: in {} of the choices of {} pairs",
                percent(behind),
                diff.pairs_behind_difference().len()
            ));
        }
        if diff.is_zero() {
            lines.push("the runs are the same: every difference is exactly 0".to_owned());
        }
        lines
    }

    /// Everything, for programs.
    pub fn json(&self) -> Value {
        json!({
            "a": self.a.json(),
            "b": self.b.json(),
            "same_weights": self.has_same_weights(),
            "is_zero": self.diff.is_zero(),
            "agreement": self.diff.agreement(),
            "weighted_agreement": self.diff.weighted_agreement(),
            "agreement_behind_difference": self.diff.agreement_behind_difference(),
            "pairs": self.diff.alignment.pairs().collect::<Vec<_>>(),
            "diff": self.diff,
        })
    }

    /// A table of the layers, of the `top` most changed experts and of as many tokens; with the map
    /// and plots where these can be drawn.
    pub fn figure(&self, top: usize, is_drawn: bool) -> Figure {
        let mut parts = Vec::new();
        if is_drawn {
            parts.push(Part::Map(Map {
                caption: format!("Experts' shares of each layer, B less A, {ALL}"),
                measure: "percentage points".to_owned(),
                column: "expert",
                grid: self.map.clone(),
                scale: Scale::Linear,
                bounds: Bounds::symmetric(&self.map),
                is_diverging: true,
            }));
            parts.push(Part::Plot(self.layer_plot()));
            parts.push(Part::Plot(self.token_plot()));
        }
        parts.extend([
            Part::Table(self.layer_table()),
            Part::Table(Self::cell_table(ALL, &self.diff.cells_all, top)),
            Part::Table(Self::cell_table(ALIGNED, &self.diff.cells_aligned, top)),
            Part::Table(self.token_table(top)),
        ]);
        Figure {
            title: format!("{} against {}", self.a.name, self.b.name),
            provenance: self.summary(),
            parts,
        }
    }

    fn layer_plot(&self) -> LinePlot {
        let line = |name: &str, distance: fn(&LayerDiff) -> Option<f64>| {
            let layers = self.diff.layers.iter().enumerate();
            let point = |(layer, one)| (layer as f64, distance(one).unwrap_or(f64::NAN));
            Line {
                name: name.to_owned(),
                points: layers.map(point).collect(),
            }
        };
        LinePlot {
            caption: "Distance of each layer's choices".to_owned(),
            x_label: "layer".to_owned(),
            y_label: "Jensen-Shannon distance".to_owned(),
            lines: vec![
                line(ALL, |one| one.js_distance_all),
                line(ALIGNED, |one| one.js_distance_aligned),
            ],
        }
    }

    fn token_plot(&self) -> LinePlot {
        let line = |name: &str, value: fn(&TokenAgreement) -> f64| Line {
            name: name.to_owned(),
            points: (self.diff.tokens.iter())
                .map(|token| (token.position_a as f64, value(token)))
                .collect(),
        };
        LinePlot {
            caption: "Agreement about each token".to_owned(),
            x_label: "position in A".to_owned(),
            y_label: "share of equal experts".to_owned(),
            lines: vec![
                line("by count", TokenAgreement::share),
                line("by weight", |token| token.weighted),
            ],
        }
    }

    fn layer_table(&self) -> Table {
        let rows = self.diff.layers.iter().enumerate().map(|(layer, one)| {
            vec![
                layer.to_string(),
                optional(one.js_distance_all, |value| format!("{value:.4}")),
                optional(one.js_distance_aligned, |value| format!("{value:.4}")),
                optional(one.agreement, percent),
                optional(one.weighted_agreement, percent),
                optional(one.router_entropy_change, |value| format!("{value:+.4}")),
            ]
        });
        Table {
            caption:
                "Layers: Jensen-Shannon (JS) distance and entropy in nats over all tokens of each \
                      run; JS distance and agreement over aligned pairs only"
                    .to_owned(),
            columns: columns(&[
                "layer",
                "JS all tokens",
                "JS aligned",
                "same experts",
                "by weight",
                "entropy B-A",
            ]),
            rows: rows.collect(),
        }
    }

    fn cell_table(name: &str, cells: &[CellChange], top: usize) -> Table {
        let rows = cells.iter().take(top).map(|cell| {
            vec![
                format!("L{}:E{}", cell.layer, cell.expert),
                percent(cell.share_a),
                percent(cell.share_b),
                format!("{:+.1}", cell.change() * 100.0),
            ]
        });
        let found = cells.len();
        Table {
            caption: format!(
                "Most changed experts, {name} ({} of {found})",
                found.min(top)
            ),
            columns: columns(&["expert", "share in A", "in B", "points"]),
            rows: rows.collect(),
        }
    }

    fn token_table(&self, top: usize) -> Table {
        let mut tokens: Vec<&TokenAgreement> = self.diff.tokens.iter().collect();
        tokens.retain(|token| token.share() < 1.0);
        let found = tokens.len();
        tokens.sort_by(|one, other| one.share().total_cmp(&other.share()));
        let rows = tokens.into_iter().take(top).map(|token| {
            vec![
                token.position_a.to_string(),
                token.position_b.to_string(),
                self.a.token(token.position_a),
                format!("{} of {}", token.equal_experts, token.experts),
                percent(token.weighted),
            ]
        });
        Table {
            caption: format!(
                "Tokens about which the routers agree least ({} of {found} that differ)",
                found.min(top)
            ),
            columns: columns(&["in A", "in B", "text", "same experts", "by weight"]),
            rows: rows.collect(),
        }
    }
}

fn columns(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn optional(value: Option<f64>, show: impl Fn(f64) -> String) -> String {
    value.map_or_else(|| "-".to_owned(), show)
}

fn percent(share: f64) -> String {
    format!("{:.1}%", share * 100.0)
}
