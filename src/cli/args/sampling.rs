//! How tokens are drawn.

use clap::Args;
use gptoss::generate::SamplingParams;

use crate::cli::exit::CliError;

/// One flag a parameter; what is not given keeps gpt-oss's default.
#[derive(Debug, Args)]
#[command(next_help_heading = "Sampling")]
pub(crate) struct SamplingArgs {
    /// 0 takes the most likely token [default: 1].
    #[arg(long, value_name = "T", allow_negative_numbers = true)]
    temperature: Option<f32>,
    /// Keep the K most likely tokens; 0 keeps all [default: 0].
    #[arg(long, value_name = "K", allow_negative_numbers = true)]
    top_k: Option<u32>,
    /// Keep the most likely tokens up to this mass [default: 1].
    #[arg(long, value_name = "P", allow_negative_numbers = true)]
    top_p: Option<f32>,
    /// Keep tokens at least this likely relative to the best [default: 0].
    #[arg(long, value_name = "P", allow_negative_numbers = true)]
    min_p: Option<f32>,
    /// How often top choices are excluded [default: 0].
    #[arg(long, value_name = "P", allow_negative_numbers = true)]
    xtc_probability: Option<f32>,
    /// From which probability a token is a top choice [default: 0.1].
    #[arg(long, value_name = "P", allow_negative_numbers = true)]
    xtc_threshold: Option<f32>,
    /// Penalty for prolonging a repeated sequence; 0 is off [default: 0].
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    dry_multiplier: Option<f32>,
    /// The penalty's growth a token [default: 1.75].
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    dry_base: Option<f32>,
    /// The longest repetition without penalty [default: 2].
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    dry_allowed_length: Option<u32>,
    /// Divides the logits of tokens seen; 1 is off [default: 1].
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    repetition_penalty: Option<f32>,
    /// Subtracted from the logits of tokens generated before [default: 0].
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    presence_penalty: Option<f32>,
    /// Subtracted once for each time [default: 0].
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    frequency_penalty: Option<f32>,
    /// Add VALUE to a token's logit; may be given several times.
    #[arg(long, value_name = "ID=VALUE", value_delimiter = ',', value_parser = parse_bias)]
    logit_bias: Vec<(u32, f32)>,
    /// The same seed gives the same tokens [default: 0].
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    seed: Option<u64>,
}

impl SamplingArgs {
    /// The parameters, checked.
    pub(crate) fn params(&self) -> Result<SamplingParams, CliError> {
        let mut params = SamplingParams::default();
        set(&mut params.temperature, self.temperature);
        set(&mut params.top_k, self.top_k);
        set(&mut params.top_p, self.top_p);
        set(&mut params.min_p, self.min_p);
        set(&mut params.xtc.probability, self.xtc_probability);
        set(&mut params.xtc.threshold, self.xtc_threshold);
        set(&mut params.dry.multiplier, self.dry_multiplier);
        set(&mut params.dry.base, self.dry_base);
        set(&mut params.dry.allowed_length, self.dry_allowed_length);
        set(&mut params.repetition_penalty, self.repetition_penalty);
        set(&mut params.presence_penalty, self.presence_penalty);
        set(&mut params.frequency_penalty, self.frequency_penalty);
        params.logit_bias = self.logit_bias.iter().copied().collect();
        set(&mut params.seed, self.seed);
        params.validate()?;
        Ok(params)
    }
}

fn set<T: Copy>(field: &mut T, given: Option<T>) {
    if let Some(value) = given {
        *field = value;
    }
}

fn parse_bias(text: &str) -> Result<(u32, f32), String> {
    let parse = || {
        let (id, value) = text.split_once('=')?;
        Some((id.trim().parse().ok()?, value.trim().parse().ok()?))
    };
    parse().ok_or_else(|| "expected a token id and a number, such as 42=-1.5".to_owned())
}

#[cfg(test)]
mod tests {
    use super::parse_bias;

    #[test]
    fn a_bias_is_an_id_and_a_number() {
        assert_eq!(parse_bias("42=-1.5"), Ok((42, -1.5)));
        for text in ["42", "x=1", "42=", "-1=1"] {
            assert!(parse_bias(text).is_err(), "{text}");
        }
    }
}
