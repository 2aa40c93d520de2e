//! The sampling panel: what can be set, by how much, and what it would keep.

mod definitions;
mod preview;

use serde::{Deserialize, Serialize};
use tui_input::Input;

pub use definitions::SAMPLING_DEFINITIONS;
pub use preview::{Fate, Preview, SamplingPreview, preview};

use crate::generate::SamplingParams;

/// A setting of the panel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
#[expect(missing_docs, reason = "the names are those of SamplingParams")]
pub enum Knob {
    #[default]
    Temperature,
    TopP,
    TopK,
    MinP,
    XtcProbability,
    XtcThreshold,
    DryMultiplier,
    DryBase,
    DryAllowedLength,
    RepetitionPenalty,
    RepetitionRange,
    PresencePenalty,
    FrequencyPenalty,
    LogitBias,
    Seed,
    MaxTokens,
    Stop,
}

/// How a number moves and where its track ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Track {
    /// The track's left end.
    pub min: f64,
    /// The track's right end; typed values may go beyond.
    pub max: f64,
    /// One step.
    pub step: f64,
    /// Digits after the point.
    pub digits: usize,
    /// The value that switches the sampler off, if one does.
    pub off: Option<f64>,
}

impl Knob {
    /// All, in the panel's order.
    pub const ALL: [Self; 17] = [
        Self::Temperature,
        Self::TopP,
        Self::TopK,
        Self::MinP,
        Self::XtcProbability,
        Self::XtcThreshold,
        Self::DryMultiplier,
        Self::DryBase,
        Self::DryAllowedLength,
        Self::RepetitionPenalty,
        Self::RepetitionRange,
        Self::PresencePenalty,
        Self::FrequencyPenalty,
        Self::LogitBias,
        Self::Seed,
        Self::MaxTokens,
        Self::Stop,
    ];

    /// The label in the panel.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Temperature => "temperature",
            Self::TopP => "top-p",
            Self::TopK => "top-k",
            Self::MinP => "min-p",
            Self::XtcProbability => "xtc probability",
            Self::XtcThreshold => "xtc threshold",
            Self::DryMultiplier => "dry multiplier",
            Self::DryBase => "dry base",
            Self::DryAllowedLength => "dry length",
            Self::RepetitionPenalty => "repetition",
            Self::RepetitionRange => "rep. range",
            Self::PresencePenalty => "presence",
            Self::FrequencyPenalty => "frequency",
            Self::LogitBias => "logit bias",
            Self::Seed => "seed",
            Self::MaxTokens => "max tokens",
            Self::Stop => "stop texts",
        }
    }

    /// The numbers' track; none for texts and for the seed.
    pub const fn track(self) -> Option<Track> {
        #[expect(clippy::unnecessary_wraps, reason = "the rows below read as a table")]
        const fn track(
            min: f64,
            max: f64,
            step: f64,
            digits: usize,
            off: Option<f64>,
        ) -> Option<Track> {
            Some(Track {
                min,
                max,
                step,
                digits,
                off,
            })
        }
        match self {
            Self::Temperature => track(0.0, 2.0, 0.05, 2, None),
            Self::TopP => track(0.05, 1.0, 0.05, 2, Some(1.0)),
            Self::TopK => track(0.0, 100.0, 1.0, 0, Some(0.0)),
            Self::MinP => track(0.0, 1.0, 0.01, 2, Some(0.0)),
            Self::XtcProbability => track(0.0, 1.0, 0.05, 2, Some(0.0)),
            Self::XtcThreshold => track(0.0, 0.5, 0.01, 2, None),
            Self::DryMultiplier => track(0.0, 5.0, 0.1, 1, Some(0.0)),
            Self::DryBase => track(1.0, 4.0, 0.05, 2, None),
            Self::DryAllowedLength => track(1.0, 20.0, 1.0, 0, None),
            Self::RepetitionPenalty => track(0.5, 2.0, 0.05, 2, Some(1.0)),
            Self::RepetitionRange => track(0.0, 1024.0, 16.0, 0, None),
            Self::PresencePenalty | Self::FrequencyPenalty => track(-2.0, 2.0, 0.1, 1, Some(0.0)),
            Self::MaxTokens => track(0.0, 8192.0, 64.0, 0, Some(0.0)),
            Self::LogitBias | Self::Seed | Self::Stop => None,
        }
    }
}

/// Settings under a name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Preset {
    /// The name.
    pub name: String,
    /// The settings; their seed is not used.
    pub sampling: SamplingParams,
}

/// What settings go back to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SamplingDefaults {
    /// As [`SamplingPanel::params`]; its seed is not used.
    pub params: SamplingParams,
    /// As [`SamplingPanel::max_tokens`].
    pub max_tokens: usize,
    /// As [`SamplingPanel::stop`].
    pub stop: Vec<String>,
}

/// The panel's state.
#[derive(Debug, Clone, Default)]
pub struct SamplingPanel {
    /// What the program began with.
    pub defaults: SamplingDefaults,
    /// The settings that the next token is drawn with.
    pub params: SamplingParams,
    /// Whether all answers take the seed in `params`; else each takes a new one.
    pub is_seed_locked: bool,
    /// The most tokens of an answer; 0 is as many as fit.
    pub max_tokens: usize,
    /// Texts that end an answer.
    pub stop: Vec<String>,
    /// Those of the program and the person's own.
    pub presets: Vec<Preset>,
    /// The selected setting.
    pub selected: Knob,
    /// The value being typed.
    pub typing: Option<Input>,
    /// Whether the engine had no room for the newest settings; they follow with its next event.
    pub is_unsent: bool,
}

impl SamplingPanel {
    /// A panel that begins with these settings.
    pub fn new(defaults: SamplingDefaults) -> Self {
        let SamplingDefaults {
            params,
            max_tokens,
            stop,
        } = defaults.clone();
        Self {
            defaults,
            params,
            max_tokens,
            stop,
            ..Self::default()
        }
    }

    /// The preset with just these settings; whatever their seed.
    pub fn preset(&self) -> Option<&str> {
        let same = |preset: &&Preset| {
            let seed = self.params.seed;
            let sampling = preset.sampling.clone();
            SamplingParams { seed, ..sampling } == self.params
        };
        let found = self.presets.iter().find(same);
        found.map(|preset| preset.name.as_str())
    }

    /// A setting's number, where it is one.
    pub fn number(&self, knob: Knob) -> Option<f64> {
        let p = &self.params;
        Some(match knob {
            Knob::Temperature => p.temperature.into(),
            Knob::TopP => p.top_p.into(),
            Knob::TopK => p.top_k.into(),
            Knob::MinP => p.min_p.into(),
            Knob::XtcProbability => p.xtc.probability.into(),
            Knob::XtcThreshold => p.xtc.threshold.into(),
            Knob::DryMultiplier => p.dry.multiplier.into(),
            Knob::DryBase => p.dry.base.into(),
            Knob::DryAllowedLength => p.dry.allowed_length.into(),
            Knob::RepetitionPenalty => p.repetition_penalty.into(),
            Knob::RepetitionRange => p.repetition_range_tokens.into(),
            Knob::PresencePenalty => p.presence_penalty.into(),
            Knob::FrequencyPenalty => p.frequency_penalty.into(),
            Knob::MaxTokens => self.max_tokens as f64,
            Knob::LogitBias | Knob::Seed | Knob::Stop => return None,
        })
    }

    /// Sets a number; nothing where the setting is none.
    pub fn set_number(&mut self, knob: Knob, value: f64) {
        let p = &mut self.params;
        match knob {
            Knob::Temperature => p.temperature = value as f32,
            Knob::TopP => p.top_p = value as f32,
            Knob::TopK => p.top_k = value as u32,
            Knob::MinP => p.min_p = value as f32,
            Knob::XtcProbability => p.xtc.probability = value as f32,
            Knob::XtcThreshold => p.xtc.threshold = value as f32,
            Knob::DryMultiplier => p.dry.multiplier = value as f32,
            Knob::DryBase => p.dry.base = value as f32,
            Knob::DryAllowedLength => p.dry.allowed_length = value as u32,
            Knob::RepetitionPenalty => p.repetition_penalty = value as f32,
            Knob::RepetitionRange => p.repetition_range_tokens = value as u32,
            Knob::PresencePenalty => p.presence_penalty = value as f32,
            Knob::FrequencyPenalty => p.frequency_penalty = value as f32,
            Knob::MaxTokens => self.max_tokens = value as usize,
            Knob::LogitBias | Knob::Seed | Knob::Stop => {}
        }
    }

    /// Takes one setting over from another panel.
    pub fn copy_from(&mut self, other: &Self, knob: Knob) {
        match knob {
            Knob::LogitBias => self.params.logit_bias.clone_from(&other.params.logit_bias),
            Knob::Stop => self.stop.clone_from(&other.stop),
            Knob::Seed => self.params.seed = other.params.seed,
            _ => {
                if let Some(value) = other.number(knob) {
                    self.set_number(knob, value);
                }
            }
        }
    }

    /// A setting as it is typed: numbers as they are, biases as `id=value`, stop texts as JSON.
    pub fn typed(&self, knob: Knob) -> String {
        match knob {
            Knob::Seed => self.params.seed.to_string(),
            Knob::LogitBias => {
                let pairs = self
                    .params
                    .logit_bias
                    .iter()
                    .map(|(id, bias)| format!("{id}={bias}"));
                pairs.collect::<Vec<_>>().join(" ")
            }
            Knob::Stop => serde_json::to_string(&self.stop).unwrap_or_default(),
            _ => {
                let digits = knob.track().map_or(0, |track| track.digits);
                self.number(knob)
                    .map_or_else(String::new, |value| format!("{value:.digits$}"))
            }
        }
    }

    /// Takes a typed value. *Errors:* what is wrong with it, for the person.
    pub fn set_typed(&mut self, knob: Knob, text: &str) -> Result<(), String> {
        let text = text.trim();
        match knob {
            Knob::Seed => {
                self.params.seed = text
                    .parse()
                    .map_err(|_| format!("a seed is a whole number, not \"{text}\""))?;
            }
            Knob::LogitBias => self.params.logit_bias = biases(text)?,
            Knob::Stop => self.stop = stop_texts(text)?,
            _ => {
                let value: f64 = text
                    .parse()
                    .map_err(|_| format!("{} is a number, not \"{text}\"", knob.label()))?;
                let is_count = knob.track().is_some_and(|track| track.digits == 0);
                if !value.is_finite() || (is_count && (value < 0.0 || value.fract() != 0.0)) {
                    return Err(format!("{} cannot be {text}", knob.label()));
                }
                self.set_number(knob, value);
            }
        }
        Ok(())
    }
}

fn biases(text: &str) -> Result<std::collections::BTreeMap<u32, f32>, String> {
    let pair = |word: &str| {
        let (id, bias) = word.split_once('=')?;
        Some((id.parse().ok()?, bias.parse().ok()?))
    };
    text.split_whitespace()
        .map(|word| {
            pair(word).ok_or_else(|| format!("a bias is TOKEN=VALUE such as 17=-5, not \"{word}\""))
        })
        .collect()
}

/// A JSON list of texts, or one text as it is.
fn stop_texts(text: &str) -> Result<Vec<String>, String> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    if text.starts_with('[') {
        return serde_json::from_str(text)
            .map_err(|error| format!("stop texts are a JSON list: {error}"));
    }
    Ok(vec![text.to_owned()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_comes_back_the_same() {
        let mut panel = SamplingPanel::default();
        for (knob, text) in [
            (Knob::Temperature, "0.35"),
            (Knob::TopK, "40"),
            (Knob::Seed, "4711"),
            (Knob::LogitBias, "17=-5 20=2.5"),
            (Knob::Stop, "[\"END\",\"a b\"]"),
            (Knob::MaxTokens, "256"),
        ] {
            panel.set_typed(knob, text).unwrap();
            assert_eq!(panel.typed(knob), text);
        }
        for (knob, text) in [
            (Knob::TopK, "1.5"),
            (Knob::Temperature, "hot"),
            (Knob::LogitBias, "17"),
            (Knob::Seed, "-1"),
        ] {
            assert!(panel.set_typed(knob, text).is_err(), "{knob:?} took {text}");
        }
    }
}
