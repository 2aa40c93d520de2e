//! The words of synthetic answers.

const WORDS: [&str; 32] = [
    "amber", "brook", "cedar", "delta", "ember", "fjord", "grove", "heath", "inlet", "juniper",
    "kelp", "lagoon", "meadow", "north", "orchard", "pebble", "quartz", "river", "stone",
    "thicket", "upland", "valley", "willow", "yarrow", "and", "by", "from", "into", "near", "over",
    "the", "with",
];

/// The number of tokens.
pub(super) const VOCAB_SIZE: u32 = WORDS.len() as u32;

/// The text of a token, a word with a space before it. Prompts may hold any id, so any id has one.
pub(super) fn text_of(id: u32) -> String {
    format!(" {}", WORDS[(id % VOCAB_SIZE) as usize])
}
