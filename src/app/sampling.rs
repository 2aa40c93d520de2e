//! The sampling panel: what can be set, by how much, and what it would keep.

use serde::{Deserialize, Serialize};
use tui_input::Input;

use crate::engine::protocol::TopLogprob;
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
        const fn track(min: f64, max: f64, step: f64, digits: usize, off: Option<f64>) -> Option<Track> {
            Some(Track { min, max, step, digits, off })
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

/// The panel's state.
#[derive(Debug, Clone, Default)]
pub struct SamplingPanel {
    /// The settings that the next token is drawn with.
    pub params: SamplingParams,
    /// Whether all answers take the seed in `params`; else each takes a new one.
    pub is_seed_locked: bool,
    /// The most tokens of an answer; 0 is as many as fit.
    pub max_tokens: usize,
    /// Texts that end an answer.
    pub stop: Vec<String>,
    /// The preset that `params` came from.
    pub preset: Option<String>,
    /// Those of the program and the person's own.
    pub presets: Vec<Preset>,
    /// The selected setting.
    pub selected: Knob,
    /// The value being typed.
    pub typing: Option<Input>,
}

/// What the present settings would do to an alternative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fate {
    /// It could be drawn.
    Kept,
    /// The named sampler cuts it.
    Cut(&'static str),
}

/// What the settings would keep of a recorded distribution.
#[derive(Debug, Clone, PartialEq)]
pub struct Preview {
    /// The fate of each alternative given.
    pub fates: Vec<Fate>,
    /// The number of alternatives kept.
    pub kept: usize,
    /// The probability that they hold, before the samplers.
    pub kept_mass: f64,
    /// Whether tokens beyond those recorded may be kept too.
    pub may_keep_more: bool,
}

/// Judges the recorded alternatives (by falling probability) by top-k, top-p and min-p.
///
/// Penalties and XTC depend on the history and on chance; they are not judged here. A temperature of
/// 0 keeps the first alone.
pub fn preview(params: &SamplingParams, alternatives: &[TopLogprob]) -> Preview {
    let probabilities: Vec<f64> = alternatives.iter().map(|one| f64::from(one.logprob).exp()).collect();
    let kept_by_k = if params.top_k == 0 { usize::MAX } else { params.top_k as usize };
    // The chain renormalizes after top-k, so what top-p sees is the share among those k.
    let mass_of_k: f64 = match kept_by_k {
        usize::MAX => 1.0,
        k => probabilities.iter().take(k).sum(),
    };
    let highest = probabilities.first().copied().unwrap_or(0.0);
    let mut before = 0.0;
    let fates: Vec<Fate> = probabilities
        .iter()
        .enumerate()
        .map(|(rank, probability)| {
            let mass_before = before;
            before += probability / mass_of_k.max(f64::MIN_POSITIVE);
            if params.temperature == 0.0 && rank > 0 {
                Fate::Cut("temperature 0")
            } else if rank >= kept_by_k {
                Fate::Cut("top-k")
            } else if params.top_p < 1.0 && mass_before >= f64::from(params.top_p) {
                Fate::Cut("top-p")
            } else if *probability < f64::from(params.min_p) * highest {
                Fate::Cut("min-p")
            } else {
                Fate::Kept
            }
        })
        .collect();
    let kept = fates.iter().filter(|fate| **fate == Fate::Kept).count();
    let kept_mass = probabilities.iter().zip(&fates).filter(|(_, fate)| **fate == Fate::Kept);
    Preview {
        kept,
        kept_mass: kept_mass.map(|(probability, _)| probability).sum(),
        may_keep_more: kept > 0 && kept == fates.len() && kept_by_k > kept,
        fates,
    }
}
