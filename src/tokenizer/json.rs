//! `tokenizer.json` as Hugging Face writes it, restricted to what loses no text: byte-level BPE.
//!
//! The file is read into plain data first and the `tokenizers` crate is given only what has been
//! checked, because that crate's own loader matches special tokens inside text and trusts
//! numbers that a damaged file may hold. Its special tokens never reach the encoder, so no text
//! can produce them.

use std::collections::{HashMap, HashSet};

use tokenizers::models::bpe::{BPE, BpeBuilder};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::split::Split;
use tokenizers::{
    Model as _, OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer as _,
    SplitDelimiterBehavior,
};

use super::TokenizerError;
use super::json_file::{AddedToken, File, Merge, PreTokenizer, inconsistent, unsupported};
use super::vocabulary::Vocabulary;

/// Twenty times o200k; a larger id would only make the tables explode.
const MAX_TOKEN_ID: u32 = 4_000_000;

/// Ids that any file may use, so that a shortened vocabulary can keep o200k's special tokens.
const ANY_FILES_MAX_TOKEN_ID: u32 = 1 << 18;

/// Splits text into pieces and each piece into tokens.
#[derive(Debug)]
pub(super) struct ByteLevelBpe {
    steps: Vec<Step>,
    bpe: BPE,
}

#[derive(Debug)]
enum Step {
    Split(Split),
    ByteLevel(ByteLevel),
}

/// Reads, checks and builds.
pub(super) fn load(json: &[u8]) -> Result<(ByteLevelBpe, Vocabulary), TokenizerError> {
    let file: File =
        serde_json::from_slice(json).map_err(|source| TokenizerError::Json { source })?;
    file.check_settings()?;
    let mut steps = Vec::new();
    let Some(pre_tokenizer) = file.pre_tokenizer else {
        return Err(unsupported("pre_tokenizer", "missing", "a ByteLevel step"));
    };
    flatten(pre_tokenizer, &mut steps)?;
    check_steps(&steps)?;

    let special_names: HashSet<&str> = file
        .added_tokens
        .iter()
        .map(|token| token.content.as_str())
        .collect();
    let mut ordinary = file.model.vocab;
    ordinary.retain(|name, _| !special_names.contains(name.as_str()));
    let vocabulary = tabulate(&ordinary, &file.added_tokens, max_token_id(json.len()))?;
    let bpe = build_bpe(ordinary, file.model.merges, file.model.ignore_merges)?;
    Ok((ByteLevelBpe { steps, bpe }, vocabulary))
}

impl ByteLevelBpe {
    pub(super) fn encode_into(&self, text: &str, ids: &mut Vec<u32>) {
        let mut pieces = PreTokenizedString::from(text);
        for step in &self.steps {
            let result = match step {
                Step::Split(split) => split.pre_tokenize(&mut pieces),
                Step::ByteLevel(byte_level) => byte_level.pre_tokenize(&mut pieces),
            };
            // Splitting only cuts the text at offsets that it found in that same text.
            result.expect("splitting at the offsets of matches cannot fail");
        }
        for (piece, _, _) in pieces.get_splits(OffsetReferential::Normalized, OffsetType::Byte) {
            let tokens = self.bpe.tokenize(piece);
            let tokens = tokens.expect("only a missing unknown token fails, and none is set");
            ids.extend(tokens.iter().map(|token| token.id));
        }
    }
}

/// Turns nested sequences into one list of steps.
fn flatten(node: PreTokenizer, steps: &mut Vec<Step>) -> Result<(), TokenizerError> {
    match node {
        PreTokenizer::Sequence { pretokenizers } => {
            for child in pretokenizers {
                flatten(child, steps)?;
            }
        }
        PreTokenizer::Split {
            pattern,
            behavior,
            invert,
        } => {
            if matches!(behavior, SplitDelimiterBehavior::Removed) {
                let field = "pre_tokenizer.behavior";
                return Err(unsupported(field, "Removed", "one that keeps all text"));
            }
            let split = Split::new(pattern, behavior, invert).map_err(|error| {
                let what = format!("`pre_tokenizer.pattern` is not a valid expression: {error}");
                TokenizerError::Inconsistent { what }
            })?;
            steps.push(Step::Split(split));
        }
        PreTokenizer::ByteLevel {
            add_prefix_space,
            use_regex,
        } => steps.push(Step::ByteLevel(ByteLevel::new(
            add_prefix_space,
            true,
            use_regex,
        ))),
        PreTokenizer::Other => {
            return Err(unsupported(
                "pre_tokenizer.type",
                "another kind",
                "Split or ByteLevel",
            ));
        }
    }
    Ok(())
}

/// Text must become bytes exactly once, and nothing may be added to it.
fn check_steps(steps: &[Step]) -> Result<(), TokenizerError> {
    let byte_levels = steps.iter().filter_map(|step| match step {
        Step::ByteLevel(byte_level) => Some(byte_level),
        Step::Split(_) => None,
    });
    let mut count = 0;
    for byte_level in byte_levels {
        count += 1;
        if byte_level.add_prefix_space {
            let field = "pre_tokenizer.add_prefix_space";
            return Err(unsupported(field, "true", "false, since it changes text"));
        }
    }
    if count != 1 || !matches!(steps.last(), Some(Step::ByteLevel(_))) {
        let found = format!("{count} ByteLevel steps among {}", steps.len());
        return Err(unsupported(
            "pre_tokenizer",
            &found,
            "one ByteLevel step, the last",
        ));
    }
    Ok(())
}

fn tabulate(
    ordinary: &HashMap<String, u32>,
    added: &[AddedToken],
    max_id: u32,
) -> Result<Vocabulary, TokenizerError> {
    let byte_of_char = byte_of_char();
    let mut vocabulary = Vocabulary::default();
    let mut bytes = Vec::new();
    for (token, &id) in ordinary {
        check_id(token, id, max_id)?;
        bytes.clear();
        for char in token.chars() {
            let Some(&byte) = byte_of_char.get(&char) else {
                return Err(inconsistent(format!(
                    "token {id} (`{token}`) holds `{char}`, which stands for no byte"
                )));
            };
            bytes.push(byte);
        }
        if !vocabulary.add_ordinary(id, &bytes) {
            return Err(inconsistent(format!(
                "token id {id} (`{token}`) is given twice"
            )));
        }
    }
    for token in added {
        check_id(&token.content, token.id, max_id)?;
        if token.content.is_empty() {
            return Err(inconsistent(format!(
                "added token {} has no name",
                token.id
            )));
        }
        if !vocabulary.add_special(token.id, &token.content) {
            let (id, name) = (token.id, &token.content);
            return Err(inconsistent(format!(
                "added token {id} (`{name}`) is given twice"
            )));
        }
    }
    for (char, byte) in byte_of_char {
        if !ordinary.contains_key(char.encode_utf8(&mut [0; 4]) as &str) {
            return Err(inconsistent(format!(
                "no token for the single byte {byte:#04x}"
            )));
        }
    }
    Ok(vocabulary)
}

/// The highest id that a file may use: the tables have a place for each id up to it, and a token takes
/// several bytes of the file, so one number must not ask for more places than there can be tokens.
fn max_token_id(file_bytes: usize) -> u32 {
    let bytes = u32::try_from(file_bytes).unwrap_or(MAX_TOKEN_ID);
    bytes.clamp(ANY_FILES_MAX_TOKEN_ID, MAX_TOKEN_ID)
}

fn check_id(token: &str, id: u32, max_id: u32) -> Result<(), TokenizerError> {
    if id > max_id {
        return Err(inconsistent(format!(
            "token id {id} (`{token}`) is above {max_id}, the highest for a file of this size"
        )));
    }
    Ok(())
}

fn build_bpe(
    vocab: HashMap<String, u32>,
    merges: Vec<Merge>,
    ignore_merges: bool,
) -> Result<BPE, TokenizerError> {
    let pairs = merges.into_iter().enumerate().map(|(index, merge)| {
        merge.into_pair().map_err(|joined| {
            inconsistent(format!(
                "`model.merges[{index}]` is `{joined}`, expected two parts"
            ))
        })
    });
    let pairs = pairs.collect::<Result<Vec<_>, _>>()?;
    BpeBuilder::new()
        .vocab_and_merges(
            vocab
                .into_iter()
                .collect::<tokenizers::models::bpe::Vocab>(),
            pairs,
        )
        .ignore_merges(ignore_merges)
        .build()
        .map_err(|error| {
            inconsistent(format!(
                "`model.merges` does not fit `model.vocab`: {error}"
            ))
        })
}

/// The printable stand-ins for bytes that byte-level vocabularies are written in.
///
/// Printable Latin-1 characters stand for themselves; the others, in byte order, for
/// U+0100 upwards. *Source:* GPT-2's byte encoder.
fn byte_of_char() -> HashMap<char, u8> {
    let mut next_stand_in = 0x100_u32..;
    let char_of = |byte: u8| match byte {
        b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF => Some(char::from(byte)),
        _ => next_stand_in.next().and_then(char::from_u32),
    };
    (0..=u8::MAX)
        .map(char_of)
        .zip(0..=u8::MAX)
        .filter_map(|(char, byte)| Some((char?, byte)))
        .collect()
}
