//! The section `[sampling]`: the parameters and presets of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::values::Seed;
use crate::generate::{DryParams, SamplingParams, XtcParams};

/// `[sampling]`: how tokens are drawn.
///
/// The fields are those of [`SamplingParams`], with a seed that may be left to chance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SamplingSettings {
    /// Divides the logits; 0 takes the most likely token.
    pub temperature: f32,
    /// Keeps the `top_k` most likely tokens; 0 keeps all.
    pub top_k: u32,
    /// Keeps the most likely tokens until their mass reaches `top_p`.
    pub top_p: f32,
    /// Keeps tokens at least `min_p` times as likely as the most likely one.
    pub min_p: f32,
    /// Divides positive and multiplies negative logits of tokens seen; 1 is off.
    pub repetition_penalty: f32,
    /// How many of the latest tokens `repetition_penalty` looks at; 0 is all.
    pub repetition_range_tokens: u32,
    /// Subtracted from the logits of tokens generated before; 0 is off.
    pub presence_penalty: f32,
    /// Subtracted once for each time a token was generated before; 0 is off.
    pub frequency_penalty: f32,
    /// The random stream's key.
    pub seed: Seed,
    /// Excludes top choices now and then.
    pub xtc: XtcParams,
    /// Penalizes tokens that would prolong a repeated sequence.
    pub dry: DryParams,
    /// Added to the logits of the tokens named.
    pub logit_bias: BTreeMap<u32, f32>,
    /// Named changes of the parameters above.
    pub presets: BTreeMap<String, SamplingPatch>,
}

impl SamplingSettings {
    /// The parameters; `random_seed` is used where the seed is left to chance.
    pub fn params(&self, random_seed: u64) -> SamplingParams {
        SamplingParams {
            temperature: self.temperature,
            top_k: self.top_k,
            top_p: self.top_p,
            min_p: self.min_p,
            xtc: self.xtc,
            dry: self.dry.clone(),
            repetition_penalty: self.repetition_penalty,
            repetition_range_tokens: self.repetition_range_tokens,
            presence_penalty: self.presence_penalty,
            frequency_penalty: self.frequency_penalty,
            logit_bias: self.logit_bias.clone(),
            seed: match self.seed {
                Seed::Random => random_seed,
                Seed::Fixed(seed) => seed,
            },
        }
    }

    /// The parameters changed by the preset of that name, if there is one.
    pub fn preset(&self, name: &str, random_seed: u64) -> Option<SamplingParams> {
        let patch = self.presets.get(name)?;
        let mut params = self.params(random_seed);
        patch.apply(&mut params);
        Some(params)
    }
}

impl Default for SamplingSettings {
    fn default() -> Self {
        let params = SamplingParams::default();
        Self {
            temperature: params.temperature,
            top_k: params.top_k,
            top_p: params.top_p,
            min_p: params.min_p,
            repetition_penalty: params.repetition_penalty,
            repetition_range_tokens: params.repetition_range_tokens,
            presence_penalty: params.presence_penalty,
            frequency_penalty: params.frequency_penalty,
            seed: Seed::Random,
            xtc: params.xtc,
            dry: params.dry,
            logit_bias: params.logit_bias,
            presets: default_presets(),
        }
    }
}

/// `[sampling.presets.NAME]`: changes of some parameters; what is absent stays as it is.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields are those of SamplingSettings")]
pub struct SamplingPatch {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_k: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_p: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repetition_penalty: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repetition_range_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub presence_penalty: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frequency_penalty: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub xtc: Option<XtcPatch>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dry: Option<DryPatch>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logit_bias: Option<BTreeMap<u32, f32>>,
}

impl SamplingPatch {
    /// Changes what the patch names; the seed is never changed.
    pub fn apply(&self, params: &mut SamplingParams) {
        set(&mut params.temperature, self.temperature);
        set(&mut params.top_k, self.top_k);
        set(&mut params.top_p, self.top_p);
        set(&mut params.min_p, self.min_p);
        set(&mut params.repetition_penalty, self.repetition_penalty);
        set(
            &mut params.repetition_range_tokens,
            self.repetition_range_tokens,
        );
        set(&mut params.presence_penalty, self.presence_penalty);
        set(&mut params.frequency_penalty, self.frequency_penalty);
        if let Some(xtc) = self.xtc {
            set(&mut params.xtc.probability, xtc.probability);
            set(&mut params.xtc.threshold, xtc.threshold);
        }
        if let Some(dry) = &self.dry {
            set(&mut params.dry.multiplier, dry.multiplier);
            set(&mut params.dry.base, dry.base);
            set(&mut params.dry.allowed_length, dry.allowed_length);
            set(&mut params.dry.range_tokens, dry.range_tokens);
            set(
                &mut params.dry.sequence_breakers,
                dry.sequence_breakers.clone(),
            );
        }
        set(&mut params.logit_bias, self.logit_bias.clone());
    }
}

/// Changes of [`XtcParams`].
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields are those of XtcParams")]
pub struct XtcPatch {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probability: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f32>,
}

/// Changes of [`DryParams`].
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields are those of DryParams")]
pub struct DryPatch {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub multiplier: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_length: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequence_breakers: Option<Vec<u32>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range_tokens: Option<u32>,
}

fn default_presets() -> BTreeMap<String, SamplingPatch> {
    let gpt_oss = SamplingPatch {
        temperature: Some(1.0),
        top_k: Some(0),
        top_p: Some(1.0),
        min_p: Some(0.0),
        ..SamplingPatch::default()
    };
    let greedy = SamplingPatch {
        temperature: Some(0.0),
        ..SamplingPatch::default()
    };
    let focused = SamplingPatch {
        temperature: Some(0.6),
        top_p: Some(0.95),
        min_p: Some(0.05),
        ..SamplingPatch::default()
    };
    let varied = SamplingPatch {
        temperature: Some(1.2),
        top_p: Some(1.0),
        min_p: Some(0.05),
        xtc: Some(XtcPatch {
            probability: Some(0.5),
            threshold: Some(0.1),
        }),
        ..SamplingPatch::default()
    };
    [
        ("gpt-oss", gpt_oss),
        ("greedy", greedy),
        ("focused", focused),
        ("varied", varied),
    ]
    .map(|(name, patch)| (name.to_owned(), patch))
    .into()
}

fn set<T>(field: &mut T, change: Option<T>) {
    if let Some(value) = change {
        *field = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preset_changes_what_it_names_and_nothing_else() {
        let mut settings = SamplingSettings {
            presence_penalty: 0.5,
            seed: Seed::Fixed(7),
            ..SamplingSettings::default()
        };
        settings.xtc.threshold = 0.3;
        let patch = SamplingPatch {
            temperature: Some(0.2),
            xtc: Some(XtcPatch {
                probability: Some(0.9),
                threshold: None,
            }),
            ..SamplingPatch::default()
        };
        settings.presets.insert("mine".to_owned(), patch);
        let params = settings.preset("mine", 99).unwrap();
        assert_eq!((params.temperature, params.presence_penalty), (0.2, 0.5));
        assert_eq!((params.xtc.probability, params.xtc.threshold), (0.9, 0.3));
        assert_eq!(params.seed, 7);
        assert_eq!(settings.preset("other", 99), None);
    }

    #[test]
    fn a_random_seed_is_the_one_given() {
        let settings = SamplingSettings::default();
        assert_eq!(settings.params(99).seed, 99);
        let same = SamplingParams {
            seed: 99,
            ..SamplingParams::default()
        };
        assert_eq!(settings.params(99), same);
    }
}
