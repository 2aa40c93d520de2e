//! `tokenize`: the ids of a text or of rendered messages.

use serde_json::json;

use super::args::{FramingArgs, TokenizeArgs};
use super::exit::CliError;
use super::{conversation, model, output, text};

/// Prints the ids.
pub(crate) fn run(args: &TokenizeArgs) -> Result<(), CliError> {
    let tokenizer = text::tokenizer(&model::source(args.model.as_deref()))?;
    let framing = FramingArgs::none();
    let ids = match (&args.source.messages, &args.source.prompt) {
        (Some(path), _) => {
            conversation::render(&conversation::of_file(path, &framing)?, &tokenizer)?
        }
        (None, Some(given)) => {
            let given = text::prompt(given)?;
            if args.chat {
                conversation::render(&conversation::of_text(given, &framing), &tokenizer)?
            } else {
                tokenizer.encode_ordinary(&given)
            }
        }
        (None, None) => return Err(CliError::usage("there is no text")),
    };
    if args.json {
        return output::line(&json!({ "ids": ids }).to_string());
    }
    for &id in &ids {
        output::line(&format!("{id:>7}  {:?}", tokenizer.decode(&[id])))?;
    }
    Ok(())
}
