//! `diff` and `recover`: what can be done with recorded traces without a model.

use std::path::Path;

use gptoss::share::Format;
use gptoss::trace_file::{Comparison, TraceFile, recover};
use gptoss::whole_file;

use super::args::{DiffArgs, RecoverArgs};
use super::exit::CliError;
use super::{output, writable};

/// Compares two traces.
pub(crate) fn run(args: &DiffArgs) -> Result<(), CliError> {
    for path in [&args.svg, &args.html].into_iter().flatten() {
        writable::check_file(path)?;
    }
    let (a, b) = (TraceFile::open(&args.a)?, TraceFile::open(&args.b)?);
    let found =
        Comparison::of((&name(&args.a), &a), (&name(&args.b), &b)).map_err(CliError::usage)?;
    for (path, format) in [(&args.svg, Format::Svg), (&args.html, Format::Html)] {
        if let Some(path) = path {
            write(path, &found.figure(args.top, true).render(format))?;
        }
    }
    if args.json {
        return output::line(&found.json().to_string());
    }
    output::text(&found.figure(args.top, false).render(Format::Text))
}

/// What people call a file.
pub(super) fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

fn write(path: &Path, text: &str) -> Result<(), CliError> {
    whole_file::replace(path, text.as_bytes())
        .map_err(|error| CliError::failed(format!("cannot write {}: {error}", path.display())))?;
    output::note(&format!("wrote {}", path.display()));
    Ok(())
}

/// Finishes recordings that were cut off.
pub(crate) fn run_recover(args: &RecoverArgs) -> Result<(), CliError> {
    for journal in &args.journals {
        let found = recover(journal)?;
        output::line(&format!(
            "{}: {} tokens, {} bytes of an unfinished one left out",
            found.path.display(),
            found.tokens,
            found.lost_bytes
        ))?;
    }
    Ok(())
}
