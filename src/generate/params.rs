//! The parameters of sampling, their defaults and permitted ranges.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// How the next token is drawn from the logits.
///
/// The defaults are those recommended for gpt-oss: temperature 1, everything else off. Values are
/// checked by [`SamplingParams::validate`], once, where they enter the program.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SamplingParams {
    /// Divides the logits; 0 takes the most likely token. From 0 to 100.
    pub temperature: f32,
    /// Keeps the `top_k` most likely tokens; 0 keeps all.
    pub top_k: u32,
    /// Keeps the most likely tokens until their mass reaches `top_p`. Above 0, up to 1 (all).
    pub top_p: f32,
    /// Keeps tokens at least `min_p` times as likely as the most likely one. From 0 (all) to 1.
    pub min_p: f32,
    /// Excludes top choices now and then, for variety.
    pub xtc: XtcParams,
    /// Penalizes tokens that would prolong a repeated sequence.
    pub dry: DryParams,
    /// Divides positive and multiplies negative logits of tokens seen. Above 0, up to 10; 1 is off.
    pub repetition_penalty: f32,
    /// How many of the latest tokens `repetition_penalty` looks at; 0 is all.
    pub repetition_range_tokens: u32,
    /// Subtracted from the logits of tokens generated before. From −2 to 2; 0 is off.
    pub presence_penalty: f32,
    /// Subtracted once for each time a token was generated before. From −2 to 2; 0 is off.
    pub frequency_penalty: f32,
    /// Added to the logits of the tokens named. From −100 to 100.
    pub logit_bias: BTreeMap<u32, f32>,
    /// The random stream's key; together with a position it determines the draw.
    pub seed: u64,
}

/// Exclude top choices: with `probability`, all but the least likely of the tokens that reach
/// `threshold` are excluded.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct XtcParams {
    /// How often it acts. From 0 (off) to 1.
    pub probability: f32,
    /// The probability from which a token counts as a top choice. From 0 to 0.5, since above that
    /// there can be only one.
    pub threshold: f32,
}

/// Do not repeat yourself: a token that would prolong a sequence of `n` repeated tokens loses
/// `multiplier * base^(n - allowed_length)`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DryParams {
    /// The penalty at the allowed length. From 0 (off) to 100.
    pub multiplier: f32,
    /// The penalty's growth for each token more. From 1 to 10.
    pub base: f32,
    /// The shortest repeated sequence that is penalized.
    pub allowed_length: u32,
    /// Tokens at which a sequence ends, such as a line break or a quotation mark.
    pub sequence_breakers: Vec<u32>,
    /// How many of the latest tokens are searched; 0 is all.
    pub range_tokens: u32,
}

impl DryParams {
    /// Texts at which a sequence usually ends; a tokenizer knows their ids.
    pub const SEQUENCE_BREAKERS: [&str; 4] = ["\n", ":", "\"", "*"];
}

impl SamplingParams {
    /// Checks each parameter against its permitted range.
    ///
    /// *Errors:* [`SamplingError::OutOfRange`] for the first one outside, NaN and infinities
    /// included.
    pub fn validate(&self) -> Result<(), SamplingError> {
        TEMPERATURE.check("temperature", self.temperature)?;
        TOP_P.check("top_p", self.top_p)?;
        FRACTION.check("min_p", self.min_p)?;
        FRACTION.check("xtc.probability", self.xtc.probability)?;
        XTC_THRESHOLD.check("xtc.threshold", self.xtc.threshold)?;
        DRY_MULTIPLIER.check("dry.multiplier", self.dry.multiplier)?;
        DRY_BASE.check("dry.base", self.dry.base)?;
        REPETITION.check("repetition_penalty", self.repetition_penalty)?;
        ADDITIVE_PENALTY.check("presence_penalty", self.presence_penalty)?;
        ADDITIVE_PENALTY.check("frequency_penalty", self.frequency_penalty)?;
        for (token, bias) in &self.logit_bias {
            LOGIT_BIAS.check(&format!("logit_bias[{token}]"), *bias)?;
        }
        Ok(())
    }
}

impl Default for SamplingParams {
    fn default() -> Self {
        Self {
            temperature: 1.0,
            top_k: 0,
            top_p: 1.0,
            min_p: 0.0,
            xtc: XtcParams::default(),
            dry: DryParams::default(),
            repetition_penalty: 1.0,
            repetition_range_tokens: 64,
            presence_penalty: 0.0,
            frequency_penalty: 0.0,
            logit_bias: BTreeMap::new(),
            seed: 0,
        }
    }
}

impl Default for XtcParams {
    fn default() -> Self {
        Self {
            probability: 0.0,
            threshold: 0.1,
        }
    }
}

impl Default for DryParams {
    fn default() -> Self {
        Self {
            multiplier: 0.0,
            base: 1.75,
            allowed_length: 2,
            sequence_breakers: Vec::new(),
            range_tokens: 0,
        }
    }
}

/// A sampling parameter that cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SamplingError {
    /// The value lies outside of the permitted range, or is not a number.
    #[error("{parameter} is {value}, it must be {permitted}")]
    OutOfRange {
        /// The parameter's name, as in [`SamplingParams`].
        parameter: String,
        /// The value given.
        value: f32,
        /// The range permitted, in words.
        permitted: String,
    },
}

const TEMPERATURE: Range = Range::closed(0.0, 100.0);
const TOP_P: Range = Range::above(0.0, 1.0);
const FRACTION: Range = Range::closed(0.0, 1.0);
const XTC_THRESHOLD: Range = Range::closed(0.0, 0.5);
const DRY_MULTIPLIER: Range = Range::closed(0.0, 100.0);
const DRY_BASE: Range = Range::closed(1.0, 10.0);
const REPETITION: Range = Range::above(0.0, 10.0);
const ADDITIVE_PENALTY: Range = Range::closed(-2.0, 2.0);
const LOGIT_BIAS: Range = Range::closed(-100.0, 100.0);

/// An interval that includes its upper end, and its lower one unless it is open there.
struct Range {
    low: f32,
    high: f32,
    lower_end: LowerEnd,
}

#[derive(PartialEq)]
enum LowerEnd {
    Included,
    Excluded,
}

impl Range {
    const fn closed(low: f32, high: f32) -> Self {
        Self {
            low,
            high,
            lower_end: LowerEnd::Included,
        }
    }

    const fn above(low: f32, high: f32) -> Self {
        Self {
            low,
            high,
            lower_end: LowerEnd::Excluded,
        }
    }

    fn check(&self, parameter: &str, value: f32) -> Result<(), SamplingError> {
        // NaN fails both comparisons, as it must.
        let above_low = match self.lower_end {
            LowerEnd::Included => value >= self.low,
            LowerEnd::Excluded => value > self.low,
        };
        if above_low && value <= self.high {
            return Ok(());
        }
        Err(SamplingError::OutOfRange {
            parameter: parameter.to_owned(),
            value,
            permitted: self.to_string(),
        })
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { low, high, .. } = self;
        match self.lower_end {
            LowerEnd::Included => write!(f, "from {low} to {high}"),
            LowerEnd::Excluded => write!(f, "above {low} and at most {high}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_refused(change: impl FnOnce(&mut SamplingParams), message: &str) {
        let mut params = SamplingParams::default();
        change(&mut params);
        let error = params.validate().expect_err(message);
        assert_eq!(error.to_string(), message);
    }

    #[test]
    fn defaults_are_those_of_gpt_oss_and_valid() {
        let params = SamplingParams::default();
        assert_eq!((params.temperature, params.top_p), (1.0, 1.0));
        assert_eq!(params.validate(), Ok(()));
    }

    #[test]
    fn ends_of_the_ranges_are_permitted() {
        let mut params = SamplingParams {
            temperature: 0.0,
            min_p: 1.0,
            ..Default::default()
        };
        params.xtc.threshold = 0.5;
        params.logit_bias.insert(7, -100.0);
        assert_eq!(params.validate(), Ok(()));
    }

    #[test]
    fn values_outside_are_refused_with_parameter_value_and_range() {
        check_refused(
            |p| p.temperature = -1.0,
            "temperature is -1, it must be from 0 to 100",
        );
        check_refused(
            |p| p.temperature = f32::NAN,
            "temperature is NaN, it must be from 0 to 100",
        );
        check_refused(
            |p| p.temperature = f32::INFINITY,
            "temperature is inf, it must be from 0 to 100",
        );
        check_refused(
            |p| p.top_p = 2.0,
            "top_p is 2, it must be above 0 and at most 1",
        );
        check_refused(
            |p| p.top_p = 0.0,
            "top_p is 0, it must be above 0 and at most 1",
        );
        check_refused(|p| p.min_p = -0.5, "min_p is -0.5, it must be from 0 to 1");
        check_refused(
            |p| p.xtc.probability = 1.5,
            "xtc.probability is 1.5, it must be from 0 to 1",
        );
        check_refused(
            |p| p.xtc.threshold = 0.75,
            "xtc.threshold is 0.75, it must be from 0 to 0.5",
        );
        check_refused(
            |p| p.dry.multiplier = -1.0,
            "dry.multiplier is -1, it must be from 0 to 100",
        );
        check_refused(
            |p| p.dry.base = 0.5,
            "dry.base is 0.5, it must be from 1 to 10",
        );
        check_refused(
            |p| p.repetition_penalty = 0.0,
            "repetition_penalty is 0, it must be above 0 and at most 10",
        );
        check_refused(
            |p| p.presence_penalty = 3.0,
            "presence_penalty is 3, it must be from -2 to 2",
        );
        check_refused(
            |p| p.frequency_penalty = -3.0,
            "frequency_penalty is -3, it must be from -2 to 2",
        );
        check_refused(
            |p| p.logit_bias.extend([(17, f32::NEG_INFINITY)]),
            "logit_bias[17] is -inf, it must be from -100 to 100",
        );
    }

    #[test]
    fn unknown_parameters_in_a_file_are_refused() {
        assert!(serde_json::from_str::<SamplingParams>(r#"{"temprature":1}"#).is_err());
    }
}
