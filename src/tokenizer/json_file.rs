//! A `tokenizer.json` as plain data, and which of its settings are refused.

use std::collections::HashMap;

use serde::Deserialize;
use tokenizers::SplitDelimiterBehavior;
use tokenizers::pre_tokenizers::split::SplitPattern;

use super::TokenizerError;

#[derive(Deserialize)]
pub(super) struct File {
    #[serde(default)]
    pub(super) added_tokens: Vec<AddedToken>,
    #[serde(default)]
    pub(super) normalizer: Option<serde_json::Value>,
    #[serde(default)]
    pub(super) pre_tokenizer: Option<PreTokenizer>,
    pub(super) model: Model,
}

#[derive(Deserialize)]
pub(super) struct AddedToken {
    pub(super) id: u32,
    pub(super) content: String,
}

#[derive(Deserialize)]
#[serde(tag = "type")]
pub(super) enum PreTokenizer {
    Sequence {
        pretokenizers: Vec<PreTokenizer>,
    },
    Split {
        pattern: SplitPattern,
        behavior: SplitDelimiterBehavior,
        #[serde(default)]
        invert: bool,
    },
    ByteLevel {
        #[serde(default)]
        add_prefix_space: bool,
        #[serde(default = "yes")]
        use_regex: bool,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
pub(super) struct Model {
    #[serde(rename = "type", default)]
    pub(super) kind: Option<String>,
    pub(super) vocab: HashMap<String, u32>,
    pub(super) merges: Vec<Merge>,
    #[serde(default)]
    pub(super) ignore_merges: bool,
    #[serde(default)]
    pub(super) dropout: Option<f32>,
    #[serde(default)]
    pub(super) continuing_subword_prefix: Option<String>,
    #[serde(default)]
    pub(super) end_of_word_suffix: Option<String>,
    #[serde(default)]
    pub(super) byte_fallback: bool,
}

/// Both spellings in use: `["a", "b"]` and the older `"a b"`.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Merge {
    Pair(String, String),
    Joined(String),
}

fn yes() -> bool {
    true
}

impl File {
    /// Refuses whatever would change text or make encoding random.
    pub(super) fn check_settings(&self) -> Result<(), TokenizerError> {
        let model = &self.model;
        if let Some(kind) = model.kind.as_deref().filter(|&kind| kind != "BPE") {
            return Err(unsupported("model.type", kind, "BPE"));
        }
        if let Some(normalizer) = &self.normalizer
            && !normalizer.is_null()
        {
            let kind = normalizer.get("type").and_then(|kind| kind.as_str());
            return Err(unsupported(
                "normalizer",
                kind.unwrap_or("set"),
                "null, since it changes text",
            ));
        }
        if let Some(dropout) = model.dropout.filter(|&dropout| dropout != 0.0) {
            return Err(unsupported(
                "model.dropout",
                &dropout.to_string(),
                "null or 0",
            ));
        }
        let affixes = [
            (
                "model.continuing_subword_prefix",
                &model.continuing_subword_prefix,
            ),
            ("model.end_of_word_suffix", &model.end_of_word_suffix),
        ];
        for (field, affix) in affixes {
            if let Some(affix) = affix.as_deref().filter(|affix| !affix.is_empty()) {
                return Err(unsupported(field, affix, "null or empty"));
            }
        }
        if model.byte_fallback {
            return Err(unsupported("model.byte_fallback", "true", "false"));
        }
        Ok(())
    }
}

impl Merge {
    /// The two parts, or the text that does not hold two.
    pub(super) fn into_pair(self) -> Result<(String, String), String> {
        match self {
            Self::Pair(left, right) => Ok((left, right)),
            Self::Joined(joined) => match joined.split_once(' ') {
                Some((left, right)) => Ok((left.to_owned(), right.to_owned())),
                None => Err(joined),
            },
        }
    }
}

pub(super) fn unsupported(field: &str, found: &str, expected: &'static str) -> TokenizerError {
    TokenizerError::Unsupported {
        field: field.to_owned(),
        found: format!("`{found}`"),
        expected,
    }
}

pub(super) fn inconsistent(what: String) -> TokenizerError {
    TokenizerError::Inconsistent { what }
}
