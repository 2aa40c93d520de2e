//! An open profile as a figure.

use super::columns;
use crate::app::profile::ProfileView;
use crate::app::state::State;
use crate::share::{Figure, Map, Part, Table};

/// Specialists, the comparison with the shown answer if there is one, and a map of each domain.
pub(super) fn figure(state: &State) -> Option<Figure> {
    let view = state.profile.as_ref()?;
    let mut parts = vec![Part::Table(specialists(view))];
    if let Ok(similarities) = state.profile_similarities() {
        let row = |one: &crate::app::profile::AnswerSimilarity| {
            let (answer, prompt) = (one.answer.to_string(), one.prompt.to_string());
            vec![one.domain.clone(), answer, prompt]
        };
        parts.push(Part::Table(Table {
            caption: "The shown answer: mean over layers of 1 - Jensen-Shannon distance".to_owned(),
            columns: columns(&["domain", "answer", "prompt"]),
            rows: similarities.iter().map(row).collect(),
        }));
    }
    let measure = "lift: share of the domain's tokens / mean of all domains' shares";
    parts.extend(view.file.profile.domains.iter().map(|domain| {
        let caption = format!("{}: lift of every expert", domain.name);
        Part::Map(Map::of_multiples(
            caption,
            measure.to_owned(),
            domain.lifts.clone(),
        ))
    }));
    let options = view.file.profile.options;
    let mut provenance = state.program_and_model();
    provenance.extend([
        format!(
            "profile of model {}, weights {}",
            view.file.model, view.file.weights_digest
        ),
        format!(
            "specialists: lift at least {} in both halves, each with at least {} tokens that chose \
             the expert of at least {} in all; seed {}; shuffled labels give {:.1}",
            options.min_lift,
            options.min_choices,
            options.min_half_tokens,
            options.seed,
            view.file.profile.by_chance
        ),
    ]);
    Some(Figure {
        title: "Experts by domain".to_owned(),
        provenance,
        parts,
    })
}

fn specialists(view: &ProfileView) -> Table {
    let domains = &view.file.profile.domains;
    let rows = view.rows().into_iter().map(|(domain, one)| {
        vec![
            domains[domain].name.clone(),
            one.layer.to_string(),
            one.expert.to_string(),
            one.count.to_string(),
            one.share.to_string(),
            one.lift.to_string(),
            one.half_lifts[0].to_string(),
            one.half_lifts[1].to_string(),
        ]
    });
    Table {
        caption: "Specialists".to_owned(),
        columns: columns(&[
            "domain", "layer", "expert", "tokens", "share", "lift", "half 1", "half 2",
        ]),
        rows: rows.collect(),
    }
}
