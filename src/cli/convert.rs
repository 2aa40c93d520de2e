//! `convert`: a model in mlx-lm's layout, packed as asked.

use gptoss::ModelSource;
use gptoss::convert::{ConvertError, convert};

use super::args::ConvertArgs;
use super::exit::CliError;
use super::{interrupt, output, progress, writable};

/// Writes the converted model; leaves nothing behind if it cannot.
pub(crate) fn run(args: &ConvertArgs) -> Result<(), CliError> {
    let source = ModelSource::Directory(args.input.clone());
    let checkpoint = gptoss::open(&source)?;
    writable::check_folder(&args.output)?;
    let options = args.quantize.map(|spec| spec.0).unwrap_or_default();
    // Ctrl+C is seen after each module; only an end by itself removes what is half written.
    let _guard = interrupt::Uninterruptible::begin();
    let bar = progress::bar("converting", 1, progress::Unit::Items);
    let input = Some(args.input.as_path());
    convert(
        &checkpoint,
        input,
        &args.output,
        options,
        &mut |done, total| {
            bar.set(done, total);
            !interrupt::requested()
        },
    )?;
    drop(bar);
    output::note(&format!("wrote {}", args.output.display()));
    Ok(())
}

impl From<ConvertError> for CliError {
    fn from(error: ConvertError) -> Self {
        match error {
            ConvertError::Checkpoint(error) => error.into(),
            ConvertError::Cancelled => interrupt::error(),
            ConvertError::OutputNotEmpty { .. } | ConvertError::Indivisible { .. } => {
                Self::usage(error)
            }
            other => Self::failed(other),
        }
    }
}
