//! The permitted ranges of numbers.

use std::fmt::Display;
use std::ops::RangeInclusive;

use super::Settings;
use crate::generate::{SamplingError, SamplingParams};

/// A value outside of its range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OutOfRange {
    /// The key with those of its tables.
    pub(super) path: Vec<String>,
    /// The value.
    pub(super) found: String,
    /// The range, in words.
    pub(super) permitted: String,
}

impl Settings {
    /// The first value outside of its range.
    pub(super) fn first_out_of_range(&self) -> Option<OutOfRange> {
        let ui = &self.ui;
        let numbers = [
            number("ui.scroll_lines", ui.scroll_lines.into(), 1..=50),
            number("ui.max_fps", ui.max_fps.into(), 1..=120),
            number("ui.map_fps", ui.map_fps.into(), 1..=60),
            number(
                "record.top_logprobs",
                self.record.top_logprobs.into(),
                0..=20,
            ),
            number("log.keep_files", self.log.keep_files, 1..=365),
        ];
        let empty_stop = self.chat.stop.iter().any(String::is_empty);
        numbers
            .into_iter()
            .flatten()
            .next()
            .or_else(|| {
                empty_stop.then(|| {
                    out_of_range(
                        "chat.stop",
                        "a list with an empty text",
                        "texts that are not empty",
                    )
                })
            })
            .or_else(|| parameters("sampling", &self.sampling.params(0)))
            .or_else(|| self.first_bad_preset())
    }

    fn first_bad_preset(&self) -> Option<OutOfRange> {
        self.sampling.presets.iter().find_map(|(name, patch)| {
            let mut params = SamplingParams::default();
            patch.apply(&mut params);
            let mut problem = parameters("sampling", &params)?;
            // Names may hold dots, so they are no part of what is split at dots.
            problem.path.insert(1, "presets".to_owned());
            problem.path.insert(2, name.clone());
            Some(problem)
        })
    }
}

fn number(key: &str, value: usize, range: RangeInclusive<usize>) -> Option<OutOfRange> {
    let words = format!("from {} to {}", range.start(), range.end());
    (!range.contains(&value)).then(|| out_of_range(key, value, &words))
}

fn parameters(section: &str, params: &SamplingParams) -> Option<OutOfRange> {
    match params.validate().err()? {
        SamplingError::OutOfRange {
            parameter,
            value,
            permitted,
        } => {
            // `logit_bias[17]` is `logit_bias.17` in a file.
            let key = parameter.replace('[', ".").replace(']', "");
            Some(out_of_range(&format!("{section}.{key}"), value, &permitted))
        }
    }
}

fn out_of_range(key: &str, found: impl Display, permitted: &str) -> OutOfRange {
    OutOfRange {
        path: key.split('.').map(str::to_owned).collect(),
        found: found.to_string(),
        permitted: permitted.to_owned(),
    }
}
