//! Figures and settings of answers in words.

use crate::engine::protocol::{ErrorKind, ModelOrigin};
use crate::generate::{FinishReason, GenerationStats, SamplingParams};
use crate::session::{TurnOutcome, TurnSettings};
use crate::ui::widgets::format;

/// Biases that are listed one by one; more are counted.
const LISTED_BIASES: usize = 3;

/// The settings that are not at their default, and the temperature.
pub(in crate::ui) fn sampling(params: &SamplingParams) -> Vec<String> {
    let mut words = vec![format!("temperature {}", number(params.temperature))];
    let plain = SamplingParams {
        temperature: params.temperature,
        seed: params.seed,
        ..SamplingParams::default()
    };
    words.extend(changes(&plain, params));
    words
}

/// What differs between two settings.
pub(super) fn changes(before: &SamplingParams, after: &SamplingParams) -> Vec<String> {
    let numbers = [
        ("temperature", before.temperature, after.temperature),
        ("top-p", before.top_p, after.top_p),
        ("min-p", before.min_p, after.min_p),
        ("top-k", before.top_k as f32, after.top_k as f32),
        (
            "xtc probability",
            before.xtc.probability,
            after.xtc.probability,
        ),
        ("xtc threshold", before.xtc.threshold, after.xtc.threshold),
        ("dry", before.dry.multiplier, after.dry.multiplier),
        ("dry base", before.dry.base, after.dry.base),
        (
            "dry length",
            before.dry.allowed_length as f32,
            after.dry.allowed_length as f32,
        ),
        (
            "dry range",
            before.dry.range_tokens as f32,
            after.dry.range_tokens as f32,
        ),
        (
            "repetition",
            before.repetition_penalty,
            after.repetition_penalty,
        ),
        (
            "rep. range",
            before.repetition_range_tokens as f32,
            after.repetition_range_tokens as f32,
        ),
        ("presence", before.presence_penalty, after.presence_penalty),
        (
            "frequency",
            before.frequency_penalty,
            after.frequency_penalty,
        ),
    ];
    let mut words: Vec<String> = numbers
        .iter()
        .filter(|(_, before, after)| before.to_bits() != after.to_bits())
        .map(|(name, _, after)| format!("{name} {}", number(*after)))
        .collect();
    if before.dry.sequence_breakers != after.dry.sequence_breakers {
        let breakers = after.dry.sequence_breakers.len();
        words.push(format!("dry ends at {}", tokens(breakers)));
    }
    if before.logit_bias != after.logit_bias {
        words.push(biases(&after.logit_bias));
    }
    if before.seed != after.seed {
        words.push(format!("seed {}", after.seed));
    }
    words
}

/// Biases as they are typed, as long as they are few.
fn biases(biases: &std::collections::BTreeMap<u32, f32>) -> String {
    if biases.is_empty() || biases.len() > LISTED_BIASES {
        return format!("bias on {}", tokens(biases.len()));
    }
    let pairs = biases.iter().map(|(id, bias)| format!("{id}={bias}"));
    format!("bias {}", pairs.collect::<Vec<_>>().join(" "))
}

/// As few digits as tell the value apart from its neighbors on the panel's track; what is finer is
/// told as it is.
fn number(value: f32) -> String {
    let text = format!("{value:.2}");
    if text.parse::<f32>() != Ok(value) {
        return value.to_string();
    }
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The counters and settings of a finished answer of `total_tokens`: those of its last run, which has
/// fewer where the answer was continued or forked.
pub(super) fn figures(
    stats: &GenerationStats,
    settings: &TurnSettings,
    total_tokens: usize,
) -> Vec<String> {
    let mut words = vec![match stats.generated_tokens {
        new if new < total_tokens => format!("{total_tokens} tokens, the last {new} in this run"),
        all => tokens(all),
    }];
    words.extend(
        stats
            .decode_tps
            .map(|rate| format!("{} tok/s", format::rate(rate))),
    );
    words.extend(
        stats
            .time_to_first_token_ms
            .map(|ms| format!("first token {}", format::duration_ms(ms as u64))),
    );
    words.extend(sampling(&settings.sampling));
    words.push(format!("seed {}", settings.sampling.seed));
    words
}

/// A number of tokens.
pub(in crate::ui) fn tokens(count: usize) -> String {
    if count == 1 {
        "1 token".to_owned()
    } else {
        format!("{count} tokens")
    }
}

/// What helps after an error of this kind.
fn retry(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::InvalidRequest | ErrorKind::Memory => {
            "e edits the message, Ctrl+P \"make room\" sends less"
        }
        _ => "r answers again",
    }
}

/// What a person should know of how an answer ended, whether it is an error, and what to do next;
/// none where it simply ended.
pub(in crate::ui) fn ending(
    outcome: &TurnOutcome,
    max_tokens: Option<usize>,
    origin: ModelOrigin,
) -> Option<(String, bool)> {
    match outcome {
        // No key makes a recording longer.
        TurnOutcome::Interrupted if origin == ModelOrigin::Recorded => {
            Some(("the recording was cut off; it ends here".to_owned(), false))
        }
        TurnOutcome::Finished {
            finish_reason,
            stats,
        } => match finish_reason {
            FinishReason::Stop => None,
            FinishReason::Cancelled => {
                Some(("stopped; c goes on, r answers again".to_owned(), false))
            }
            FinishReason::Length => {
                let text = match max_tokens.filter(|max| stats.generated_tokens >= *max) {
                    Some(max) => format!("ended at the limit of {}; c goes on", tokens(max)),
                    None => "no room for more: Ctrl+P \"make room\" lists what helps, Ctrl+N begins a new \
                             session"
                        .to_owned(),
                };
                Some((text, false))
            }
        },
        TurnOutcome::Failed(report) | TurnOutcome::Crashed(report) => {
            let word = if matches!(outcome, TurnOutcome::Failed(_)) {
                "failed"
            } else {
                "the engine crashed"
            };
            let hint = report.hint.as_deref().unwrap_or(retry(report.kind));
            Some((format!("{word}: {}; {hint}", report.message), true))
        }
        TurnOutcome::Written => Some(("written by you; c lets the model go on".to_owned(), false)),
        TurnOutcome::Interrupted => Some((
            "interrupted when the program ended; c goes on".to_owned(),
            false,
        )),
    }
}
