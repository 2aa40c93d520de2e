//! One statement: its form as data and in words.

use std::fmt;
use std::num::ParseFloatError;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::noise::RouterNoise;

/// One change of how experts are chosen or used.
///
/// In words, with `L` a layer (`5`, `3-7` or `*`) and `E` an expert: `mask L:E`, `force L:E`,
/// `bias L:E AMOUNT`, `zero L:E`, `swap L:E OTHER`, `top-k L K`, `temperature L T`,
/// `noise STD_DEV SEED`. Before `top-k` and `temperature` the layer may be left out, and after
/// `noise` the seed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Rule {
    /// Something about one expert.
    Expert {
        /// Where.
        layers: Layers,
        /// The expert.
        expert: usize,
        /// What becomes of it.
        effect: ExpertEffect,
    },
    /// So many experts a token.
    TopK {
        /// Where.
        layers: Layers,
        /// The number of experts.
        num_experts_per_tok: usize,
    },
    /// The router's logits are divided by this before the choice.
    Temperature {
        /// Where.
        layers: Layers,
        /// Above 0; 1 changes nothing.
        temperature: f32,
    },
    /// Gaussian noise on the router's logits, in all layers.
    Noise(RouterNoise),
}

/// What becomes of one expert.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ExpertEffect {
    /// It is never chosen: others take its place.
    Mask,
    /// It is always chosen; its weight is what its own logit gives it.
    Force,
    /// This is added to its logit.
    Bias(f32),
    /// It is chosen as ever, and gives nothing.
    Zero,
    /// Where it is chosen, this expert computes in its place, with its weight.
    Swap(usize),
}

/// Which layers a rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Layers {
    /// Every layer.
    All,
    /// From the first to the last, both included.
    Range {
        /// The first layer.
        first: usize,
        /// The last layer.
        last: usize,
    },
}

impl Layers {
    /// A single layer.
    pub fn one(layer: usize) -> Self {
        Self::Range {
            first: layer,
            last: layer,
        }
    }

    /// Whether `layer` is among them.
    pub fn contains(self, layer: usize) -> bool {
        match self {
            Self::All => true,
            Self::Range { first, last } => (first..=last).contains(&layer),
        }
    }
}

impl Rule {
    /// Masks one expert of one layer, and so on: the rule that a cursor on a map means.
    pub fn expert(layer: usize, expert: usize, effect: ExpertEffect) -> Self {
        Self::Expert {
            layers: Layers::one(layer),
            expert,
            effect,
        }
    }

    /// Whether `other` speaks about the same thing, so that the later of the two replaces the earlier.
    pub fn is_about_the_same(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::Expert { layers, expert, .. },
                Self::Expert {
                    layers: other_layers,
                    expert: other_expert,
                    ..
                },
            ) => layers == other_layers && expert == other_expert,
            (Self::TopK { layers, .. }, Self::TopK { layers: other, .. })
            | (Self::Temperature { layers, .. }, Self::Temperature { layers: other, .. }) => {
                layers == other
            }
            (Self::Noise(_), Self::Noise(_)) => true,
            _ => false,
        }
    }
}

impl fmt::Display for Layers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("*"),
            Self::Range { first, last } if first == last => write!(f, "{first}"),
            Self::Range { first, last } => write!(f, "{first}-{last}"),
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expert {
                layers,
                expert,
                effect,
            } => match effect {
                ExpertEffect::Mask => write!(f, "mask {layers}:{expert}"),
                ExpertEffect::Force => write!(f, "force {layers}:{expert}"),
                ExpertEffect::Bias(amount) => write!(f, "bias {layers}:{expert} {amount:+}"),
                ExpertEffect::Zero => write!(f, "zero {layers}:{expert}"),
                ExpertEffect::Swap(other) => write!(f, "swap {layers}:{expert} {other}"),
            },
            Self::TopK {
                layers,
                num_experts_per_tok,
            } => write!(f, "top-k {layers} {num_experts_per_tok}"),
            Self::Temperature {
                layers,
                temperature,
            } => write!(f, "temperature {layers} {temperature}"),
            Self::Noise(RouterNoise { std_dev, seed }) => write!(f, "noise {std_dev} {seed}"),
        }
    }
}

/// What is wrong with a rule's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RuleError {
    /// The first word is none of ours.
    #[error(
        "\"{0}\" is no rule; there are mask, force, bias, zero, swap, top-k, temperature and noise"
    )]
    UnknownRule(String),
    /// The rule has too few or too many words, or one that is no number.
    #[error("\"{found}\" does not read as {expected}, such as \"{example}\"")]
    Form {
        /// The words found.
        found: String,
        /// The form they should have.
        expected: &'static str,
        /// A right example.
        example: &'static str,
    },
}

/// A rule's first word, its form and an example.
const FORMS: [(&str, &str, &str); 8] = [
    ("mask", "mask LAYER:EXPERT", "mask 5:12"),
    ("force", "force LAYER:EXPERT", "force *:3"),
    ("bias", "bias LAYER:EXPERT AMOUNT", "bias 5:12 -1.5"),
    ("zero", "zero LAYER:EXPERT", "zero 2-4:7"),
    ("swap", "swap LAYER:EXPERT OTHER", "swap 5:12 3"),
    ("top-k", "top-k [LAYER] EXPERTS", "top-k 5 2"),
    ("temperature", "temperature [LAYER] T", "temperature 0.7"),
    ("noise", "noise STD_DEV [SEED]", "noise 0.5 42"),
];

impl FromStr for Rule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let name = words.first().copied().unwrap_or_default();
        let Some((_, expected, example)) = FORMS.iter().find(|(known, ..)| *known == name) else {
            return Err(RuleError::UnknownRule(shortened(name)));
        };
        read(name, &words[1..]).ok_or_else(|| RuleError::Form {
            found: shortened(text),
            expected,
            example,
        })
    }
}

impl TryFrom<String> for Rule {
    type Error = RuleError;

    fn try_from(text: String) -> Result<Self, RuleError> {
        text.parse()
    }
}

impl From<Rule> for String {
    fn from(rule: Rule) -> Self {
        rule.to_string()
    }
}

fn read(name: &str, words: &[&str]) -> Option<Rule> {
    match (name, words) {
        ("mask", [cell]) => expert_rule(cell, ExpertEffect::Mask),
        ("force", [cell]) => expert_rule(cell, ExpertEffect::Force),
        ("zero", [cell]) => expert_rule(cell, ExpertEffect::Zero),
        ("bias", [cell, amount]) => expert_rule(cell, ExpertEffect::Bias(number(amount).ok()?)),
        ("swap", [cell, other]) => expert_rule(cell, ExpertEffect::Swap(other.parse().ok()?)),
        ("top-k", [before @ .., count]) => Some(Rule::TopK {
            layers: optional_layers(before)?,
            num_experts_per_tok: count.parse().ok()?,
        }),
        ("temperature", [before @ .., temperature]) => Some(Rule::Temperature {
            layers: optional_layers(before)?,
            temperature: number(temperature).ok()?,
        }),
        ("noise", [std_dev, after @ ..]) => Some(Rule::Noise(RouterNoise {
            std_dev: number(std_dev).ok()?,
            seed: match after {
                [] => 0,
                [seed] => seed.parse().ok()?,
                _ => return None,
            },
        })),
        _ => None,
    }
}

fn expert_rule(cell: &str, effect: ExpertEffect) -> Option<Rule> {
    let (layers, expert) = cell.split_once(':')?;
    Some(Rule::Expert {
        layers: read_layers(layers)?,
        expert: expert.parse().ok()?,
        effect,
    })
}

fn optional_layers(words: &[&str]) -> Option<Layers> {
    match words {
        [] => Some(Layers::All),
        [layers] => read_layers(layers),
        _ => None,
    }
}

fn read_layers(word: &str) -> Option<Layers> {
    if word == "*" {
        return Some(Layers::All);
    }
    let (first, last) = word.split_once('-').unwrap_or((word, word));
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    (first <= last).then_some(Layers::Range { first, last })
}

/// A finite number: "NaN" and "inf" parse too, and mean nothing here.
fn number(word: &str) -> Result<f32, ParseFloatError> {
    let value: f32 = word.parse()?;
    if value.is_finite() {
        Ok(value)
    } else {
        // The error that any other word without a number gives.
        "".parse()
    }
}

/// The words for an error's line.
fn shortened(text: &str) -> String {
    const MOST: usize = 60;
    if text.chars().count() <= MOST {
        return text.to_owned();
    }
    text.chars().take(MOST).chain(['.', '.', '.']).collect()
}
