//! The tokens of synthetic answers: words, harmony's control tokens, pieces of Markdown.

const WORDS: [&str; 32] = [
    "amber", "brook", "cedar", "delta", "ember", "fjord", "grove", "heath", "inlet", "juniper",
    "kelp", "lagoon", "meadow", "north", "orchard", "pebble", "quartz", "river", "stone",
    "thicket", "upland", "valley", "willow", "yarrow", "and", "by", "from", "into", "near", "over",
    "the", "with",
];

/// What headers are made of, in the order of the ids below.
const CONTROL: [&str; 8] = [
    "<|start|>",
    "<|end|>",
    "<|message|>",
    "<|channel|>",
    "<|return|>",
    "assistant",
    "analysis",
    "final",
];

/// A place for a random word in a block.
const WORD: &str = "";

/// Blocks of Markdown. Each begins on a line of its own.
const BLOCKS: [&[&str]; 8] = [
    &[
        WORD, WORD, WORD, WORD, WORD, WORD, WORD, ",", WORD, WORD, WORD, ".", "\n\n",
    ],
    &[
        "- ", WORD, WORD, WORD, "\n", "- ", "**", "note", "**", WORD, WORD, "\n", "- ", WORD, WORD,
        "\n\n",
    ],
    &[
        "```rust\n",
        "fn ",
        "main",
        "() {\n",
        "    let ",
        "sum",
        " = ",
        "48",
        " + ",
        "75",
        ";\n",
        "    println!(\"{sum}\")",
        ";\n",
        "}\n",
        "```\n\n",
    ],
    &[
        "|", WORD, " |", WORD, " |\n", "|---|", "---|\n", "|", WORD, " | ", "48", " |\n", "|",
        WORD, " | ", "75", " |\n\n",
    ],
    &[
        "你好",
        "，",
        "世界",
        "。",
        WORD,
        WORD,
        "日本語",
        "の",
        "文",
        "。",
        "\n\n",
    ],
    &[WORD, WORD, WORD, " 🙂", WORD, WORD, " 🦀", ".", "\n\n"],
    &[
        "## ", "note", WORD, WORD, "\n\n", WORD, WORD, "`", "sum", "`", WORD, ".", "\n\n",
    ],
    &[
        "1. ", WORD, WORD, "\n", "2. ", WORD, WORD, WORD, "\n", "3. ", WORD, "\n\n",
    ],
];

/// What every message of an answer begins with.
const MARK: &str = "[synthetic]";

/// The number of words; tokens drawn freely are words.
pub(super) const NUM_WORDS: u32 = WORDS.len() as u32;

/// The number of blocks.
pub(super) const NUM_BLOCKS: usize = BLOCKS.len();

const FIRST_PIECE: u32 = MARK_ID + 1;

/// The number of ids.
pub(super) const VOCAB_SIZE: u32 = FIRST_PIECE + num_pieces();

pub(super) const START: u32 = NUM_WORDS;
pub(super) const END: u32 = NUM_WORDS + 1;
pub(super) const MESSAGE: u32 = NUM_WORDS + 2;
pub(super) const CHANNEL: u32 = NUM_WORDS + 3;
pub(super) const RETURN: u32 = NUM_WORDS + 4;
pub(super) const ASSISTANT: u32 = NUM_WORDS + 5;
pub(super) const ANALYSIS: u32 = NUM_WORDS + 6;
pub(super) const FINAL: u32 = NUM_WORDS + 7;
pub(super) const MARK_ID: u32 = NUM_WORDS + CONTROL.len() as u32;

const fn num_pieces() -> u32 {
    let (mut index, mut sum) = (0, 0);
    while index < BLOCKS.len() {
        sum += BLOCKS[index].len();
        index += 1;
    }
    sum as u32
}

/// The text of a token; a word has a space before it. Prompts may hold any id, so any id has one.
pub(super) fn text_of(id: u32) -> String {
    let id = id % VOCAB_SIZE;
    let index = id as usize;
    if id < NUM_WORDS {
        return format!(" {}", WORDS[index]);
    }
    if id < MARK_ID {
        return CONTROL[index - WORDS.len()].to_owned();
    }
    let pieces = BLOCKS.iter().flat_map(|block| block.iter());
    let mut texts = std::iter::once(&MARK).chain(pieces);
    texts
        .nth((id - MARK_ID) as usize)
        .map_or_else(String::new, ToString::to_string)
}

/// A block's tokens, with `word` called for each word in it.
pub(super) fn block(index: usize, mut word: impl FnMut() -> u32) -> Vec<u32> {
    let texts = BLOCKS[index % NUM_BLOCKS].iter();
    texts
        .map(|text| if *text == WORD { word() } else { id_of(text) })
        .collect()
}

/// The first id of a piece.
fn id_of(text: &str) -> u32 {
    let mut pieces = BLOCKS.iter().flat_map(|block| block.iter());
    let index = pieces.position(|piece| *piece == text).unwrap_or_default();
    FIRST_PIECE + index as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_ids_spell_their_names_and_pieces_their_texts() {
        let ids = [
            START, END, MESSAGE, CHANNEL, RETURN, ASSISTANT, ANALYSIS, FINAL,
        ];
        assert_eq!(ids.map(text_of), CONTROL);
        assert_eq!(text_of(MARK_ID), MARK);
        for (index, texts) in BLOCKS.iter().enumerate() {
            let made: String = block(index, || 0).into_iter().map(text_of).collect();
            let expected: String = texts
                .iter()
                .map(|text| if *text == WORD { " amber" } else { text })
                .collect();
            assert_eq!(made, expected);
        }
    }
}
