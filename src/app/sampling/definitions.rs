//! What each setting of the panel does, in a sentence, for the help screen.

use crate::analytics::Definition;

/// The panel's settings, in its order; each is called as its label says. In the formulas `x` is a
/// token's logit and `p` its probability among what is left by the samplers before.
pub const SAMPLING_DEFINITIONS: &[Definition] = &[
    Definition {
        name: "temperature",
        formula: "x / temperature, after all other samplers",
        meaning: "Below 1 the likely tokens get likelier, above 1 the unlikely ones, and 0 always \
                  takes the most likely.",
    },
    Definition {
        name: "top-p",
        formula: "the fewest most likely tokens whose p sum to top-p",
        meaning: "Cuts the tail that together holds less than 1 - top-p.",
    },
    Definition {
        name: "top-k",
        formula: "the k most likely tokens",
        meaning: "Cuts all tokens after the k-th, however likely they are.",
    },
    Definition {
        name: "min-p",
        formula: "tokens with p >= min-p * highest p",
        meaning: "Cuts more where the model is sure and less where it is not.",
    },
    Definition {
        name: "xtc probability",
        formula: "how often XTC acts, by a coin of seed and position",
        meaning: "Excludes top choices now and then, so that a text leaves its most expected course.",
    },
    Definition {
        name: "xtc threshold",
        formula: "of the tokens with p >= threshold all but the least likely are excluded",
        meaning: "From which probability on a token counts as a top choice for XTC.",
    },
    Definition {
        name: "dry multiplier",
        formula: "x - multiplier * base^(n - length)",
        meaning: "Holds back a token that would prolong a sequence of n tokens that stood there \
                  before.",
    },
    Definition {
        name: "dry base",
        formula: "the penalty's factor for each token more",
        meaning: "How fast DRY's penalty grows with the length of the repetition.",
    },
    Definition {
        name: "dry length",
        formula: "the least n that is penalized",
        meaning: "A repetition of fewer tokens costs nothing, one of just so many the multiplier.",
    },
    Definition {
        name: "repetition",
        formula: "x / penalty where x > 0, else x * penalty, for tokens in the range",
        meaning: "Above 1 it holds back tokens that were there, in prompt or answer.",
    },
    Definition {
        name: "rep. range",
        formula: "the latest so many tokens, 0 for all",
        meaning: "How far back the repetition penalty looks.",
    },
    Definition {
        name: "presence",
        formula: "x - presence, for tokens of the answer",
        meaning: "Holds back what was generated before, once for each token however often it came.",
    },
    Definition {
        name: "frequency",
        formula: "x - frequency * count in the answer",
        meaning: "Holds back what was generated before, the more the more often it came.",
    },
    Definition {
        name: "logit bias",
        formula: "x + bias, for the token ids named",
        meaning: "Makes single tokens likelier or, at -100, practically impossible.",
    },
    Definition {
        name: "seed",
        formula: "the draw at a position depends on (seed, position) alone",
        meaning: "The same seed, settings and text before give the same token again.",
    },
    Definition {
        name: "max tokens",
        formula: "the answer's tokens, all channels",
        meaning: "Where an answer ends at the latest; like stop texts it counts from the next \
                  answer on.",
    },
    Definition {
        name: "stop texts",
        formula: "a text, or a JSON list of texts",
        meaning: "The answer ends before the first of them.",
    },
];

#[cfg(test)]
mod tests {
    use super::super::Knob;
    use super::*;

    #[test]
    fn every_setting_has_its_definition_under_its_label() {
        let labels = Knob::ALL.map(Knob::label);
        let names: Vec<&str> = SAMPLING_DEFINITIONS.iter().map(|one| one.name).collect();
        assert_eq!(names, labels);
        for Definition { name, meaning, .. } in SAMPLING_DEFINITIONS {
            assert!(meaning.ends_with('.') && !meaning.contains(". "), "{name}");
        }
    }
}
