//! Reads a labelled prompt set: one JSON object a line.

use std::path::Path;

use gptoss::tokenizer::Tokenizer;
use serde_json::{Map, Value};

use crate::cli::args::FramingArgs;
use crate::cli::conversation;
use crate::cli::exit::CliError;

/// A prompt under its domain.
#[derive(Debug)]
pub(super) struct Labelled {
    /// Its line in the file, from 1.
    pub(super) line: usize,
    /// The domain.
    pub(super) domain: String,
    /// Its tokens.
    pub(super) ids: Vec<u32>,
}

/// A line that is left out.
#[derive(Debug)]
pub(super) struct BrokenLine {
    /// Its number, from 1.
    pub(super) number: usize,
    /// What is wrong with it.
    pub(super) reason: String,
}

/// A file's lines.
#[derive(Debug)]
pub(super) struct PromptSet {
    /// What can be run.
    pub(super) prompts: Vec<Labelled>,
    /// What cannot.
    pub(super) broken: Vec<BrokenLine>,
    /// The lines that are not blank.
    pub(super) lines: usize,
}

/// Reads a file; only the file as a whole can fail.
pub(super) fn read(
    path: &Path,
    framing: &FramingArgs,
    tokenizer: &Tokenizer,
) -> Result<PromptSet, CliError> {
    let bytes = std::fs::read(path)
        .map_err(|error| CliError::usage(format!("cannot read {}: {error}", path.display())))?;
    let mut set = PromptSet {
        prompts: Vec::new(),
        broken: Vec::new(),
        lines: 0,
    };
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        set.lines += 1;
        let number = index + 1;
        match prompt(line, framing, tokenizer) {
            Ok((domain, ids)) => set.prompts.push(Labelled {
                line: number,
                domain,
                ids,
            }),
            Err(reason) => set.broken.push(BrokenLine { number, reason }),
        }
    }
    Ok(set)
}

fn prompt(
    line: &[u8],
    framing: &FramingArgs,
    tokenizer: &Tokenizer,
) -> Result<(String, Vec<u32>), String> {
    let text = std::str::from_utf8(line).map_err(|_| "it is not UTF-8".to_owned())?;
    let fields = serde_json::from_str::<Map<String, Value>>(text)
        .map_err(|error| format!("it is no JSON object: {error}"))?;
    let domain = match fields.get("domain") {
        Some(Value::String(domain)) if !domain.trim().is_empty() => domain.clone(),
        Some(_) => return Err("`domain` is not a text or empty".to_owned()),
        None => return Err("`domain` is missing".to_owned()),
    };
    let chat = match (fields.get("prompt"), fields.contains_key("messages")) {
        (Some(Value::String(prompt)), false) if !prompt.trim().is_empty() => {
            if let Some(other) = fields
                .keys()
                .find(|key| !["domain", "prompt"].contains(&&***key))
            {
                return Err(format!("{other:?} is unknown beside `prompt`"));
            }
            conversation::of_text(prompt.clone(), framing)
        }
        (Some(_), false) => return Err("`prompt` is not a text or empty".to_owned()),
        (Some(_), true) => return Err("it has both `prompt` and `messages`".to_owned()),
        (None, false) => return Err("`prompt` or `messages` is missing".to_owned()),
        (None, true) => {
            let mut fields = fields;
            fields.remove("domain");
            conversation::of_json(&Value::Object(fields).to_string(), framing)
                .map_err(|error| error.to_string())?
        }
    };
    let ids = conversation::render(&chat, tokenizer).map_err(|error| match error {
        CliError::Report { message, .. } => message,
        _ => "it cannot be rendered".to_owned(),
    })?;
    Ok((domain, ids))
}
