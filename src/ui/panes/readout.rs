//! The figures of the map in words.

use crate::analytics::{
    Balance, LayerBalance, Measure, Selection, chosen_entropy, max_entropy, normalized,
};
use crate::app::State;
use crate::app::map::MapSource;
use crate::ui::widgets::format;

use super::quoted;

/// Each layer's entropy over the chosen experts, from 0 to 1; empty where nothing was recorded.
pub(super) fn chosen_entropies(state: &State) -> Vec<f32> {
    let Some(model) = state.model.ready() else {
        return Vec::new();
    };
    let entropies = state
        .entropies()
        .map(|entropies| entropies.chosen)
        .unwrap_or_default();
    let share = |entropy: &f64| normalized(*entropy, model.num_experts_per_tok) as f32;
    entropies.iter().map(share).collect()
}

/// The balance of the counts that the map is about; of all layers together.
pub(super) fn balance(state: &State) -> Option<Balance> {
    if state.map.source == MapSource::Cumulative {
        let totals = &state.shown_telemetry().routing.cumulative;
        let totals = crate::analytics::TotalsRef {
            num_layers: totals.num_layers,
            num_experts: totals.num_experts,
            tokens: totals.tokens,
            counts: &totals.counts,
            weight_sums: &totals.weight_sums,
        };
        let grid = crate::analytics::Grid::from_totals(&totals, Measure::Count).ok()?;
        return Some(Balance::of(&grid));
    }
    let run = state.shown_run()?;
    let selection = match state.selection() {
        // A single token leaves all but a few experts without traffic, which says nothing.
        Selection::Position(_) => Selection::All,
        other => other,
    };
    Some(Balance::of(&run.log.grid(selection, Measure::Count)))
}

/// The overall balance in a few words.
pub(super) fn balance_words(state: &State) -> String {
    balance(state).map_or_else(String::new, |balance| words(&balance.overall))
}

/// A balance in words.
pub(super) fn words(balance: &LayerBalance) -> String {
    format!(
        "cv {:.2}  gini {:.2}  dead {} of {}  effective {:.1}  90 % of mass in {}",
        balance.coefficient_of_variation,
        balance.gini,
        balance.dead,
        balance.num_experts,
        balance.effective,
        balance.covering,
    )
}

/// Both entropies by name, of what the map is about.
pub(super) fn entropy_words(state: &State) -> Option<String> {
    let model = state.model.ready()?;
    let entropies = state.entropies()?;
    let of = |entropy: Option<f64>, choices: usize| match entropy {
        Some(entropy) => format!(
            "{entropy:.2} nat ({:.2} of ln {choices} = {:.2})",
            normalized(entropy, choices),
            max_entropy(choices)
        ),
        None => "not recorded".to_owned(),
    };
    Some(format!(
        "H chosen {}   H router {}",
        of(entropies.mean_chosen(), model.num_experts_per_tok),
        of(entropies.mean_router(), model.num_local_experts)
    ))
}

/// The cursor's expert in one line: share, rank, weight, and the tokens that chose it most.
pub(super) fn cursor_words(state: &State) -> Option<String> {
    let card = state.card()?;
    let weight = card
        .mean_weight
        .map_or_else(String::new, |weight| format!("  mean weight {weight:.2}"));
    let texts: Vec<String> = card
        .texts
        .iter()
        .take(6)
        .map(|text| format!("{} x{}", quoted(&text.text), text.count))
        .collect();
    Some(format!(
        "L{}:E{}  count {}  {} of the layer  rank {} of {}{weight}   {}",
        card.layer,
        card.expert,
        card.count,
        format::percent(card.share),
        card.rank,
        state.map_size()?.1,
        texts.join(" ")
    ))
}

/// The experts that the token under the cursor chose in the cursor's layer, with their weights.
pub(super) fn chosen_words(state: &State) -> Option<String> {
    let routed = state.shown_routing()?;
    let layer = state.map.cursor.layer;
    let (experts, weights) = routed.routing.layers().nth(layer)?;
    let chosen: Vec<String> = experts
        .iter()
        .zip(weights)
        .map(|(expert, weight)| format!("E{expert} {weight:.2}"))
        .collect();
    let text = state.shown_run()?.text(routed.position).unwrap_or_default();
    Some(format!(
        "{} in layer {layer}: {}   H {:.2} nat",
        quoted(text),
        chosen.join("  "),
        chosen_entropy(weights)
    ))
}
