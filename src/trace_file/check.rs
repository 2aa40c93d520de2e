//! The ranges of a trace's values, the same for recording and reading.

use super::{TraceHeader, TraceRow, TraceShape, TraceToken};
use crate::generate::TokenRouting;
use crate::intervention::NO_EXPERT;

/// Rounding that sums and orders of softmax weights may show.
const WEIGHT_SLACK: f32 = 1e-3;
/// The most experts in all layers together; the largest gpt-oss has 4,608.
const MAX_CELLS: usize = 1 << 20;
/// The largest vocabulary; gpt-oss has 201,088.
const MAX_VOCABULARY: usize = 1 << 24;
/// The longest text of one token.
const MAX_TEXT_BYTES: usize = 1 << 20;
/// The most alternatives of a token.
pub(super) const MAX_ALTERNATIVES: usize = u8::MAX as usize;

/// Refuses dimensions that no model has; what follows from them may then be allocated.
pub(super) fn shape(shape: &TraceShape) -> Result<(), String> {
    let TraceShape {
        num_layers,
        num_local_experts,
        num_experts_per_tok,
        vocab_size,
    } = *shape;
    let cells = num_layers.checked_mul(num_local_experts).unwrap_or(0);
    if cells == 0 || cells > MAX_CELLS || num_local_experts >= usize::from(NO_EXPERT) {
        return Err(format!(
            "{num_layers} layers of {num_local_experts} experts, permitted: 1..={MAX_CELLS} in all"
        ));
    }
    if num_experts_per_tok == 0 || num_experts_per_tok > num_local_experts {
        return Err(format!(
            "{num_experts_per_tok} experts a token, permitted: 1..={num_local_experts}"
        ));
    }
    if vocab_size == 0 || vocab_size > MAX_VOCABULARY {
        return Err(format!(
            "a vocabulary of {vocab_size}, permitted: 1..={MAX_VOCABULARY}"
        ));
    }
    Ok(())
}

/// Refuses a row that does not fit the model or whose token is out of range.
pub(super) fn row(header: &TraceHeader, row: &TraceRow) -> Result<(), String> {
    for (what, values, expected) in [
        ("router logits", &row.router_logits, header.shape.cells()),
        ("logits", &row.logits, header.shape.vocab_size),
    ] {
        if let Some(found) = values.as_ref().map(Vec::len).filter(|&len| len != expected) {
            return Err(format!("expected {expected} {what}, found {found}"));
        }
    }
    token(header, &row.token)
}

/// Refuses a token whose values are out of range.
pub(super) fn token(header: &TraceHeader, token: &TraceToken) -> Result<(), String> {
    id("id", token.id, header.shape.vocab_size)?;
    if token.text.len() > MAX_TEXT_BYTES {
        let found = token.text.len();
        return Err(format!(
            "a text of {found} bytes, permitted: {MAX_TEXT_BYTES}"
        ));
    }
    if token.logprob.is_some_and(f32::is_nan) {
        return Err("its logarithmic probability is NaN".to_owned());
    }
    if token.top_logprobs.len() > MAX_ALTERNATIVES {
        let found = token.top_logprobs.len();
        return Err(format!(
            "{found} alternatives, permitted: {MAX_ALTERNATIVES}"
        ));
    }
    for &(other, logprob) in &token.top_logprobs {
        id("alternative", other, header.shape.vocab_size)?;
        if logprob.is_nan() {
            return Err(format!("the probability of alternative {other} is NaN"));
        }
    }
    match &token.routing {
        Some(found) => routing(header, found),
        None => Ok(()),
    }
}

fn id(what: &str, id: u32, vocab_size: usize) -> Result<(), String> {
    if (id as usize) < vocab_size {
        return Ok(());
    }
    let last = vocab_size - 1;
    Err(format!(
        "{what} {id} is out of range, permitted: 0..={last}"
    ))
}

fn routing(header: &TraceHeader, routing: &TokenRouting) -> Result<(), String> {
    let shape = &header.shape;
    let k = routing.num_experts_per_tok();
    // Rules may choose fewer than there is room for.
    if routing.num_layers() != shape.num_layers || k > shape.num_experts_per_tok {
        return Err(format!(
            "expected up to {} experts in each of {} layers, found {k} in {}",
            shape.num_experts_per_tok,
            shape.num_layers,
            routing.num_layers()
        ));
    }
    let rows = routing.experts().chunks_exact(k);
    for (layer, (experts, weights)) in rows.zip(routing.weights().chunks_exact(k)).enumerate() {
        let in_layer = |reason| format!("layer {layer}: {reason}");
        check_experts(experts, shape.num_local_experts).map_err(in_layer)?;
        check_weights(weights).map_err(in_layer)?;
        // A rule may swap an expert for one that is chosen anyway, or keep another run's order.
        if header.is_untouched() {
            check_order(experts, weights).map_err(in_layer)?;
        }
    }
    match routing.entropies().iter().find(|value| !value.is_finite()) {
        Some(entropy) => Err(format!("an entropy is {entropy}")),
        None => Ok(()),
    }
}

fn check_experts(experts: &[u16], count: usize) -> Result<(), String> {
    let chosen = experts.iter().take_while(|&&id| id != NO_EXPERT).count();
    let (chosen, room) = experts.split_at(chosen);
    if let Some(expert) = chosen.iter().find(|&&id| usize::from(id) >= count) {
        let last = count - 1;
        return Err(format!(
            "expert {expert} is out of range, permitted: 0..={last}"
        ));
    }
    if chosen.is_empty() {
        return Err("there is no expert".to_owned());
    }
    match room.iter().find(|&&id| id != NO_EXPERT) {
        Some(expert) => Err(format!("expert {expert} follows an empty place")),
        None => Ok(()),
    }
}

fn check_weights(weights: &[f32]) -> Result<(), String> {
    let permitted = -WEIGHT_SLACK..=1.0 + WEIGHT_SLACK;
    // NaN is in no range.
    match weights.iter().find(|weight| !permitted.contains(*weight)) {
        Some(weight) => Err(format!("weight {weight} is out of range, permitted: 0..=1")),
        None => Ok(()),
    }
}

fn check_order(experts: &[u16], weights: &[f32]) -> Result<(), String> {
    for (rank, expert) in experts.iter().enumerate() {
        if *expert != NO_EXPERT && experts[..rank].contains(expert) {
            return Err(format!("expert {expert} is chosen twice at once"));
        }
    }
    let descend = |pair: &[f32]| pair[1] <= pair[0] + WEIGHT_SLACK;
    if weights.windows(2).all(descend) {
        return Ok(());
    }
    Err(format!("weights {weights:?} do not descend"))
}
