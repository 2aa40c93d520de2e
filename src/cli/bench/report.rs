//! What is said about a case.

use gptoss::GptOss;
use serde_json::{Value, json};

use super::measure::{Case, Sample};
use crate::cli::args::format_bytes;

/// One case's results.
#[derive(Debug)]
pub(super) struct Report<'a> {
    case: Case,
    prefill_tps: Option<Spread>,
    decode_tps: Option<Spread>,
    peak_memory_bytes: u64,
    repetitions: usize,
    model: &'a GptOss,
    is_synthetic: bool,
}

impl<'a> Report<'a> {
    pub(super) fn new(
        case: Case,
        samples: &[Sample],
        model: &'a GptOss,
        is_synthetic: bool,
    ) -> Self {
        Self {
            case,
            prefill_tps: Spread::of(samples.iter().filter_map(|sample| sample.prefill_tps)),
            decode_tps: Spread::of(samples.iter().filter_map(|sample| sample.decode_tps)),
            peak_memory_bytes: samples
                .iter()
                .map(|sample| sample.peak_memory_bytes)
                .max()
                .unwrap_or_default(),
            repetitions: samples.len(),
            model,
            is_synthetic,
        }
    }

    /// One object.
    pub(super) fn json(&self) -> String {
        let loaded = self.model.loaded();
        let part = |spread: &Option<Spread>, part: fn(&Spread) -> f64| -> Value {
            spread.as_ref().map(part).map_or(Value::Null, Value::from)
        };
        json!({
            "model": loaded.name,
            "synthetic": self.is_synthetic,
            "device": loaded.device.name(),
            "dtype": loaded.dtype_name(),
            "weights_bytes": loaded.weights_bytes,
            "prompt_tokens": self.case.prompt_tokens,
            "generated_tokens": self.case.generated_tokens,
            "context_tokens": self.case.context_tokens,
            "repetitions": self.repetitions,
            "prefill_tps": part(&self.prefill_tps, |spread| spread.median),
            "prefill_tps_min": part(&self.prefill_tps, |spread| spread.min),
            "prefill_tps_max": part(&self.prefill_tps, |spread| spread.max),
            "decode_tps": part(&self.decode_tps, |spread| spread.median),
            "decode_tps_min": part(&self.decode_tps, |spread| spread.min),
            "decode_tps_max": part(&self.decode_tps, |spread| spread.max),
            "peak_memory_bytes": self.peak_memory_bytes,
            "load_seconds": loaded.load_seconds,
        })
        .to_string()
    }

    /// The lines above the table.
    pub(super) fn heading(model: &GptOss, is_synthetic: bool) -> String {
        let loaded = model.loaded();
        let what = if is_synthetic {
            "SYNTHETIC: random weights; only speed and memory mean anything\n"
        } else {
            ""
        };
        format!(
            "{what}{} on {}, {}, {} of weights, loaded in {:.2} s\n\n{:>8} {:>8} {:>8} {:>28} \
             {:>28} {:>10}",
            loaded.name,
            loaded.device.name(),
            loaded.dtype_name(),
            format_bytes(loaded.weights_bytes),
            loaded.load_seconds,
            "context",
            "prompt",
            "generate",
            "prefill tok/s (min–max)",
            "decode tok/s (min–max)",
            "peak"
        )
    }

    /// A row of the table.
    pub(super) fn row(&self) -> String {
        let shown = |spread: &Option<Spread>| match spread {
            Some(Spread { median, min, max }) => format!("{median:.1} ({min:.1}–{max:.1})"),
            None => "–".to_owned(),
        };
        format!(
            "{:>8} {:>8} {:>8} {:>28} {:>28} {:>10}",
            self.case.context_tokens,
            self.case.prompt_tokens,
            self.case.generated_tokens,
            shown(&self.prefill_tps),
            shown(&self.decode_tps),
            format_bytes(self.peak_memory_bytes)
        )
    }
}

/// The middle and the ends of some measurements.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Spread {
    pub(super) median: f64,
    pub(super) min: f64,
    pub(super) max: f64,
}

impl Spread {
    pub(super) fn of(values: impl Iterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = values.collect();
        sorted.sort_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let upper = sorted[sorted.len() / 2];
        let median = if sorted.len() % 2 == 1 {
            upper
        } else {
            sorted[sorted.len() / 2 - 1].midpoint(upper)
        };
        Some(Self { median, min, max })
    }
}

#[cfg(test)]
mod tests {
    use super::Spread;

    #[test]
    fn the_median_is_the_middle_one_or_between_the_middle_two() {
        let check = |values: &[f64], median: f64| {
            let spread = Spread::of(values.iter().copied()).map(|spread| spread.median);
            assert_eq!(spread, Some(median), "{values:?}");
        };
        check(&[3.0, 1.0, 2.0], 2.0);
        check(&[4.0, 1.0, 2.0, 3.0], 2.5);
        assert_eq!(Spread::of(std::iter::empty()), None);
    }
}
