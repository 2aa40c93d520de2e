//! `print-config`: every setting and where it comes from.

use gptoss::settings::{LoadedSettings, Origin, SettingEntry};
use serde_json::{Value, json};

use super::args::PrintConfigArgs;
use super::exit::CliError;
use super::output;

/// The column at which origins begin, where values leave room for it.
const ORIGIN_COLUMN: usize = 56;

/// Prints the values, as TOML that could be a settings file, or as JSON.
pub(crate) fn run(args: &PrintConfigArgs, loaded: &LoadedSettings) -> Result<(), CliError> {
    for entry in &loaded.entries {
        if args.json {
            output::line(&object(entry).to_string())?;
        } else {
            let setting = format!("{} = {}", entry.key, entry.value);
            output::line(&format!("{setting:<ORIGIN_COLUMN$} # {}", entry.origin))?;
        }
    }
    Ok(())
}

fn object(entry: &SettingEntry) -> Value {
    let mut object = json!({
        "key": entry.key,
        "value": entry.value,
    });
    let (name, origin) = match &entry.origin {
        Origin::Default => ("default", json!(true)),
        Origin::File { path, line, column } => (
            "file",
            json!({ "path": path.display().to_string(), "line": line, "column": column }),
        ),
        Origin::Environment { variable } => ("environment", json!(variable)),
        Origin::Flag { flag } => ("flag", json!(flag)),
    };
    object["origin"] = json!({ name: origin });
    object
}
