//! What the screen shows as a figure for somebody else, with where it comes from.
//!
//! The numbers are those of [`super::figures`], so the file says what the screen said.

mod inside;
mod profile;

use super::ablation::AblationState;
use super::map::MapSource;
use super::state::State;
use crate::analytics::{ExpertCard, Measure, PairLift, Transition};
use crate::engine::protocol::ModelOrigin;
use crate::generate::SamplingParams;
use crate::intervention::Interventions;
use crate::session::Turn;
use crate::share::{Figure, Line, LinePlot, Map, Part, Table};

/// Something that can be shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shared {
    /// The map of experts.
    Map,
    /// The card of the expert under the map's cursor.
    Card,
    /// The latest comparison of two runs.
    Ablation,
    /// The logit lens of the latest look inside.
    Lens,
    /// Its attention sinks.
    Sinks,
    /// Its head's attention weights.
    Attention,
    /// Its residual norms.
    Norms,
    /// The open profile.
    Profile,
    /// The comparison of two traces.
    Traces,
}

impl Shared {
    /// A file's name to begin with.
    pub const fn proposal(self) -> &'static str {
        match self {
            Self::Map => "experts.svg",
            Self::Card => "expert.svg",
            Self::Ablation => "comparison.svg",
            Self::Lens => "lens.svg",
            Self::Sinks => "sinks.svg",
            Self::Attention => "attention.svg",
            Self::Norms => "norms.svg",
            Self::Profile => "profile.html",
            Self::Traces => "traces.svg",
        }
    }

    /// Why there is nothing to share.
    pub const fn missing(self) -> &'static str {
        match self {
            Self::Map | Self::Card => "there is nothing on the map to share",
            Self::Profile => "no profile is open; open-profile opens one",
            Self::Traces => "no traces are compared; compare-trace does, with a trace open",
            Self::Ablation => "there is no finished comparison to share",
            Self::Lens | Self::Sinks | Self::Attention | Self::Norms => {
                "there is no finished look inside to share; look-inside takes one"
            }
        }
    }
}

impl State {
    /// The figure of what is shown; none where nothing is.
    pub fn figure(&self, shared: Shared) -> Option<Figure> {
        match shared {
            Shared::Map => self.map_figure(),
            Shared::Card => self.card_figure(),
            Shared::Ablation => self.ablation_figure(),
            Shared::Lens => inside::lens(self),
            Shared::Sinks => inside::sinks(self),
            Shared::Attention => inside::attention(self),
            Shared::Norms => inside::norms(self),
            Shared::Profile => profile::figure(self),
            Shared::Traces => self.replay.as_ref()?.figure(),
        }
    }

    fn map_figure(&self) -> Option<Figure> {
        let grid = self.grid()?;
        let (source, measure) = (self.map.source.title(), self.measure_words());
        let mut provenance = self.program_and_model();
        provenance.push(format!(
            "tokens: {source} ({}), measure: {measure}",
            grid.tokens()
        ));
        provenance.extend(self.rules_and_sampling());
        let map = Map {
            caption: format!("Experts by layer, {source}"),
            measure: measure.to_owned(),
            column: "expert",
            scale: self.map_scale(),
            bounds: self.map_bounds(&grid),
            is_diverging: self.map.source.is_difference(),
            grid,
        };
        Some(Figure {
            title: format!("Experts, {source}"),
            provenance,
            parts: vec![Part::Map(map)],
        })
    }

    fn card_figure(&self) -> Option<Figure> {
        let card = self.card()?;
        let (layer, expert) = (card.layer, card.expert);
        let mut provenance = self.program_and_model();
        let source = self.card_tokens_name();
        provenance.push(format!("tokens: {source} ({})", card.tokens));
        provenance.extend(self.rules_and_sampling());
        Some(Figure {
            title: format!("Layer {layer}, expert {expert}"),
            provenance,
            parts: card_parts(&card),
        })
    }

    fn ablation_figure(&self) -> Option<Figure> {
        let view = self.ablation.as_ref()?;
        let AblationState::Done(report) = &view.progress else {
            return None;
        };
        let ablation = &report.ablation;
        let points = ablation.positions.iter().enumerate();
        let kl = |(index, one): (usize, &crate::generate::PositionDivergence)| {
            (index as f64, f64::from(one.kl_nats))
        };
        let mut provenance = self.program_and_model();
        provenance.extend([
            format!("rules in the first run: {}", rules(&view.baseline)),
            format!("rules in the second run: {}", rules(&view.ablated)),
            format!("seed of both: {}", view.seed),
        ]);
        let first = ablation.first_difference();
        let figures = [
            (
                "tokens of the first answer",
                ablation.baseline.len().to_string(),
            ),
            (
                "tokens of the second answer",
                ablation.ablated.len().to_string(),
            ),
            (
                "first token that differs",
                first.map_or_else(|| "none".to_owned(), |index| index.to_string()),
            ),
            (
                "mean KL divergence, nats a token",
                ablation.mean_kl_nats().unwrap_or_default().to_string(),
            ),
            (
                "positions with the same likeliest token",
                ablation.agreeing_positions().to_string(),
            ),
        ];
        Some(Figure {
            title: "Two runs side by side".to_owned(),
            provenance,
            parts: vec![
                Part::Table(named("Figures", figures)),
                Part::Plot(LinePlot {
                    caption: "KL divergence of the second run from the first".to_owned(),
                    x_label: "token of the first answer".to_owned(),
                    y_label: "nats".to_owned(),
                    lines: vec![Line {
                        name: rules(&view.difference()),
                        points: points.map(kl).collect(),
                    }],
                }),
            ],
        })
    }

    /// What the map shows, in the words of a figure; differences are of shares whatever the measure.
    fn measure_words(&self) -> &'static str {
        if self.map.source.is_difference() {
            return "percentage points of the layer's choices";
        }
        match self.map.measure {
            Measure::Count => "tokens that chose the expert",
            Measure::WeightSum => "sum of weights",
            Measure::MeanWeight => "mean weight",
            Measure::Share => "share as a multiple of the fair one",
        }
    }

    fn program_and_model(&self) -> Vec<String> {
        let version = env!("CARGO_PKG_VERSION");
        let model = self.model.ready().map(|model| {
            let origin = match model.origin {
                ModelOrigin::Model => "",
                ModelOrigin::Recorded => " (replay of a trace)",
                ModelOrigin::Scripted => " (scripted, no model)",
                ModelOrigin::Synthetic => " (synthetic, no model)",
            };
            format!(
                "model: {}{origin}, {} on {}",
                model.name, model.dtype, model.device
            )
        });
        std::iter::once(format!("gptoss-tui {version}"))
            .chain(model)
            .collect()
    }

    /// What the shown answer was made with, and what is in force now.
    fn rules_and_sampling(&self) -> Vec<String> {
        let now = format!("interventions in force now: {}", rules(&self.interventions));
        let turn = self
            .shown_run()
            .and_then(|run| self.session.tree.turn(run.node));
        match turn {
            Some(turn) => {
                let mut lines = answer_lines(turn);
                if self.map.source == MapSource::Cumulative {
                    let more = "the map counts other answers since the model was loaded, too";
                    lines.push(more.to_owned());
                }
                lines.push(now);
                lines
            }
            None => vec![now, sampling("sampling", &self.sampling.params)],
        }
    }
}

fn answer_lines(turn: &Turn) -> Vec<String> {
    let settings = &turn.settings;
    let mut lines = vec![
        format!(
            "interventions at its start: {}",
            rules(&settings.interventions)
        ),
        sampling("sampling at its start", &settings.sampling),
    ];
    lines.extend(turn.intervention_changes.iter().map(|change| {
        let (index, rules) = (change.token_index, rules(&change.interventions));
        format!("interventions from token {index} of the answer on: {rules}")
    }));
    lines.extend(turn.sampling_changes.iter().map(|change| {
        let what = format!(
            "sampling from token {} of the answer on",
            change.token_index
        );
        sampling(&what, &change.sampling)
    }));
    lines
}

fn rules(interventions: &Interventions) -> String {
    if interventions.is_empty() {
        "none".to_owned()
    } else {
        interventions.to_string()
    }
}

fn sampling(what: &str, params: &SamplingParams) -> String {
    // Sampling parameters are plain numbers, which JSON can always hold.
    let json = serde_json::to_string(params).unwrap_or_default();
    format!("{what}: {json}")
}

fn card_parts(card: &ExpertCard) -> Vec<Part> {
    let mean = card
        .mean_weight
        .map_or_else(|| "-".to_owned(), |mean| mean.to_string());
    let figures = [
        ("tokens that chose it", card.count.to_string()),
        ("of tokens", card.tokens.to_string()),
        ("share of the layer's choices", card.share.to_string()),
        ("multiple of the fair share", card.fair_share.to_string()),
        ("rank in its layer", card.rank.to_string()),
        ("mean weight", mean),
    ];
    let mut parts = vec![Part::Table(named("Figures", figures))];
    let texts = card.texts.iter();
    parts.push(Part::Table(Table {
        caption: "Texts of its tokens".to_owned(),
        columns: columns(&["text", "count"]),
        rows: texts
            .map(|one| vec![format!("{:?}", one.text), one.count.to_string()])
            .collect(),
    }));
    for (caption, list) in [
        ("Where its tokens go in the next layer", &card.next),
        ("Where they come from in the layer before", &card.previous),
    ] {
        if !list.is_empty() {
            parts.push(Part::Table(transitions(caption, list)));
        }
    }
    if !card.partners.is_empty() {
        parts.push(Part::Table(partners(&card.partners)));
    }
    parts
}

fn named<const N: usize>(caption: &str, figures: [(&str, String); N]) -> Table {
    Table {
        caption: caption.to_owned(),
        columns: columns(&["figure", "value"]),
        rows: figures
            .map(|(name, value)| vec![name.to_owned(), value])
            .to_vec(),
    }
}

fn transitions(caption: &str, list: &[Transition]) -> Table {
    let row = |one: &Transition| {
        vec![
            one.expert.to_string(),
            one.count.to_string(),
            one.share.to_string(),
            one.lift.to_string(),
        ]
    };
    Table {
        caption: caption.to_owned(),
        columns: columns(&["expert", "count", "share", "lift"]),
        rows: list.iter().map(row).collect(),
    }
}

fn partners(list: &[PairLift]) -> Table {
    let row = |one: &PairLift| vec![one.partner.to_string(), one.lift.to_string()];
    Table {
        caption: "Chosen with it".to_owned(),
        columns: columns(&["expert", "lift"]),
        rows: list.iter().map(row).collect(),
    }
}

fn columns(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}
