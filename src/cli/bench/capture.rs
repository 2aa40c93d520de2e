//! What recording costs: pairs of the same generation without and with it.

use gptoss::generate::{PromptCache, RecordOptions};
use serde_json::json;

use super::measure::{Bench, Case};
use super::report::Spread;
use crate::cli::exit::CliError;

/// Everything that the playground records.
pub(super) const RECORDED: RecordOptions = RecordOptions {
    top_logprobs: Some(10),
    routing: true,
    router_logits: false,
    logits: false,
};

/// The decoding rates of one pair.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pair {
    /// Without recording.
    off_tps: f64,
    /// With it.
    on_tps: f64,
}

impl Pair {
    /// How much longer a token takes, in percent.
    fn cost_percent(&self) -> f64 {
        (self.off_tps / self.on_tps - 1.0) * 100.0
    }
}

/// Measures one case; `done` is called after each round.
pub(super) fn measure(
    bench: &mut Bench<'_>,
    case: Case,
    pairs: usize,
    done: &mut dyn FnMut(),
) -> Result<Vec<Pair>, CliError> {
    let (mut cache, context) = bench.warmed_up(case)?;
    done();
    let mut measured = Vec::new();
    for pair in 1..=pairs {
        let prompt = bench.prompt(&context, case, pair);
        let mut rate = |cache: &mut PromptCache, record| {
            let sample = bench.round(cache, &prompt, case.generated_tokens, record);
            done();
            sample.map(|sample| sample.decode_tps)
        };
        // Taking turns in going first, so that neither always finds the warmer machine.
        let off_first = pair % 2 == 1;
        let first = if off_first {
            RecordOptions::default()
        } else {
            RECORDED
        };
        let second = if off_first {
            RECORDED
        } else {
            RecordOptions::default()
        };
        let first = rate(&mut cache, first)?;
        let second = rate(&mut cache, second)?;
        let (off, on) = if off_first {
            (first, second)
        } else {
            (second, first)
        };
        if let (Some(off_tps), Some(on_tps)) = (off, on) {
            measured.push(Pair { off_tps, on_tps });
        }
    }
    Ok(measured)
}

/// A line about one case.
pub(super) fn report(case: Case, pairs: &[Pair], as_json: bool) -> Result<String, CliError> {
    let spread = |value: fn(&Pair) -> f64| {
        Spread::of(pairs.iter().map(value))
            .ok_or_else(|| CliError::usage("--capture needs at least 2 generated tokens"))
    };
    let off = spread(|pair| pair.off_tps)?;
    let on = spread(|pair| pair.on_tps)?;
    let cost = spread(Pair::cost_percent)?;
    if as_json {
        let line = json!({
            "prompt_tokens": case.prompt_tokens,
            "generated_tokens": case.generated_tokens,
            "context_tokens": case.context_tokens,
            "pairs": pairs.len(),
            "decode_tps_off": off.median,
            "decode_tps_on": on.median,
            "capture_cost_percent": cost.median,
            "capture_cost_percent_min": cost.min,
            "capture_cost_percent_max": cost.max,
        });
        return Ok(line.to_string());
    }
    Ok(format!(
        "decode after {} tokens: {:.1} tok/s without recording, {:.1} tok/s with it; it costs \
         {:.1} % ({:.1}–{:.1} over {} pairs)",
        case.context_tokens + case.prompt_tokens,
        off.median,
        on.median,
        cost.median,
        cost.min,
        cost.max,
        pairs.len()
    ))
}
