//! The figures of the map in words.

use crate::analytics::{ExpertCard, Grid, LayerBalance, Measure, chosen_entropy, normalized};
use crate::app::State;
use crate::app::map::MapSource;
use crate::ui::chrome::width;
use crate::ui::widgets::format;

use super::experts::figure;
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

/// The overall balance, as many figures as so many columns hold whole.
pub(super) fn balance_words(state: &State, columns: u16) -> String {
    let Some(balance) = state.balance() else {
        return String::new();
    };
    let mut fitting = String::new();
    let mut line = format!("{}:", state.balance_tokens_name());
    for figure in words(&balance.overall) {
        line = format!("{line}  {figure}");
        if width(&line) > columns {
            break;
        }
        fitting.clone_from(&line);
    }
    fitting
}

/// A balance in words.
pub(super) fn words(balance: &LayerBalance) -> Vec<String> {
    vec![
        format!("cv {:.2}", balance.coefficient_of_variation),
        format!("gini {:.2}", balance.gini),
        format!("dead {} of {}", balance.dead, balance.num_experts),
        format!("effective {:.1}", balance.effective),
        format!("90 % of mass in {}", balance.covering),
    ]
}

/// Both entropies by name, of what the map is about; nothing without a run.
pub(super) fn entropy_words(state: &State) -> Vec<String> {
    let (Some(model), Some(entropies)) = (state.model.ready(), state.entropies()) else {
        return Vec::new();
    };
    let of = |entropy: Option<f64>, choices: usize| match entropy {
        Some(entropy) => format!(
            "{} of ln {choices} ({entropy:.2} nat)",
            format::share(normalized(entropy, choices))
        ),
        None => "not recorded".to_owned(),
    };
    let mut items = unless_shown(state.selection_name(), state);
    items.extend([
        format!(
            "H chosen {}",
            of(entropies.mean_chosen(), model.num_experts_per_tok)
        ),
        format!(
            "H router {}",
            of(entropies.mean_router(), model.num_local_experts)
        ),
    ]);
    items
}

/// The name of the tokens that figures are of, where it is not what the title says.
pub(super) fn unless_shown(tokens: &str, state: &State) -> Vec<String> {
    if tokens == state.map.source.title() {
        Vec::new()
    } else {
        vec![format!("{tokens}:")]
    }
}

/// The cursor's expert: share, rank, weight, and the tokens that chose it most.
pub(super) fn cursor_words(grid: &Grid, card: Option<&ExpertCard>, state: &State) -> Vec<String> {
    let cursor = state.map.cursor;
    let mut items = vec![format!("L{}:E{}", cursor.layer, cursor.expert)];
    let rule = state.interventions.about(cursor.layer, cursor.expert);
    items.extend(rule.map(|rule| format!("[{rule}]")));
    if state.map.source.is_difference() && cursor.layer < grid.num_layers() {
        let points = grid.layer(cursor.layer).get(cursor.expert);
        items.extend(points.map(|points| format!("{points:+.2} percentage points")));
    }
    let tokens = unless_shown(state.card_tokens_name(), state);
    // The card has these of its tokens, which may be the map's.
    let has_card_it = tokens.is_empty()
        && state.map.source != MapSource::Cumulative
        && matches!(state.map.measure, Measure::Count | Measure::MeanWeight);
    if !state.map.source.is_difference() && !has_card_it {
        let value = grid.value(cursor.layer, cursor.expert);
        items.push(format!("{} {}", state.measure_name(), figure(value)));
    }
    let Some(card) = card else {
        return items;
    };
    items.extend(tokens);
    let experts = state.map_size().map_or(0, |(_, experts)| experts);
    items.push(format!("count {}", card.count));
    items.push(format!("{} of the layer", format::percent(card.share)));
    items.push(format!("rank {} of {experts}", card.rank));
    items.extend(
        card.mean_weight
            .map(|weight| format!("mean weight {weight:.2}")),
    );
    let texts = card.texts.iter().take(6);
    items.extend(texts.map(|text| format!("{} x{}", quoted(&text.text), text.count)));
    items
}

/// The experts that the token under the cursor chose in the cursor's layer, with their weights.
pub(super) fn chosen_words(state: &State) -> Vec<String> {
    let layer = state.map.cursor.layer;
    let (Some(run), Some(routed)) = (state.shown_run(), state.shown_routing()) else {
        return Vec::new();
    };
    let Some((experts, weights)) = routed.routing.layers().nth(layer) else {
        return Vec::new();
    };
    let text = run.text(routed.position).unwrap_or_default();
    let mut items = vec![format!("{} in layer {layer}:", quoted(text))];
    let chosen = experts.iter().zip(weights);
    items.extend(chosen.map(|(expert, weight)| format!("E{expert} {weight:.2}")));
    items.push(format!("H {:.2} nat", chosen_entropy(weights)));
    items
}
