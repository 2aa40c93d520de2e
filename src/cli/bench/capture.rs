//! What recording costs: rounds of the same generation without it, with the routing alone, and with
//! everything that the playground records.

use gptoss::generate::{PromptCache, RecordOptions};
use serde_json::json;

use super::measure::{Bench, Case};
use super::report::Spread;
use crate::cli::exit::CliError;

/// What is recorded in the runs of one round.
const RECORDED: [RecordOptions; 3] = [
    NOTHING,
    RecordOptions {
        routing: true,
        ..NOTHING
    },
    // Everything that the playground records.
    RecordOptions {
        top_logprobs: Some(10),
        routing: true,
        ..NOTHING
    },
];

const NOTHING: RecordOptions = RecordOptions {
    top_logprobs: None,
    routing: false,
    router_logits: false,
    logits: false,
};

// What the runs are, as indices of `RECORDED`.
const OFF: usize = 0;
const ROUTING: usize = 1;
const ALL: usize = 2;

/// The decoding rates of one round.
#[derive(Debug, Clone, Copy)]
pub(super) struct Round {
    decode_tps: [f64; RECORDED.len()],
}

impl Round {
    /// How much longer a token takes in `run` than without recording, in percent.
    fn cost_percent(&self, run: usize) -> f64 {
        (self.decode_tps[OFF] / self.decode_tps[run] - 1.0) * 100.0
    }
}

/// Measures one case; `done` is called after each run.
pub(super) fn measure(
    bench: &mut Bench<'_>,
    case: Case,
    rounds: usize,
    done: &mut dyn FnMut(),
) -> Result<Vec<Round>, CliError> {
    let (mut cache, context) = bench.warmed_up(case)?;
    done();
    let mut measured = Vec::new();
    for round in 1..=rounds {
        let prompt = bench.prompt(&context, case, round);
        let mut tps = [None; RECORDED.len()];
        // Taking turns in going first, so that none always finds the warmer machine.
        for turn in 0..RECORDED.len() {
            let run = (round + turn) % RECORDED.len();
            tps[run] = decode_tps(bench, &mut cache, &prompt, case, RECORDED[run])?;
            done();
        }
        if let [Some(off), Some(routing), Some(all)] = tps {
            let decode_tps = [off, routing, all];
            measured.push(Round { decode_tps });
        }
    }
    Ok(measured)
}

fn decode_tps(
    bench: &Bench<'_>,
    cache: &mut PromptCache,
    prompt: &[u32],
    case: Case,
    record: RecordOptions,
) -> Result<Option<f64>, CliError> {
    let sample = bench.round(cache, prompt, case.generated_tokens, record)?;
    Ok(sample.decode_tps)
}

/// Runs that measuring `rounds` rounds of one case takes, the warm-up included.
pub(super) fn runs(rounds: usize) -> usize {
    RECORDED.len() * rounds + 1
}

/// A line about one case.
pub(super) fn report(case: Case, rounds: &[Round], as_json: bool) -> Result<String, CliError> {
    let spread = |value: &dyn Fn(&Round) -> f64| {
        Spread::of(rounds.iter().map(value))
            .ok_or_else(|| CliError::usage("--capture needs at least 2 generated tokens"))
    };
    let rate = |run: usize| spread(&|round| round.decode_tps[run]);
    let off = rate(OFF)?;
    let routing = spread(&|round| round.cost_percent(ROUTING))?;
    let all = spread(&|round| round.cost_percent(ALL))?;
    if as_json {
        let line = json!({
            "prompt_tokens": case.prompt_tokens,
            "generated_tokens": case.generated_tokens,
            "context_tokens": case.context_tokens,
            "rounds": rounds.len(),
            "decode_tps_off": off.median,
            "decode_tps_routing": rate(ROUTING)?.median,
            "decode_tps_all": rate(ALL)?.median,
            "routing_cost_percent": routing.median,
            "routing_cost_percent_min": routing.min,
            "routing_cost_percent_max": routing.max,
            "capture_cost_percent": all.median,
            "capture_cost_percent_min": all.min,
            "capture_cost_percent_max": all.max,
        });
        return Ok(line.to_string());
    }
    let percent = |cost: &Spread| format!("{:.1} % ({:.1}–{:.1})", cost.median, cost.min, cost.max);
    Ok(format!(
        "decode after {} tokens: {:.1} tok/s without recording; the routing costs {}, with \
         alternatives and samplers {}; {} rounds",
        case.context_tokens + case.prompt_tokens,
        off.median,
        percent(&routing),
        percent(&all),
        rounds.len()
    ))
}
